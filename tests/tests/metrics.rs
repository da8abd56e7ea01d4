//! What is measured of a host: every counter moves by what was done and by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use samovar::Host;
use samovar::http::metric_definitions;
use samovar_tests::{
    Api, Scrape, Server, SqsClient, function, guest, invoke, promtool, publish, queue_arn, raw_request, root,
};
use serde_json::{Value, json};

/// More than anything here takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

const INVOCATIONS: &str = "samovar_lambda_invocations_total";
const ERRORS: &str = "samovar_lambda_errors_total";
const THROTTLES: &str = "samovar_lambda_throttles_total";
const RECEIVED: &str = "samovar_lambda_async_events_received_total";

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
        let scrape = Scrape::until(&server, |scrape| {
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
        during.expect("there was one while calls ran").check();
    });
    let scrape = Scrape::of(&server);
    let of = |name| scrape.count(INVOCATIONS, &[("function_name", name)]);
    assert_eq!([of("hello"), of("fails")], [THREADS * CALLS / 2; 2]);
    assert_eq!(scrape.count(ERRORS, &[("error_type", "Unhandled")]), THREADS * CALLS / 2);
    assert_eq!(scrape.count("samovar_lambda_concurrent_executions", &[]), 0);
    scrape.check();
}

/// What a server tells of which everything was used that there is.
fn whole_scrape() -> Scrape {
    let server = Server::start();
    let api = Api::of(&server);
    create(&api, "hello");
    publish_live(&api, "hello");
    reserve_and_provision(&api, "hello", 5, 2);
    assert_eq!(api.invoke("hello", "{}").status, 200);
    SqsClient::at(server.endpoint()).create("failed", &json!({}));
    api.map("hello", &queue_arn("failed"), &json!({}));
    assert_eq!(api.try_send_event("hello", &json!({})).expect("an answer").0, 202);
    Scrape::until(&server, |scrape| scrape.count(RECEIVED, &[]) == 1)
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
        let scrape = Scrape::until(&server, |scrape| {
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
    scrape.check();
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
