//! What queues are told of events, as boto3 receives it: from the queues that are built in and from a server that is not ours.

use std::process::Command;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar_tests::{Api, Behaviour, Server, SqsRecorder, SqsServer, guest, python, queue_arn, root};
use serde_json::{Value, json};

/// A minute takes a second.
const SCALE: [&str; 2] = ["--event-time-scale", "60"];
const CREDENTIALS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")];
const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function";

/// A server, and where its queues are.
struct Scene {
    server: Server,
    api: Api,
    queues: String,
    _outside: Option<SqsServer>,
}

impl Scene {
    fn embedded() -> Self {
        let server = Server::start_with(&[&SCALE[..], &["--quiet"]].concat());
        let queues = server.endpoint().to_owned();
        Self { api: Api::of(&server), server, queues, _outside: None }
    }

    fn outside() -> Option<Self> {
        let outside = SqsServer::start()?;
        let queues = outside.endpoint().to_owned();
        let server = Server::start_in(&CREDENTIALS, &[&SCALE[..], &["--quiet", "--sqs", &queues]].concat());
        Some(Self { api: Api::of(&server), server, queues, _outside: Some(outside) })
    }

    fn python(&self, action: &[&str]) -> Vec<Value> {
        let mut python = Command::new(python());
        python.args(["-B".as_ref(), root().join("tests/clients/letters.py").as_os_str()]).arg(&self.queues);
        let output = python.args(action).env_remove("AWS_PROFILE").output().expect("python runs");
        let (told, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{action:?}: {told}\n{errors}");
        told.lines().map(|line| serde_json::from_str(line).expect("a message")).collect()
    }

    fn queue(&self, name: &str) -> String {
        self.python(&["create", name]);
        queue_arn(name)
    }

    /// So many messages, and no more, that come to a queue.
    fn received(&self, queue: &str, count: usize) -> Vec<Value> {
        self.python(&["receive", queue, &count.to_string()])
    }

    fn create(&self, name: &str, guest_name: &str, dead_letters: Option<&str>) {
        let mut body = json!({
            "FunctionName": name, "Role": "arn:aws:iam::000000000000:role/any", "Runtime": "provided.al2023",
            "Handler": "bootstrap", "Code": { "ZipFile": BASE64_STANDARD.encode(guest(guest_name)) },
        });
        if let Some(arn) = dead_letters {
            body["DeadLetterConfig"] = json!({ "TargetArn": arn });
        }
        let reply = self.api.call("POST", "/2015-03-31/functions", Some(&body));
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    fn send(&self, name: &str, event: &Value) -> String {
        let (status, request_id) = self.api.try_send_event(name, event).expect("an answer");
        assert_eq!(status, 202);
        request_id
    }

    /// The text of all that a server has logged of its functions.
    fn logs_of(&self, name: &str) -> String {
        let group = format!("/aws/lambda/{name}");
        let reply = self.api.try_call_with(
            &[
                ("x-amz-target", "Logs_20140328.FilterLogEvents"),
                ("content-type", "application/x-amz-json-1.1"),
            ],
            "POST",
            "/",
            Some(&json!({ "logGroupName": group })),
        );
        reply.expect("an answer").body.to_string()
    }
}

/// A record without what differs each time, once that has the form it must have.
fn record(message: &Value) -> Value {
    let mut record: Value = serde_json::from_str(message["Body"].as_str().expect("a body")).expect("JSON");
    let timestamp = record["timestamp"].take();
    let timestamp = timestamp.as_str().expect("a time");
    let form: String =
        timestamp.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000Z");
    assert!(message["MessageAttributes"].is_null(), "a record has none: {message}");
    let trace = message["Attributes"]["AWSTraceHeader"].as_str().expect("a trace header");
    assert!(trace.starts_with("Root=1-"), "{trace}");
    record
}

/// What the example guest `fails` ends with.
fn error() -> Value {
    json!({ "errorType": "OrderNotFound", "errorMessage": "there is no order 7", "stackTrace": [] })
}

fn failure(request_id: &str, condition: &str, attempts: u64) -> Value {
    let mut record = json!({
        "version": "1.0",
        "timestamp": null,
        "requestContext": {
            "requestId": request_id,
            "functionArn": format!("{ARN}:failing:$LATEST"),
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": { "id": 7 },
    });
    if attempts > 0 {
        record["responseContext"] =
            json!({ "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" });
        record["responsePayload"] = error();
    }
    record
}

fn attributes(request_id: &str, code: &str, message: &str) -> Value {
    json!({
        "RequestID": { "DataType": "String", "StringValue": request_id },
        "ErrorCode": { "DataType": "Number", "StringValue": code },
        "ErrorMessage": { "DataType": "String", "StringValue": message },
    })
}

/// All that LAMBDA.md 2.3 says of messages, at one server of queues.
fn messages_are_as_on_aws(scene: &Scene) {
    let (dead, failed, succeeded) = (scene.queue("dead"), scene.queue("failed"), scene.queue("succeeded"));
    scene.create("failing", "fails", Some(&dead));
    scene.create("echo", "echo", Some(&dead));
    let destinations =
        json!({ "OnFailure": { "Destination": failed }, "OnSuccess": { "Destination": succeeded } });
    let config = json!({ "DestinationConfig": destinations });
    scene.api.put_event_config("failing", &config);
    scene.api.put_event_config("echo", &config);

    let request_id = scene.send("echo", &json!({ "чай": [1, null] }));
    let expected = json!({
        "version": "1.0",
        "timestamp": null,
        "requestContext": {
            "requestId": request_id,
            "functionArn": format!("{ARN}:echo:$LATEST"),
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": { "чай": [1, null] },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST" },
        "responsePayload": { "чай": [1, null] },
    });
    assert_eq!(record(&scene.received("succeeded", 1)[0]), expected);

    // Both are told of a failure, after three attempts with one request id.
    let request_id = scene.send("failing", &json!({ "id": 7 }));
    let letter = &scene.received("dead", 1)[0];
    assert_eq!(letter["Body"], r#"{"id":7}"#);
    assert_eq!(letter["MessageAttributes"], attributes(&request_id, "200", "there is no order 7"));
    assert_eq!(record(&scene.received("failed", 1)[0]), failure(&request_id, "RetriesExhausted", 3));
    let starts = format!("START RequestId: {request_id} ");
    assert_eq!(scene.logs_of("failing").matches(&starts).count(), 3);

    // Too old for another attempt, after one.
    scene.api.put_event_config(
        "failing",
        &json!({ "MaximumEventAgeInSeconds": 60, "DestinationConfig": destinations }),
    );
    let request_id = scene.send("failing", &json!({ "id": 7 }));
    assert_eq!(record(&scene.received("failed", 1)[0]), failure(&request_id, "EventAgeExceeded", 1));
    let letter = &scene.received("dead", 1)[0];
    assert_eq!(letter["MessageAttributes"], attributes(&request_id, "200", "there is no order 7"));

    // Nothing may run at all.
    let none = json!({ "ReservedConcurrentExecutions": 0 });
    let reply = scene.api.call("PUT", "/2017-10-31/functions/failing/concurrency", Some(&none));
    assert_eq!(reply.status, 200, "{reply:?}");
    let request_id = scene.send("failing", &json!({ "id": 7 }));
    assert_eq!(record(&scene.received("failed", 1)[0]), failure(&request_id, "ZeroReservedConcurrency", 0));
    let letter = &scene.received("dead", 1)[0];
    let told = &letter["MessageAttributes"];
    let message = told["ErrorMessage"]["StringValue"].as_str().unwrap_or_default();
    assert!(message.contains("Rate Exceeded"), "{letter}");
    assert_eq!(*told, attributes(&request_id, "429", message));
}

#[test]
fn the_queues_inside_are_told_what_aws_tells() {
    messages_are_as_on_aws(&Scene::embedded());
}

#[test]
fn queues_of_another_server_are_told_what_aws_tells() {
    let Some(scene) = Scene::outside() else { return };
    messages_are_as_on_aws(&scene);
}

/// A key that nobody checks was asked for all the same, and nothing said so before the first message.
#[test]
fn a_server_at_a_url_needs_no_credentials_and_aws_does() {
    let (recorder, metadata) = (SqsRecorder::start(), SqsRecorder::start());
    // As from machines that are none of AWS's, something else is at the address of their metadata.
    metadata.behave(Behaviour::Page(403));
    let (endpoint, metadata) = (recorder.endpoint(), metadata.endpoint());
    let nobody = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata),
        ("AWS_ENDPOINT_URL_SQS", &endpoint),
    ];
    let start = |place: &str| {
        let server = Server::start_in(&nobody, &["--quiet", "--sqs", place]);
        let scene = Scene { api: Api::of(&server), queues: endpoint.clone(), server, _outside: None };
        scene.create("echo", "echo", None);
        let told = json!({ "DestinationConfig": { "OnSuccess": { "Destination": queue_arn("told") } } });
        scene.api.put_event_config("echo", &told);
        scene.send("echo", &json!(1));
        scene
    };
    let scene = start(&endpoint);
    scene.server.wait_for_log("requests to http://127.0.0.1");
    recorder.wait_for_messages(1, Duration::from_secs(60));
    let requests = recorder.requests();
    for request in &requests {
        let signed = &request.headers["authorization"];
        assert!(signed.contains("Credential=samovar/"), "{signed}");
    }
    let scene = start("aws");
    let line = scene.server.wait_for_log("the queue cannot be reached");
    assert!(line.contains("credentials"), "{line}");
    assert_eq!(recorder.requests().len(), requests.len(), "nothing was sent");
}
