//! How functions are run: warm and cold, within their limits, and without harm to each other.

use std::time::Duration;

use samovar::function::{AliasName, AliasRouting, Isolation, Weight};
use samovar::{
    CreateAlias, Deployment, FunctionErrorKind, Host, Invoke, InvokeError, ThrottleReason, UpdateAlias,
};
use samovar_tests::{answer, error_type, function, guest, host_with, invoke, publish, published};
use serde_json::json;

#[tokio::test]
async fn the_first_event_starts_cold_and_the_next_is_warm() {
    let host = host_with("counter", |it| it).await;
    let first = invoke(&host, "counter:1", "{}").await;
    let second = invoke(&host, "counter:1", "{}").await;
    assert_eq!((answer(&first)["count"].clone(), answer(&second)["count"].clone()), (json!(1), json!(2)));
    assert!(first.report.init_duration.is_some(), "a cold start is reported as one");
    assert!(second.report.init_duration.is_none());
    assert_ne!(first.request_id, second.request_id);
    assert_eq!(host.idle_instances(&function("counter:1")), 1);
    host.close().await;
}

#[tokio::test]
async fn aliases_on_one_version_share_its_warm_instances() {
    let host = host_with("counter", |it| it).await;
    for alias in ["blue", "green"] {
        host.alias("counter", alias, published(1)).await.expect("an alias");
    }
    invoke(&host, "counter:blue", "{}").await;
    assert_eq!(answer(&invoke(&host, "counter:green", "{}").await)["count"], 2);
    assert_eq!(answer(&invoke(&host, "counter", "{}").await)["count"], 1, "$LATEST has instances of its own");
    host.close().await;
}

#[tokio::test]
async fn fresh_isolation_gives_every_event_an_instance_of_its_own() {
    let host = host_with("counter", |it| it.isolation(Isolation::Fresh)).await;
    for _ in 0..3 {
        let outcome = invoke(&host, "counter:1", "{}").await;
        assert_eq!(answer(&outcome)["count"], 1);
        assert!(outcome.report.init_duration.is_some());
    }
    assert_eq!(host.idle_instances(&function("counter:1")), 0);
    host.close().await;
}

#[tokio::test]
async fn a_cold_start_can_be_asked_for_and_leaves_the_warm_instances_alone() {
    let host = host_with("counter", |it| it).await;
    invoke(&host, "counter:1", "{}").await;
    for _ in 0..3 {
        let request = Invoke::new(function("counter:1"), "{}").with_cold_start();
        let outcome = host.invoke(request).await.expect("it runs");
        assert!(outcome.report.init_duration.is_some() && answer(&outcome)["count"] == 1);
    }
    assert_eq!(host.idle_instances(&function("counter:1")), 1);
    assert_eq!(answer(&invoke(&host, "counter:1", "{}").await)["count"], 2);
    host.close().await;
}

