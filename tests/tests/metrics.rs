//! What is measured of a host: every counter moves by what was done and by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use samovar::Host;
use samovar::http::metric_definitions;
use samovar_tests::{
    Api, Scrape, Server, function, guest, invoke, promtool, publish, queue_arn, raw_request, root,
};
use serde_json::{Value, json};

/// More than anything here takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

const INVOCATIONS: &str = "samovar_lambda_invocations_total";
const ERRORS: &str = "samovar_lambda_errors_total";
const THROTTLES: &str = "samovar_lambda_throttles_total";
const RECEIVED: &str = "samovar_lambda_async_events_received_total";
const DROPPED: &str = "samovar_lambda_async_events_dropped_total";
const CIRCLES: &str = "samovar_lambda_recursive_invocations_dropped_total";
const DEAD_LETTER_ERRORS: &str = "samovar_lambda_dead_letter_errors_total";

fn create(api: &Api, name: &str) {
    let reply = api.create(name, &guest(name));
    assert_eq!(reply.status, 201, "{reply:?}");
}

/// Publishes what a function is as its next version, and points `live` at it.
fn publish_live(api: &Api, name: &str) {
    let functions = "/2015-03-31/functions";
    let published = api.call("POST", &format!("{functions}/{name}/versions"), Some(&json!({})));
    assert_eq!(published.status, 201, "{published:?}");
    let alias = json!({ "Name": "live", "FunctionVersion": published.body["Version"] });
    let made = api.call("POST", &format!("{functions}/{name}/aliases"), Some(&alias));
    assert_eq!(made.status, 201, "{made:?}");
}

fn resource<'a>(resource: &'a str, version: &'a str) -> [(&'a str, &'a str); 2] {
    [("resource", resource), ("executed_version", version)]
}

/// Scrapes until something is as it should be.
fn scrape_until(server: &Server, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
    let deadline = SystemTime::now() + WAIT_MAX;
    loop {
        let scrape = Scrape::of(server);
        if is_so(&scrape) {
            return scrape;
        }
        assert!(SystemTime::now() < deadline, "it did not become so within a minute");
    }
}

/// Checks a text with `promtool check metrics`, if that can be had.
fn check_with_promtool(scrape: &Scrape) {
    let Some(mut promtool) = promtool() else { return };
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut checking = promtool.spawn().expect("promtool runs");
    checking.stdin.take().expect("piped").write_all(scrape.text.as_bytes()).expect("it reads");
    let checked = checking.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.is_empty() && checked.stdout.is_empty(), "{said}");
}

#[test]
fn invocations_are_counted_by_resource_and_version_cold_and_warm() {
    let server = Server::start();
    let api = Api::of(&server);
    create(&api, "hello");
    assert_eq!(Scrape::of(&server).labels(INVOCATIONS), None, "nothing was invoked");
    publish_live(&api, "hello");
    for (name, times) in [("hello", 3), ("hello:live", 2), ("hello:1", 1), ("hello:$LATEST", 1)] {
        for _ in 0..times {
            assert_eq!(api.invoke(name, "{}").status, 200);
        }
    }
    let scrape = Scrape::of(&server);
    let expected = [
        ("hello", "$LATEST", 3),
        ("hello:live", "1", 2),
        ("hello:1", "1", 1),
        ("hello:$LATEST", "$LATEST", 1),
    ];
    for (name, version, count) in expected {
        let of = resource(name, version);
        assert_eq!(scrape.count(INVOCATIONS, &of), count, "{name}");
        assert_eq!(scrape.count("samovar_lambda_duration_seconds_count", &of), count, "{name}");
        assert_eq!(
            scrape.count("samovar_lambda_duration_seconds_bucket", &[of[0], of[1], ("le", "+Inf")]),
            count
        );
        // Each call takes less than a millisecond, or few, so it is billed as few; the memory is 128 MiB.
        let mib_seconds = scrape.sum("samovar_lambda_billed_byte_seconds_total", &of) / f64::from(128 << 20);
        assert!((count as f64 * 1e-3..60.0).contains(&mib_seconds), "{name}: {mib_seconds}");
        assert!(scrape.count("samovar_lambda_max_memory_used_bytes", &of) > 64 << 10, "{name}");
    }
    // The alias and the number lead to one version, which has one pool.
    let cold = |name| scrape.count("samovar_lambda_init_duration_seconds_count", &[("resource", name)]);
    assert_eq!([cold("hello"), cold("hello:live"), cold("hello:1"), cold("hello:$LATEST")], [1, 1, 0, 0]);
    let instances = |version, state| {
        scrape.count(
            "samovar_instances",
            &[("function_name", "hello"), ("executed_version", version), ("state", state)],
        )
    };
    assert_eq!([instances("$LATEST", "idle"), instances("1", "idle"), instances("1", "busy")], [1, 1, 0]);
    assert_eq!(scrape.count(ERRORS, &[]) + scrape.count(THROTTLES, &[]), 0);
    assert_eq!(scrape.count("samovar_compile_duration_seconds_count", &[("outcome", "compiled")]), 1);
    assert!(scrape.count("samovar_idle_memory_bytes", &[]) > 0);
    assert_eq!(scrape.count("samovar_http_requests_total", &[("status", "5xx")]), 0);
}

