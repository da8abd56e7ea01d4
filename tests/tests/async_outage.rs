//! Queues that are away, busy or silent: nothing is lost, and nobody else waits for them.

use std::time::Duration;

use samovar_tests::{Api, Behaviour, Fate, Handler, Ledger, Server, Sink, SqsServer, queue_arn, record_of};
use serde_json::json;
use tokio::time::Instant;

/// An hour takes six seconds: a queue that is missing is looked for for half a minute.
const SCALE: [&str; 2] = ["--event-time-scale", "600"];
/// An hour takes a second.
const FAST: [&str; 2] = ["--event-time-scale", "3600"];
const EVENTS: usize = 200;
const LIMIT: Duration = Duration::from_secs(60);

fn create(api: &Api, name: &str, queue: &str) {
    assert_eq!(api.create(name, &Handler::default().build()).status, 201);
    let destinations = json!({ "OnSuccess": { "Destination": queue_arn(queue) } });
    api.put_event_config(name, &json!({ "DestinationConfig": destinations }));
}

fn send(api: &Api, name: &str, ledger: &mut Ledger) {
    for _ in 0..EVENTS {
        let id = ledger.draw();
        let (status, request_id) = api.try_send_event(name, &json!({ "id": id })).expect("an answer");
        assert_eq!(status, 202);
        ledger.accept(id, request_id);
    }
}

/// What a queue has been told, at the latest when it is so much.
fn told(sink: &Sink, queue: &str, count: usize) -> Vec<Fate> {
    let began = Instant::now();
    loop {
        let messages = sink.recorder().messages();
        let fates: Vec<Fate> =
            messages.iter().filter(|message| message.queue() == queue).map(Fate::of).collect();
        if fates.len() >= count || began.elapsed() > LIMIT {
            return fates;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How long the events of a healthy function take from the first sent to the last told of.
fn healthy(api: &Api, sink: &Sink, rounds: usize) -> Duration {
    let mut ledger = Ledger::default();
    let before = told(sink, "well", 0).len();
    assert_eq!(before, rounds * EVENTS);
    let began = Instant::now();
    send(api, "healthy", &mut ledger);
    let fates = told(sink, "well", before + EVENTS);
    let took = began.elapsed();
    assert_eq!(ledger.check(&fates[before..], 0).expect("all is well").accepted, EVENTS);
    took
}

#[test]
fn a_queue_that_is_away_for_hours_costs_no_event_and_nobody_elses_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::start();
    let server = sink.serve(folder.path(), &[&SCALE[..], &["--sqs-send-seconds", "1"]].concat());
    let api = Api::of(&server);
    create(&api, "healthy", "well");
    create(&api, "unlucky", "ill");
    sink.recorder().let_queue("well", Behaviour::Taking);
    let usual = healthy(&api, &sink, 0);
    let mut ledger = Ledger::default();
    for (round, behaviour) in
        [Behaviour::Throttling, Behaviour::Hanging, Behaviour::Failing, Behaviour::Closing, Behaviour::Gone]
            .into_iter()
            .enumerate()
    {
        sink.recorder().let_queue("ill", behaviour.clone());
        send(&api, "unlucky", &mut ledger);
        let meanwhile = healthy(&api, &sink, round + 1);
        println!("{behaviour:?}: {EVENTS} events of another function took {meanwhile:?}, usually {usual:?}");
        assert!(meanwhile < usual * 2 + Duration::from_secs(1), "{behaviour:?}: {meanwhile:?}, {usual:?}");
        assert_eq!(told(&sink, "ill", 0).len(), round * EVENTS, "{behaviour:?}: nothing is told");
        // Time in which it is tried again: ten minutes of it.
        std::thread::sleep(Duration::from_secs(1));
        sink.recorder().let_queue("ill", Behaviour::Taking);
        let fates = told(&sink, "ill", (round + 1) * EVENTS);
        // A message to which no answer came in time may have been taken.
        let found = ledger.check(&fates, 0);
        let found = found.unwrap_or_else(|problems| panic!("{behaviour:?}: {problems:#?}"));
        assert_eq!(found.accepted, (round + 1) * EVENTS);
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_server_of_queues_that_is_stopped_for_hours_gets_everything_when_it_goes_on() {
    let Some(outside) = SqsServer::start() else { return };
    let sqs = |operation: &str, body: serde_json::Value| {
        let address = outside.endpoint().strip_prefix("http://").expect("an http URL");
        let head = format!(
            "POST / HTTP/1.1\nHost: {address}\nContent-Type: application/x-amz-json-1.0\nX-Amz-Target: AmazonSQS.{operation}\n\
             Authorization: AWS4-HMAC-SHA256 Credential=any/20261130/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"
        );
        let answer = samovar_tests::raw_request(address, &head, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{operation}: {answer:?}");
        answer.json()
    };
    let url = sqs("CreateQueue", json!({ "QueueName": "fates" }))["QueueUrl"].clone();
    let credentials = [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")];
    let arguments =
        [&FAST[..], &["--quiet", "--sqs", outside.endpoint(), "--sqs-send-seconds", "1"]].concat();
    let server = Server::start_in(&credentials, &arguments);
    let api = Api::of(&server);
    create(&api, "f", "fates");
    let mut ledger = Ledger::default();
    outside.stop();
    send(&api, "f", &mut ledger);
    // Hours of the events' time, in which it is tried again and again.
    std::thread::sleep(Duration::from_secs(4));
    outside.go_on();
    let mut fates = Vec::new();
    let mut last = Instant::now();
    // Those that were sent while it was stopped are taken afterwards, too: an answer that comes too late is none.
    while last.elapsed() < Duration::from_secs(5) && ledger.check(&fates, usize::MAX).is_err() {
        let received = sqs(
            "ReceiveMessage",
            json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1 }),
        );
        for message in received["Messages"].as_array().into_iter().flatten() {
            let body = message["Body"].as_str().expect("a body").to_owned();
            let attributes = std::collections::BTreeMap::new();
            let message = samovar_tests::RecordedMessage {
                id: String::new(),
                queue_url: String::new(),
                body,
                attributes,
                trace_header: None,
            };
            assert_eq!(record_of(&message)["requestContext"]["condition"], "Success");
            fates.push(Fate::of(&message));
            last = Instant::now();
        }
    }
    let found = ledger.check(&fates, usize::MAX);
    println!("stopped for hours: {found:?}");
    let found = found.unwrap_or_else(|problems| panic!("{} problems: {problems:#?}", problems.len()));
    assert_eq!(found.accepted, EVENTS);
    assert_eq!(server.terminate(), Some(0));
}
