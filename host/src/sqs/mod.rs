//! Queues and their messages. The vocabulary that `outside` needs, until the whole of it is here.

#![cfg_attr(not(test), expect(dead_code, reason = "nothing sends to queues yet"))]

#[cfg(feature = "sqs")]
pub(crate) mod outside;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use bytes::Bytes;

use crate::function::{AccountId, Region};

#[cfg(feature = "sqs")]
pub use outside::{SqsCredentials, SqsEndpoint, SqsEndpointError, SqsSettings};

/// The name of a queue.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct QueueName(String);

impl QueueName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which queue: `arn:aws:sqs:REGION:ACCOUNT:NAME`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QueueArn {
    pub(crate) region: Region,
    pub(crate) account: AccountId,
    pub(crate) name: QueueName,
}

impl std::str::FromStr for QueueArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", "aws", "sqs", region, account, name] = parts[..] else { return Err(text.to_owned()) };
        let region = Region::parse(region).map_err(|error| error.to_string())?;
        let account = AccountId::parse(account).map_err(|error| error.to_string())?;
        Ok(Self { region, account, name: QueueName(name.to_owned()) })
    }
}

impl fmt::Display for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:sqs:{}:{}:{}", self.region, self.account, self.name.0)
    }
}

impl fmt::Debug for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageAttribute {
    /// `String`, `Number` or `Binary`, and behind a dot whatever its sender likes.
    pub(crate) data_type: String,
    pub(crate) value: AttributeValue,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttributeValue {
    Text(String),
    Binary(Bytes),
}

/// A message on its way to a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OutgoingMessage {
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, MessageAttribute>,
    pub(crate) trace_header: Option<String>,
}

impl OutgoingMessage {
    /// How many bytes of it count: the body, and of each attribute its name, type and value.
    pub(crate) fn bytes(&self) -> usize {
        let of = |value: &AttributeValue| match value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Binary(bytes) => bytes.len(),
        };
        let attributes =
            self.attributes.iter().map(|(name, it)| name.len() + it.data_type.len() + of(&it.value));
        self.body.len() + attributes.sum::<usize>()
    }
}

/// The most bytes of a message, its attributes counted.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The id that a queue gave a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageId(pub(crate) Box<str>);

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    #[error("the queue does not exist")]
    NoSuchQueue,
    #[error("the message has {bytes} bytes with its attributes; at most {limit} are allowed")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the message was refused: {reason}")]
    Refused { reason: String },
    #[error("the queue takes no more messages for now")]
    Throttled,
    #[error("the queue cannot be reached: {reason}")]
    Unreachable { reason: String },
}

/// The future of a message that is sent.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Result<MessageId, SendError>> + Send + 'a>>;

/// Where messages go.
pub(crate) trait Sender: fmt::Debug + Send + Sync {
    fn send<'a>(&'a self, queue: &'a QueueArn, message: &'a OutgoingMessage) -> Sending<'a>;
}
