//! What of a message is not kept in memory, as it lies in the journal: attributes, and the body behind them.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::attribute::{AttributeValue, MessageAttribute};
use super::message::OutgoingMessage;

/// How many bytes tell how long the attributes are.
const LENGTH_BYTES: usize = 4;

/// All of a message but its body.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Beside {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, Written>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deduplication: Option<String>,
}

/// An attribute as it is written: its type, and one of the two.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// The message as bytes.
pub(super) fn written(message: &OutgoingMessage) -> Bytes {
    let attributes = message.attributes.iter().map(|(name, attribute)| {
        let (text, base64) = match &attribute.value {
            AttributeValue::Text(text) => (Some(text.clone()), None),
            AttributeValue::Binary(bytes) => (None, Some(BASE64_STANDARD.encode(bytes))),
        };
        (name.clone(), Written { data_type: attribute.data_type.clone(), text, base64 })
    });
    let beside = Beside {
        attributes: attributes.collect(),
        trace: message.trace_header.clone(),
        group: message.group.clone(),
        deduplication: message.deduplication.clone(),
    };
    let beside = serde_json::to_vec(&beside).expect("texts always have a JSON form");
    let length = u32::try_from(beside.len()).expect("messages are far smaller than 4 GiB");
    [&length.to_le_bytes()[..], &beside, message.body.as_bytes()].concat().into()
}

/// The message that was written so; none if it was not.
pub(super) fn read(bytes: &[u8]) -> Option<OutgoingMessage> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let (beside, body) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let Beside { attributes, trace, group, deduplication } = serde_json::from_slice(beside).ok()?;
    let attributes = attributes.into_iter().map(|(name, Written { data_type, text, base64 })| {
        let value = match (text, base64) {
            (Some(text), None) => AttributeValue::Text(text),
            (None, Some(base64)) => AttributeValue::Binary(BASE64_STANDARD.decode(base64).ok()?.into()),
            _ => return None,
        };
        Some((name, MessageAttribute { data_type, value }))
    });
    Some(OutgoingMessage {
        body: String::from_utf8(body.to_vec()).ok()?,
        attributes: attributes.collect::<Option<_>>()?,
        trace_header: trace,
        group,
        deduplication,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let image = MessageAttribute {
            data_type: "Binary.png".to_owned(),
            value: AttributeValue::Binary(Bytes::from_static(&[0, 159, 255])),
        };
        let mut message = OutgoingMessage { body: "чай\n".to_owned(), ..OutgoingMessage::default() };
        assert_eq!(read(&written(&message)).as_ref(), Some(&message));
        message.trace_header = Some("Root=1".to_owned());
        message.group = Some("g".to_owned());
        message.deduplication = Some("once".to_owned());
        message.attributes.insert("image".to_owned(), image);
        message.attributes.insert("n".to_owned(), MessageAttribute::number(7));
        let bytes = written(&message);
        assert_eq!(read(&bytes), Some(message));
        for bad in [&b""[..], b"\x01\0\0", b"\xff\xff\xff\xffx", b"\x01\0\0\0x", b"\x02\0\0\0{}\xff"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
