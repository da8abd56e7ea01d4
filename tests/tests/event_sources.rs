//! Event source mappings at work: which messages come back, which go, and what keeps them from others meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use samovar_tests::{Api, Relayed, Scrape, Server, SqsClient, queue_arn};
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long anything may take that takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, a function that hands its events on to the test, and a queue.
struct Scene {
    server: Server,
    api: Api,
    sqs: SqsClient,
    relayed: Relayed,
}

impl Scene {
    fn start(decide: impl Fn(&Value) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        let relayed = Relayed::start(decide);
        let arguments = relayed.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--quiet"]).collect();
        let server = Server::start_with(&arguments);
        let (api, sqs) = (Api::of(&server), SqsClient::at(server.endpoint()));
        Self { server, api, sqs, relayed }
    }

    fn wait_for_state(&self, uuid: &str, state: Option<&str>) {
        wait(&format!("the state {state:?}"), || self.api.mapping_state(uuid).as_deref() == state);
    }

    /// What was counted of a mapping.
    fn counts<const N: usize>(&self, uuid: &str, names: [&str; N]) -> [u64; N] {
        let (scrape, labels) = (Scrape::of(&self.server), [("event_source_mapping_uuid", uuid)]);
        names.map(|name| scrape.count(&format!("samovar_lambda_event_source_{name}_total"), &labels))
    }

    /// Waits until a queue has neither messages nor any with somebody.
    fn wait_until_empty(&self, queue: &str) {
        wait("the queue is empty", || self.sqs.counts(queue) == (0, 0));
    }
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn records(event: &Value) -> &[Value] {
    event["Records"].as_array().expect("an event of a queue has records")
}

fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_else(|| panic!("{record}"))
}

fn receives(record: &Value) -> u32 {
    text(&record["attributes"], "ApproximateReceiveCount").parse().expect("a number")
}

fn bodies<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    bodies.into_iter().map(|body| json!({ "MessageBody": body })).collect()
}

