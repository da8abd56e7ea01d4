//! What those who take messages out of queues need of them, wherever these are.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use tokio_util::sync::CancellationToken;

use super::attribute::MessageAttribute;
use crate::function::QueueArn;

/// What a queue does in its own time.
pub(crate) type Consuming<'a, T> = Pin<Box<dyn Future<Output = Result<T, ConsumeError>> + Send + 'a>>;

/// Takes messages out of queues.
pub(crate) trait Consumer: fmt::Debug + Send + Sync {
    /// What has to be known of a queue before its messages are taken.
    fn facts<'a>(&'a self, queue: &'a QueueArn) -> Consuming<'a, QueueFacts>;

    /// Waits for messages: up to ten, which nobody else gets for a while. None, if none come within the time, or when it is told
    /// to stop. Whoever drops it may take messages along.
    fn receive<'a>(
        &'a self,
        queue: &'a QueueArn,
        request: Receive,
        stop: &'a CancellationToken,
    ) -> Consuming<'a, Vec<Delivery>>;

    /// Deletes messages, of any number, for good. A receipt that is stale is no error: somebody else has the message.
    fn delete<'a>(&'a self, queue: &'a QueueArn, receipts: Vec<String>) -> Consuming<'a, ()>;

    /// Keeps messages, of any number, from others for so many seconds from now on; none at all, and they are there again. It is no
    /// error if somebody else has one.
    fn keep<'a>(&'a self, queue: &'a QueueArn, receipts: Vec<String>, seconds: u32) -> Consuming<'a, ()>;
}

/// What a receiver asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receive {
    /// From 1 to 10.
    pub(crate) messages_max: usize,
    /// Other than the queue's own, up to 43,200.
    pub(crate) visibility_seconds: Option<u32>,
    /// Other than the queue's own, up to 20.
    pub(crate) wait_seconds: Option<u32>,
}

/// What is to be known of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueFacts {
    /// How long a received message is kept from others.
    pub(crate) visibility_seconds: u32,
    /// Where messages go that were received too often, if anywhere.
    pub(crate) dead_letters: Option<QueueArn>,
}

/// A message as SQS hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    /// What its receiver shows to delete it or to keep it for longer.
    pub(crate) receipt: String,
    pub(crate) body: String,
    pub(crate) md5_of_body: String,
    /// The system attributes, by name.
    pub(crate) system: BTreeMap<String, String>,
    pub(crate) attributes: BTreeMap<String, MessageAttribute>,
    pub(crate) md5_of_attributes: Option<String>,
}

/// Why nothing was done with a queue. All but the first may be otherwise the next time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConsumeError {
    #[error("the queue does not exist")]
    NoSuchQueue,
    #[error("the queue answers no more requests for now")]
    Throttled,
    #[error("the queue cannot be used: {reason}")]
    Unusable { reason: String },
}
