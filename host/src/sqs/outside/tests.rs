//! Messages over a real socket, to a server that speaks as SQS does and keeps what it got.

use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;

use super::recorder::{Behaviour, RecordedAttribute, RecordedRequest, SqsRecorder};
use super::*;
use crate::sqs::MESSAGE_BYTES_MAX;

fn settings(endpoint: &str) -> SqsSettings {
    SqsSettings::at(endpoint.parse().expect("an endpoint"))
        .credentials(SqsCredentials::new("AKIDEXAMPLE", "secret"))
}

fn queues(recorder: &SqsRecorder) -> OutsideQueues {
    OutsideQueues::new(settings(&recorder.endpoint()))
}

fn arn(text: &str) -> QueueArn {
    text.parse().expect("an ARN")
}

fn dead_letters() -> QueueArn {
    arn("arn:aws:sqs:eu-west-1:123456789012:dead-letters")
}

fn message(body: &str) -> OutgoingMessage {
    OutgoingMessage { body: body.to_owned(), ..OutgoingMessage::default() }
}

fn attribute(data_type: &str, value: AttributeValue) -> MessageAttribute {
    MessageAttribute { data_type: data_type.to_owned(), value }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned())
}

/// What was asked for, in its order.
fn operations(recorder: &SqsRecorder) -> Vec<String> {
    recorder.requests().into_iter().map(|request| request.operation).collect()
}

#[tokio::test]
async fn a_message_arrives_with_its_attributes_their_types_and_the_trace() {
    let recorder = SqsRecorder::start();
    let mut message = message("{\"order\":\"\u{1f375}\"}");
    message.trace_header = Some("Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Sampled=1".to_owned());
    for (name, data_type, value) in [
        ("RequestID", "String", text("c0ffee")),
        ("ErrorCode", "Number", text("200")),
        ("Raw", "Binary.bytes", AttributeValue::Binary(Bytes::from_static(&[0, 255]))),
    ] {
        message.attributes.insert(name.to_owned(), attribute(data_type, value));
    }
    let id = queues(&recorder).send(&dead_letters(), &message).await.expect("it is taken");
    let taken = recorder.messages();
    let [taken] = &*taken else { panic!("one message: {taken:?}") };
    assert_eq!((&*taken.id, &*taken.body), (&*id.0, &*message.body));
    assert_eq!(taken.queue_url, format!("{}/123456789012/dead-letters", recorder.endpoint()));
    assert_eq!(taken.trace_header, message.trace_header);
    let recorded = |data_type: &str, value: &[u8]| RecordedAttribute {
        data_type: data_type.to_owned(),
        value: value.to_owned(),
    };
    assert_eq!(taken.attributes.len(), 3);
    assert_eq!(taken.attributes["RequestID"], recorded("String", b"c0ffee"));
    assert_eq!(taken.attributes["ErrorCode"], recorded("Number", b"200"));
    assert_eq!(taken.attributes["Raw"], recorded("Binary.bytes", &[0, 255]));
}

#[tokio::test]
async fn a_queue_is_asked_for_once_under_its_owner_and_signed_for_in_its_region() {
    let recorder = SqsRecorder::start();
    let (queues, other) = (queues(&recorder), arn("arn:aws:sqs:us-east-2:000000000000:dead-letters"));
    for queue in [&dead_letters(), &dead_letters(), &other] {
        queues.send(queue, &message("x")).await.expect("it is taken");
    }
    let requests = recorder.requests();
    let said = |request: &RecordedRequest| {
        let authorization = &request.headers["authorization"];
        let scope = authorization.split('/').skip(2).take(2).collect::<Vec<_>>().join("/");
        (request.operation.clone(), scope)
    };
    let said: Vec<_> = requests.iter().map(said).collect();
    let said: Vec<_> = said.iter().map(|(operation, scope)| (&**operation, &**scope)).collect();
    let (europe, ohio) = ("eu-west-1/sqs", "us-east-2/sqs");
    let (ask, send) = ("GetQueueUrl", "SendMessage");
    assert_eq!(said, [(ask, europe), (send, europe), (send, europe), (ask, ohio), (send, ohio)]);
    assert_eq!(requests[0].body["QueueOwnerAWSAccountId"], "123456789012");
}

#[tokio::test]
async fn a_region_can_be_set_for_servers_that_know_one_only() {
    let recorder = SqsRecorder::start();
    let region = crate::function::Region::parse("elasticmq").expect("a region");
    let queues = OutsideQueues::new(settings(&recorder.endpoint()).region(region));
    queues.send(&dead_letters(), &message("x")).await.expect("it is taken");
    for request in recorder.requests() {
        assert!(request.headers["authorization"].contains("/elasticmq/sqs/"), "{request:?}");
    }
}

#[tokio::test]
async fn where_a_queue_was_is_forgotten_when_it_is_not_there_any_more() {
    let recorder = SqsRecorder::start();
    let queues = queues(&recorder);
    queues.send(&dead_letters(), &message("x")).await.expect("it is taken");
    recorder.behave(Behaviour::Gone);
    for _ in 0..2 {
        assert_eq!(queues.send(&dead_letters(), &message("x")).await, Err(SendError::NoSuchQueue));
    }
    recorder.behave(Behaviour::Taking);
    queues.send(&dead_letters(), &message("x")).await.expect("it is taken");
    let (ask, send) = ("GetQueueUrl", "SendMessage");
    assert_eq!(operations(&recorder), [ask, send, send, ask, ask, send]);
}