#[test]
fn errors_are_counted_by_lambdas_types() {
    let server = Server::start();
    let api = Api::of(&server);
    let failures = [
        ("fails", r#"{"id": 7}"#, "Unhandled"),
        ("panics", "{}", "Unhandled"),
        ("exits", r#"{"code": 3}"#, "Runtime.ExitError"),
        ("hog", r#"{"mb": 256}"#, "Runtime.OutOfMemory"),
        ("large", r#"{"bytes": 6291557}"#, "Function.ResponseSizeTooLarge"),
        ("spinner", "{}", "Sandbox.Timedout"),
    ];
    for (name, event, error_type) in failures {
        create(&api, name);
        assert!(api.invoke(name, event).is_function_error, "{name}");
        let scrape = Scrape::of(&server);
        let of = ("function_name", name);
        assert_eq!(scrape.count(ERRORS, &[of, ("error_type", error_type)]), 1, "{name}");
        assert_eq!(scrape.count(ERRORS, &[of]), 1, "{name} has one type");
        assert_eq!(scrape.count(INVOCATIONS, &[of]), 1, "an error is an invocation too");
    }
    let scrape = Scrape::of(&server);
    let spun = scrape.sum("samovar_lambda_duration_seconds_sum", &[("function_name", "spinner")]);
    assert!((1.0..10.0).contains(&spun), "it ran for its second: {spun}");
}

#[test]
fn what_runs_is_seen_and_what_is_throttled_is_counted_and_not_an_invocation() {
    let server = Server::start_with(&["--concurrency", "1"]);
    let api = Api::of(&server);
    create(&api, "hello");
    create(&api, "sleeper");
    std::thread::scope(|scope| {
        let asleep = scope.spawn(|| Api::of(&server).invoke("sleeper", r#"{"ms": 60000}"#));
        let running = [("function_name", "sleeper")];
        let scrape = scrape_until(&server, |scrape| {
            scrape.count("samovar_lambda_concurrent_executions", &running) == 1
        });
        assert_eq!(scrape.count("samovar_lambda_claimed_account_concurrency", &[]), 1);
        assert_eq!(scrape.count("samovar_lambda_unreserved_concurrent_executions", &[]), 1);
        assert_eq!(scrape.count("samovar_lambda_concurrent_executions_limit", &[]), 1);
        assert_eq!(scrape.count("samovar_instances", &[running[0], ("state", "busy")]), 1);
        assert_eq!(api.invoke("hello", "{}").status, 429);
        assert_eq!(api.invoke("hello", "{}").status, 429);
        assert!(asleep.join().expect("no panic").is_function_error);
    });
    let scrape = Scrape::of(&server);
    let reason = ("reason", "ConcurrentInvocationLimitExceeded");
    assert_eq!(scrape.count(THROTTLES, &[("function_name", "hello"), reason]), 2);
    assert_eq!(scrape.count(THROTTLES, &[]), 2);
    assert_eq!(scrape.count(INVOCATIONS, &[("function_name", "hello")]), 0);
    assert_eq!(scrape.count("samovar_lambda_concurrent_executions", &[]), 0);
    assert_eq!(scrape.count("samovar_http_requests_total", &[("status", "4xx")]), 2);
}

#[test]
fn a_changed_function_goes_on_with_its_counters_and_a_deleted_one_takes_them_away() {
    let server = Server::start();
    let api = Api::of(&server);
    let of = resource("hello", "$LATEST");
    create(&api, "hello");
    api.invoke("hello", "{}");
    assert_eq!(api.update_code("hello", &guest("echo")).status, 200);
    api.invoke("hello", "{}");
    assert_eq!(Scrape::of(&server).count(INVOCATIONS, &of), 2);

    publish_live(&api, "hello");
    api.invoke("hello:live", "{}");
    assert_eq!(Scrape::of(&server).count(INVOCATIONS, &resource("hello:live", "1")), 1);
    assert_eq!(api.call("DELETE", "/2015-03-31/functions/hello/aliases/live", None).status, 204);
    let scrape = Scrape::of(&server);
    assert!(!scrape.text.contains("hello:live"), "an alias that is gone");
    assert_eq!(scrape.count(INVOCATIONS, &of), 2, "and its function goes on");

    assert_eq!(api.call("DELETE", "/2015-03-31/functions/hello", None).status, 204);
    assert!(!Scrape::of(&server).text.contains("hello"), "nothing of it is left");
    create(&api, "hello");
    api.invoke("hello", "{}");
    assert_eq!(Scrape::of(&server).count(INVOCATIONS, &of), 1, "it is another function");
}

#[test]
fn a_scrape_during_load_is_clean_and_no_counter_runs_backwards() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 200;
    let server = Server::start();
    let api = Api::of(&server);
    create(&api, "hello");
    create(&api, "fails");
    std::thread::scope(|scope| {
        let loads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let api = Api::of(&server);
                    for call in 0..CALLS {
                        api.invoke(if call % 2 == 0 { "hello" } else { "fails" }, "{}");
                    }
                })
            })
            .collect();
        let mut before = BTreeMap::new();
        let mut during = None;
        while loads.iter().any(|load| !load.is_finished()) {
            let scrape = Scrape::of(&server);
            for (name, value) in
                scrape.samples().filter(|(name, _)| name.contains("_total") || name.contains("_bucket"))
            {
                let last = before.insert(name.clone(), value).unwrap_or_default();
                assert!(value >= last, "{name} was {last} and is {value}");
            }
            during = Some(scrape);
        }
        check_with_promtool(&during.expect("there was one while calls ran"));
    });
    let scrape = Scrape::of(&server);
    let of = |name| scrape.count(INVOCATIONS, &[("function_name", name)]);
    assert_eq!([of("hello"), of("fails")], [THREADS * CALLS / 2; 2]);
    assert_eq!(scrape.count(ERRORS, &[("error_type", "Unhandled")]), THREADS * CALLS / 2);
    assert_eq!(scrape.count("samovar_lambda_concurrent_executions", &[]), 0);
    check_with_promtool(&scrape);
}

/// What a server tells of which everything was used that there is.
fn whole_scrape() -> Scrape {
    let server = Server::start();
    let api = Api::of(&server);
    create(&api, "hello");
    publish_live(&api, "hello");
    reserve_and_provision(&api, "hello", 5, 2);
    assert_eq!(api.invoke("hello", "{}").status, 200);
    create_queue(&server, "failed");
    api.map("hello", &queue_arn("failed"), &json!({}));
    send_event(&server, "hello", "{}");
    scrape_until(&server, |scrape| scrape.count(RECEIVED, &[]) == 1)
}

/// Gives a function an event that is to be run later.
fn send_event(server: &Server, name: &str, event: &str) {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    let head = format!("POST {path} HTTP/1.1\nHost: localhost\nX-Amz-Invocation-Type: Event");
    let accepted = raw_request(server.address(), &head, event.as_bytes());
    assert_eq!(accepted.status, 202, "{accepted:?}");
}

fn create_queue(server: &Server, name: &str) {
    let target = "X-Amz-Target: AmazonSQS.CreateQueue\nContent-Type: application/x-amz-json-1.0";
    let head = format!("POST / HTTP/1.1\nHost: localhost\n{target}");
    let body = json!({ "QueueName": name }).to_string();
    let made = raw_request(server.address(), &head, body.as_bytes());
    assert_eq!(made.status, 200, "{made:?}");
}

/// Says where events of a function are to be told that fail.
fn set_on_failure(api: &Api, name: &str, queue: &str) {
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
    let body = json!({ "DestinationConfig": { "OnFailure": { "Destination": arn } } });
    let put = api.call("PUT", &format!("/2019-09-25/functions/{name}/event-invoke-config"), Some(&body));
    assert_eq!(put.status, 200, "{put:?}");
}

fn set_dead_letter_queue(api: &Api, name: &str, queue: &str) {
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
    let body = json!({ "DeadLetterConfig": { "TargetArn": arn } });
    let put = api.call("PUT", &format!("/2015-03-31/functions/{name}/configuration"), Some(&body));
    assert_eq!(put.status, 200, "{put:?}");
}

/// What the counters of a function's events say: received, runs, dropped.
fn events_of(scrape: &Scrape, name: &str) -> [u64; 3] {
    let counters = [RECEIVED, "samovar_lambda_async_event_age_seconds_count", DROPPED];
    counters.map(|counter| scrape.count(counter, &[("function_name", name)]))
}

fn events_in(scrape: &Scrape, state: &str) -> u64 {
    scrape.count("samovar_async_events", &[("state", state)])
}

#[test]
fn events_are_counted_when_they_are_received_when_they_run_and_when_they_are_dropped() {
    let server = Server::start_with(&["--event-time-scale", "1000"]);
    let api = Api::of(&server);
    create(&api, "hello");
    create(&api, "fails");
    assert_eq!(Scrape::of(&server).labels(RECEIVED), None, "there were no events");
    send_event(&server, "hello", "{}");
    send_event(&server, "hello", "{}");
    send_event(&server, "fails", r#"{"id": 7}"#);
    let ended = |scrape: &Scrape| events_in(scrape, "finished") == 2 && events_in(scrape, "dead") == 1;
    let scrape = scrape_until(&server, ended);
    assert_eq!(events_of(&scrape, "hello"), [2, 2, 0]);
    assert_eq!(events_of(&scrape, "fails"), [1, 3, 1], "it was tried thrice");
    assert_eq!(scrape.count(INVOCATIONS, &[("function_name", "hello")]), 2, "runs are invocations");
    assert_eq!(scrape.count(ERRORS, &[("function_name", "fails")]), 3);
    for state in ["queued", "running", "delivering"] {
        assert_eq!(events_in(&scrape, state), 0, "{state}");
    }
    // The second attempt is a minute after the first, the third two minutes after that, in the time of the queue.
    let age = |end: &str, le: &[(&str, &str)]| {
        let of = [&[("function_name", "fails")][..], le].concat();
        scrape.sum(&format!("samovar_lambda_async_event_age_seconds_{end}"), &of)
    };
    assert!(age("sum", &[]) >= 240.0, "{}", age("sum", &[]));
    assert_eq!(age("bucket", &[("le", "21600")]), 3.0);
    assert!(age("bucket", &[("le", "30")]) <= 1.0);
    for failures in [DEAD_LETTER_ERRORS, "samovar_lambda_destination_delivery_failures_total", CIRCLES] {
        assert_eq!(scrape.labels(failures), Some(vec!["function_name", "region"]));
        assert_eq!(scrape.count(failures, &[]), 0);
    }
    assert!(scrape.count("samovar_async_events_limit", &[]) >= 1_000_000);
    // Each was written when it was accepted, before each run and at its end.
    assert!(scrape.count("samovar_journal_changes_written_total", &[]) >= 3 + 5 + 5);
    assert!(scrape.count("samovar_journal_flush_duration_seconds_count", &[]) >= 3);
    assert_eq!(scrape.count("samovar_journal_changes_waiting", &[]), 0);
    check_with_promtool(&scrape);

    assert_eq!(api.call("DELETE", "/2015-03-31/functions/fails", None).status, 204);
    let scrape = Scrape::of(&server);
    assert!(!scrape.text.contains("\"fails\""), "a deleted function takes its counters away");
    assert_eq!((events_of(&scrape, "hello"), events_in(&scrape, "dead")), ([2, 2, 0], 1));
}

#[test]
fn messages_that_tell_of_failures_are_seen_in_their_queue_and_counted_when_they_find_none() {
    let server = Server::start_with(&["--event-time-scale", "1000"]);
    let api = Api::of(&server);
    create(&api, "fails");
    create(&api, "exits");
    create_queue(&server, "failed");
    set_on_failure(&api, "fails", "failed");
    set_dead_letter_queue(&api, "exits", "missing");
    assert_eq!(Scrape::of(&server).count("samovar_sqs_messages_visible", &[("queue_name", "failed")]), 0);
    send_event(&server, "fails", r#"{"id": 7}"#);
    let told = |scrape: &Scrape| events_in(scrape, "finished") == 1;
    let scrape = scrape_until(&server, told);
    let in_queue = |what: &str| scrape.count(&format!("samovar_sqs_{what}"), &[("queue_name", "failed")]);
    let messages = ["messages_visible", "messages_not_visible", "messages_delayed"].map(in_queue);
    assert_eq!(messages, [1, 0, 0]);
    assert_eq!((events_of(&scrape, "fails"), events_in(&scrape, "dead")), ([1, 3, 1], 0));
    assert_eq!(scrape.count("samovar_lambda_destination_delivery_failures_total", &[]), 0);

    send_event(&server, "exits", r#"{"code": 3}"#);
    let of = [("function_name", "exits")];
    let scrape = scrape_until(&server, |scrape| scrape.count(DEAD_LETTER_ERRORS, &of) > 1);
    assert_eq!((events_in(&scrape, "delivering"), scrape.count("samovar_async_messages", &[])), (1, 1));
    assert_eq!(events_of(&scrape, "exits"), [1, 3, 1], "it is dropped once, however often it cannot be told");
    create_queue(&server, "missing");
    let scrape = scrape_until(&server, |scrape| events_in(scrape, "finished") == 2);
    assert_eq!(scrape.count("samovar_sqs_messages_visible", &[("queue_name", "missing")]), 1);
    assert_eq!(scrape.count("samovar_async_messages", &[]), 0);
    check_with_promtool(&scrape);
}

/// Reserves concurrency for a function, and waits for the provisioned instances of its alias `live`.
fn reserve_and_provision(api: &Api, name: &str, reserved: u32, provisioned: u32) {
    let body = json!({ "ReservedConcurrentExecutions": reserved });
    let put = api.call("PUT", &format!("/2017-10-31/functions/{name}/concurrency"), Some(&body));
    assert_eq!(put.status, 200, "{put:?}");
    let path = format!("/2019-09-30/functions/{name}/provisioned-concurrency?Qualifier=live");
    let body = json!({ "ProvisionedConcurrentExecutions": provisioned });
    let put = api.call("PUT", &path, Some(&body));
    assert_eq!(put.status, 202, "{put:?}");
    for _ in 0..6000 {
        let config = api.call("GET", &path, None).body;
        match config["Status"].as_str() {
            Some("READY") => return,
            Some("IN_PROGRESS") => std::thread::sleep(Duration::from_millis(10)),
            _ => panic!("{config}"),
        }
    }
    panic!("it stays in progress");
}

#[test]
fn what_is_reserved_and_provisioned_is_told_and_so_is_what_spills_over() {
    let server = Server::start();
    let api = Api::of(&server);
    create(&api, "sleeper");
    publish_live(&api, "sleeper");
    let account = "samovar_lambda_unreserved_concurrent_executions_limit";
    assert_eq!(Scrape::of(&server).count(account, &[]), 1000);
    reserve_and_provision(&api, "sleeper", 5, 2);
    let live = [("resource", "sleeper:live")];
    let of_live = |scrape: &Scrape, what: &str| {
        scrape.count(&format!("samovar_lambda_provisioned_concurrency_{what}"), &live)
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(api.invoke("sleeper:live", r#"{"ms":2000}"#).status, 200));
        }
        let running = [("function_name", "sleeper")];
        let scrape = scrape_until(&server, |scrape| {
            scrape.count("samovar_lambda_concurrent_executions", &running) == 3
        });
        assert_eq!(scrape.count("samovar_lambda_provisioned_concurrent_executions", &live), 2);
        assert_eq!((of_live(&scrape, "utilization_ratio"), of_live(&scrape, "allocated")), (1, 2));
    });
    let scrape = Scrape::of(&server);
    assert_eq!(
        (of_live(&scrape, "invocations_total"), of_live(&scrape, "spillover_invocations_total")),
        (2, 1)
    );
    assert_eq!((scrape.count(account, &[]), of_live(&scrape, "utilization_ratio")), (995, 0));
    assert_eq!(scrape.count("samovar_lambda_reserved_concurrent_executions", &[]), 5);
    assert_eq!(scrape.count("samovar_lambda_claimed_account_concurrency", &[]), 5);
}

#[test]
fn the_documentation_has_every_metric_as_it_is_and_no_other() {
    let text = std::fs::read_to_string(root().join("docs/monitoring.md")).expect("it is there");
    let documented: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `samovar_") || line.starts_with("| `process_"))
        .collect();
    let mut rows = BTreeSet::new();
    for metric in metric_definitions() {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = format!(" {} ", labels.join(", ")).replace("  ", " ");
        rows.insert(format!("| `{}` | {} |{labels}| {} |", metric.name, metric.kind.name(), metric.help));
    }
    let rows: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(documented.symmetric_difference(&rows).collect::<Vec<_>>(), Vec::<&&str>::new());

    let scrape = whole_scrape();
    check_with_promtool(&scrape);
    let mut defined = BTreeSet::new();
    for metric in metric_definitions() {
        defined.insert(format!("# HELP {} {}", metric.name, metric.help));
        defined.insert(format!("# TYPE {} {}", metric.name, metric.kind.name()));
        let Some(labels) = scrape.labels(metric.name) else {
            panic!("{} is not there", metric.name);
        };
        assert_eq!(labels.into_iter().collect::<BTreeSet<_>>(), metric.labels.iter().copied().collect());
    }
    for line in scrape.text.lines().filter(|line| line.starts_with('#')) {
        assert!(defined.contains(line), "{line}");
    }
}

/// The names of metrics in an expression.
fn names_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("samovar_") || word.starts_with("process_")).collect()
}

fn assert_all_are_there(names: &BTreeSet<&str>) {
    let scrape = whole_scrape();
    for name in names {
        let of = |end| name.strip_suffix(end).unwrap_or(name);
        let families = ["", "_bucket", "_count", "_sum"].map(of);
        let metric = metric_definitions().find(|metric| families.contains(&metric.name));
        let metric = metric.unwrap_or_else(|| panic!("there is no {name}"));
        assert!(scrape.labels(metric.name).is_some(), "a server does not tell {name}");
    }
}

#[test]
fn alerts_name_what_is_there_and_fire_when_they_should() {
    let rules = root().join("docs/monitoring/alerts.yml");
    let text = std::fs::read_to_string(&rules).expect("it is there");
    let names = names_in(&text);
    assert!(names.len() > 9, "{names:?}");
    assert_all_are_there(&names);
    let Some(mut check) = promtool() else { return };
    let checked = check.args(["check", "rules"]).arg(&rules).output().expect("promtool runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let tests = root().join("tests/alerts_test.yml");
    let tested =
        promtool().expect("it is there").args(["test", "rules"]).arg(tests).output().expect("promtool runs");
    assert!(
        tested.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tested.stdout),
        String::from_utf8_lossy(&tested.stderr)
    );
}

#[test]
fn the_dashboard_asks_for_what_is_there() {
    let text = std::fs::read_to_string(root().join("docs/monitoring/dashboard.json")).expect("it is there");
    assert_all_are_there(&names_in(&text));
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<&str> =
        targets.map(|target| target["expr"].as_str().expect("an expression")).collect();
    assert!(expressions.len() > 20);
    let Some(mut promtool) = promtool() else { return };
    // As the expressions of rules, each is parsed by Prometheus itself.
    let rule = |(place, expr): (usize, &&str)| json!({ "record": format!("panel:number_{place}"), "expr": expr.replace("$__rate_interval", "5m") });
    let rules: Vec<Value> = expressions.iter().enumerate().map(rule).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yml");
    // JSON is YAML.
    let groups = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    std::fs::write(&file, groups.to_string()).expect("it is written");
    let checked = promtool.args(["check", "rules"]).arg(&file).output().expect("promtool runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_server_that_ends_says_so_before_it_takes_no_more_connections() {
    let server = Server::start_with(&["--unready-seconds", "600"]);
    let api = Api::of(&server);
    create(&api, "hello");
    let ask = |path: &str, host: &str| {
        raw_request(server.address(), &format!("GET {path} HTTP/1.1\nHost: {host}"), b"")
    };
    let ready = ask("/readyz", "localhost");
    assert_eq!((ready.status, ready.body.as_slice()), (200, &b"ok"[..]));
    for path in ["/readyz", "/metrics", "/healthz"] {
        assert_eq!(ask(path, "evil.example").status, 403, "{path}");
    }
    server.signal_end();
    server.wait_for_log("closing");
    let deadline = SystemTime::now() + WAIT_MAX;
    let unready = loop {
        let answer = ask("/readyz", "localhost");
        if answer.status != 200 {
            break answer;
        }
        assert!(SystemTime::now() < deadline, "it is still ready");
    };
    assert_eq!((unready.status, unready.body.as_slice()), (503, &b"the host is closing"[..]));
    assert_eq!(Scrape::of(&server).count("samovar_ready", &[]), 0);
    assert_eq!(ask("/healthz", "localhost").status, 200, "it lives");
    assert_eq!(api.invoke("hello", "{}").status, 200, "and runs what comes all the same");
}

#[tokio::test]
async fn an_embedder_has_the_same_figures_and_there_is_a_bound_on_them() {
    let host = Host::builder().instances_max(64).metrics_resources_max(2).start().await.expect("a host");
    for name in ["echo", "fails", "hello", "null"] {
        publish(&host, name, |deployment| deployment).await;
        invoke(&host, name, "{}").await;
        invoke(&host, name, "{}").await;
    }
    let metrics = host.metrics();
    let counted: Vec<(&str, u64)> =
        metrics.resources.iter().map(|metrics| (&*metrics.resource, metrics.invocations())).collect();
    assert_eq!(counted, [("echo", 2), ("fails", 2), ("other", 4)]);
    let idle: Vec<(&str, u64)> =
        metrics.versions.iter().map(|version| (&*version.function, version.idle)).collect();
    assert_eq!(idle, [("echo", 1), ("fails", 1), ("other", 2)]);
    assert_eq!(metrics.compilation.compiled.count, 4);
    assert_eq!((metrics.logs, metrics.concurrency.account_limit), (None, 1000));
    assert_eq!(metrics.flushes, None, "it keeps everything in memory");
    assert_eq!(host.ready(), Ok(()));

    host.delete_function(&function("echo")).await.expect("it is deleted");
    publish(&host, "page", |deployment| deployment).await;
    invoke(&host, "page", "{}").await;
    let counted: Vec<String> = host.metrics().resources.into_iter().map(|metrics| metrics.resource).collect();
    assert_eq!(counted, ["fails", "page", "other"], "there is room again");
    for name in ["fails", "hello", "null", "null"] {
        let event = samovar::Invoke::new(function(name), "{}");
        host.invoke_async(event).await.expect("it is accepted");
    }
    let counted: Vec<(String, u64)> = host
        .metrics()
        .events
        .functions
        .into_iter()
        .map(|events| (events.function, events.received))
        .collect();
    let expected = [("fails", 1), ("hello", 1), ("other", 2)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counted, expected, "so are events");
    host.close().await;
    assert_eq!(host.ready(), Err(samovar::Unready::Closing));
}
