//! ReceiveMessage.

use std::collections::{BTreeMap, BTreeSet};

use super::error::SqsWireError;
use super::shapes::{Message, Messages, ReceiveMessage, Value};
use super::{Call, Done, json, seconds};
use crate::sqs::limits::{BATCH_ENTRIES_MAX, VISIBILITY_SECONDS, WAIT_SECONDS};
use crate::sqs::{
    AttributeValue, MessageAttribute, Receive, ReceivedMessage, md5_of_attributes, md5_of_body,
};

/// All system attributes, or all attributes, or all that begin so.
const ALL: &str = "All";

/// The system attributes that messages may have.
const SYSTEM: [&str; 9] = [
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

pub(super) async fn receive(call: &Call<'_>) -> Done {
    let request: ReceiveMessage = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let messages_max = match request.max_number_of_messages {
        None => 1,
        Some(max) => {
            let allowed = usize::try_from(max).ok().filter(|max| (1..=BATCH_ENTRIES_MAX).contains(max));
            let reason = "Must be between 1 and 10, if provided.";
            allowed.ok_or_else(|| SqsWireError::value("MaxNumberOfMessages", &max.to_string(), reason))?
        }
    };
    let visibility = request.visibility_timeout.map(|timeout| {
        let range = "Must be >= 0 and <= 43200, if provided.";
        seconds("VisibilityTimeout", timeout, &VISIBILITY_SECONDS, range)
    });
    let wait = request
        .wait_time_seconds
        .map(|wait| seconds("WaitTimeSeconds", wait, &WAIT_SECONDS, "Must be >= 0 and <= 20, if provided."));
    let (old, new) = (request.attribute_names, request.message_system_attribute_names);
    let system = system_names(old.into_iter().chain(new).flatten())?;
    let names = request.message_attribute_names.unwrap_or_default();
    let receive = Receive {
        messages_max,
        visibility_seconds: visibility.transpose()?,
        wait_seconds: wait.transpose()?,
    };
    let received = call.queues.receive_until(&queue, receive, call.leaving).await?;
    let messages = received.into_iter().map(|message| told(message, &system, &names)).collect();
    json(&Messages { messages })
}

/// The system attributes that are asked for.
fn system_names(names: impl Iterator<Item = String>) -> Result<BTreeSet<&'static str>, SqsWireError> {
    let mut asked = BTreeSet::new();
    for name in names {
        match SYSTEM.iter().find(|known| **known == name) {
            Some(known) => drop(asked.insert(*known)),
            None if name == ALL => asked.extend(SYSTEM),
            None => return Err(SqsWireError::unknown_attribute(&name)),
        }
    }
    Ok(asked)
}

fn told(received: ReceivedMessage, system: &BTreeSet<&'static str>, names: &[String]) -> Message {
    let mut attributes = received.system_attributes();
    attributes.retain(|name, _| system.contains(name));
    let mut chosen: BTreeMap<String, MessageAttribute> = received.message.attributes;
    chosen.retain(|name, _| names.iter().any(|asked| is_meant(asked, name)));
    let md5_of_attributes = md5_of_attributes(chosen.iter().map(|(name, it)| (name.as_str(), it)));
    Message {
        message_id: received.id,
        receipt_handle: received.receipt.text(),
        md5_of_body: md5_of_body(&received.message.body),
        body: received.message.body,
        attributes,
        md5_of_attributes,
        message_attributes: chosen.into_iter().map(|(name, attribute)| (name, value(attribute))).collect(),
    }
}

/// Whether a name that is asked for means that attribute: itself, all, or all that begin so.
fn is_meant(asked: &str, name: &str) -> bool {
    let begins = |prefix: &str| name.starts_with(prefix);
    asked == name || asked == ALL || asked.strip_suffix(".*").is_some_and(begins) || asked == "*"
}

fn value(attribute: MessageAttribute) -> Value {
    let (string_value, binary_value) = match attribute.value {
        AttributeValue::Text(text) => (Some(text), None),
        AttributeValue::Binary(bytes) => (None, Some(bytes.to_vec())),
    };
    Value { data_type: Some(attribute.data_type), string_value, binary_value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As AWS answers; its documentation has no lone asterisk.
    #[test]
    fn attributes_are_asked_for_by_name_by_how_they_begin_or_all_at_once() {
        let meant = |asked: &str| {
            ["Hello", "General", "Help.Me"]
                .into_iter()
                .filter(|name| is_meant(asked, name))
                .collect::<Vec<_>>()
        };
        for all in ["All", ".*", "*"] {
            assert_eq!(meant(all).len(), 3, "{all}");
        }
        assert_eq!(meant("Hel.*"), ["Hello", "Help.Me"]);
        assert_eq!(meant("Hello"), ["Hello"]);
        for none in ["", "hello", "Hel", "A"] {
            assert!(meant(none).is_empty(), "{none}");
        }
    }
}
