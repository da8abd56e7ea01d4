//! The clock on the wall jumps by an hour or a day, either way, while messages lie in the queues that are built in: none is handed
//! out too early or too late, and none is lost.

use std::path::Path;
use std::time::Duration;

use samovar_tests::{Api, Server, WallClock, guest, queue_arn};
use serde_json::{Value, json};
use tokio::time::Instant;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// How long messages are kept: less than some jumps are long.
const RETENTION_SECONDS: i64 = HOUR / 2;
/// For how long messages are delayed, and those that were received kept from others.
const HIDDEN: Duration = Duration::from_secs(3);
/// How long what takes seconds may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A minute takes a second.
const SCALE: [&str; 2] = ["--event-time-scale", "60"];
/// Events in each round whose dead letters go to a queue.
const EVENTS: usize = 5;

/// A server with queues.
struct Scene {
    server: Server,
    api: Api,
}

impl Scene {
    fn start(folder: &Path, clock: &WallClock) -> Self {
        let environment = clock.environment();
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let server = Server::start_on_in(folder, &environment, &[&SCALE[..], &["--quiet"]].concat());
        Self { api: Api::of(&server), server }
    }

    /// Makes the queues, and a function whose events end in one of them.
    fn prepare(&self) {
        let retention = json!({ "MessageRetentionPeriod": RETENTION_SECONDS.to_string() });
        for name in ["kept", "delayed", "held", "dead"] {
            self.sqs("CreateQueue", &json!({ "QueueName": name, "Attributes": retention }));
        }
        assert_eq!(self.api.create("failing", &guest("fails")).status, 201);
        assert_eq!(self.api.create("usual", &guest("echo")).status, 201);
        let dead_letters = json!({ "DeadLetterConfig": { "TargetArn": queue_arn("dead") } });
        let path = "/2015-03-31/functions/failing/configuration";
        assert_eq!(self.api.call("PUT", path, Some(&dead_letters)).status, 200);
    }

    fn sqs(&self, operation: &str, body: &Value) -> Value {
        let target = format!("AmazonSQS.{operation}");
        let headers = [("x-amz-target", &*target), ("content-type", "application/x-amz-json-1.0")];
        let reply = self.api.try_call_with(&headers, "POST", "/", Some(body)).expect("an answer");
        assert_eq!(reply.status, 200, "{operation}: {reply:?}");
        reply.body
    }

    fn url(&self, queue: &str) -> Value {
        self.sqs("GetQueueUrl", &json!({ "QueueName": queue }))["QueueUrl"].clone()
    }

    fn send(&self, queue: &str, delay_seconds: u64) {
        let message =
            json!({ "QueueUrl": self.url(queue), "MessageBody": "x", "DelaySeconds": delay_seconds });
        self.sqs("SendMessage", &message);
    }

    /// What is received at once, and kept from others as long as what is delayed.
    fn receive(&self, queue: &str) -> Option<Value> {
        let request = json!({
            "QueueUrl": self.url(queue), "MaxNumberOfMessages": 1, "VisibilityTimeout": HIDDEN.as_secs(),
        });
        self.sqs("ReceiveMessage", &request)["Messages"].get(0).cloned()
    }

    fn delete(&self, queue: &str, message: &Value) {
        let receipt = &message["ReceiptHandle"];
        self.sqs("DeleteMessage", &json!({ "QueueUrl": self.url(queue), "ReceiptHandle": receipt }));
    }

    /// How many messages there are to be received.
    fn count(&self, queue: &str) -> usize {
        let name = "ApproximateNumberOfMessages";
        let request = json!({ "QueueUrl": self.url(queue), "AttributeNames": [name] });
        let count = self.sqs("GetQueueAttributes", &request)["Attributes"][name].clone();
        count.as_str().and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("a number: {count}"))
    }

    /// Waits until the queue's one message comes, and deletes it.
    fn take(&self, queue: &str, hidden_since: Instant, hidden_at_least: Duration) {
        let began = Instant::now();
        let message = loop {
            assert!(began.elapsed() < PATIENCE, "{queue}: it does not come");
            if let Some(message) = self.receive(queue) {
                break message;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let hidden = hidden_since.elapsed();
        assert!(hidden >= hidden_at_least, "{queue}: it came after {hidden:?}");
        self.delete(queue, &message);
        assert_eq!(self.receive(queue), None, "{queue}: it comes once");
    }

    fn fail_events(&self) {
        for id in 0..EVENTS {
            let sent = self.api.try_send_event("failing", &json!({ "id": id })).expect("an answer");
            assert_eq!(sent.0, 202);
        }
    }

    fn wait_for_dead_letters(&self, count: usize) {
        let began = Instant::now();
        while self.count("dead") < count {
            assert!(began.elapsed() < PATIENCE, "{} of {count} dead letters", self.count("dead"));
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.count("dead"), count);
    }
}

#[test]
fn clock_jumps_change_nothing_for_messages_that_wait() {
    let Some(clock) = WallClock::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::start(folder.path(), &clock);
    scene.prepare();
    for (round, seconds) in [HOUR, -HOUR, -DAY, DAY].into_iter().enumerate() {
        scene.send("kept", 0);
        scene.fail_events();
        let sent = Instant::now();
        scene.send("delayed", HIDDEN.as_secs());
        scene.send("held", 0);
        let received = Instant::now();
        scene.receive("held").expect("it is there");
        clock.jump(seconds);
        clock.check(&scene.api, "usual");
        scene.take("delayed", sent, HIDDEN);
        scene.take("held", received, HIDDEN);
        scene.wait_for_dead_letters((round + 1) * EVENTS);
        assert_eq!(scene.count("kept"), round + 1, "{seconds:+} s: all are kept");
    }
    assert_eq!(scene.server.terminate(), Some(0));
}

#[test]
fn clock_jumps_while_the_host_is_down_lose_no_message_and_hide_none_for_long() {
    let Some(clock) = WallClock::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut scene = Scene::start(folder.path(), &clock);
    scene.prepare();
    // Twice the same way, as a clock that was wrong for more than one process.
    for (round, seconds) in [DAY, DAY, -DAY, -DAY, -HOUR, HOUR].into_iter().enumerate() {
        scene.send("kept", 0);
        scene.send("held", 0);
        let received = Instant::now();
        scene.receive("held").expect("it is there");
        scene.server.kill();
        clock.jump(seconds);
        scene = Scene::start(folder.path(), &clock);
        clock.check(&scene.api, "usual");
        // A clock that was set forward is taken for a while in which the host was away.
        scene.take("held", received, if seconds > 0 { Duration::ZERO } else { HIDDEN });
        assert_eq!(scene.count("kept"), round + 1, "{seconds:+} s: all are kept");
    }
    assert_eq!(scene.server.terminate(), Some(0));
}
