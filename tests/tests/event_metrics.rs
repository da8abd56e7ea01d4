//! What is counted of functions' events and of the queues that are built in.

use samovar_tests::{Api, Scrape, Server, SqsClient, guest, queue_arn};
use serde_json::{Value, json};

const INVOCATIONS: &str = "samovar_lambda_invocations_total";
const ERRORS: &str = "samovar_lambda_errors_total";
const RECEIVED: &str = "samovar_lambda_async_events_received_total";
const DROPPED: &str = "samovar_lambda_async_events_dropped_total";
const CIRCLES: &str = "samovar_lambda_recursive_invocations_dropped_total";
const DEAD_LETTER_ERRORS: &str = "samovar_lambda_dead_letter_errors_total";

fn create(api: &Api, name: &str) {
    let reply = api.create(name, &guest(name));
    assert_eq!(reply.status, 201, "{reply:?}");
}

/// Gives a function an event that is to be run later.
fn send_event(api: &Api, name: &str, event: &Value) {
    let (status, _) = api.try_send_event(name, event).expect("an answer");
    assert_eq!(status, 202);
}

/// Says where events of a function are to be told that fail.
fn set_on_failure(api: &Api, name: &str, queue: &str) {
    let destination = json!({ "OnFailure": { "Destination": queue_arn(queue) } });
    api.put_event_config(name, &json!({ "DestinationConfig": destination }));
}

fn set_dead_letter_queue(api: &Api, name: &str, queue: &str) {
    let body = json!({ "DeadLetterConfig": { "TargetArn": queue_arn(queue) } });
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
    send_event(&api, "hello", &json!({}));
    send_event(&api, "hello", &json!({}));
    send_event(&api, "fails", &json!({"id": 7}));
    let ended = |scrape: &Scrape| events_in(scrape, "finished") == 2 && events_in(scrape, "dead") == 1;
    let scrape = Scrape::until(&server, ended);
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
    scrape.check();

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
    SqsClient::at(server.endpoint()).create("failed", &json!({}));
    set_on_failure(&api, "fails", "failed");
    set_dead_letter_queue(&api, "exits", "missing");
    assert_eq!(Scrape::of(&server).count("samovar_sqs_messages_visible", &[("queue_name", "failed")]), 0);
    send_event(&api, "fails", &json!({"id": 7}));
    let told = |scrape: &Scrape| events_in(scrape, "finished") == 1;
    let scrape = Scrape::until(&server, told);
    let in_queue = |what: &str| scrape.count(&format!("samovar_sqs_{what}"), &[("queue_name", "failed")]);
    let messages = ["messages_visible", "messages_not_visible", "messages_delayed"].map(in_queue);
    assert_eq!(messages, [1, 0, 0]);
    assert_eq!((events_of(&scrape, "fails"), events_in(&scrape, "dead")), ([1, 3, 1], 0));
    assert_eq!(scrape.count("samovar_lambda_destination_delivery_failures_total", &[]), 0);

    send_event(&api, "exits", &json!({"code": 3}));
    let of = [("function_name", "exits")];
    let scrape = Scrape::until(&server, |scrape| scrape.count(DEAD_LETTER_ERRORS, &of) > 1);
    assert_eq!((events_in(&scrape, "delivering"), scrape.count("samovar_async_messages", &[])), (1, 1));
    assert_eq!(events_of(&scrape, "exits"), [1, 3, 1], "it is dropped once, however often it cannot be told");
    SqsClient::at(server.endpoint()).create("missing", &json!({}));
    let scrape = Scrape::until(&server, |scrape| events_in(scrape, "finished") == 2);
    assert_eq!(scrape.count("samovar_sqs_messages_visible", &[("queue_name", "missing")]), 1);
    assert_eq!(scrape.count("samovar_async_messages", &[]), 0);
    scrape.check();
}
