//! Messages on their way into a queue.

use std::collections::BTreeMap;
use std::fmt;

use super::attribute::{AttributeError, MessageAttribute, is_content};
use super::limits::{GROUP_ID_CHARS_MAX, MESSAGE_ATTRIBUTES_MAX, MESSAGE_BYTES_MAX, TRACE_HEADER_BYTES_MAX};

/// The name of the group of a message.
pub(super) const GROUP: &str = "MessageGroupId";
/// The name of what tells a message of a FIFO queue from others.
pub(super) const DEDUPLICATION: &str = "MessageDeduplicationId";

/// A message to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OutgoingMessage {
    pub(crate) body: String,
    /// By name.
    pub(crate) attributes: BTreeMap<String, MessageAttribute>,
    /// The system attribute `AWSTraceHeader`, which does not count for the message's size.
    pub(crate) trace_header: Option<String>,
    /// `MessageGroupId`: in FIFO queues, among which messages it has its place; in others, whose it is.
    pub(crate) group: Option<String>,
    /// `MessageDeduplicationId`, of FIFO queues alone.
    pub(crate) deduplication: Option<String>,
}

/// The id that a queue gave a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MessageId(pub(crate) Box<str>);

/// Why a message is refused, whatever the queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MessageError {
    #[error("the message has no body")]
    Empty,
    #[error("the message has {bytes} bytes with its attributes; at most {limit} are allowed")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the message has {count} attributes; at most {MESSAGE_ATTRIBUTES_MAX} are allowed")]
    TooManyAttributes { count: usize },
    #[error(
        "the message (system) attribute 'AWSTraceHeader' has {bytes} bytes; at most {TRACE_HEADER_BYTES_MAX} are allowed"
    )]
    TraceHeaderTooLong { bytes: usize },
    /// In SQS's words, where its name and value stand before.
    #[error(
        "{parameter} can only include alphanumeric and punctuation characters. 1 to {GROUP_ID_CHARS_MAX} in length."
    )]
    Id { parameter: &'static str, value: String },
    #[error("The request must contain the parameter {parameter}.")]
    Missing { parameter: &'static str },
    #[error(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )]
    NoDeduplication,
    #[error("The request include parameter that is not valid for this queue type.")]
    OtherKind { parameter: &'static str, value: String },
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    #[error(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | \
         #x10000 to #x10FFFF"
    )]
    Characters,
}

impl OutgoingMessage {
    /// How many bytes of it count: the body, and of each attribute its name, type and value.
    pub(crate) fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, attribute)| attribute.bytes(name));
        self.body.len() + attributes.sum::<usize>()
    }

    /// Checks it as SQS does; `bytes_max` is the queue's own limit.
    pub(crate) fn check(&self, bytes_max: usize) -> Result<(), MessageError> {
        let (bytes, limit) = (self.bytes(), bytes_max.min(MESSAGE_BYTES_MAX));
        if self.body.is_empty() {
            return Err(MessageError::Empty);
        }
        if bytes > limit {
            return Err(MessageError::TooLarge { bytes, limit });
        }
        if self.attributes.len() > MESSAGE_ATTRIBUTES_MAX {
            return Err(MessageError::TooManyAttributes { count: self.attributes.len() });
        }
        for (name, attribute) in &self.attributes {
            attribute.check(name)?;
        }
        let bytes = self.trace_header.as_ref().map_or(0, String::len);
        if bytes > TRACE_HEADER_BYTES_MAX {
            return Err(MessageError::TraceHeaderTooLong { bytes });
        }
        check_id(GROUP, self.group.as_deref())?;
        check_id(DEDUPLICATION, self.deduplication.as_deref())?;
        if !is_content(&self.body) || !self.trace_header.as_deref().is_none_or(is_content) {
            return Err(MessageError::Characters);
        }
        Ok(())
    }
}

/// Whether it can be an id: letters, digits and punctuation of ASCII.
fn check_id(parameter: &'static str, id: Option<&str>) -> Result<(), MessageError> {
    match id {
        Some(id) if !is_id(id) => Err(MessageError::Id { parameter, value: id.to_owned() }),
        _ => Ok(()),
    }
}

fn is_id(text: &str) -> bool {
    (1..=GROUP_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether queues take that as a trace header.
pub(crate) fn is_trace_header(text: &str) -> bool {
    (1..=TRACE_HEADER_BYTES_MAX).contains(&text.len()) && is_content(text)
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> OutgoingMessage {
        OutgoingMessage { body: body.to_owned(), ..OutgoingMessage::default() }
    }

    #[test]
    fn names_types_and_values_of_attributes_count_for_a_messages_size() {
        let mut message = message("12345");
        message.attributes.insert("name".to_owned(), MessageAttribute::string("value"));
        message.trace_header = Some("Root=1".to_owned());
        assert_eq!(message.bytes(), 5 + "name".len() + "String".len() + "value".len());
        assert_eq!(message.check(20), Ok(()));
        assert_eq!(message.check(19), Err(MessageError::TooLarge { bytes: 20, limit: 19 }));
        let whole = super::tests::message(&"x".repeat(MESSAGE_BYTES_MAX));
        assert_eq!(whole.check(usize::MAX), Ok(()));
    }

    #[test]
    fn a_message_has_a_body_of_characters_that_xml_has_and_ten_attributes() {
        assert_eq!(message("").check(1024), Err(MessageError::Empty));
        assert_eq!(message("tea\t\r\n\u{1f375}\u{fffd}").check(1024), Ok(()));
        for bad in ["\0", "\u{b}", "\u{1f}", "\u{ffff}"] {
            assert_eq!(message(bad).check(1024), Err(MessageError::Characters), "{bad:?}");
        }
        let mut many = message("x");
        for number in 0..11 {
            many.attributes.insert(format!("a{number}"), MessageAttribute::number(number));
        }
        assert_eq!(many.check(1024), Err(MessageError::TooManyAttributes { count: 11 }));
    }

    #[test]
    fn an_id_has_1_to_128_characters_that_can_be_seen() {
        let checked = |id: &str| OutgoingMessage { group: Some(id.to_owned()), ..message("x") }.check(1);
        assert_eq!((checked("a-Z0!~"), checked(&"x".repeat(128))), (Ok(()), Ok(())));
        for bad in ["", "a b", "чай", "\u{7f}", &"x".repeat(129)] {
            let error = MessageError::Id { parameter: GROUP, value: bad.to_owned() };
            assert_eq!(checked(bad), Err(error));
        }
    }

    #[test]
    fn a_trace_header_is_short_although_it_does_not_count_for_the_size() {
        let checked =
            |header: &str| OutgoingMessage { trace_header: Some(header.to_owned()), ..message("x") }.check(1);
        let longest = "x".repeat(1024);
        assert_eq!((checked(&longest), is_trace_header(&longest)), (Ok(()), true));
        let longer = "x".repeat(1025);
        let error = Err(MessageError::TraceHeaderTooLong { bytes: 1025 });
        assert_eq!((checked(&longer), is_trace_header(&longer)), (error, false));
        assert_eq!((checked("\0"), is_trace_header("\0")), (Err(MessageError::Characters), false));
    }
}
