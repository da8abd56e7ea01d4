//! Guests that no honest compiler makes: they get a classified error, their neighbours and the host get nothing.

use std::time::Duration;

use samovar::function::Isolation;
use samovar::{Deployment, Host};
use samovar_tests::hostile::{Cost, End, Hostile, catalogue};
use samovar_tests::{Handler, answer, error_type, function, invoke};

/// Runs a guest with a time limit of one second and 128 MB.
async fn run(guest: &Handler) -> (Host, samovar::Outcome) {
    let builder = Host::builder().instances_max(16).init_time_max(Duration::from_secs(1));
    let host = builder.start().await.expect("a host");
    let deployment = Deployment::new("guest", guest.build()).timeout_seconds(1);
    host.publish(deployment).await.expect("it is published");
    let outcome = invoke(&host, "guest:1", "{}").await;
    (host, outcome)
}

#[tokio::test]
async fn the_honest_one_answers() {
    let (host, outcome) = run(&Handler::default()).await;
    assert_eq!(answer(&outcome), "ok");
    host.close().await;
}

/// Runs all guests of these kinds of the catalogue at once, each on a host of its own.
async fn end_as_they_must(kinds: &[&str]) {
    // Nobody is there: none of these guests sends anything.
    let guests = catalogue(0).into_iter().filter(|guest| {
        let kind = guest.name.split(':').next().unwrap_or_default();
        kinds.contains(&kind) && guest.end != End::Refused && guest.cost != Cost::Everything
    });
    let runs: Vec<_> = guests.map(|guest| tokio::spawn(ends_as_it_must(guest))).collect();
    assert!(runs.len() >= kinds.len(), "there are some of each");
    for run in runs {
        run.await.expect("the guest ends as it must");
    }
}

async fn ends_as_it_must(guest: Hostile) {
    let builder = Host::builder().instances_max(16).init_time_max(Duration::from_secs(1));
    let host = builder.start().await.expect("a host");
    let deployment = Deployment::new("guest", guest.component)
        .timeout_seconds(guest.timeout_seconds)
        .memory_mb(guest.memory_mb);
    host.publish(deployment).await.expect("it is published");
    let outcome = invoke(&host, "guest:1", "{}").await;
    let error_type = outcome.answer.as_ref().err().map(|error| &*error.error_type);
    assert_eq!(error_type, guest.end.error_type(), "{}: {outcome:?}", guest.name);
    if matches!(guest.end, End::TimedOut | End::Exited | End::OutOfMemory) {
        let idle = host.idle_instances(&function("guest:1"));
        assert_eq!(idle, 0, "such an instance does not run again: {}", guest.name);
    }
    assert_eq!(host.running(), 0);
    // The slot is good for the next one.
    host.publish(Deployment::new("honest", Handler::default().build())).await.expect("it is published");
    assert_eq!(answer(&invoke(&host, "honest:1", "{}").await), "ok");
    host.close().await;
}

#[tokio::test]
async fn loops_without_end_time_out_wherever_they_are() {
    end_as_they_must(&["loop", "sleep"]).await;
}

#[tokio::test]
async fn traps_and_exits_end_an_instance_wherever_they_are() {
    end_as_they_must(&["trap", "exit", "stack"]).await;
}

#[tokio::test]
async fn values_that_lie_about_themselves_are_traps() {
    end_as_they_must(&["value", "argument"]).await;
}

#[tokio::test]
async fn what_is_taken_of_the_host_and_kept_is_bounded() {
    end_as_they_must(&["stream", "answer"]).await;
}

#[tokio::test]
async fn memory_beyond_the_limit_is_never_had() {
    end_as_they_must(&["memory", "table"]).await;
}

#[tokio::test]
async fn growth_that_overflows_gives_no_memory_back() {
    // A growth by more than can be counted fails inside the engine; it must not undo what was counted before.
    let guest = Handler {
        memory: "1",
        more: "(table $t 1 funcref)",
        handle: r#"(loop $more
                     (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
                     (drop (table.grow $t (ref.null func) (i32.const -1))))
                   (if (i32.gt_u (memory.size) (i32.const 2048)) (then unreachable))
                   (drop (table.grow $t (ref.null func) (i32.const -1)))
                   (if (i32.ne (memory.grow (i32.const 1024)) (i32.const -1)) (then (loop $l (br $l))))
                   i32.const 16"#,
        ..Handler::default()
    };
    let (host, outcome) = run(&guest).await;
    assert_eq!(answer(&outcome), "ok", "{outcome:?}");
    assert!(outcome.report.max_memory_used_bytes <= 128 << 20);
    host.close().await;
}

