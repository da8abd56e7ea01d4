//! What those who send messages need of queues, wherever these are.

use std::fmt;
use std::pin::Pin;

use super::message::{MessageId, OutgoingMessage};
use crate::function::QueueArn;

/// A message on its way.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Result<MessageId, SendError>> + Send + 'a>>;

/// Sends messages to queues.
pub(crate) trait Sender: fmt::Debug + Send + Sync {
    /// Sends a message; it is safe in its queue when this resolves. How long that may take, the sender itself sees to.
    fn send<'a>(&'a self, queue: &'a QueueArn, message: &'a OutgoingMessage) -> Sending<'a>;
}

/// Why a message was not sent. The last two are worth another try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SendError {
    /// There is no such queue.
    #[error("the queue does not exist")]
    NoSuchQueue,
    /// The queue takes no message of that size.
    #[error("the message has {bytes} bytes with its attributes; at most {limit} are allowed")]
    TooLarge { bytes: usize, limit: usize },
    /// The queue will never take it.
    #[error("the message was refused: {reason}")]
    Refused { reason: String },
    /// The queue takes no message now.
    #[error("the queue takes no more messages for now")]
    Throttled,
    /// The queue cannot be reached, or does not say what became of the message.
    #[error("the queue cannot be reached: {reason}")]
    Unreachable { reason: String },
}
