//! The events that functions get of a queue's messages, with the members that AWS's have.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize;

use crate::function::QueueArn;
use crate::sqs::{AttributeValue, Delivery, MessageAttribute};

/// What stands before the records of an event, and behind them.
const FRAME: (&[u8], &[u8]) = (br#"{"Records":["#, b"]}");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    message_id: &'a str,
    receipt_handle: &'a str,
    body: &'a str,
    attributes: &'a BTreeMap<String, String>,
    message_attributes: BTreeMap<&'a str, Attribute<'a>>,
    md5_of_body: &'a str,
    md5_of_message_attributes: Option<&'a str>,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
    aws_region: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attribute<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
    string_list_values: [&'static str; 0],
    binary_list_values: [&'static str; 0],
    data_type: &'a str,
}

/// The record of a message, as JSON.
pub(crate) fn record(queue: &QueueArn, message: &Delivery) -> Vec<u8> {
    let record = Record {
        message_id: &message.id,
        receipt_handle: &message.receipt,
        body: &message.body,
        attributes: &message.system,
        message_attributes: message
            .attributes
            .iter()
            .map(|(name, it)| (name.as_str(), attribute(it)))
            .collect(),
        md5_of_body: &message.md5_of_body,
        md5_of_message_attributes: message.md5_of_attributes.as_deref(),
        event_source: "aws:sqs",
        event_source_arn: queue.as_str(),
        aws_region: queue.region().as_str(),
    };
    serde_json::to_vec(&record).expect("it has names for all of its keys")
}

fn attribute(of: &MessageAttribute) -> Attribute<'_> {
    let (string_value, binary_value) = match &of.value {
        AttributeValue::Text(text) => (Some(text.as_str()), None),
        AttributeValue::Binary(bytes) => (None, Some(BASE64_STANDARD.encode(bytes))),
    };
    let (string_list_values, binary_list_values) = ([], []);
    Attribute { string_value, binary_value, string_list_values, binary_list_values, data_type: &of.data_type }
}

/// The event that these records make.
pub(crate) fn records<'a>(records: impl ExactSizeIterator<Item = &'a [u8]>, bytes: usize) -> Vec<u8> {
    let (before, behind) = FRAME;
    let mut event = Vec::with_capacity(bytes + records.len() + before.len() + behind.len());
    event.extend_from_slice(before);
    for (place, record) in records.enumerate() {
        if place > 0 {
            event.push(b',');
        }
        event.extend_from_slice(record);
    }
    event.extend_from_slice(behind);
    event
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;

    fn message() -> Delivery {
        Delivery {
            id: "0a1b".to_owned(),
            receipt: "r==".to_owned(),
            body: "say \"tea\"".to_owned(),
            md5_of_body: "d41d".to_owned(),
            system: BTreeMap::from([("SentTimestamp".to_owned(), "7".to_owned())]),
            attributes: BTreeMap::new(),
            md5_of_attributes: None,
        }
    }

    fn event(messages: &[Delivery]) -> Value {
        let queue: QueueArn = "arn:aws:sqs:eu-west-1:000000000000:q".parse().expect("an ARN");
        let all: Vec<Vec<u8>> = messages.iter().map(|message| record(&queue, message)).collect();
        let bytes = records(all.iter().map(Vec::as_slice), 0);
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[test]
    fn a_record_has_every_member_that_those_of_aws_have() {
        let mut second = message();
        second.attributes = BTreeMap::from([
            (
                "Binary".to_owned(),
                MessageAttribute {
                    data_type: "Binary".to_owned(),
                    value: AttributeValue::Binary(Bytes::from_static(b"\0\xff")),
                },
            ),
            ("Number".to_owned(), MessageAttribute::number(7)),
        ]);
        second.md5_of_attributes = Some("beef".to_owned());
        let plain = json!({
            "messageId": "0a1b", "receiptHandle": "r==", "body": "say \"tea\"",
            "attributes": { "SentTimestamp": "7" }, "messageAttributes": {},
            "md5OfBody": "d41d", "md5OfMessageAttributes": null,
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:q",
            "awsRegion": "eu-west-1",
        });
        let mut with_attributes = plain.clone();
        with_attributes["md5OfMessageAttributes"] = json!("beef");
        with_attributes["messageAttributes"] = json!({
            "Binary": { "binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary" },
            "Number": { "stringValue": "7", "stringListValues": [], "binaryListValues": [], "dataType": "Number" },
        });
        assert_eq!(event(&[message(), second]), json!({ "Records": [plain, with_attributes] }));
    }

    #[test]
    fn an_event_of_no_record_is_one_still() {
        assert_eq!(event(&[]), json!({ "Records": [] }));
    }
}
