//! More guests that compute than there are cores: who gets what, and who has to wait.
//!
//! The machine may do other work, which is why shares are compared within one run, and why bounds on time are wide.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use samovar::{Deployment, Host, Invoke, InvokeError, Outcome, Status};
use samovar_tests::{answer, component_of_world, error_type, function, invoke, publish, root};
use serde_json::json;
use tokio::time::Instant;

/// Publishes the guest that computes and counts, under a name of its own.
async fn publish_busy(host: &Host, name: &str, memory_mb: u32) {
    let deployment = Deployment::new(name, samovar_tests::guest("busy"));
    host.publish(deployment.memory_mb(memory_mb).timeout_seconds(60)).await.expect("published");
}

/// How many rounds each of these functions gets done in the same two seconds.
async fn rounds(host: &Host, names: &[&str]) -> Vec<u64> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_millis() as u64;
    // They begin one after another, so nothing counts before all are there.
    let (from_ms, until_ms) = (now_ms + 500, now_ms + 2_500);
    let event = json!({ "fromMs": from_ms, "untilMs": until_ms }).to_string();
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            let (host, name, event) = (host.clone(), format!("{name}:1"), event.clone());
            tokio::spawn(async move { answer(&invoke(&host, &name, &event).await)["rounds"].as_u64() })
        })
        .collect();
    let mut rounds = Vec::new();
    for one in running {
        rounds.push(one.await.expect("it ends").expect("a number"));
    }
    rounds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_processors_are_short_the_share_is_as_the_memory_size() {
    let host = Host::builder().instances_max(64).processors(2).start().await.expect("a host");
    publish_busy(&host, "single", 1_769).await;
    publish_busy(&host, "double", 3_538).await;
    let names = ["single", "double", "single", "double", "single", "double", "single", "double"];
    let rounds = rounds(&host, &names).await;
    let of = |first: usize| rounds.iter().skip(first).step_by(2).sum::<u64>() as f64;
    let ratio = of(1) / of(0);
    println!("rounds {rounds:?}, ratio {ratio:.3}");
    assert!((1.8..=2.2).contains(&ratio), "twice the memory got {ratio} times the processors: {rounds:?}");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alone_the_smallest_function_gets_as_much_as_the_largest() {
    let host = Host::builder().instances_max(64).processors(1).start().await.expect("a host");
    publish_busy(&host, "small", 128).await;
    publish_busy(&host, "large", 10_240).await;
    // The best of many short times each, in turn: whatever else the machine does makes it less, never more.
    let (mut small, mut large) = (0, 0);
    for _ in 0..60 {
        for (name, best) in [("small", &mut small), ("large", &mut large)] {
            let outcome = invoke(&host, &format!("{name}:1"), r#"{"us": 20000}"#).await;
            *best = (*best).max(answer(&outcome)["rounds"].as_u64().expect("a number"));
        }
    }
    let ratio = small as f64 / large as f64;
    println!("rounds {small} and {large}, ratio {ratio:.3}");
    assert!((0.9..=1.1).contains(&ratio), "{small} and {large} rounds");
    host.close().await;
}

/// So many guests compute until their time is over, while another function is called: how long each of its callers waited,
/// and how long the guests ran.
async fn flooded(host: Host, spinners: usize) -> (Vec<Duration>, Vec<Duration>) {
    publish(&host, "spinner", |it| it.timeout_seconds(1)).await;
    publish(&host, "echo", |it| it).await;
    invoke(&host, "echo:1", "{}").await;
    let running: Vec<_> = (0..spinners)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move {
                let began = Instant::now();
                let outcome = invoke(&host, "spinner:1", "{}").await;
                assert_eq!(error_type(&outcome), "Sandbox.Timedout");
                assert_eq!(outcome.report.status, Status::Timeout);
                (began.elapsed(), outcome.report.duration)
            })
        })
        .collect();
    while host.running() < spinners {
        tokio::task::yield_now().await;
    }
    let mut waits = Vec::new();
    while !running.iter().all(tokio::task::JoinHandle::is_finished) {
        let began = Instant::now();
        assert_eq!(answer(&invoke(&host, "echo:1", r#"{"a": 1}"#).await)["a"], 1);
        waits.push(began.elapsed());
        // As a caller that has something else to do in between; and the runtime looks for events.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (mut took, mut last) = (Vec::new(), Duration::ZERO);
    for spinner in running {
        let (whole, reported) = spinner.await.expect("it ends");
        took.push(reported);
        last = last.max(whole);
    }
    waits.sort_unstable();
    took.sort_unstable();
    // Their instances come up one after another, and the time of each begins when its own is there.
    println!("the last caller had its answer after {last:?}");
    host.close().await;
    (waits, took)
}

fn check_flooded(waits: &[Duration], took: &[Duration]) {
    let at = |times: &[Duration], part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let (p50, p99, worst) = (at(waits, 0.5), at(waits, 0.99), at(waits, 1.0));
    println!("{} answers: p50 {p50:?}, p99 {p99:?}, worst {worst:?}", waits.len());
    println!("time-outs: first {:?}, p50 {:?}, last {:?}", took[0], at(took, 0.5), at(took, 1.0));
    assert!(waits.len() > 20, "only {} neighbours were answered", waits.len());
    assert!(p99 < Duration::from_millis(100), "a neighbour waited for {p99:?}");
    // Where the cores are ours, the last is some ten milliseconds late. The threads that guests compute on give way to others,
    // so a machine that compiles meanwhile makes single ones later.
    let late = |part| at(took, part).saturating_sub(Duration::from_secs(1));
    assert!(late(0.5) < Duration::from_millis(100), "half of the time-outs came {:?} late", late(0.5));
    assert!(late(1.0) < Duration::from_millis(500), "a time-out came {:?} late", late(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_guests_that_spin_end_in_time_and_nobody_waits_for_them() {
    let host = Host::builder().instances_max(256).start().await.expect("a host");
    let (waits, took) = flooded(host, 200).await;
    check_flooded(&waits, &took);
}

#[tokio::test]
async fn on_a_runtime_of_one_thread_it_is_the_same() {
    let host = Host::builder().instances_max(256).start().await.expect("a host");
    let (waits, took) = flooded(host, 200).await;
    check_flooded(&waits, &took);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_guests_that_spin_are_ended_on_time() {
    let host = Host::builder().instances_max(16).processors(2).start().await.expect("a host");
    publish(&host, "spinner", |it| it.timeout_seconds(1)).await;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let both = tokio::join!(invoke(&host, "spinner:1", "{}"), invoke(&host, "spinner:1", "{}"));
        let late = both.0.report.duration.max(both.1.report.duration).saturating_sub(Duration::from_secs(1));
        println!("late by {late:?}");
        best = best.min(late);
    }
    assert!(best < Duration::from_millis(50), "they ended {best:?} late");
    host.close().await;
}

/// A function whose init and handler are this, with a host function `ask` to call; it answers `"ok"`.
fn asking(init: &str, handle: &str) -> Vec<u8> {
    let wit = std::fs::read_to_string(root().join("sdk/wit/function.wit")).expect("the WIT is there");
    let wit = format!(
        "{wit}\ninterface test {{ ask: func() -> u32; }}\nworld asking {{ import test; include function; }}"
    );
    let core = format!(
        r#"(module
        (import "samovar:function/test@0.1.0" "ask" (func $ask (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "\00\00\00\00\40\00\00\00\04\00\00\00")
        (data (i32.const 64) "\22ok\22")
        (func (export "samovar:function/handler@0.1.0#handle")
            (param i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            {handle} i32.const 16)
        (func (export "samovar:function/lifecycle@0.1.0#init") (result i32) {init} i32.const 32)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))"#
    );
    component_of_world(&wit, "asking", &core)
}

#[tokio::test]
async fn a_caller_that_goes_away_gives_its_permit_back_only_when_its_guest_has_stopped() {
    let (stuck, released) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let ask = {
        let (stuck, released) = (stuck.clone(), released.clone());
        move || {
            // Once it computes on a thread of the host's own, its host function takes long, and nothing interrupts that.
            if std::thread::current().name().is_some_and(|name| name.starts_with("samovar-cpu")) {
                stuck.fetch_add(1, Ordering::SeqCst);
                while !released.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            }
        }
    };
    let builder = Host::builder().instances_max(16).concurrency_max(1).processors(1).link(move |linker| {
        let ask = ask.clone();
        linker.instance("samovar:function/test@0.1.0")?.func_wrap("ask", move |_store, ()| {
            ask();
            Ok((1_u32,))
        })
    });
    let host = builder.start().await.expect("a host");
    let endless = asking("", "(loop $again (drop (call $ask)) (br $again))");
    host.publish(Deployment::new("endless", endless).timeout_seconds(60)).await.expect("published");
    let call = tokio::spawn({
        let host = host.clone();
        async move { invoke(&host, "endless:1", "{}").await }
    });
    while stuck.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.expect_err("it was cancelled").is_cancelled());
    assert_eq!(host.running(), 1, "the guest is still there");
    let refused = host.invoke(Invoke::new(function("endless:1"), "{}")).await;
    let Err(InvokeError::Throttled(throttled)) = refused else { panic!("{refused:?}") };
    assert_eq!((throttled.running, throttled.limit), (1, 1));
    released.store(true, Ordering::SeqCst);
    at_rest(&host).await;
    assert_eq!(host.idle_instances(&function("endless:1")), 0);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_at_any_time_leave_nothing_behind() {
    const LIMIT: usize = 6;
    let host = Host::builder().instances_max(16).concurrency_max(LIMIT).start().await.expect("a host");
    publish(&host, "spinner", |it| it.timeout_seconds(60)).await;
    let until = Instant::now() + Duration::from_secs(2);
    let callers: Vec<_> = (0..2 * LIMIT as u64)
        .map(|number| {
            let host = host.clone();
            tokio::spawn(async move {
                let mut gone = 0;
                while Instant::now() < until {
                    // At a tick, between two, while the guest begins, while it waits for its turn.
                    let patience = Duration::from_micros(200 + 700 * ((gone + number) % 20));
                    let invoked = host.invoke(Invoke::new(function("spinner:1"), "{}"));
                    match tokio::time::timeout(patience, invoked).await {
                        Err(_gone) => gone += 1,
                        Ok(Err(InvokeError::Throttled(throttled))) => {
                            assert!(throttled.running <= throttled.limit, "{throttled}");
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        Ok(other) => panic!("it never ends: {other:?}"),
                    }
                }
                gone
            })
        })
        .collect();
    let mut gone = 0;
    for caller in callers {
        gone += caller.await.expect("no panic");
    }
    assert!(gone > 100, "{gone} callers went away");
    at_rest(&host).await;
    // None of the instances is left either, or there would soon be no room.
    publish(&host, "echo", |it| it).await;
    assert_eq!(answer(&invoke(&host, "echo:1", "1").await), 1);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_ends_guests_that_compute_and_those_that_wait_for_a_processor() {
    let builder = Host::builder().instances_max(64).processors(1).drain_time_max(Duration::from_millis(50));
    let host = builder.start().await.expect("a host");
    publish(&host, "spinner", |it| it.timeout_seconds(900)).await;
    let running: Vec<_> = (0..10)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { host.invoke(Invoke::new(function("spinner:1"), "{}")).await })
        })
        .collect();
    while host.running() < 10 {
        tokio::task::yield_now().await;
    }
    host.close().await;
    assert_eq!(host.running(), 0);
    for one in running {
        assert_eq!(one.await.expect("no panic").expect_err("it was ended"), InvokeError::Closing);
    }
}

/// A host whose guests find an `ask` that takes so long, and half as much time to set themselves up.
async fn host_that_waits(wait: Duration) -> Host {
    let builder = Host::builder().instances_max(16).init_time_max(wait / 2).link(move |linker| {
        linker.instance("samovar:function/test@0.1.0")?.func_wrap_async("ask", move |_store, ()| {
            Box::new(async move {
                tokio::time::sleep(wait).await;
                Ok((1_u32,))
            })
        })
    });
    builder.start().await.expect("a host")
}

async fn invoke_with_log(host: &Host, name: &str) -> (Outcome, Vec<String>) {
    let mut lines = host.logs();
    let outcome = invoke(host, name, "{}").await;
    let mut log = Vec::new();
    while let Ok(line) = lines.try_recv() {
        log.push(line.text);
    }
    (outcome, log)
}

#[tokio::test]
async fn an_init_that_takes_too_long_is_tried_again_within_the_time_of_the_event() {
    let wait = Duration::from_millis(300);
    let host = host_that_waits(wait).await;
    let guest = asking("(drop (call $ask))", "");
    host.publish(Deployment::new("slow", guest).timeout_seconds(30)).await.expect("published");
    let (outcome, log) = invoke_with_log(&host, "slow:1").await;
    assert_eq!(answer(&outcome), "ok");
    assert_eq!(outcome.report.init_duration, None, "the second init is a part of the event");
    assert!(outcome.report.duration >= wait, "{:?}", outcome.report);
    let failed: Vec<_> = log.iter().filter(|line| line.starts_with("INIT_REPORT ")).collect();
    assert_eq!(failed.len(), 1, "{log:?}");
    assert!(failed[0].ends_with("Phase: init\tStatus: timeout"), "{log:?}");
    assert!(log.last().is_some_and(|line| !line.contains("Init Duration")), "{log:?}");
    let (outcome, _) = invoke_with_log(&host, "slow:1").await;
    assert_eq!(answer(&outcome), "ok");
    assert!(outcome.report.duration < wait, "the instance is warm, and has its time to itself");
    host.close().await;
}

#[tokio::test]
async fn an_init_that_takes_too_long_twice_ends_the_event_by_the_functions_own_time_limit() {
    let host = host_that_waits(Duration::from_secs(2)).await;
    let guest = asking("(drop (call $ask))", "");
    host.publish(Deployment::new("slow", guest).timeout_seconds(1)).await.expect("published");
    let (outcome, log) = invoke_with_log(&host, "slow:1").await;
    assert_eq!(error_type(&outcome), "Sandbox.Timedout");
    let error = outcome.answer.as_ref().expect_err("it is ended");
    assert!(error.error_message.ends_with("Task timed out after 1.00 seconds"), "{error:?}");
    assert_eq!(outcome.report.init_duration, None);
    let failed: Vec<_> = log.iter().filter(|line| line.starts_with("INIT_REPORT ")).collect();
    assert_eq!(failed.len(), 2, "{log:?}");
    assert!(failed[1].ends_with("Phase: invoke\tStatus: timeout"), "{log:?}");
    host.close().await;
}

#[tokio::test]
async fn an_init_that_leaves_too_little_time_for_its_event_ends_it_on_time() {
    let wait = Duration::from_millis(700);
    let host = host_that_waits(wait).await;
    let guest = asking("(drop (call $ask))", "(drop (call $ask))");
    host.publish(Deployment::new("slow", guest).timeout_seconds(1)).await.expect("published");
    let (outcome, _) = invoke_with_log(&host, "slow:1").await;
    assert_eq!(error_type(&outcome), "Sandbox.Timedout");
    let took = outcome.report.duration;
    assert!((Duration::from_secs(1)..wait * 2).contains(&took), "both within one second: {took:?}");
    host.close().await;
}

async fn at_rest(host: &Host) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while host.running() > 0 {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("all permits come back");
}
