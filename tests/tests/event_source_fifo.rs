//! A hundred groups of a FIFO queue with a hundred messages each, and failures at random: within each group every message is processed
//! after the one before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use samovar_tests::{Api, Relayed, Server, SqsClient};
use serde_json::{Value, json};
use tokio::time::Instant;

const GROUPS: usize = 100;
const MESSAGES_PER_GROUP: usize = 100;
/// Of a hundred messages so many fail, each time.
const FAILURES_PERCENT: u8 = 2;
/// Of a hundred batches so many fail as a whole.
const ERRORS_PERCENT: u8 = 1;
const PATIENCE: Duration = Duration::from_secs(240);
const SEED: u64 = 70;

/// What has been processed.
struct State {
    random: fastrand::Rng,
    /// The number of the message that is next, by group.
    next: BTreeMap<String, usize>,
    processed: usize,
    failed: usize,
    errors: usize,
    out_of_order: Vec<String>,
}

impl State {
    fn decide(&mut self, event: &Value) -> (u16, Vec<u8>) {
        if self.random.u8(0..100) < ERRORS_PERCENT {
            self.errors += 1;
            return (500, Vec::new());
        }
        let mut failures = Vec::new();
        let mut stopped = BTreeMap::new();
        for record in event["Records"].as_array().expect("records") {
            let group = record["attributes"]["MessageGroupId"].as_str().expect("a group").to_owned();
            // As one processes a FIFO queue: after the first failure of a group nothing more of it is begun.
            let fails = stopped.contains_key(&group) || self.random.u8(0..100) < FAILURES_PERCENT;
            if fails {
                self.failed += 1;
                stopped.insert(group, ());
                failures.push(json!({ "itemIdentifier": record["messageId"] }));
                continue;
            }
            let number: usize = record["body"].as_str().expect("a text").parse().expect("a number");
            let next = self.next.entry(group.clone()).or_default();
            if *next == number {
                *next += 1;
                self.processed += 1;
            } else {
                self.out_of_order.push(format!("group {group}: {number} instead of {next}"));
            }
        }
        (200, json!({ "batchItemFailures": failures }).to_string().into_bytes())
    }
}

#[test]
fn the_order_within_each_group_is_kept() {
    let state = Arc::new(Mutex::new(State {
        random: fastrand::Rng::with_seed(SEED),
        next: BTreeMap::new(),
        processed: 0,
        failed: 0,
        errors: 0,
        out_of_order: Vec::new(),
    }));
    let deciding = Arc::clone(&state);
    let relayed =
        Relayed::start(move |event| deciding.lock().unwrap_or_else(PoisonError::into_inner).decide(event));
    let arguments = relayed.arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--quiet"]).collect();
    let server = Server::start_with(&arguments);
    let (api, sqs) = (Api::of(&server), SqsClient::at(server.endpoint()));
    relayed.create(&api, "f", 1);
    let attributes = json!({ "FifoQueue": "true", "VisibilityTimeout": "1" });
    sqs.create("q.fifo", &attributes);
    let settings = json!({ "FunctionResponseTypes": ["ReportBatchItemFailures"] });
    api.map("f", "arn:aws:sqs:us-east-1:000000000000:q.fifo", &settings);
    let began = Instant::now();
    for number in 0..MESSAGES_PER_GROUP {
        for first in (0..GROUPS).step_by(10) {
            let message = |group: usize| {
                json!({
                    "MessageBody": number.to_string(), "MessageGroupId": group.to_string(),
                    "MessageDeduplicationId": format!("{group}-{number}"),
                })
            };
            sqs.send("q.fifo", &(first..first + 10).map(message).collect::<Vec<_>>());
        }
    }
    while sqs.counts("q.fifo") != (0, 0) {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {:?} are left", sqs.counts("q.fifo"));
        std::thread::sleep(Duration::from_millis(100));
    }
    let state = state.lock().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{} messages in {:?}, {} failures and {} failed batches",
        state.processed,
        began.elapsed(),
        state.failed,
        state.errors
    );
    assert_eq!(state.out_of_order, Vec::<String>::new());
    assert_eq!(state.processed, GROUPS * MESSAGES_PER_GROUP);
    assert!(state.failed > 50 && state.errors > 2, "there were failures");
}
