//! The servers that tests send messages to are what those tests take them for.

use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use samovar_tests::{Behaviour, Response, SqsRecorder, SqsServer, python, raw_request};
use serde_json::{Value, json};

/// More than an answer may take, so that one that does not come fails the test.
const LIMIT: Duration = Duration::from_secs(60);

fn ask(recorder: &SqsRecorder, operation: &str, body: &Value) -> Response {
    let endpoint = recorder.endpoint();
    let address = endpoint.strip_prefix("http://").expect("it is an http URL");
    let head = format!(
        "POST / HTTP/1.1\nHost: {address}\nContent-Type: application/x-amz-json-1.0\nX-Amz-Target: AmazonSQS.{operation}"
    );
    raw_request(address, &head, body.to_string().as_bytes())
}

fn message(queue: &str, body: &str) -> Value {
    json!({ "QueueUrl": format!("http://localhost/000000000000/{queue}"), "MessageBody": body })
}

#[test]
fn the_recorder_keeps_messages_with_their_attributes_one_by_one_and_in_batches() {
    let recorder = SqsRecorder::start();
    let url =
        ask(&recorder, "GetQueueUrl", &json!({ "QueueName": "q", "QueueOwnerAWSAccountId": "123456789012" }));
    assert_eq!(url.json()["QueueUrl"], format!("{}/123456789012/q", recorder.endpoint()));

    let mut one = message("q", "first");
    one["MessageAttributes"] = json!({
        "ErrorCode": { "DataType": "Number", "StringValue": "200" },
        "Raw": { "DataType": "Binary", "BinaryValue": "AP8=" },
    });
    one["MessageSystemAttributes"] =
        json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": "Root=1" } });
    assert_eq!(ask(&recorder, "SendMessage", &one).json()["MessageId"], "message-1");
    let entries = json!([{ "Id": "a", "MessageBody": "second" }, { "Id": "b", "MessageBody": "third" }]);
    let batch = json!({ "QueueUrl": "http://localhost/000000000000/other", "Entries": entries });
    assert_eq!(ask(&recorder, "SendMessageBatch", &batch).json()["Successful"][1]["Id"], "b");

    let taken = recorder.wait_for_messages(3, LIMIT);
    let bodies: Vec<_> = taken.iter().map(|message| (message.queue(), &*message.body)).collect();
    assert_eq!(bodies, [("q", "first"), ("other", "second"), ("other", "third")]);
    assert_eq!(taken[0].attributes["ErrorCode"].text(), "200");
    assert_eq!(
        (&*taken[0].attributes["Raw"].data_type, &*taken[0].attributes["Raw"].value),
        ("Binary", &[0, 255][..])
    );
    assert_eq!(taken[0].trace_header.as_deref(), Some("Root=1"));
    assert_eq!((recorder.take_messages().len(), recorder.messages().len()), (3, 0));
    assert_eq!(recorder.requests().len(), 3);
}

#[test]
fn the_recorder_behaves_as_it_is_told_each_queue_for_itself() {
    let recorder = SqsRecorder::start();
    recorder.behave(Behaviour::Throttling);
    recorder.let_queue("well", Behaviour::Taking);
    let send = |queue: &str| ask(&recorder, "SendMessage", &message(queue, "x"));
    let throttled = send("busy");
    assert_eq!((throttled.status, throttled.header("x-amzn-query-error")), (400, "RequestThrottled;Sender"));
    assert_eq!(send("well").status, 200);
    recorder.behave(Behaviour::Failing);
    assert_eq!(send("busy").status, 500);
    recorder.behave(Behaviour::Gone);
    assert_eq!(send("busy").json()["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
    assert_eq!(ask(&recorder, "ListQueues", &json!({ "QueueUrl": "x/well" })).status, 400);
    assert_eq!(recorder.messages().len(), 1);
}

#[test]
fn what_hung_at_the_recorder_is_never_taken() {
    let recorder = SqsRecorder::start();
    recorder.behave(Behaviour::Hanging);
    let endpoint = recorder.endpoint();
    let address = endpoint.strip_prefix("http://").expect("it is an http URL").to_owned();
    let waiting = thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut stream = TcpStream::connect(&address).expect("it listens");
        let body = message("q", "lost").to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: {}",
            body.len()
        );
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).expect("it is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it is ended in order");
        answer
    });
    recorder.wait_for_requests(1, LIMIT);
    assert!(!waiting.is_finished());
    recorder.behave(Behaviour::Taking);
    assert_eq!(waiting.join().expect("it has ended"), b"");
    assert_eq!(ask(&recorder, "SendMessage", &message("q", "kept")).status, 200);
    let taken = recorder.messages();
    assert_eq!(taken.iter().map(|message| &*message.body).collect::<Vec<_>>(), ["kept"]);
}

/// What boto3 makes of a message with all kinds of attributes, sent and received at a server.
const ROUND_TRIP: &str = r#"
import boto3, sys
sqs = boto3.client("sqs", endpoint_url=sys.argv[1], region_name="eu-west-1",
                   aws_access_key_id="any", aws_secret_access_key="any")
url = sqs.create_queue(QueueName="letters")["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
assert arn == sys.argv[2], arn
attributes = {"s": {"DataType": "String", "StringValue": "text"},
              "n": {"DataType": "Number", "StringValue": "200"},
              "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
sqs.send_message(QueueUrl=url, MessageBody="body", MessageAttributes=attributes)
[message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
assert (message["Body"], message["MessageAttributes"]) == ("body", attributes), message
"#;

#[test]
fn the_second_server_keeps_messages_and_can_be_stopped_for_a_while() {
    let Some(server) = SqsServer::start() else { return };
    let arn = server.queue_arn("eu-west-1", "letters");
    let run = || {
        let mut boto3 = Command::new(python());
        boto3.args(["-c", ROUND_TRIP, server.endpoint(), &arn]).spawn().expect("it starts")
    };
    assert!(run().wait().expect("it ends").success());
    server.stop();
    wait_until_stopped(server.id());
    let mut meanwhile = run();
    server.go_on();
    assert!(meanwhile.wait().expect("it ends").success());
}

/// Waits until the system says that a process is stopped, which it is a moment after the signal.
fn wait_until_stopped(process: u32) {
    for _ in 0..10_000 {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it is there");
        let after_name = stat.rsplit(')').next().expect("the name is in brackets");
        if after_name.trim_start().starts_with('T') {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("the process is not stopped");
}