#[tokio::test]
async fn one_attempt_is_made_whatever_comes_of_it() {
    let recorder = SqsRecorder::start();
    let queues = queues(&recorder);
    queues.send(&dead_letters(), &message("x")).await.expect("it is taken");
    let behaviours = [
        Behaviour::Throttling,
        Behaviour::Failing,
        Behaviour::Refusing(400, "InvalidMessageContents", "Invalid characters"),
        Behaviour::Closing,
    ];
    for (number, behaviour) in behaviours.into_iter().enumerate() {
        recorder.behave(behaviour);
        let error = queues.send(&dead_letters(), &message("x")).await.expect_err("it is not taken");
        match number {
            0 => assert_eq!(error, SendError::Throttled),
            2 => {
                let reason = "InvalidMessageContents: Invalid characters".to_owned();
                assert_eq!(error, SendError::Refused { reason });
            }
            _ => assert!(matches!(error, SendError::Unreachable { .. }), "{error}"),
        }
        assert_eq!(recorder.requests().len(), 3 + number);
    }
    assert_eq!(recorder.messages().len(), 1);
}

/// Each of them was the end of a dead letter, although the server came back a minute later.
#[tokio::test]
async fn a_page_of_something_before_the_server_is_no_word_on_the_message() {
    let recorder = SqsRecorder::start();
    let queues = queues(&recorder);
    for is_known in [false, true] {
        for status in [200, 302, 404, 405, 502] {
            recorder.behave(Behaviour::Page(status));
            let error = queues.send(&dead_letters(), &message("x")).await.expect_err("nobody is there");
            assert!(matches!(error, SendError::Unreachable { .. }), "{is_known} {status}: {error}");
        }
        recorder.behave(Behaviour::Taking);
        queues.send(&dead_letters(), &message("x")).await.expect("it is taken");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_told_apart_with_the_queues_own_limit() {
    let recorder = SqsRecorder::start();
    let said = "One or more parameters are invalid. Reason: Message must be shorter than 2048 bytes.";
    let queues = queues(&recorder);
    queues.send(&dead_letters(), &message("x")).await.expect("it is taken");
    recorder.behave(Behaviour::Refusing(400, "InvalidParameterValue", said));
    let error = queues.send(&dead_letters(), &message(&"x".repeat(3000))).await;
    assert_eq!(error, Err(SendError::TooLarge { bytes: 3000, limit: 2048 }));
}

#[tokio::test]
async fn the_largest_message_is_sent_whole() {
    let recorder = SqsRecorder::start();
    let largest = message(&"\u{1}".repeat(MESSAGE_BYTES_MAX));
    queues(&recorder).send(&dead_letters(), &largest).await.expect("it is taken");
    assert_eq!(recorder.messages()[0].body, largest.body);
}

#[tokio::test]
async fn who_may_send_but_not_ask_sends_to_the_usual_url() {
    let recorder = SqsRecorder::start();
    recorder.behave(Behaviour::Unlisted);
    let queues = queues(&recorder);
    for _ in 0..2 {
        queues.send(&dead_letters(), &message("x")).await.expect("it is taken");
    }
    let (ask, send) = ("GetQueueUrl", "SendMessage");
    assert_eq!(operations(&recorder), [ask, send, send]);
    let url = format!("{}/123456789012/dead-letters", recorder.endpoint());
    assert_eq!(recorder.messages()[0].queue_url, url);

    let aws = OutsideQueues::new(SqsSettings::aws());
    let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead-letters";
    assert_eq!(aws.usual_url(&dead_letters()), url);
    let china = arn("arn:aws:sqs:cn-north-1:123456789012:q");
    assert_eq!(aws.usual_url(&china), "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q");
}

#[tokio::test]
async fn a_sender_without_rights_is_no_fault_of_the_message() {
    let recorder = SqsRecorder::start();
    recorder.behave(Behaviour::Refusing(403, "InvalidClientTokenId", "The security token is invalid."));
    let queues = queues(&recorder);
    let error = queues.send(&dead_letters(), &message("x")).await.expect_err("its key is not known");
    let reason = "InvalidClientTokenId: The security token is invalid.".to_owned();
    assert_eq!(error, SendError::Unreachable { reason });
    recorder.behave(Behaviour::Taking);
    queues.send(&dead_letters(), &message("x")).await.expect("it is taken once the key is known");
    // The usual place was no more than a guess, and led nowhere.
    assert_eq!(operations(&recorder), ["GetQueueUrl", "SendMessage", "GetQueueUrl", "SendMessage"]);
}

#[tokio::test]
async fn a_queue_that_hangs_holds_nobody_for_longer_than_may_be() {
    let recorder = SqsRecorder::start();
    let queues = OutsideQueues::new(settings(&recorder.endpoint()).send_time_max(Duration::from_millis(300)));
    recorder.let_queue("dead-letters", Behaviour::Hanging);
    let other = arn("arn:aws:sqs:eu-west-1:123456789012:other");
    let (hanging, message) = (dead_letters(), message("x"));
    // All at once: what hangs is in nobody else's way.
    let (hung, sent) = tokio::join!(queues.send(&hanging, &message), queues.send(&other, &message));
    let error = hung.expect_err("it does not answer");
    assert_eq!(error.to_string(), "the queue cannot be reached: it has not answered within 0.3 s");
    sent.expect("the other queue answers");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("it has one"));
    drop(listener);
    let error = OutsideQueues::new(settings(&endpoint)).send(&dead_letters(), &message("x")).await;
    let error = error.expect_err("nobody listens").to_string();
    assert!(error.starts_with("the queue cannot be reached") && error.contains("refused"), "{error}");
}
