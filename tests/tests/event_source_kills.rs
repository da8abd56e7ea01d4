//! Thousands of messages, one in twenty of which always fails, while the host is killed again and again: every good one is processed
//! and deleted, every bad one comes to its queue's dead letters, and what is processed twice was in a host's hands when it was killed.
//!
//! The queue that is built in gets ten thousand. The other server takes longer for each the more it has, so it never has many at a time,
//! and gets a thousand; `cargo xtask test --outside-messages 10000` gives it as many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use samovar_tests::{Api, Relayed, Server, SqsClient, SqsServer};
use serde_json::{Value, json};
use tokio::time::Instant;

const MESSAGES: usize = 10_000;
/// How many go through a server that is not ours.
const MESSAGES_OUTSIDE: usize = 1_000;
/// How many of them it has at a time, about.
const WAITING_MAX_OUTSIDE: usize = 100;
/// Every so many-th message fails.
const POISON_EVERY: usize = 20;
const KILLS: usize = 5;
const SEED: u64 = 7;
/// How long a host lives before it is killed, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 300..1_500;
/// How often a message is received before it is a dead letter: more often than hosts are killed, as a kill is one receive.
const RECEIVES_MAX: u32 = 6;
/// How long nothing may change while something is to.
const PATIENCE: Duration = Duration::from_secs(60);

/// In which lives of the host each message was handed to the function, by its number.
type Sightings = BTreeMap<usize, Vec<usize>>;

fn number(text: &Value) -> usize {
    let body: Value = serde_json::from_str(text.as_str().expect("a text")).expect("JSON");
    body["n"].as_u64().expect("a number") as usize
}

fn is_poison(number: usize) -> bool {
    number.is_multiple_of(POISON_EVERY)
}

/// Sends all messages, so that no more than so many wait at a time.
fn send(sqs: &SqsClient, messages: usize, waiting_max: usize) {
    for first in (0..messages).step_by(10) {
        let began = Instant::now();
        while waiting_max < messages && waiting(sqs) > waiting_max {
            assert!(began.elapsed() < PATIENCE, "nothing is taken");
            std::thread::sleep(Duration::from_millis(20));
        }
        let body = |number: usize| json!({ "MessageBody": json!({ "n": number }).to_string() });
        sqs.send("q", &(first..first + 10).map(body).collect::<Vec<_>>());
    }
}

/// How many messages a queue has.
fn waiting(sqs: &SqsClient) -> usize {
    let (visible, with_somebody) = sqs.counts("q");
    visible + with_somebody
}

/// Notes which messages come in which life of the host, and lets the bad ones fail.
fn relayed(sightings: &Arc<Mutex<Sightings>>, life: &Arc<AtomicUsize>) -> Relayed {
    let (seen, current) = (Arc::clone(sightings), Arc::clone(life));
    Relayed::start(move |event| {
        let (mut failures, life) = (Vec::new(), current.load(Ordering::SeqCst));
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for record in event["Records"].as_array().expect("records") {
            let number = number(&record["body"]);
            seen.entry(number).or_default().push(life);
            if is_poison(number) {
                failures.push(json!({ "itemIdentifier": record["messageId"] }));
            }
        }
        (200, json!({ "batchItemFailures": failures }).to_string().into_bytes())
    })
}

/// Lets messages go through hosts that are killed; their queues are in the host itself, or in another server.
fn run(messages: usize, outside: Option<&SqsServer>) {
    let (sightings, life) = (Arc::default(), Arc::default());
    let relayed = relayed(&sightings, &life);
    let folder = tempfile::tempdir().expect("a folder");
    let mut arguments: Vec<String> = relayed.arguments().into();
    arguments.push("--quiet".to_owned());
    arguments.extend(outside.iter().flat_map(|server| ["--sqs".to_owned(), server.endpoint().to_owned()]));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let key = [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")];
    let start = || Server::start_on_in(folder.path(), &key, &arguments);
    let client = |server: &Server| match outside {
        Some(outside) => SqsClient::at(outside.endpoint()),
        None => SqsClient::at(server.endpoint()),
    };

    let server = start();
    relayed.create(&Api::of(&server), "f", 1);
    let sqs = client(&server);
    sqs.create_with_dead_letters("q", "dead", RECEIVES_MAX, json!({ "VisibilityTimeout": "1" }));
    if outside.is_none() {
        send(&sqs, messages, messages);
    }
    let queue = "arn:aws:sqs:us-east-1:000000000000:q";
    let settings = json!({ "FunctionResponseTypes": ["ReportBatchItemFailures"] });
    Api::of(&server).map("f", queue, &settings);
    let (mut random, began) = (fastrand::Rng::with_seed(SEED), Instant::now());
    let server = std::thread::scope(|scope| {
        let mut server = server;
        if outside.is_some() {
            scope.spawn(|| send(&sqs, messages, WAITING_MAX_OUTSIDE));
        }
        for _ in 0..KILLS {
            // The moment of the crash, not a wait for anything.
            std::thread::sleep(Duration::from_millis(random.u64(LIFE_MS)));
            server.kill();
            life.fetch_add(1, Ordering::SeqCst);
            server = start();
        }
        server
    });
    let (sqs, bad) = (client(&server), messages / POISON_EVERY);
    let (mut left, mut changed) = (usize::MAX, Instant::now());
    while left > 0 {
        let now = waiting(&sqs) + bad.saturating_sub(sqs.counts("dead").0);
        if now != left {
            (left, changed) = (now, Instant::now());
        }
        assert!(changed.elapsed() < PATIENCE, "nothing changes any more: {left} are left");
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = began.elapsed();
    let dead: BTreeSet<usize> = sqs.drain("dead").iter().map(|message| number(&message["Body"])).collect();
    let expected: BTreeSet<usize> = (0..messages).filter(|number| is_poison(*number)).collect();
    assert_eq!(dead, expected, "every bad message is among the dead letters, and no good one");
    let sightings = sightings.lock().unwrap_or_else(PoisonError::into_inner);
    let good = || sightings.iter().filter(|(number, _)| !is_poison(**number));
    assert_eq!(good().count(), messages - bad, "every good message was processed");
    let twice = good().filter(|(_, lives)| lives.len() > 1).count();
    println!(
        "{messages} messages, {KILLS} kills: all over after {took:.1?}; {twice} good messages were processed more than once"
    );
    for (number, lives) in good() {
        let different: BTreeSet<&usize> = lives.iter().collect();
        assert_eq!(
            different.len(),
            lives.len(),
            "message {number} was processed twice without a kill: {lives:?}"
        );
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn no_message_of_a_queue_that_is_built_in_is_lost() {
    run(MESSAGES, None);
}

#[test]
fn no_message_of_a_queue_outside_is_lost() {
    let Some(server) = SqsServer::start() else { return };
    let messages = std::env::var("SAMOVAR_OUTSIDE_MESSAGES")
        .map_or(MESSAGES_OUTSIDE, |number| number.parse().expect("a number"));
    run(messages, Some(&server));
}
