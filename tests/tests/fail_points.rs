//! A host that dies at one named place between accepting an event and having told of its end: what is found by the next one is as it
//! was before that place or as it is after it, and never in between.

use std::time::Duration;

use samovar_tests::{Api, Scrape, Server, Sink, guest, queue_arn};
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long something may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// The dead-letter queue that is built in.
const LETTERS: &str = "letters";

/// What is to be found after a crash at one place.
struct Expected {
    point: &'static str,
    /// Whether the client had its 202; either, if that came at about the same time.
    is_heard: Option<bool>,
    /// How often the queue is told in the end.
    copies: usize,
}

const fn expected(point: &'static str, is_heard: Option<bool>, copies: usize) -> Expected {
    Expected { point, is_heard, copies }
}

/// An event that succeeds, and a queue outside that is told: the commits are that it is accepted, that it is claimed, that it has
/// ended, and that the queue has been told.
const OUTSIDE: [Expected; 13] = [
    expected("journal.before-commit:1", Some(false), 0),
    expected("journal.after-commit:1", Some(false), 1),
    expected("event.answer", Some(false), 1),
    expected("journal.before-commit:2", None, 1),
    expected("journal.after-commit:2", None, 1),
    expected("event.run", None, 1),
    expected("event.ran", Some(true), 1),
    expected("journal.before-commit:3", Some(true), 1),
    expected("journal.after-commit:3", Some(true), 1),
    expected("event.send", Some(true), 1),
    // At least once: the queue has it, and nobody knows.
    expected("event.sent", Some(true), 2),
    expected("journal.before-commit:4", Some(true), 2),
    expected("journal.after-commit:4", Some(true), 1),
];

/// An event that fails, and a dead-letter queue of the host's own, whose message is a commit between the two last ones.
const INSIDE: [Expected; 9] = [
    expected("journal.before-commit:3", Some(true), 1),
    expected("journal.after-commit:3", Some(true), 1),
    expected("event.send", Some(true), 1),
    expected("journal.before-commit:4", Some(true), 1),
    expected("journal.after-commit:4", Some(true), 2),
    expected("event.sent", Some(true), 2),
    expected("journal.before-commit:5", Some(true), 2),
    expected("journal.after-commit:5", Some(true), 1),
    expected("event.ran", Some(true), 1),
];

/// Starts a host that dies at a place, sends it an event, and waits for its end; says whether the client had its 202.
fn die(start: impl FnOnce(&[(&str, &str)]) -> Server, point: &str) -> bool {
    let server = start(&[("SAMOVAR_FAIL_POINT", point)]);
    let answer = Api::of(&server).try_send_event("f", &json!({ "id": 0, "ms": 100 }));
    let is_heard = matches!(answer, Ok((202, _)));
    assert!(is_heard || answer.is_err(), "{point}: {answer:?}");
    assert_eq!(server.ended(), None, "{point}: the host ends by a signal of its own");
    is_heard
}

/// Waits until no event is on its way.
fn until_rested(server: &Server) {
    let began = Instant::now();
    let on_their_way = || {
        let scrape = Scrape::of(server);
        let states = ["queued", "running", "delivering"];
        states.map(|state| scrape.count("samovar_async_events", &[("state", state)])).iter().sum::<u64>()
    };
    while on_their_way() > 0 {
        assert!(began.elapsed() < PATIENCE, "an event does not come to its end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_event_is_before_or_after_each_step_and_an_outside_queue_is_told() {
    for Expected { point, is_heard, copies } in OUTSIDE {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sink = Sink::start();
        let server = sink.serve(folder.path(), &[]);
        let api = Api::of(&server);
        assert_eq!(api.create("f", &guest("sleeper")).status, 201);
        api.tell_sink("f");
        server.kill();

        let was_heard = die(|environment| sink.serve_in(folder.path(), environment, &[]), point);
        assert!(is_heard.is_none_or(|is_heard| is_heard == was_heard), "{point}: heard {was_heard}");
        let server = sink.serve(folder.path(), &[]);
        until_rested(&server);
        let fates = sink.fates();
        assert_eq!(fates.len(), copies, "{point}: {fates:?}");
        let [first, others @ ..] = fates else { continue };
        assert!(others.iter().all(|other| other == first), "{point}: {fates:?}");
        let shown = Api::of(&server).call("GET", &format!("/samovar/events/{}", first.request_id), None);
        assert_eq!((shown.status, &shown.body["State"]), (200, &json!("Succeeded")), "{point}: {shown:?}");
        assert_eq!(server.terminate(), Some(0));
    }
}

#[test]
fn an_event_is_before_or_after_each_step_and_a_queue_inside_is_told() {
    for Expected { point, is_heard, copies } in INSIDE {
        let folder = tempfile::tempdir().expect("a folder");
        let start =
            |environment: &[(&str, &str)]| Server::start_on_in(folder.path(), environment, &["--quiet"]);
        let server = start(&[]);
        let api = Api::of(&server);
        assert_eq!(api.create("f", &guest("fails")).status, 201);
        sqs(&api, "CreateQueue", &json!({ "QueueName": LETTERS }));
        let config = json!({ "DeadLetterConfig": { "TargetArn": queue_arn(LETTERS) } });
        assert_eq!(api.call("PUT", "/2015-03-31/functions/f/configuration", Some(&config)).status, 200);
        api.put_event_config("f", &json!({ "MaximumRetryAttempts": 0 }));
        server.kill();

        let was_heard = die(start, point);
        assert!(is_heard.is_none_or(|is_heard| is_heard == was_heard), "{point}: heard {was_heard}");
        let server = start(&[]);
        until_rested(&server);
        let letters = letters(&Api::of(&server));
        assert_eq!(letters.len(), copies, "{point}: {letters:?}");
        let request_ids: Vec<&Value> =
            letters.iter().map(|letter| &letter["MessageAttributes"]["RequestID"]["StringValue"]).collect();
        assert!(request_ids.iter().all(|id| *id == request_ids[0]), "{point}: {letters:?}");
        assert_eq!(server.terminate(), Some(0));
    }
}

/// The messages of the dead-letter queue.
fn letters(api: &Api) -> Vec<Value> {
    let url = sqs(api, "GetQueueUrl", &json!({ "QueueName": LETTERS }))["QueueUrl"].clone();
    let request = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
    sqs(api, "ReceiveMessage", &request)["Messages"].as_array().cloned().unwrap_or_default()
}

/// An operation of SQS.
fn sqs(api: &Api, operation: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    let reply = api.try_call_with(&headers, "POST", "/", Some(body)).expect("an answer");
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}
