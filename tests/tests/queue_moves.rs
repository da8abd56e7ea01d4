//! Messages go to a dead-letter queue and back while the server crashes: none is lost, and none is there twice.

use std::path::Path;
use std::time::Duration;

use samovar_tests::{Api, Server, queue_arn};
use serde_json::{Value, json};

const MESSAGES: usize = 60;
const CRASHES: usize = 12;
const SEED: u64 = 7;
/// How long a server lives, at most, before it is killed.
const LIFE_MS_MAX: u64 = 120;

/// A server, and the kind of its queues: how their names end.
struct Scene<'a> {
    api: Api,
    end: &'a str,
}

impl Scene<'_> {
    /// What an operation answers; nothing, if the server is gone.
    fn sqs(&self, operation: &str, body: &Value) -> Option<Value> {
        let target = format!("AmazonSQS.{operation}");
        let headers = [("x-amz-target", &*target), ("content-type", "application/x-amz-json-1.0")];
        let reply = self.api.try_call_with(&headers, "POST", "/", Some(body)).ok()?;
        // A task that is running already is no mistake here.
        let is_task = operation == "StartMessageMoveTask";
        assert!(reply.status == 200 || is_task, "{operation}: {reply:?}");
        Some(reply.body)
    }

    fn url(&self, queue: &str) -> String {
        format!("http://localhost/000000000000/{queue}{}", self.end)
    }

    fn prepare(&self) {
        let fifo = self.end == ".fifo";
        let of_kind = |mut attributes: Value| {
            if fifo {
                attributes["FifoQueue"] = json!("true");
            }
            attributes
        };
        let make = |name: &str, attributes: Value| {
            let name = format!("{name}{}", self.end);
            self.sqs("CreateQueue", &json!({ "QueueName": name, "Attributes": of_kind(attributes) }))
                .expect("an answer");
        };
        make("dead", json!({}));
        let target = queue_arn(&format!("dead{}", self.end));
        let policy = json!({ "deadLetterTargetArn": target, "maxReceiveCount": 1 }).to_string();
        make("q", json!({ "VisibilityTimeout": "0", "RedrivePolicy": policy }));
        for number in 0..MESSAGES {
            let mut message = json!({ "QueueUrl": self.url("q"), "MessageBody": number.to_string() });
            if fifo {
                message["MessageGroupId"] = json!((number % 3).to_string());
                message["MessageDeduplicationId"] = json!(number.to_string());
            }
            self.sqs("SendMessage", &message).expect("an answer");
        }
    }

    /// Receives, which lets messages die, and moves dead ones back, until the server is gone.
    fn churn(&self) {
        loop {
            for _ in 0..4 {
                let receive = json!({ "QueueUrl": self.url("q"), "MaxNumberOfMessages": 10 });
                if self.sqs("ReceiveMessage", &receive).is_none() {
                    return;
                }
            }
            let start = json!({ "SourceArn": queue_arn(&format!("dead{}", self.end)) });
            if self.sqs("StartMessageMoveTask", &start).is_none() {
                return;
            }
        }
    }

    fn count(&self, queue: &str) -> usize {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let request = json!({ "QueueUrl": self.url(queue), "AttributeNames": names });
        let attributes = &self.sqs("GetQueueAttributes", &request).expect("an answer")["Attributes"];
        let count =
            |name: &str| attributes[name].as_str().expect("a text").parse::<usize>().expect("a number");
        names.into_iter().map(count).sum()
    }

    /// All messages of a queue, which are deleted.
    fn drain(&self, queue: &str) -> Vec<usize> {
        let mut drained = Vec::new();
        loop {
            let receive =
                json!({ "QueueUrl": self.url(queue), "MaxNumberOfMessages": 10, "VisibilityTimeout": 60 });
            let answer = self.sqs("ReceiveMessage", &receive).expect("an answer");
            let Some(messages) = answer["Messages"].as_array() else { return drained };
            for message in messages {
                let delete =
                    json!({ "QueueUrl": self.url(queue), "ReceiptHandle": message["ReceiptHandle"] });
                self.sqs("DeleteMessage", &delete).expect("an answer");
                drained.push(message["Body"].as_str().expect("a text").parse().expect("a number"));
            }
        }
    }
}

fn started<'a>(folder: &Path, end: &'a str) -> (Server, Scene<'a>) {
    let server = Server::start_on(folder, &["--quiet"]);
    let api = Api::of(&server);
    (server, Scene { api, end })
}

/// Waits until no task runs.
fn settle(scene: &Scene<'_>) {
    let list = json!({ "SourceArn": queue_arn(&format!("dead{}", scene.end)) });
    let is_running = |tasks: &Value| tasks["Results"][0]["Status"] == "RUNNING";
    for _ in 0..600 {
        if !is_running(&scene.sqs("ListMessageMoveTasks", &list).expect("an answer")) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("a task goes on and on");
}

fn play(end: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = fastrand::Rng::with_seed(SEED);
    let (server, scene) = started(folder.path(), end);
    scene.prepare();
    server.kill();
    for crash in 0..CRASHES {
        let (server, scene) = started(folder.path(), end);
        let life = Duration::from_millis(random.u64(0..LIFE_MS_MAX));
        let killer = std::thread::spawn(move || {
            // The moment of the crash, not a wait for anything.
            std::thread::sleep(life);
            server.kill();
        });
        scene.churn();
        killer.join().expect("it is killed");
        let (server, scene) = started(folder.path(), end);
        settle(&scene);
        assert_eq!(scene.count("q") + scene.count("dead"), MESSAGES, "after crash {crash}");
        server.kill();
    }
    let (_server, scene) = started(folder.path(), end);
    settle(&scene);
    // Those of which the receipts are used up go to the dead-letter queue when they are asked for.
    let mut all = scene.drain("q");
    all.extend(scene.drain("dead"));
    all.sort_unstable();
    assert_eq!(all, (0..MESSAGES).collect::<Vec<_>>());
}

#[test]
fn no_message_is_lost_or_doubled_on_its_way_though_the_server_crashes() {
    play("");
}

#[test]
fn nor_is_one_of_a_fifo_queue() {
    play(".fifo");
}
