//! How long an instance lives: all the reasons for its end in one table.

use std::time::Duration;

use samovar::function::Isolation;
use samovar::{Deployment, Host, HostBuilder, Invoke};
use samovar_tests::{Api, Handler, Server, answer, function, guest, invoke};

/// Counts its events in a global and does what the event's length says: answers its count to two bytes, reports an error at
/// three, traps at four, exits at five, wants more memory than it may have at six, and computes for ever at seven.
const COUNTER: Handler = Handler {
    imports: r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#,
    more: "(global $count (mut i32) (i32.const 0))",
    handle: r#"(global.set $count (i32.add (global.get $count) (i32.const 1)))
               (if (i32.eq (local.get 1) (i32.const 4)) (then unreachable))
               (if (i32.eq (local.get 1) (i32.const 5)) (then (call $exit (i32.const 0))))
               (if (i32.eq (local.get 1) (i32.const 6)) (then
                   (loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable))
               (if (i32.eq (local.get 1) (i32.const 7)) (then (loop $ever (br $ever))))
               (i32.store8 (i32.const 16) (i32.eq (local.get 1) (i32.const 3)))
               (i32.store8 (i32.const 64) (i32.add (i32.const 48) (global.get $count)))
               (i32.store (i32.const 24) (i32.eq (local.get 1) (i32.const 2)))
               (i32.store (i32.const 28) (i32.const 0)) (i32.store (i32.const 32) (i32.const 0))
               (i32.store (i32.const 36) (i32.const 8)) (i32.store (i32.const 40) (i32.const 0))
               i32.const 16"#,
    ..Handler::USUAL
};

/// What the counter never ends at.
const LOOP: &str = r#""loops""#;

/// One way to live.
struct Life {
    name: &'static str,
    host: fn(HostBuilder) -> HostBuilder,
    isolation: Isolation,
    /// How many provisioned instances there are.
    provisioned: u32,
    /// A letter for each event: `c` is counted, `e` is an error that the function reports, `t` traps, `x` exits, `m` wants too
    /// much memory, `l` does not end, `g` is one whose caller goes away, and `o` is another function's. At `w` nothing is sent
    /// until no instance is idle, and at `d` the function is removed and made again.
    events: &'static str,
    /// What comes of each: the count of the instance that handled it, or the letter.
    outcomes: &'static str,
}

const USUAL: Life = Life {
    name: "without a limit",
    host: |it| it,
    isolation: Isolation::Usual,
    provisioned: 0,
    events: "cccccc",
    outcomes: "123456",
};

const LIVES: &[Life] = &[
    USUAL,
    Life { name: "an error that is reported ends no instance", events: "ccecc", outcomes: "12e45", ..USUAL },
    Life { name: "a trap does", events: "cctctc", outcomes: "12t1t1", ..USUAL },
    Life { name: "and so does an exit", events: "ccxc", outcomes: "12x1", ..USUAL },
    Life { name: "a time-out", events: "cclc", outcomes: "12l1", ..USUAL },
    Life { name: "want of memory", events: "ccmc", outcomes: "12m1", ..USUAL },
    Life { name: "and a caller who goes away", events: "ccgc", outcomes: "12g1", ..USUAL },
    Life {
        name: "so many events, and no more",
        host: |it| it.instance_invocations_max(3),
        events: "ccccccc",
        outcomes: "1231231",
        ..USUAL
    },
    Life {
        name: "events that failed are counted too",
        host: |it| it.instance_invocations_max(3),
        events: "ceccce",
        outcomes: "1e312e",
        ..USUAL
    },
    Life {
        name: "a trap comes before the limit",
        host: |it| it.instance_invocations_max(3),
        events: "ctcccc",
        outcomes: "1t1231",
        ..USUAL
    },
    Life {
        name: "one event each",
        host: |it| it.instance_invocations_max(1),
        events: "ccc",
        outcomes: "111",
        ..USUAL
    },
    Life {
        name: "fresh for every event",
        isolation: Isolation::Fresh,
        events: "ccc",
        outcomes: "111",
        ..USUAL
    },
    Life {
        name: "idle for too long",
        host: |it| it.idle_time_max(Duration::from_millis(20)),
        events: "cwcwc",
        outcomes: "111",
        ..USUAL
    },
    Life {
        name: "no memory to be idle in",
        host: |it| it.idle_memory_bytes_max(64 << 10),
        events: "ccc",
        outcomes: "111",
        ..USUAL
    },
    Life {
        name: "idle while another needs its place",
        host: |it| it.instances_max(1),
        events: "ccocco",
        outcomes: "12o12o",
        ..USUAL
    },
    Life { name: "of a version that is removed", events: "ccdcc", outcomes: "12d12", ..USUAL },
    Life {
        name: "a provisioned one is never idle for too long",
        host: |it| it.idle_time_max(Duration::from_millis(20)).idle_memory_bytes_max(64 << 10),
        provisioned: 1,
        events: "cwcwc",
        outcomes: "123",
        ..USUAL
    },
    Life {
        name: "but may handle no more events, and has another in its place",
        host: |it| it.instance_invocations_max(2),
        provisioned: 1,
        events: "cccctc",
        outcomes: "1212t1",
        ..USUAL
    },
];

#[tokio::test]
async fn an_instance_lives_as_long_as_the_table_says() {
    for life in LIVES {
        let host = (life.host)(Host::builder().instances_max(16)).start().await.expect("a host");
        publish(&host, life).await;
        let other = Deployment::new("other", Handler::USUAL.build());
        host.publish(other).await.expect("it is published");
        let mut outcomes = String::new();
        for event in life.events.chars() {
            match event {
                'c' => outcomes += &outcome(&host, "{}").await,
                'e' => outcomes += &outcome(&host, r#""e""#).await,
                't' => outcomes += &outcome(&host, r#""tr""#).await,
                'x' => outcomes += &outcome(&host, r#""exi""#).await.replace('t', "x"),
                'm' => outcomes += &outcome(&host, r#""memo""#).await,
                'l' => outcomes += &outcome(&host, LOOP).await,
                'g' => outcomes += gone(&host).await,
                'o' => outcomes += other_outcome(&host).await,
                'd' => {
                    host.delete_function(&function("counter")).await.expect("it is removed");
                    assert_eq!(host.idle_memory_bytes(), 0, "{}", life.name);
                    publish(&host, life).await;
                    outcomes += "d";
                }
                _ => until_none_is_idle(&host).await,
            }
            if life.provisioned > 0 {
                until_all_are_there(&host, life).await;
                assert_eq!(host.idle_instances(&function("counter:1")), 0, "{}: none on demand", life.name);
            }
        }
        assert_eq!(outcomes, life.outcomes, "{}", life.name);
        host.close().await;
    }
}

async fn publish(host: &Host, life: &Life) {
    let deployment = Deployment::new("counter", COUNTER.build()).isolation(life.isolation).timeout_seconds(1);
    host.publish(deployment).await.expect("it is published");
    if life.provisioned > 0 {
        let provisioned = host.provision_concurrency(&function("counter:1"), life.provisioned).await;
        provisioned.expect("it is set");
        until_all_are_there(host, life).await;
    }
}

async fn outcome(host: &Host, event: &str) -> String {
    match &invoke(host, "counter:1", event).await.answer {
        Ok(count) => String::from_utf8_lossy(count).into_owned(),
        Err(error) => match &*error.error_type {
            "Runtime.ExitError" => "t",
            "Runtime.OutOfMemory" => "m",
            "Sandbox.Timedout" => "l",
            _reported => "e",
        }
        .to_owned(),
    }
}

/// Calls the counter and goes away while it computes.
async fn gone(host: &Host) -> &'static str {
    let call = host.invoke(Invoke::new(function("counter:1"), LOOP));
    tokio::time::timeout(Duration::from_millis(50), call).await.expect_err("it does not end");
    until("it has ended", || host.running() == 0).await;
    "g"
}

async fn other_outcome(host: &Host) -> &'static str {
    assert_eq!(answer(&invoke(host, "other:1", "{}").await), "ok");
    "o"
}

async fn until_all_are_there(host: &Host, life: &Life) {
    let all_are_there = || {
        let info = host.provisioned_concurrency(&function("counter:1")).expect("it is set");
        info.allocated == life.provisioned
    };
    until("all are there", all_are_there).await;
}

async fn until_none_is_idle(host: &Host) {
    until("it goes", || host.idle_instances(&function("counter:1")) == 0).await;
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let so = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), so).await.expect(what);
}

#[test]
fn a_server_is_told_how_many_events_an_instance_handles() {
    let server = Server::start_with(&["--quiet", "--instance-invocations", "2"]);
    let api = Api::of(&server);
    assert_eq!(api.create("counter", &guest("counter")).status, 201);
    let counts: Vec<_> =
        (0..5).map(|_| api.invoke("counter", "{}").body["count"].as_u64().expect("a count")).collect();
    assert_eq!(counts, [1, 2, 1, 2, 1]);
}
