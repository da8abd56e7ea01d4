//! SQS as a quick client speaks it: AWS JSON 1.0 without a signature that anybody checks.

use serde_json::{Value, json};

use crate::Api;

/// What names the region to a server that looks for it in a signature.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=anonymous/19700101/us-east-1/sqs/aws4_request, SignedHeaders=host, \
                         Signature=0";

/// A client of the queues of one server; each thread should have its own.
#[derive(Debug)]
pub struct SqsClient {
    api: Api,
    endpoint: String,
}

impl SqsClient {
    /// A client of the server at that URL.
    pub fn at(endpoint: &str) -> Self {
        Self { api: Api::at(endpoint), endpoint: endpoint.to_owned() }
    }

    /// What an operation answers.
    ///
    /// # Panics
    /// When the server does not answer, or refuses.
    pub fn call(&self, operation: &str, body: &Value) -> Value {
        let answer = self.try_call(operation, body);
        answer.unwrap_or_else(|| panic!("{operation}: the server is gone"))
    }

    /// The same of a server that may be gone.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn try_call(&self, operation: &str, body: &Value) -> Option<Value> {
        let target = format!("AmazonSQS.{operation}");
        let headers = [
            ("x-amz-target", &*target),
            ("content-type", "application/x-amz-json-1.0"),
            ("authorization", SIGNATURE),
        ];
        let reply = self.api.try_call_with(&headers, "POST", "/", Some(body)).ok()?;
        assert_eq!(reply.status, 200, "{operation}: {reply:?}");
        Some(reply.body)
    }

    /// The URL of a queue.
    pub fn url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.endpoint)
    }

    /// Makes a queue with these attributes.
    pub fn create(&self, queue: &str, attributes: &Value) {
        self.call("CreateQueue", &json!({ "QueueName": queue, "Attributes": attributes }));
    }

    /// Makes a queue, and one for its dead letters, which get what was received that often.
    pub fn create_with_dead_letters(
        &self,
        queue: &str,
        dead: &str,
        receives_max: u32,
        mut attributes: Value,
    ) {
        let is_fifo = queue.ends_with(".fifo");
        let of_kind = if is_fifo { json!({ "FifoQueue": "true" }) } else { json!({}) };
        self.create(dead, &of_kind);
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{dead}");
        let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": receives_max });
        attributes["RedrivePolicy"] = policy.to_string().into();
        if is_fifo {
            attributes["FifoQueue"] = "true".into();
        }
        self.create(queue, &attributes);
    }

    /// Sends up to ten messages; none of them fails.
    pub fn send(&self, queue: &str, entries: &[Value]) {
        let numbered = entries.iter().enumerate().map(|(number, entry)| {
            let mut entry = entry.clone();
            entry["Id"] = number.to_string().into();
            entry
        });
        let entries: Vec<Value> = numbered.collect();
        let sent = self.call("SendMessageBatch", &json!({ "QueueUrl": self.url(queue), "Entries": entries }));
        assert_eq!(sent["Successful"].as_array().map(Vec::len), Some(entries.len()), "{sent}");
    }

    /// How many messages can be received, and how many are with somebody.
    pub fn counts(&self, queue: &str) -> (usize, usize) {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let request = json!({ "QueueUrl": self.url(queue), "AttributeNames": names });
        let attributes = self.call("GetQueueAttributes", &request)["Attributes"].clone();
        let count = |name: &str| {
            let text = attributes[name].as_str().unwrap_or_else(|| panic!("{attributes}"));
            text.parse().expect("a number")
        };
        (count(names[0]), count(names[1]))
    }

    /// All messages of a queue that can be received, which are deleted.
    pub fn drain(&self, queue: &str) -> Vec<Value> {
        let url = self.url(queue);
        let mut drained = Vec::new();
        loop {
            let receive = json!({
                "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600, "WaitTimeSeconds": 0,
                "AttributeNames": ["All"],
            });
            let answer = self.call("ReceiveMessage", &receive);
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                return drained;
            }
            for message in messages {
                self.call(
                    "DeleteMessage",
                    &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }),
                );
                drained.push(message);
            }
        }
    }
}
