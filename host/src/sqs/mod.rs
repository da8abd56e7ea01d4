//! Queues as SQS has them: the vocabulary, what a sender needs of a queue wherever it is, and the standard queues that are built
//! in, on a journal.
//!
//! `outside` sends to queues elsewhere.
//!
//! Knows no functions, no events and no HTTP server.

mod access_policy;
mod attribute;
mod consumer;
mod content;
mod digest;
mod fifo;
pub(crate) mod limits;
mod message;
mod move_task;
#[cfg(feature = "sqs")]
pub(crate) mod outside;
mod queues;
mod receipt;
mod record;
mod redrive;
mod sender;
mod settings;
mod state;

pub(crate) use crate::function::{QueueArn, QueueName, QueueNameError};
pub(crate) use access_policy::{AccessPolicy, AccessPolicyError, Permission};
pub(crate) use attribute::{AttributeValue, MessageAttribute, as_content, is_content};
pub(crate) use consumer::{ConsumeError, Consumer, Consuming, Delivery, QueueFacts, Receive};
pub(crate) use digest::{md5_of_attributes, md5_of_body, md5_of_trace_header};
pub(crate) use fifo::{DeduplicationScope, FifoSettings, FifoThroughputLimit, QueueKind};
pub(crate) use limits::MESSAGE_BYTES_MAX;
pub(crate) use message::{MessageError, MessageId, OutgoingMessage, is_trace_header};
pub(crate) use move_task::{MoveFailure, MoveStatus, MoveTask};
#[cfg(feature = "sqs")]
pub use outside::{SqsCredentials, SqsEndpoint, SqsEndpointError, SqsSettings};
pub(crate) use queues::{
    CancelMoveError, ChangeQueueError, CreateQueueError, PermissionError, PurgeError, QueueError, QueueInfo,
    QueueList, Queues, ReceiveError, ReceivedMessage, SENDER_ID, SendRequest, SentMessage, StartMove,
    StartMoveError, TagQueueError,
};
pub(crate) use receipt::ReceiptHandle;
pub(crate) use redrive::{RedriveAllowPolicy, RedriveAllowPolicyError, RedrivePolicy, RedrivePolicyError};
pub(crate) use sender::{SendError, Sender, Sending};
pub(crate) use settings::{
    CONTENT_BASED, POLICY, QueueChange, QueueSetting, REDRIVE, REDRIVE_ALLOW, SCOPE, THROUGHPUT,
};
pub(crate) use state::{QueueFigures, VisibilityError};
