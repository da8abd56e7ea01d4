//! The vocabulary of queues and messages, and what sends a message. Knows no functions and no HTTP server.

#![allow(dead_code, reason = "stands for the part that is written elsewhere")]

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::function::{AccountId, Region};

/// The name of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QueueName(Arc<str>);

/// Why a text is no ARN of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not of the form arn:aws:sqs:REGION:ACCOUNT:NAME")]
pub(crate) struct QueueArnError {
    /// The text.
    pub(crate) text: String,
}

/// Which queue: `arn:aws:sqs:REGION:ACCOUNT:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueueArn {
    pub(crate) region: Region,
    pub(crate) account: AccountId,
    pub(crate) name: QueueName,
}

impl QueueArn {
    /// Takes a text as the ARN of a queue.
    ///
    /// # Errors
    /// When it has not that form.
    pub(crate) fn parse(text: &str) -> Result<Self, QueueArnError> {
        let error = || QueueArnError { text: text.chars().take(200).collect() };
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", "aws", "sqs", region, account, name] = parts[..] else { return Err(error()) };
        match (Region::parse(region), AccountId::parse(account)) {
            (Ok(region), Ok(account)) if !name.is_empty() => {
                Ok(Self { region, account, name: QueueName(name.into()) })
            }
            _ => Err(error()),
        }
    }
}

impl fmt::Display for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:sqs:{}:{}:{}", self.region, self.account, self.name.0)
    }
}

/// What a queue calls a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageId(pub(crate) Box<str>);

/// The value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttributeValue {
    /// Of the types `String` and `Number`.
    Text(String),
    /// Of the type `Binary`.
    Binary(Bytes),
}

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with what the sender put behind it.
    pub(crate) data_type: String,
    pub(crate) value: AttributeValue,
}

impl MessageAttribute {
    /// A text.
    pub(crate) fn string(text: impl Into<String>) -> Self {
        Self { data_type: "String".to_owned(), value: AttributeValue::Text(text.into()) }
    }

    /// A number.
    pub(crate) fn number(number: impl fmt::Display) -> Self {
        Self { data_type: "Number".to_owned(), value: AttributeValue::Text(number.to_string()) }
    }
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutgoingMessage {
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, MessageAttribute>,
    /// The system attribute `AWSTraceHeader`.
    pub(crate) trace_header: Option<String>,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SendError {
    /// There is no such queue.
    #[error("there is no such queue")]
    NoSuchQueue,
    /// The message is larger than a message may be.
    #[error("the message has {bytes} bytes; at most {limit} are allowed")]
    TooLarge { bytes: usize, limit: usize },
    /// The queue does not take it, and will not.
    #[error("the queue refuses it: {reason}")]
    Refused { reason: String },
    /// The queue takes no more for now.
    #[error("the queue takes no more for now")]
    Throttled,
    /// The queue cannot be reached for now.
    #[error("the queue cannot be reached: {reason}")]
    Unreachable { reason: String },
}

/// A message on its way.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Result<MessageId, SendError>> + Send + 'a>>;

/// Sends messages to queues.
pub(crate) trait Sender: fmt::Debug + Send + Sync {
    /// Sends a message; it is safe in its queue when this resolves.
    fn send<'a>(&'a self, queue: &'a QueueArn, message: &'a OutgoingMessage) -> Sending<'a>;
}
