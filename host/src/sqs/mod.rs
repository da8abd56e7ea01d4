//! The vocabulary of queues and messages, and what sends a message. Knows no functions and no HTTP server.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

/// The ARN of a queue: `arn:aws:sqs:REGION:ACCOUNT:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueueArn(Arc<str>);

impl QueueArn {
    /// Takes a text as the ARN of a queue.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        matches!(parts.as_slice(), ["arn", _, "sqs", region, account, name]
            if !region.is_empty() && !account.is_empty() && !name.is_empty())
        .then(|| Self(text.into()))
    }

    /// The ARN as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a queue calls a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageId(pub(crate) String);

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
    TooLarge { bytes: u64, limit: u64 },
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

/// What sends messages to queues.
pub(crate) trait Sender: fmt::Debug + Send + Sync {
    /// Sends a message; it is in the queue when this resolves.
    fn send<'a>(
        &'a self,
        queue: &'a QueueArn,
        message: &'a OutgoingMessage,
    ) -> Pin<Box<dyn Future<Output = Result<MessageId, SendError>> + Send + 'a>>;
}
