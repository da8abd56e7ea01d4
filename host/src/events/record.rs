//! What destinations and dead-letter queues are told, as AWS writes it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::policy::retry::Condition;
use crate::sqs::{MessageAttribute, OutgoingMessage, as_content, is_content, is_trace_header};
use crate::timestamp;

use super::delivery::DeliveryHeader;
use super::outcome::{Response, cut};

/// What a record is made of.
#[derive(Debug)]
pub(super) struct RecordOf<'a> {
    pub(super) wall_ms: u64,
    pub(super) request_id: &'a str,
    /// With its qualifier, `$LATEST` if there was none.
    pub(super) function_arn: String,
    pub(super) condition: Condition,
    pub(super) attempts: u32,
    /// JSON, or nothing.
    pub(super) payload: &'a [u8],
    pub(super) response: Option<&'a Response>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    function_arn: &'a str,
    condition: Condition,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext {
    status_code: u16,
    executed_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

/// How many bytes a record has besides its payloads, at least.
const FRAME_BYTES_MIN: usize = 200;

impl RecordOf<'_> {
    /// How many bytes the record has at least.
    pub(super) fn bytes_min(&self) -> usize {
        FRAME_BYTES_MIN + self.payload.len() + self.response.map_or(0, |response| response.payload.len())
    }
}

/// The record of an event's end, its members in the order AWS writes them. Payloads are known to be JSON or not and are put in as they
/// are: they may be large, and others wait meanwhile.
pub(super) fn record(of: &RecordOf<'_>) -> Bytes {
    let RecordOf { wall_ms, request_id, function_arn, condition, attempts, payload, response } = of;
    let mut record = Vec::with_capacity(of.bytes_min() + FRAME_BYTES_MIN);
    record.extend_from_slice(b"{\"version\":\"1.0\",\"timestamp\":");
    write(&mut record, &timestamp::text(*wall_ms));
    record.extend_from_slice(b",\"requestContext\":");
    let approximate_invoke_count = *attempts;
    write(
        &mut record,
        &RequestContext { request_id, function_arn, condition: *condition, approximate_invoke_count },
    );
    record.extend_from_slice(b",\"requestPayload\":");
    record.extend_from_slice(if payload.is_empty() { b"{}" } else { payload });
    if let Some(response) = response {
        record.extend_from_slice(b",\"responseContext\":");
        let executed_version = response.version.to_string();
        let function_error = response.is_error.then_some("Unhandled");
        write(&mut record, &ResponseContext { status_code: 200, executed_version, function_error });
        record.extend_from_slice(b",\"responsePayload\":");
        match (response.is_json, response.payload.is_empty()) {
            (true, _) => record.extend_from_slice(&response.payload),
            (false, true) => record.extend_from_slice(b"{}"),
            (false, false) => write(&mut record, &String::from_utf8_lossy(&response.payload)),
        }
    }
    record.push(b'}');
    record.into()
}

fn write(record: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(record, value).expect("a record holds nothing that JSON has not");
}

/// The body of a dead letter: the event as it came.
pub(super) fn dead_letter(payload: &Bytes) -> Bytes {
    match payload.is_empty() {
        true => Bytes::from_static(b"{}"),
        false => payload.clone(),
    }
}

/// The message of a delivery with that body. It is one that queues take, whatever functions say in their errors.
pub(super) fn message(header: &DeliveryHeader, body: &[u8]) -> OutgoingMessage {
    let mut attributes = BTreeMap::new();
    if let Some(failure) = &header.failure {
        attributes.insert("RequestID".to_owned(), text(&header.request_id));
        attributes.insert("ErrorCode".to_owned(), MessageAttribute::number(failure.code));
        attributes.insert("ErrorMessage".to_owned(), text(&failure.message));
    }
    // One that no queue takes is worth less than the message.
    let trace_header = header.trace.clone().filter(|trace| is_trace_header(trace));
    OutgoingMessage { body: content(body), attributes, trace_header, ..OutgoingMessage::default() }
}

/// A text as an attribute: of characters that queues take, no longer than AWS lets it be, and not empty.
fn text(text: &str) -> MessageAttribute {
    // What stands for a character may be longer than it.
    let text = cut(&as_content(text));
    MessageAttribute::string(if text.is_empty() { "-" } else { &text })
}