#[tokio::test]
async fn a_64_bit_memory_is_refused_with_its_reason() {
    let host = Host::builder().instances_max(16).start().await.expect("a host");
    let guest = Handler { more: "(memory $wide i64 1)", ..Handler::default() }.build();
    let refused = host.publish(Deployment::new("guest", guest)).await.expect_err("refused").to_string();
    assert!(refused.contains("64"), "{refused}");
    host.close().await;
}

#[tokio::test]
async fn a_guest_that_takes_a_refusal_well_goes_on() {
    // The first event asks for too much and goes on; the second traps, which is then no want of memory.
    let guest = Handler {
        more: "(global $calls (mut i32) (i32.const 0))",
        handle: r#"(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                   (if (i32.eq (global.get $calls) (i32.const 2)) (then unreachable))
                   (drop (memory.grow (i32.const 4000))) i32.const 16"#,
        ..Handler::default()
    };
    let (host, outcome) = run(&guest).await;
    assert_eq!(answer(&outcome), "ok");
    assert_eq!(error_type(&invoke(&host, "guest:1", "{}").await), "Runtime.ExitError");
    host.close().await;
}

#[tokio::test]
async fn nothing_of_one_guests_memory_reaches_the_next() {
    // Answers with two digits, the byte at 70000 and 0, and then leaves a mark at 70000.
    let leaves_a_mark = |more: &'static str| Handler {
        handle: r#"(i32.store8 (i32.const 65) (i32.add (i32.const 48) (i32.load8_u (i32.const 70000))))
                   (i32.store8 (i32.const 66) (i32.const 48))
                   (i32.store8 (i32.const 70000) (i32.const 1)) i32.const 16"#,
        more,
        ..Handler::default()
    };
    let guests =
        [leaves_a_mark(""), leaves_a_mark("(func nop)"), leaves_a_mark("(global i32 (i32.const 1))")];
    let host = Host::builder().instances_max(2).start().await.expect("a host");
    for round in 0..300 {
        let name = format!("guest-{}", round % guests.len());
        let deployment = Deployment::new(&name, guests[round % guests.len()].build());
        host.publish(deployment.isolation(Isolation::Fresh)).await.expect("published");
        assert_eq!(answer_text(&invoke(&host, &format!("{name}:1"), "{}").await), "\"00\"", "round {round}");
    }
    host.publish(Deployment::new("warm", guests[0].build())).await.expect("published");
    invoke(&host, "warm:1", "{}").await;
    let marked = answer_text(&invoke(&host, "warm:1", "{}").await);
    assert_eq!(marked, "\"10\"", "a warm instance sees its own mark, so a leak would have been seen");
    host.close().await;
}

fn answer_text(outcome: &samovar::Outcome) -> String {
    String::from_utf8(outcome.body().to_vec()).expect("text")
}

#[tokio::test]
async fn output_without_end_is_bounded_and_harms_nobody() {
    let host = Host::temporary().await.expect("a host");
    let mut lines = host.logs();
    let request = samovar_tests::publish(&host, "large", |it| it).await;
    assert_eq!(request.number.to_string(), "1");
    let outcome = invoke(&host, "large:1", r#"{"bytes": 20000000}"#).await;
    assert_eq!(error_type(&outcome), "Function.ResponseSizeTooLarge", "{outcome:?}");
    while let Ok(line) = lines.try_recv() {
        assert!(line.text.len() <= 8192);
    }
    assert!(invoke(&host, "large:1", r#"{"bytes": 5}"#).await.answer.is_ok());
    host.close().await;
}

#[tokio::test]
async fn a_trap_is_logged_with_the_names_of_its_functions() {
    let host = Host::temporary().await.expect("a host");
    let more = "(func $boil_the_kettle unreachable) (func $make_tea (call $boil_the_kettle))";
    let guest = Handler { more, handle: "(call $make_tea) i32.const 16", ..Handler::default() };
    host.publish(Deployment::new("tea", guest.build())).await.expect("published");
    let mut invoke = samovar::Invoke::new(function("tea"), "{}");
    invoke.log_tail = true;
    let outcome = host.invoke(invoke).await.expect("it runs");
    assert_eq!(error_type(&outcome), "Runtime.ExitError");
    let log = outcome.log_tail.expect("it was asked for");
    let named = ["boil_the_kettle", "make_tea"].map(|name| log.find(name).expect(&log));
    assert!(named[0] < named[1], "the innermost first: {log}");
    host.close().await;
}