/// What a function answers to a batch of the messages `a`, `b` and `c`, whose ids stand in it as `<a>` and so on, with which status it
/// is an error, and which of them come back.
const ANSWERS: [(&str, u16, &str); 20] = [
    ("", 200, ""),
    ("null", 200, ""),
    (r#""""#, 200, ""),
    ("{}", 200, ""),
    (r#"{"batchItemFailures":[]}"#, 200, ""),
    (r#"{"batchItemFailures":null}"#, 200, ""),
    (r#"{"unknown":[{"itemIdentifier":"<a>"}]}"#, 200, ""),
    (r#"{"batchItemFailures":[{"itemIdentifier":"<b>"}]}"#, 200, "b"),
    (r#"{"batchItemFailures":[{"itemIdentifier":"<c>"},{"itemIdentifier":"<a>"}]}"#, 200, "ac"),
    (r#"{"batchItemFailures":[{"itemIdentifier":"<b>"},{"itemIdentifier":"<b>"}]}"#, 200, "b"),
    (
        r#"{"batchItemFailures":[{"itemIdentifier":"<a>"},{"itemIdentifier":"<b>"},{"itemIdentifier":"<c>"}]}"#,
        200,
        "abc",
    ),
    ("{", 200, "abc"),
    ("no JSON", 200, "abc"),
    ("7", 200, "abc"),
    (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, 200, "abc"),
    (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, 200, "abc"),
    (r#"{"batchItemFailures":[{"foo":"<a>"}]}"#, 200, "abc"),
    (r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#, 200, "abc"),
    (r#"{"batchItemFailures":[{"itemIdentifier":"<a>"},{"itemIdentifier":"unknown"}]}"#, 200, "abc"),
    ("out of order", 500, "abc"),
];

#[test]
fn exactly_the_messages_come_back_that_an_answer_says() {
    // What came back, by the number of the answer.
    let came_back = Arc::new(Mutex::new(BTreeMap::<usize, BTreeSet<String>>::new()));
    let seen = Arc::clone(&came_back);
    let scene = Scene::start(move |event| {
        let records = records(event);
        let queue = text(&records[0], "eventSourceARN").rsplit('-').next().expect("a number");
        let number: usize = queue.parse().expect("a number");
        if receives(&records[0]) > 1 {
            let back = records.iter().map(|record| text(record, "body").to_owned());
            lock(&seen).entry(number).or_default().extend(back);
            return (200, b"{}".to_vec());
        }
        let (answer, status, _) = ANSWERS[number];
        assert_eq!(records.len(), 3, "they come as one batch");
        let answer = records.iter().fold(answer.to_owned(), |answer, record| {
            answer.replace(&format!("<{}>", text(record, "body")), text(record, "messageId"))
        });
        (status, answer.into_bytes())
    });
    scene.relayed.create(&scene.api, "f", 1);
    for number in 0..ANSWERS.len() {
        let queue = format!("q-{number}");
        scene.sqs.create(&queue, &json!({ "VisibilityTimeout": "1" }));
        scene.sqs.send(&queue, &bodies(["a", "b", "c"]));
        let settings = json!({ "FunctionResponseTypes": ["ReportBatchItemFailures"] });
        scene.api.map("f", &queue_arn(&queue), &settings);
    }
    (0..ANSWERS.len()).for_each(|number| scene.wait_until_empty(&format!("q-{number}")));
    let came_back = lock(&came_back);
    for (number, (answer, status, back)) in ANSWERS.into_iter().enumerate() {
        let came_back: String = came_back.get(&number).into_iter().flatten().cloned().collect();
        assert_eq!(came_back, back, "{answer} with status {status}");
    }
}

#[test]
fn a_batch_of_a_function_that_does_not_report_succeeds_or_fails_as_one() {
    let seen = Arc::new(Mutex::new(Vec::<(u32, usize)>::new()));
    let told = Arc::clone(&seen);
    let scene = Scene::start(move |event| {
        let records = records(event);
        let first = receives(&records[0]);
        lock(&told).push((first, records.len()));
        match first {
            1 => (500, Vec::new()),
            // It does not count for a function that is not said to report.
            _ => (200, br#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#.to_vec()),
        }
    });
    scene.relayed.create(&scene.api, "f", 1);
    scene.sqs.create("q", &json!({ "VisibilityTimeout": "1" }));
    scene.sqs.send("q", &bodies(["a", "b", "c"]));
    let uuid = scene.api.map("f", &queue_arn("q"), &json!({}));
    scene.wait_until_empty("q");
    assert_eq!(*lock(&seen), [(1, 3), (2, 3)]);
    let names = ["polled", "invoked", "failed_invoke", "deleted", "filtered_out", "dropped"];
    // A message is counted once it is gone.
    wait("all is counted", || scene.counts(&uuid, names) == [6, 6, 3, 3, 0, 0]);
    let shown = scene.api.call("GET", &format!("/2015-03-31/event-source-mappings/{uuid}"), None).body;
    assert_eq!((&shown["State"], &shown["LastProcessingResult"]), (&json!("Enabled"), &json!("OK")));
}

#[test]
fn a_message_is_kept_from_others_for_as_long_as_its_function_runs() {
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&runs);
    let scene = Scene::start(move |event| {
        lock(&seen).push(receives(&records(event)[0]));
        // As long as the function is to run: more than twice as long as messages are kept at once.
        std::thread::sleep(Duration::from_secs(12));
        (200, Vec::new())
    });
    scene.relayed.create(&scene.api, "f", 20);
    scene.sqs.create("q", &json!({ "VisibilityTimeout": "20" }));
    let uuid = scene.api.map("f", &queue_arn("q"), &json!({ "Enabled": false }));
    let attributes = json!({ "QueueUrl": scene.sqs.url("q"), "Attributes": { "VisibilityTimeout": "1" } });
    scene.sqs.call("SetQueueAttributes", &attributes);
    scene.sqs.send("q", &bodies(["long"]));
    assert_eq!(scene.api.remap(&uuid, &json!({ "Enabled": true })).status, 202);
    scene.wait_until_empty("q");
    assert_eq!(*lock(&runs), [1]);
}

#[test]
fn throttling_costs_no_receives() {
    const MESSAGES: usize = 40;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let scene = Scene::start(move |event| {
        let records = records(event);
        lock(&told).extend(records.iter().map(|record| (text(record, "body").to_owned(), receives(record))));
        // As long as the function is to run.
        std::thread::sleep(Duration::from_millis(200));
        (200, Vec::new())
    });
    scene.relayed.create(&scene.api, "f", 1);
    let limit = json!({ "ReservedConcurrentExecutions": 1 });
    let reserved = scene.api.call("PUT", "/2017-10-31/functions/f/concurrency", Some(&limit));
    assert_eq!(reserved.status, 200);
    scene.sqs.create("q", &json!({ "VisibilityTimeout": "1" }));
    let names: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    for some in names.chunks(10) {
        scene.sqs.send("q", &bodies(some.iter().map(String::as_str)));
    }
    scene.api.map("f", &queue_arn("q"), &json!({ "BatchSize": 1 }));
    scene.wait_until_empty("q");
    let seen = lock(&seen);
    assert!(seen.iter().all(|(_, receives)| *receives == 1), "{seen:?}");
    let different: BTreeSet<&String> = seen.iter().map(|(body, _)| body).collect();
    assert_eq!((seen.len(), different.len()), (MESSAGES, MESSAGES), "each once");
}

#[test]
fn a_function_without_concurrency_gets_nothing_and_loses_nothing() {
    let scene = Scene::start(|_| (200, Vec::new()));
    scene.relayed.create(&scene.api, "f", 1);
    let none = json!({ "ReservedConcurrentExecutions": 0 });
    assert_eq!(scene.api.call("PUT", "/2017-10-31/functions/f/concurrency", Some(&none)).status, 200);
    scene.sqs.create("q", &json!({ "VisibilityTimeout": "1" }));
    let uuid = scene.api.map("f", &queue_arn("q"), &json!({}));
    scene.wait_for_state(&uuid, Some("Enabled"));
    scene.sqs.send("q", &bodies(["a"]));
    // Nothing is to happen; this is for how long it is looked.
    let looked = Instant::now();
    while looked.elapsed() < Duration::from_secs(2) {
        assert_eq!(scene.sqs.counts("q"), (1, 0), "nobody asks for it");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(scene.api.call("DELETE", "/2017-10-31/functions/f/concurrency", None).status, 204);
    scene.wait_until_empty("q");
}

#[test]
fn messages_that_match_no_filter_are_deleted_unseen() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let told = Arc::clone(&seen);
    let scene = Scene::start(move |event| {
        lock(&told).extend(records(event).iter().map(|record| text(record, "body").to_owned()));
        (200, Vec::new())
    });
    scene.relayed.create(&scene.api, "f", 1);
    scene.sqs.create("q", &json!({}));
    let patterns = [
        json!({ "body": { "item": ["tea"], "grams": [{ "numeric": [">=", 100] }] } }),
        json!({ "messageAttributes": { "urgent": { "stringValue": ["yes"] } } }),
    ];
    let filters: Vec<Value> =
        patterns.iter().map(|pattern| json!({ "Pattern": pattern.to_string() })).collect();
    let uuid = scene.api.map("f", &queue_arn("q"), &json!({ "FilterCriteria": { "Filters": filters } }));
    let (much, little) = (r#"{"item":"tea","grams":100}"#, r#"{"item":"tea","grams":99}"#);
    let urgent = json!({ "urgent": { "DataType": "String", "StringValue": "yes" } });
    let mut messages = bodies([much, little, "tea", r#"{"item":"coffee","grams":500}"#]);
    messages.push(json!({ "MessageBody": "now", "MessageAttributes": urgent }));
    scene.sqs.send("q", &messages);
    scene.wait_until_empty("q");
    assert_eq!(*lock(&seen), BTreeSet::from([much.to_owned(), "now".to_owned()]));
    wait("all is counted", || scene.counts(&uuid, ["polled", "filtered_out", "deleted"]) == [5, 3, 2]);
}

#[test]
fn messages_are_gathered_until_a_batch_is_full_its_window_is_over_or_it_is_large() {
    let sizes = Arc::new(Mutex::new(BTreeMap::<String, Vec<(usize, usize)>>::new()));
    let told = Arc::clone(&sizes);
    let scene = Scene::start(move |event| {
        let records = records(event);
        let queue = text(&records[0], "eventSourceARN").rsplit(':').next().expect("a name").to_owned();
        let size = (records.len(), event.to_string().len());
        lock(&told).entry(queue).or_default().push(size);
        (200, Vec::new())
    });
    scene.relayed.create(&scene.api, "f", 10);
    // Full: 45 of 20 messages each are two full batches, and one that is full when its window is over.
    let large = "x".repeat(900 << 10);
    for (queue, size, window, messages, body) in
        [("full", 20, 2, 45, "a"), ("window", 100, 1, 30, "a"), ("large", 50, 3, 10, large.as_str())]
    {
        scene.sqs.create(queue, &json!({ "VisibilityTimeout": "30" }));
        for number in 0..messages {
            // One by one where they are large, as a request has its limit, too.
            if number % 10 == 0 && body.len() == 1 {
                scene.sqs.send(queue, &bodies((number..messages.min(number + 10)).map(|_| body)));
            } else if body.len() > 1 {
                scene.sqs.send(queue, &bodies([body]));
            }
        }
        let settings = json!({
            "BatchSize": size, "MaximumBatchingWindowInSeconds": window, "ScalingConfig": { "MaximumConcurrency": 2 },
        });
        scene.api.map("f", &queue_arn(queue), &settings);
    }
    ["full", "window", "large"].into_iter().for_each(|queue| scene.wait_until_empty(queue));
    let sizes = lock(&sizes);
    let counts = |queue: &str| sizes[queue].iter().map(|(count, _)| *count).collect::<Vec<_>>();
    assert_eq!(counts("full").iter().sum::<usize>(), 45);
    assert!(counts("full").iter().all(|count| *count <= 20) && counts("full").len() <= 5, "{sizes:?}");
    assert_eq!(counts("window").iter().sum::<usize>(), 30);
    assert!(counts("window").len() <= 4, "{:?}", counts("window"));
    assert_eq!(counts("large").iter().sum::<usize>(), 10);
    assert!(sizes["large"].iter().all(|(_, bytes)| *bytes <= 6 << 20), "{:?}", sizes["large"]);
    assert!(counts("large").iter().any(|count| *count > 2), "they are gathered: {:?}", counts("large"));
}

#[test]
fn a_mapping_is_changed_switched_off_and_deleted_while_it_works() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let told = Arc::clone(&seen);
    let scene = Scene::start(move |event| {
        lock(&told).extend(records(event).iter().map(|record| text(record, "body").to_owned()));
        if text(&records(event)[0], "body") == "slow" {
            // As long as the function is to run.
            std::thread::sleep(Duration::from_secs(2));
        }
        (200, Vec::new())
    });
    scene.relayed.create(&scene.api, "f", 10);
    scene.sqs.create("q", &json!({ "VisibilityTimeout": "10" }));
    let uuid = scene.api.map("f", &queue_arn("q"), &json!({ "BatchSize": 1 }));
    scene.wait_for_state(&uuid, Some("Enabled"));
    scene.sqs.send("q", &bodies(["slow"]));
    wait("it runs", || lock(&seen).contains("slow"));
    let off = scene.api.remap(&uuid, &json!({ "Enabled": false }));
    assert_eq!((off.status, &off.body["State"]), (202, &json!("Disabling")));
    scene.sqs.send("q", &bodies(["later"]));
    assert_eq!(scene.api.mapping_state(&uuid).as_deref(), Some("Disabling"), "what has begun goes on");
    scene.wait_for_state(&uuid, Some("Disabled"));
    assert_eq!(scene.sqs.counts("q"), (1, 0), "what has begun was ended, and nothing more was asked for");
    let on = scene.api.remap(&uuid, &json!({ "Enabled": true, "BatchSize": 5 }));
    assert_eq!((&on.body["State"], &on.body["BatchSize"]), (&json!("Enabling"), &json!(5)));
    scene.wait_until_empty("q");
    assert!(lock(&seen).contains("later"));
    scene.sqs.send("q", &bodies(["slow"]));
    wait("it is taken", || scene.sqs.counts("q").0 == 0);
    let deleted = scene.api.call("DELETE", &format!("/2015-03-31/event-source-mappings/{uuid}"), None);
    assert_eq!((deleted.status, &deleted.body["State"]), (202, &json!("Deleting")));
    let again = scene.api.remap(&uuid, &json!({ "BatchSize": 1 }));
    assert_eq!((again.status, again.error_type.as_str()), (400, "ResourceInUseException"));
    scene.wait_for_state(&uuid, None);
    assert_eq!(scene.sqs.counts("q"), (0, 0), "what had begun was ended");
}

#[test]
fn boto3_and_the_aws_command_line_work_with_mappings() {
    let server = Server::start();
    let script = samovar_tests::root().join("tests/clients/event_sources.py");
    let output = std::process::Command::new(samovar_tests::python())
        .arg(script)
        .args([server.endpoint(), &samovar_tests::guest_path("batch")])
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn mappings_are_there_and_polled_after_a_new_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || Server::start_on(folder.path(), &["--quiet"]);
    let server = start();
    let (api, sqs) = (Api::of(&server), SqsClient::at(server.endpoint()));
    assert_eq!(api.create("f", &samovar_tests::guest("batch")).status, 201);
    sqs.create("q", &json!({}));
    let (on, off) = (api.map("f", &queue_arn("q"), &json!({})), {
        sqs.create("other", &json!({}));
        api.map("f", &queue_arn("other"), &json!({ "Enabled": false }))
    });
    server.kill();
    let server = start();
    let (api, sqs) = (Api::of(&server), SqsClient::at(server.endpoint()));
    wait("they are as they were", || {
        let states = [&on, &off].map(|uuid| api.mapping_state(uuid));
        states == ["Enabled", "Disabled"].map(|state| Some(state.to_owned()))
    });
    sqs.send("q", &bodies(["a"]));
    wait("it is polled", || sqs.counts("q") == (0, 0));
    let listed = samovar_tests::samovar().args(["sources", "list", "--endpoint", server.endpoint()]).output();
    let listed = String::from_utf8(listed.expect("it runs").stdout).expect("text");
    let line = listed.lines().find(|line| line.starts_with(&on)).expect("it is listed");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, [on.as_str(), "f", "q", "Enabled", "10", "OK"]);
    assert_eq!(server.terminate(), Some(0));
}