#[tokio::test]
async fn an_instance_that_is_idle_for_too_long_goes() {
    let builder = Host::builder().instances_max(64).idle_time_max(Duration::from_millis(50));
    let host = builder.start().await.expect("a host");
    publish(&host, "counter", |it| it).await;
    invoke(&host, "counter:1", "{}").await;
    let gone = async {
        while host.idle_instances(&function("counter:1")) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it goes");
    assert_eq!(host.idle_memory_bytes(), 0);
    assert_eq!(answer(&invoke(&host, "counter:1", "{}").await)["count"], 1);
    host.close().await;
}

#[tokio::test]
async fn idle_instances_of_all_functions_share_one_budget() {
    let budget = 8 << 20;
    let builder = Host::builder().instances_max(64).idle_memory_bytes_max(budget);
    let host = builder.start().await.expect("a host");
    for number in 0..12 {
        let name = format!("counter-{number}");
        host.publish(Deployment::new(&name, guest("counter"))).await.expect("published");
        invoke(&host, &format!("{name}:1"), "{}").await;
        assert!(host.idle_memory_bytes() <= budget);
    }
    assert_eq!(host.idle_instances(&function("counter-11:1")), 1, "the youngest is kept");
    assert_eq!(host.idle_instances(&function("counter-0:1")), 0, "the oldest is not");
    host.close().await;
}

#[tokio::test]
async fn when_all_instances_are_taken_an_idle_one_makes_room() {
    let host = Host::builder().instances_max(8).start().await.expect("a host");
    for number in 0..20 {
        let name = format!("hello-{number}");
        host.publish(Deployment::new(&name, guest("hello"))).await.expect("published");
        let outcome = invoke(&host, &format!("{name}:1"), "{}").await;
        assert_eq!(answer(&outcome)["message"], "Hello, World!");
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_spins_is_ended_in_time_while_others_go_on() {
    let host = host_with("spinner", |it| it.timeout_seconds(1)).await;
    publish(&host, "hello", |it| it).await;
    let spinners: Vec<_> = (0..4)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { invoke(&host, "spinner:1", "{}").await })
        })
        .collect();
    let mut answered = 0;
    while !spinners.iter().all(tokio::task::JoinHandle::is_finished) {
        invoke(&host, "hello:1", r#"{"name":"neighbour"}"#).await;
        answered += 1;
    }
    assert!(answered > 50, "only {answered} neighbours were answered in a second");
    for spinner in spinners {
        let outcome = spinner.await.expect("it ends");
        let error = outcome.answer.as_ref().expect_err("it is ended");
        assert_eq!(
            (error.kind, error.error_type.as_str()),
            (FunctionErrorKind::TimedOut, "Sandbox.Timedout")
        );
        let late = outcome.report.duration.saturating_sub(Duration::from_secs(1));
        assert!(late < Duration::from_millis(500), "it was ended {late:?} late");
        let message = format!("RequestId: {} Error: Task timed out after 1.00 seconds", outcome.request_id);
        assert_eq!(error.error_message, message);
    }
    assert_eq!(
        error_type(&invoke(&host, "spinner:1", "{}").await),
        "Sandbox.Timedout",
        "the next one runs too"
    );
    host.close().await;
}

#[tokio::test]
async fn a_guest_that_waits_is_ended_in_time_too() {
    let host = host_with("sleeper", |it| it.timeout_seconds(1)).await;
    let outcome = invoke(&host, "sleeper:1", r#"{"ms": 60000}"#).await;
    assert_eq!(error_type(&outcome), "Sandbox.Timedout");
    assert!(outcome.report.duration < Duration::from_millis(1500), "the wait was cut short");
    let outcome = invoke(&host, "sleeper:1", r#"{"ms": 1}"#).await;
    assert!(outcome.answer.is_ok(), "the next one runs: {outcome:?}");
    host.close().await;
}

#[tokio::test]
async fn memory_beyond_the_limit_is_the_functions_error_and_the_next_one_runs() {
    let host = host_with("hog", |it| it.memory_mb(256)).await;
    let outcome = invoke(&host, "hog:1", r#"{"mb": 1000}"#).await;
    assert_eq!(error_type(&outcome), "Runtime.OutOfMemory");
    let outcome = invoke(&host, "hog:1", r#"{"mb": 200}"#).await;
    assert_eq!(answer(&outcome)["mb"], 200);
    let used = outcome.report.max_memory_used_mb();
    assert!((200..=256).contains(&used), "{used} MB reported");
    host.close().await;
}

#[tokio::test]
async fn a_panic_is_reported_and_that_instance_is_gone() {
    let host = host_with("panics", |it| it).await;
    let outcome = invoke(&host, "panics:1", "{}").await;
    assert_eq!(error_type(&outcome), "Runtime.Panic");
    let error = outcome.answer.expect_err("it panics");
    assert!(error.stack_trace.is_some_and(|trace| trace[0].contains("main.rs")), "it says where");
    assert_eq!(host.idle_instances(&function("panics:1")), 0);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_whose_caller_went_away_ends_and_gives_its_permit_back() {
    let host = host_with("sleeper", |it| it.timeout_seconds(60)).await;
    let mut lines = host.logs();
    let call = tokio::spawn({
        let host = host.clone();
        async move { invoke(&host, "sleeper:1", r#"{"ms": 50000}"#).await }
    });
    let begun = lines.recv().await.expect("a line");
    assert!(begun.text.starts_with("INIT_START "), "an instance comes up: {}", begun.text);
    let started = lines.recv().await.expect("a line");
    assert!(started.text.starts_with("START "), "the guest runs: {}", started.text);
    call.abort();
    assert!(call.await.expect_err("it was cancelled").is_cancelled());
    // At once, unless the guest was on a thread of the host's own: then it is ended there.
    while host.running() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(host.idle_instances(&function("sleeper:1")), 0, "an interrupted guest does not run again");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_has_waited_long_enough_ends_what_still_runs() {
    let builder = Host::builder().instances_max(16).drain_time_max(Duration::from_millis(100));
    let host = builder.start().await.expect("a host");
    publish(&host, "spinner", |it| it.timeout_seconds(900)).await;
    let mut lines = host.logs();
    let running = tokio::spawn({
        let host = host.clone();
        async move { host.invoke(Invoke::new(function("spinner:1"), "{}")).await }
    });
    lines.recv().await.expect("it starts");
    host.close().await;
    assert_eq!(running.await.expect("no panic").expect_err("it was ended"), InvokeError::Closing);
    assert_eq!(host.running(), 0);
}

#[tokio::test]
async fn one_invocation_too_many_is_refused_with_the_limit() {
    let host = Host::builder().instances_max(64).concurrency_max(1).start().await.expect("a host");
    publish(&host, "sleeper", |it| it.timeout_seconds(60)).await;
    let first = tokio::spawn({
        let host = host.clone();
        async move { invoke(&host, "sleeper:1", r#"{"ms": 50000}"#).await }
    });
    while host.running() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = host.invoke(Invoke::new(function("sleeper:1"), r#"{"ms": 1}"#)).await;
    let Err(InvokeError::Throttled(throttled)) = refused else { panic!("{refused:?}") };
    assert_eq!((throttled.reason, throttled.running, throttled.limit), (ThrottleReason::Concurrency, 1, 1));
    first.abort();
    let _ = first.await;
    assert!(invoke(&host, "sleeper:1", r#"{"ms": 1}"#).await.answer.is_ok());
    host.close().await;
}

#[tokio::test]
async fn a_host_that_closes_waits_for_what_runs_and_takes_nothing_new() {
    let host = host_with("sleeper", |it| it.timeout_seconds(60)).await;
    let running = tokio::spawn({
        let host = host.clone();
        async move { invoke(&host, "sleeper:1", r#"{"ms": 300}"#).await }
    });
    while host.running() == 0 {
        tokio::task::yield_now().await;
    }
    host.close().await;
    assert!(running.await.expect("it was not cut off").answer.is_ok());
    let refused = host.invoke(Invoke::new(function("sleeper:1"), "{}")).await;
    assert_eq!(refused.expect_err("refused"), InvokeError::Closing);
}

#[tokio::test]
async fn a_weighted_alias_splits_its_traffic_and_a_moved_one_moves_it_all() {
    let host = host_with("environment", |it| it.env("RELEASE", "one")).await;
    publish(&host, "environment", |it| it.env("RELEASE", "two")).await;
    let half = Weight::new(0.5).expect("a weight");
    let routing = AliasRouting::weighted(published(1), published(2), half).expect("two versions");
    let live = AliasName::parse("live").expect("a name");
    host.create_alias(&CreateAlias::new(function("environment"), live.clone(), routing))
        .await
        .expect("an alias");

    let mut counts = [0_u32; 2];
    for _ in 0..1000 {
        let outcome = invoke(&host, "environment:live", "{}").await;
        let second = usize::from(answer(&outcome)["RELEASE"] == "two");
        assert_eq!(
            outcome.executed_version,
            published(second as u64 + 1),
            "one version, code and environment"
        );
        counts[second] += 1;
    }
    // Five standard deviations of a fair coin over 1,000 throws are 79.
    assert!(counts[0].abs_diff(500) < 79, "the split was {counts:?}");

    let mut update = UpdateAlias::new(function("environment"), live);
    (update.version, update.additional) = (Some(published(2)), Some(None));
    host.update_alias(&update).await.expect("it moves");
    for _ in 0..50 {
        assert_eq!(invoke(&host, "environment:live", "{}").await.executed_version, published(2));
    }
    host.close().await;
}

#[tokio::test]
async fn the_log_tail_has_lambdas_lines_in_lambdas_order() {
    let host = host_with("init", |it| it).await;
    let request = Invoke::new(function("init:1"), r#"{"n": 1}"#).with_log_tail();
    let outcome = host.invoke(request).await.expect("it runs");
    let tail = outcome.log_tail.expect("it was asked for");
    let id = &outcome.request_id;
    let at = |text: &str| tail.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{tail}"));
    let order = [
        at("found 78498 primes"),
        at(&format!("START RequestId: {id} Version: 1\n")),
        at(&format!("END RequestId: {id}\n")),
        at(&format!("REPORT RequestId: {id}\tDuration: ")),
    ];
    assert!(order.is_sorted(), "{tail}");
    assert!(tail.contains("\tInit Duration: "), "{tail}");
    host.close().await;
}

/// An instance once went back to the pool before its log was closed: the next request on it could find the lines of
/// the one before in its tail, or lose its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_tail_never_has_a_line_of_another_request() {
    let host = host_with("hello", |it| it).await;
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move {
                for _ in 0..2000 {
                    let request = Invoke::new(function("hello:1"), "{}").with_log_tail();
                    let outcome = host.invoke(request).await.expect("it runs");
                    let (tail, id) = (outcome.log_tail.expect("asked for"), &outcome.request_id);
                    let own = tail.matches(&format!("RequestId: {id}")).count();
                    assert_eq!((own, tail.matches("RequestId: ").count()), (3, 3), "of {id}:\n{tail}");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("every tail was its own");
    }
    host.close().await;
}

#[tokio::test]
async fn whoever_listens_gets_every_line_with_its_request() {
    let host = host_with("init", |it| it).await;
    let mut lines = host.logs();
    let outcome = invoke(&host, "init:1", r#"{"n": 2}"#).await;
    let mut seen = Vec::new();
    while let Ok(line) = lines.try_recv() {
        assert_eq!(line.source.group, "/aws/lambda/init");
        seen.push(line);
    }
    assert!(seen.iter().any(|line| line.text.contains("found 78498 primes") && line.request_id.is_none()));
    let report = seen.last().expect("there are lines");
    assert!(report.text.starts_with("REPORT ") && report.request_id.as_ref() == Some(&outcome.request_id));
    host.close().await;
}

#[tokio::test]
async fn stages_are_measured_only_when_asked_for() {
    let host = host_with("hello", |it| it).await;
    assert!(invoke(&host, "hello:1", "{}").await.stages.is_none());
    let request = || Invoke::new(function("hello"), "{}").with_stages();
    let cold = host.invoke(request()).await.expect("it runs").stages.expect("asked for");
    let warm = host.invoke(request()).await.expect("it runs").stages.expect("asked for");
    assert!(cold.instantiate > Duration::ZERO && cold.init > Duration::ZERO && cold.run > Duration::ZERO);
    assert_eq!((warm.instantiate, warm.init, warm.load), Default::default());
    host.close().await;
}

#[tokio::test]
async fn the_function_gets_what_lambda_promises_it() {
    let host = host_with("context", |it| it.memory_mb(512).timeout_seconds(9)).await;
    host.alias("context", "live", published(1)).await.expect("an alias");
    let mut request = Invoke::new(function("context:live"), "{}");
    request.client_context = Some(r#"{"custom":{"k":"v"}}"#.to_owned());
    request.trace_id = Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned());
    request.tenant_id = Some("acme".to_owned());
    let outcome = host.invoke(request).await.expect("it runs");
    let context = answer(&outcome);
    assert_eq!(context["request_id"], json!(&*outcome.request_id));
    assert_eq!(
        context["invoked_function_arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:context:live"
    );
    assert_eq!(context["xray_trace_id"], "Root=1-5759e988-bd862e3fe1be46a994272793");
    assert_eq!(
        (&context["tenant_id"], &context["client_context"]["custom"]["k"]),
        (&json!("acme"), &json!("v"))
    );
    let config = &context["env_config"];
    assert_eq!((&config["function_name"], &config["version"]), (&json!("context"), &json!("1")));
    assert_eq!((&config["memory"], &config["log_group"]), (&json!(512), &json!("/aws/lambda/context")));
    let stream = config["log_stream"].as_str().expect("a text");
    assert!(stream.contains("/[1]") && stream.len() == 10 + 4 + 32, "{stream}");
    host.close().await;
}

#[tokio::test]
async fn requests_beyond_a_limit_are_refused_before_anything_runs() {
    let host = host_with("echo", |it| it).await;
    let refused = host.invoke(Invoke::new(function("echo"), vec![b' '; 6_291_457])).await;
    let limit = 6_291_456;
    assert_eq!(refused.expect_err("refused"), InvokeError::PayloadTooLarge { bytes: limit + 1, limit });
    let mut request = Invoke::new(function("echo"), "{}");
    request.client_context = Some(" ".repeat(3584));
    assert!(matches!(
        host.invoke(request).await,
        Err(InvokeError::BadContext { what: "client context", .. })
    ));
    for missing in ["nothing", "echo:7", "echo:live"] {
        let refused = host.invoke(Invoke::new(function(missing), "{}")).await;
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{missing}");
        assert_eq!(refused.expect_err("refused"), InvokeError::NotFound { arn });
    }
    let largest = invoke(&host, "echo", &format!("\"{}\"", "x".repeat(limit - 2))).await;
    assert_eq!(largest.answer.expect("it answers").len(), limit);
    host.close().await;
}
