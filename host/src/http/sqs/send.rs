//! SendMessage and SendMessageBatch.

use std::collections::BTreeMap;

use super::batch;
use super::error::SqsWireError;
use super::shapes::{Batch, SendMessage, Sent, Value};
use super::{Call, Done, given, json, seconds};
use crate::sqs::limits::{DELAY_SECONDS, MESSAGE_BYTES_MAX};
use crate::sqs::{
    AttributeValue, MessageAttribute, OutgoingMessage, SendRequest, SentMessage, md5_of_attributes,
    md5_of_body, md5_of_trace_header,
};

/// The one system attribute that senders can give.
const TRACE_HEADER: &str = "AWSTraceHeader";

pub(super) async fn send(call: &Call<'_>) -> Done {
    let request: SendMessage = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let (message, delay_seconds) = outgoing(request)?;
    let sent = call.queues.send(&queue, &[SendRequest { message: &message, delay_seconds }]).await?.pop();
    json(&told(&message, sent.expect("there is an answer to each message")?))
}

pub(super) async fn send_batch(call: &Call<'_>) -> Done {
    let request: Batch<SendMessage> = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let entries = batch::entries(request.entries, "SendMessageBatchRequestEntry")?;
    let entries: Vec<_> = entries.into_iter().map(|(id, request)| (id, outgoing(request))).collect();
    let good: Vec<SendRequest<'_>> = (entries.iter())
        .filter_map(|(_, outgoing)| outgoing.as_ref().ok())
        .map(|(message, delay_seconds)| SendRequest { message, delay_seconds: *delay_seconds })
        .collect();
    let bytes: usize = good.iter().map(|request| request.message.bytes()).sum();
    if bytes > MESSAGE_BYTES_MAX {
        return Err(SqsWireError::batch_too_long(Some(bytes)));
    }
    let mut sent = call.queues.send(&queue, &good).await?.into_iter();
    let outcomes = entries.iter().map(|(id, outgoing)| {
        let outcome = match outgoing {
            Err(error) => Err(error.clone()),
            Ok((message, _)) => {
                let sent = sent.next().expect("there is an answer to each message");
                sent.map(|sent| told(message, sent)).map_err(SqsWireError::from)
            }
        };
        (id.clone(), outcome)
    });
    json(&batch::done(outcomes))
}

/// The message that a request is, and its delay.
fn outgoing(request: SendMessage) -> Result<(OutgoingMessage, Option<u32>), SqsWireError> {
    let body = given(request.message_body, "MessageBody")?;
    let range = "DelaySeconds must be >= 0 and <= 900.";
    let delay = request.delay_seconds.map(|delay| seconds("DelaySeconds", delay, &DELAY_SECONDS, range));
    let attributes = request.message_attributes.unwrap_or_default().into_iter();
    let attributes = attributes.map(|(name, value)| Ok((name.clone(), attribute(&name, value)?)));
    let message = OutgoingMessage {
        body,
        attributes: attributes.collect::<Result<_, SqsWireError>>()?,
        trace_header: trace_header(request.message_system_attributes.unwrap_or_default())?,
        group: request.message_group_id,
        deduplication: request.message_deduplication_id,
    };
    Ok((message, delay.transpose()?))
}

/// An attribute, of which the message sees to the rest.
fn attribute(name: &str, value: Value) -> Result<MessageAttribute, SqsWireError> {
    let data_type = value.data_type.filter(|data_type| !data_type.is_empty()).ok_or_else(|| {
        SqsWireError::parameter(format!(
            "The message attribute '{name}' must contain a message attribute type."
        ))
    })?;
    let value = match (value.string_value, value.binary_value) {
        (Some(text), None) => AttributeValue::Text(text),
        (None, Some(bytes)) => AttributeValue::Binary(bytes.into()),
        (None, None) => AttributeValue::Text(String::new()),
        (Some(_), Some(_)) => {
            return Err(SqsWireError::parameter(format!(
                "Message (user) attribute '{name}' has more than one value."
            )));
        }
    };
    Ok(MessageAttribute { data_type, value })
}

fn trace_header(attributes: BTreeMap<String, Value>) -> Result<Option<String>, SqsWireError> {
    let mut header = None;
    for (name, value) in attributes {
        if name != TRACE_HEADER {
            let message = format!("Message system attribute name '{name}' is invalid.");
            return Err(SqsWireError::parameter(message));
        }
        match (value.data_type.as_deref(), value.string_value) {
            (Some("String"), Some(text)) if !text.is_empty() => header = Some(text),
            _ => {
                let message = format!(
                    "Message (system) attribute '{name}' must contain a non-empty value of type 'String'."
                );
                return Err(SqsWireError::parameter(message));
            }
        }
    }
    Ok(header)
}

fn told(message: &OutgoingMessage, sent: SentMessage) -> Sent {
    Sent {
        id: sent.id.to_string(),
        sequence_number: sent.sequence.map(|sequence| sequence.to_string()),
        md5_of_body: md5_of_body(&message.body),
        md5_of_attributes: md5_of_attributes(message.attributes.iter().map(|(name, it)| (name.as_str(), it))),
        md5_of_system_attributes: message.trace_header.as_deref().map(md5_of_trace_header),
    }
}