/// A body of characters that queues take. JSON has the two others that it may hold in texts alone, which can write them in ASCII.
fn content(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    match is_content(&body) {
        true => body.into_owned(),
        false if serde_json::from_str::<&RawValue>(&body).is_ok() => {
            body.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
        }
        false => as_content(&body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::delivery::Purpose;
    use crate::events::event::{Failure, Stamp};
    use crate::function::{AccountId, Tags, VersionNumber};
    use crate::sqs::{AttributeValue, QueueArn, QueueChange, Queues, Receive, Sender};
    use crate::store::journal::RowId;
    use crate::store::open_journal;

    fn written(condition: Condition, payload: &str, response: Option<Response>) -> String {
        let of = RecordOf {
            wall_ms: 1_795_280_400_000,
            request_id: "6b0e4d1c",
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST".to_owned(),
            condition,
            attempts: 3,
            payload: payload.as_bytes(),
            response: response.as_ref(),
        };
        String::from_utf8(record(&of).to_vec()).expect("text")
    }

    #[test]
    fn the_record_of_a_failure_is_what_aws_writes() {
        let payload = Bytes::from_static(br#"{"errorMessage":"no"}"#);
        let response = Response { version: VersionNumber::Latest, payload, is_json: true, is_error: true };
        assert_eq!(
            written(Condition::RetriesExhausted, r#"{"b":1, "a":2}"#, Some(response)),
            concat!(
                r#"{"version":"1.0","timestamp":"2026-11-21T17:00:00.000Z","#,
                r#""requestContext":{"requestId":"6b0e4d1c","#,
                r#""functionArn":"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST","#,
                r#""condition":"RetriesExhausted","approximateInvokeCount":3},"#,
                r#""requestPayload":{"b":1, "a":2},"#,
                r#""responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"#,
                r#""responsePayload":{"errorMessage":"no"}}"#
            )
        );
    }

    #[test]
    fn a_success_has_no_function_error_and_what_did_not_run_no_response() {
        let payload = Bytes::from_static(b"not JSON");
        let response =
            Response { version: VersionNumber::Published(7), payload, is_json: false, is_error: false };
        let success = written(Condition::Success, "", Some(response));
        assert!(success.ends_with(
            r#""requestPayload":{},"responseContext":{"statusCode":200,"executedVersion":"7"},"responsePayload":"not JSON"}"#
        ));
        let not_run = written(Condition::ZeroReservedConcurrency, "null", None);
        assert!(not_run.ends_with(r#""requestPayload":null}"#), "{not_run}");
    }

    /// The delivery of a dead letter.
    fn failed(error: &str) -> DeliveryHeader {
        DeliveryHeader {
            event: RowId(1),
            purpose: Purpose::DeadLetter,
            target: "arn".into(),
            since: Stamp::default(),
            request_id: "6b0e4d1c".into(),
            failure: Some(Failure { code: 200, message: error.into() }),
            trace: Some("Root=1-a-b".to_owned()),
        }
    }

    #[test]
    fn a_dead_letter_is_the_event_with_three_attributes() {
        let message = message(&failed(""), b"{ }");
        assert_eq!((message.body.as_str(), message.trace_header.as_deref()), ("{ }", Some("Root=1-a-b")));
        let attributes: Vec<_> = message
            .attributes
            .iter()
            .map(|(name, attribute)| (name.as_str(), attribute.data_type.as_str(), &attribute.value))
            .collect();
        let text = |value: &str| AttributeValue::Text(value.to_owned());
        assert_eq!(
            attributes,
            [
                ("ErrorCode", "Number", &text("200")),
                ("ErrorMessage", "String", &text("-")),
                ("RequestID", "String", &text("6b0e4d1c")),
            ]
        );
        assert_eq!(dead_letter(&Bytes::new()), "{}");
        assert_eq!(dead_letter(&Bytes::from_static(b" 1 ")), " 1 ");
    }

    /// Queues refuse control characters: what failed in colours, or with a NUL, never came to its dead-letter queue.
    #[tokio::test]
    async fn a_queue_takes_a_dead_letter_whatever_its_function_said() {
        let arn: QueueArn = "arn:aws:sqs:us-east-1:000000000000:dead".parse().expect("an ARN");
        let account = AccountId::parse("000000000000").expect("an account");
        let queues = Queues::new(open_journal(None).expect("memory opens"), account);
        queues.create(arn.clone(), QueueChange::default(), Tags::default()).await.expect("it is made");
        let longest = "\u{1}".repeat(1024);
        let body = "[\"\u{ffff}\u{7f}\", \"\u{fffe}\"]";
        for (error, told) in [
            ("\u{1b}[31mboom", "\u{fffd}[31mboom"),
            ("\0", "\u{fffd}"),
            ("", "-"),
            ("tea\n\u{1f375}", "tea\n\u{1f375}"),
            (&longest, &"\u{fffd}".repeat(341)),
        ] {
            let message = message(&failed(error), body.as_bytes());
            Sender::send(&queues, &arn, &message).await.expect("it is taken");
            let receive = Receive { messages_max: 1, visibility_seconds: None, wait_seconds: None };
            let received = queues.receive(&arn, receive).await.expect("it is there").remove(0).message;
            assert_eq!(received.attributes["ErrorMessage"], MessageAttribute::string(told), "{error:?}");
            assert_eq!(received.body, "[\"\\uffff\u{7f}\", \"\\ufffe\"]");
            let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
            assert_eq!(value(&received.body), value(body), "it means the same");
        }
        assert_eq!(message(&failed("x"), b"\x1bno JSON\xff").body, "\u{fffd}no JSON\u{fffd}");
        for trace in [String::new(), "\0".to_owned(), "x".repeat(1025)] {
            let header = DeliveryHeader { trace: Some(trace), ..failed("x") };
            assert_eq!(message(&header, b"1").trace_header, None, "{header:?}");
        }
    }
}
