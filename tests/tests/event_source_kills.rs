//! Thousands of messages, one in twenty of which always fails, while the host is killed again and again: every good one is processed
//! and deleted, every bad one comes to its queue's dead letters, and what is processed twice was in a host's hands when it was killed.
//!
//! The queue that is built in gets ten thousand. The other server takes longer for each the more it has, and loses some that come while
//! others are deleted; so it gets them in waves, between which nobody polls. `cargo xtask test --outside-messages 10000` gives it as many.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use samovar_tests::{Api, Relayed, Server, SqsClient, SqsServer};
use serde_json::{Value, json};
use tokio::time::Instant;

const MESSAGES: usize = 10_000;
/// How many go through a server that is not ours, and how many of them at a time.
const MESSAGES_OUTSIDE: usize = 500;
const WAVE_OUTSIDE: usize = 500;
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

/// Sends these messages.
fn send(sqs: &SqsClient, numbers: Range<usize>) {
    for first in numbers.step_by(10) {
        let body = |number: usize| json!({ "MessageBody": json!({ "n": number }).to_string() });
        sqs.send("q", &(first..first + 10).map(body).collect::<Vec<_>>());
    }
}

/// Lets a mapping poll or not, and waits until it does so.
fn switch(api: &Api, uuid: &str, enabled: bool) {
    assert_eq!(api.remap(uuid, &json!({ "Enabled": enabled })).status, 202);
    let (state, began) = (if enabled { "Enabled" } else { "Disabled" }, Instant::now());
    while api.mapping_state(uuid).as_deref() != Some(state) {
        assert!(began.elapsed() < PATIENCE, "it does not become {state}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until nothing is left but what is among the dead letters.
fn wait_until_done(sqs: &SqsClient, dead: usize) {
    let (mut left, mut changed) = (usize::MAX, Instant::now());
    while left > 0 {
        let now = waiting(sqs) + dead.saturating_sub(sqs.counts("dead").0);
        if now != left {
            (left, changed) = (now, Instant::now());
        }
        assert!(changed.elapsed() < PATIENCE, "nothing changes any more: {left} are left");
        std::thread::sleep(Duration::from_millis(100));
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

/// Lets messages go in waves through hosts, the first of which are killed; their queues are in the host itself, or in another server.
fn run(messages: usize, wave: usize, outside: Option<&SqsServer>) {
    let (sightings, life) = (Arc::default(), Arc::<AtomicUsize>::default());
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

    let mut server = start();
    relayed.create(&Api::of(&server), "f", 1);
    let sqs = client(&server);
    sqs.create_with_dead_letters("q", "dead", RECEIVES_MAX, json!({ "VisibilityTimeout": "1" }));
    let queue = "arn:aws:sqs:us-east-1:000000000000:q";
    let settings = json!({ "FunctionResponseTypes": ["ReportBatchItemFailures"], "Enabled": false });
    let uuid = Api::of(&server).map("f", queue, &settings);
    let (mut random, began) = (fastrand::Rng::with_seed(SEED), Instant::now());
    for first in (0..messages).step_by(wave) {
        let end = messages.min(first + wave);
        send(&client(&server), first..end);
        switch(&Api::of(&server), &uuid, true);
        while life.load(Ordering::SeqCst) < KILLS {
            // The moment of the crash, not a wait for anything.
            std::thread::sleep(Duration::from_millis(random.u64(LIFE_MS)));
            server.kill();
            life.fetch_add(1, Ordering::SeqCst);
            server = start();
        }
        wait_until_done(&client(&server), end / POISON_EVERY);
        switch(&Api::of(&server), &uuid, false);
    }
    let (sqs, bad) = (client(&server), messages / POISON_EVERY);
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
    // The other server may forget a deletion that is made beside another, so that nobody can tell there who was to blame.
    for (number, lives) in good().filter(|_| outside.is_none()) {
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
    run(MESSAGES, MESSAGES, None);
}

#[test]
fn no_message_of_a_queue_outside_is_lost() {
    let Some(server) = SqsServer::start() else { return };
    let messages = std::env::var("SAMOVAR_OUTSIDE_MESSAGES")
        .map_or(MESSAGES_OUTSIDE, |number| number.parse().expect("a number"));
    run(messages, WAVE_OUTSIDE, Some(&server));
}
