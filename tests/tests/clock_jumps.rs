//! The clock on the wall jumps by an hour or a day, either way, while events wait: nothing fires twice, and nothing is too old.
//! `cargo xtask test clock_jumps` runs these tests alone, with those of the queues that are built in.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::thread::JoinHandle;
use std::time::Duration;

use samovar_tests::{
    Api, Behaviour, RecordedMessage, Scrape, Server, Sink, WallClock, guest, queue_arn, record_of,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// How much faster all waits of events are.
const SCALE: u32 = 30;
/// The waits before the second and the third attempt: one minute and two.
const FIRST_RETRY: Duration = Duration::from_secs(60 / SCALE as u64);
const SECOND_RETRY: Duration = Duration::from_secs(120 / SCALE as u64);
/// How old an event may become that is to become too old here.
const AGE_SECONDS: u32 = 300;
/// When it may be found to be so at the earliest: waits double, and the one that is too long comes after half the time.
const TOO_OLD_AFTER: Duration = Duration::from_secs((AGE_SECONDS / SCALE / 2) as u64);
/// Of each kind.
const EVENTS: usize = 10;
/// How long anything may take that takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server whose clock jumps, and those who are told of its events.
struct Scene {
    clock: WallClock,
    sink: Sink,
    folder: TempDir,
    /// The ids of requests, by function, in the order in which they were accepted.
    accepted: BTreeMap<&'static str, Vec<String>>,
}

/// One process of the server.
struct Life {
    server: Server,
    api: Api,
    /// Invocations that keep functions from running anything else, until the server ends.
    occupants: Vec<JoinHandle<()>>,
}

impl Scene {
    /// A folder with functions; none where the clock cannot be had.
    fn new() -> Option<Self> {
        let clock = WallClock::new()?;
        let folder = tempfile::tempdir().expect("a folder");
        let scene = Self { clock, sink: Sink::start(), folder, accepted: BTreeMap::new() };
        let life = scene.start();
        for (name, code) in [
            // Fails, is tried again twice, and then there are a record and a dead letter.
            ("failing", "fails"),
            // Succeeds, which nobody can be told for a while.
            ("told", "echo"),
            // Succeeds, which is remembered.
            ("quick", "echo"),
            // Cannot run for a while; one may wait for hours, and the other becomes too old.
            ("patient", "sleeper"),
            ("brief", "sleeper"),
        ] {
            assert_eq!(life.api.create(name, &guest(code)).status, 201);
        }
        let to = |queue: &str| json!({ "Destination": queue_arn(queue) });
        for (name, age_seconds, destinations) in [
            ("failing", 21_600, json!({ "OnFailure": to("failed") })),
            ("told", 21_600, json!({ "OnSuccess": to("late"), "OnFailure": to("wrong") })),
            ("patient", 21_600, json!({ "OnSuccess": to("ran"), "OnFailure": to("wrong") })),
            ("brief", AGE_SECONDS, json!({ "OnSuccess": to("wrong"), "OnFailure": to("expired") })),
        ] {
            let config =
                json!({ "MaximumEventAgeInSeconds": age_seconds, "DestinationConfig": destinations });
            life.api.put_event_config(name, &config);
        }
        life.configure("failing", &json!({ "DeadLetterConfig": { "TargetArn": queue_arn("dead") } }));
        for name in ["patient", "brief"] {
            life.configure(name, &json!({ "Timeout": 900 }));
            life.let_run(name, 1);
        }
        assert_eq!(life.end(), Some(0));
        Some(scene)
    }

    fn start(&self) -> Life {
        let environment = self.clock.environment();
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let scale = SCALE.to_string();
        let arguments = ["--event-time-scale", &scale];
        let server = self.sink.serve_in(self.folder.path(), &environment, &arguments);
        Life { api: Api::of(&server), server, occupants: Vec::new() }
    }

    fn send(&mut self, life: &Life, name: &'static str) {
        for number in 0..EVENTS {
            let event = json!({ "id": number, "ms": 0 });
            let (status, request_id) = life.api.try_send_event(name, &event).expect("an answer");
            assert_eq!(status, 202);
            self.accepted.entry(name).or_default().push(request_id);
        }
    }

    /// The messages that a queue has been told.
    fn told(&self, queue: &str) -> Vec<RecordedMessage> {
        let messages = self.sink.recorder().messages();
        messages.into_iter().filter(|message| message.queue() == queue).collect()
    }

    fn late_queue_is(&self, behaviour: Behaviour) {
        self.sink.recorder().let_queue("late", behaviour);
    }

    /// All of a function's events were told of, once each, by a record that says this.
    fn check_records(&self, name: &str, queue: &str, condition: &str, attempts: RangeInclusive<u64>) {
        let mut told: Vec<String> = Vec::new();
        for message in self.told(queue) {
            let context = record_of(&message)["requestContext"].clone();
            assert_eq!(context["condition"], condition, "{context}");
            let count = context["approximateInvokeCount"].as_u64();
            assert!(count.is_some_and(|count| attempts.contains(&count)), "not {attempts:?}: {context}");
            told.push(context["requestId"].as_str().expect("an id").to_owned());
        }
        self.check_once(name, queue, told);
    }

    fn check_once(&self, name: &str, queue: &str, mut told: Vec<String>) {
        let mut accepted = self.accepted[name].clone();
        accepted.sort();
        told.sort();
        assert_eq!(told, accepted, "{queue} is told of each event of {name}, once");
    }

    /// What has to be true in the end, when nothing waits any more, of a server that was killed so often while events waited.
    fn check(&self, life: &Life, kills: u64) {
        self.check_records("failing", "failed", "RetriesExhausted", 3..=3);
        let letters = self.told("dead");
        let letters = letters.iter().map(|letter| letter.attributes["RequestID"].text().to_owned());
        self.check_once("failing", "dead", letters.collect());
        self.check_records("told", "late", "Success", 1..=1);
        // Whether there is a place for one is seen once it has been taken for a run, which a kill may come between.
        self.check_records("patient", "ran", "Success", 1..=1 + kills);
        assert_eq!(self.told("wrong"), []);
        for id in &self.accepted["quick"] {
            let event = life.event(id);
            assert_eq!(
                (&event["State"], &event["Result"]["ms"]),
                (&json!("Succeeded"), &json!(0)),
                "{event}"
            );
        }
        let ready = life.api.call("GET", "/readyz", None);
        assert_eq!(ready.status, 200, "{ready:?}");
    }
}

impl Life {
    fn configure(&self, name: &str, configuration: &Value) {
        let path = format!("/2015-03-31/functions/{name}/configuration");
        let reply = self.api.call("PUT", &path, Some(configuration));
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// Lets so many of a function run at a time.
    fn let_run(&self, name: &str, count: u32) {
        let path = format!("/2017-10-31/functions/{name}/concurrency");
        let reply = self.api.call("PUT", &path, Some(&json!({ "ReservedConcurrentExecutions": count })));
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// Lets an invocation take the one place that a function has.
    fn occupy(&mut self, name: &'static str) {
        let api = Api::of(&self.server);
        self.occupants.push(std::thread::spawn(move || {
            let path = format!("/2015-03-31/functions/{name}/invocations");
            let reply = api.try_call("POST", &path, Some(&json!({ "ms": 800_000 })));
            assert!(reply.is_err(), "it runs until the server ends: {reply:?}");
        }));
        self.wait(name, || self.running(name) == 1);
    }

    fn running(&self, name: &str) -> u64 {
        let labels = [("function_name", name)];
        Scrape::of(&self.server).count("samovar_lambda_concurrent_executions", &labels)
    }

    /// How often a function has run in this process.
    fn runs(&self, name: &str) -> usize {
        let labels = [("function_name", name)];
        Scrape::of(&self.server).count("samovar_lambda_invocations_total", &labels) as usize
    }

    fn event(&self, id: &str) -> Value {
        let reply = self.api.call("GET", &format!("/samovar/events/{id}?body=1"), None);
        assert_eq!(reply.status, 200, "{id} is known: {reply:?}");
        reply.body
    }

    /// Waits until the last events of a function are in that state, which is then durable.
    fn wait_for(&self, scene: &Scene, name: &str, state: &str) {
        let accepted = &scene.accepted[name];
        for id in &accepted[accepted.len() - EVENTS..] {
            self.wait(state, || self.event(id)["State"] == state);
        }
    }

    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until there is nothing more to do or to tell.
    fn wait_for_rest(&self) {
        self.wait("rest", || {
            let scrape = Scrape::of(&self.server);
            let open = ["queued", "running", "delivering"];
            let open = open.map(|state| scrape.count("samovar_async_events", &[("state", state)]));
            open == [0; 3] && scrape.count("samovar_async_messages", &[]) == 0
        });
    }

    fn kill(self) {
        self.server.kill();
        self.occupants.into_iter().for_each(|occupant| occupant.join().expect("it was running to the end"));
    }

    fn end(self) -> Option<i32> {
        self.server.terminate()
    }
}

/// The clock jumps while one process runs: nothing changes at all.
fn jumps_while_events_wait(jumps: [i64; 2]) {
    let Some(mut scene) = Scene::new() else { return };
    let mut life = scene.start();
    life.occupy("patient");
    life.occupy("brief");
    for (round, seconds) in jumps.into_iter().enumerate() {
        scene.late_queue_is(Behaviour::Throttling);
        scene.send(&life, "quick");
        life.wait_for(&scene, "quick", "Succeeded");
        let runs_before = life.runs("failing");
        assert_eq!(runs_before, round * EVENTS * 3, "three times each");
        let sent = Instant::now();
        ["failing", "brief", "patient", "told"].into_iter().for_each(|name| scene.send(&life, name));
        life.wait_for(&scene, "failing", "Retrying");
        life.wait_for(&scene, "told", "Delivering");

        println!("{seconds:+} s, {:?} after the first event was sent", sent.elapsed());
        scene.clock.jump(seconds);
        scene.clock.check(&life.api, "quick");
        assert_eq!(life.api.invoke("quick", "[7]").body, json!([7]));
        scene.late_queue_is(Behaviour::Taking);
        life.wait("everything that is due comes", || {
            let (runs, expired) = (life.runs("failing") - runs_before, scene.told("expired").len());
            let passed = sent.elapsed();
            assert!(runs <= EVENTS || passed >= FIRST_RETRY, "tried again after {passed:?}");
            assert!(runs <= 2 * EVENTS || passed >= FIRST_RETRY + SECOND_RETRY, "and again after {passed:?}");
            let is_new = expired > round * EVENTS;
            assert!(!is_new || passed >= TOO_OLD_AFTER, "too old after {passed:?}");
            runs == 3 * EVENTS && expired == (round + 1) * EVENTS
        });
        life.wait("deliveries", || scene.told("late").len() == (round + 1) * EVENTS);
    }
    assert_eq!(life.running("patient") + life.running("brief"), 2, "no invocation is too old either");
    assert_eq!(scene.told("ran"), []);
    life.let_run("patient", 10);
    life.wait_for_rest();
    scene.check_records("brief", "expired", "EventAgeExceeded", 0..=0);
    assert_eq!(life.runs("failing"), jumps.len() * EVENTS * 3);
    scene.check(&life, 0);
    life.kill();
}

/// The clock jumps while no process runs, which cannot be told from a host that was away: a few minutes count, and no more, so what
/// was to be tried again is due, and what may wait for hours waits on.
fn jumps_while_the_host_is_down(jumps: [i64; 2]) {
    let Some(mut scene) = Scene::new() else { return };
    for seconds in jumps {
        let mut life = scene.start();
        life.occupy("patient");
        scene.late_queue_is(Behaviour::Throttling);
        scene.send(&life, "quick");
        life.wait_for(&scene, "quick", "Succeeded");
        let sent = Instant::now();
        ["failing", "patient", "told"].into_iter().for_each(|name| scene.send(&life, name));
        life.wait_for(&scene, "failing", "Retrying");
        life.wait_for(&scene, "told", "Delivering");
        life.kill();
        let killed = sent.elapsed();
        scene.clock.jump(seconds);
        scene.late_queue_is(Behaviour::Taking);

        let started = Instant::now();
        let life = scene.start();
        scene.clock.check(&life.api, "quick");
        life.wait("they are tried again", || {
            let runs = life.runs("failing");
            let (since_sent, since_start) = (sent.elapsed(), started.elapsed());
            // Nothing is known of a clock that was set back but that it is no earlier than before.
            assert!(runs == 0 || seconds > 0 || since_sent >= FIRST_RETRY, "{seconds} s: {since_sent:?}");
            assert!(runs <= EVENTS || since_start >= SECOND_RETRY, "and again after {since_start:?}");
            runs >= 2 * EVENTS
        });
        life.wait_for_rest();
        // One that ran when the process was killed runs once more, and none had begun that early.
        assert!(killed >= FIRST_RETRY || life.runs("failing") == 2 * EVENTS);
        println!("{seconds:+} s, killed {killed:?} after the first event was sent");
        scene.check(&life, 1);
        assert_eq!(life.end(), Some(0));
    }
}

#[test]
fn clock_jumps_of_an_hour_change_nothing_for_events_that_wait() {
    jumps_while_events_wait([HOUR, -HOUR]);
}

#[test]
fn clock_jumps_of_a_day_change_nothing_for_events_that_wait() {
    jumps_while_events_wait([-DAY, DAY]);
}

#[test]
fn clock_jumps_of_an_hour_while_the_host_is_down_make_nothing_too_old() {
    jumps_while_the_host_is_down([HOUR, -HOUR]);
}

#[test]
fn clock_jumps_of_a_day_while_the_host_is_down_make_nothing_too_old() {
    jumps_while_the_host_is_down([DAY, -DAY]);
}
