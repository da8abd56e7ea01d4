//! Messages are sent: safe in the journal before anybody can receive them, and before their sender is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::super::content;
use super::super::limits::MESSAGES_MAX;
use super::super::message::{MessageError, MessageId, OutgoingMessage};
use super::super::record::{MESSAGE, MessageRecord};
use super::super::sender::{SendError, Sender, Sending};
use super::{Inner, Queue, QueueError, Queues};
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::{Change, RowId};

/// A message to be sent to a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendRequest<'a> {
    pub(crate) message: &'a OutgoingMessage,
    /// Other than the queue's own delay, up to 900 seconds.
    pub(crate) delay_seconds: Option<u32>,
}

/// Messages that are on their way into the journal.
#[derive(Debug, Default)]
struct New {
    records: Vec<(RowId, MessageRecord)>,
    changes: Vec<Change>,
    /// Whether they are the host's own: of what became of events, which go when that is told.
    are_owed: bool,
}

impl Queues {
    /// Sends messages, all or none of those that can be sent at all. The answers are in the order of the messages.
    pub(crate) async fn send(
        &self,
        arn: &QueueArn,
        requests: &[SendRequest<'_>],
    ) -> Result<Vec<Result<MessageId, MessageError>>, QueueError> {
        self.send_new(arn, requests, New::default()).await
    }

    async fn send_new(
        &self,
        arn: &QueueArn,
        requests: &[SendRequest<'_>],
        mut new: New,
    ) -> Result<Vec<Result<MessageId, MessageError>>, QueueError> {
        let queue = self.0.find(arn)?;
        let answers = requests.iter().map(|request| self.0.prepare(&queue, request, &mut new)).collect();
        if !new.records.is_empty() {
            let inner = self.0.clone();
            self.0.to_the_end(async move { inner.write_new(&queue, new).await }).await?;
        }
        Ok(answers)
    }
}

impl Inner {
    fn prepare(
        &self,
        queue: &Queue,
        request: &SendRequest<'_>,
        new: &mut New,
    ) -> Result<MessageId, MessageError> {
        let (bytes_max, queue_delay_seconds) = {
            let settings = &queue.state().record.settings;
            (settings.message_bytes_max, settings.delay_seconds)
        };
        let (message, now_ms) = (request.message, self.clock.now_ms());
        message.check(bytes_max as usize)?;
        let delay_seconds = request.delay_seconds.unwrap_or(queue_delay_seconds);
        let (row, id) = (self.journal.allocate(), Uuid::new_v4());
        let record = MessageRecord {
            id,
            bytes: u32::try_from(message.bytes()).expect("it was checked to be far smaller"),
            sent_ms: now_ms,
            ahead_ms: self.clock.wall_ms().wrapping_sub(now_ms).cast_signed(),
            visible_ms: now_ms + u64::from(delay_seconds) * 1000,
            receives: 0,
            elsewhere: 0,
            forgotten: 0,
            source: None,
            first_received_ms: None,
            last_received_ms: None,
        };
        let (header, body) = (record.header(queue.row), Some(content::written(message)));
        new.changes.push(Change::Insert { id: row, kind: MESSAGE, header, body });
        new.records.push((row, record));
        Ok(MessageId(id.to_string().into()))
    }

    async fn write_new(self: &Arc<Self>, queue: &Arc<Queue>, new: New) -> Result<(), QueueError> {
        let count = new.records.len();
        if self.message_count.fetch_add(count, Ordering::Relaxed) + count > MESSAGES_MAX {
            self.message_count.fetch_sub(count, Ordering::Relaxed);
            return Err(QueueError::TooManyMessages { limit: MESSAGES_MAX });
        }
        let written = match new.are_owed {
            true => self.journal.write_owed(new.changes).await,
            false => self.journal.write(new.changes).await,
        };
        if written.is_err() {
            self.message_count.fetch_sub(count, Ordering::Relaxed);
        }
        written?;
        let now_ms = self.clock.now_ms();
        let is_deleted = {
            let mut state = queue.state();
            for (row, record) in new.records {
                state.insert(row, 0, record, now_ms);
            }
            state.is_deleted
        };
        queue.arrivals.notify_one();
        if is_deleted {
            self.empty(queue).await;
        }
        Ok(())
    }
}

impl Sender for Queues {
    fn send<'a>(&'a self, queue: &'a QueueArn, message: &'a OutgoingMessage) -> Sending<'a> {
        Box::pin(async move {
            let request = SendRequest { message, delay_seconds: None };
            let new = New { are_owed: true, ..New::default() };
            let sent = self.send_new(&queue.without_partition(), &[request], new).await?.pop();
            Ok(sent.expect("there is an answer to each message")?)
        })
    }
}

impl From<QueueError> for SendError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NoSuchQueue => Self::NoSuchQueue,
            QueueError::TooManyMessages { .. } | QueueError::Store(StoreError::Busy | StoreError::Full) => {
                Self::Throttled
            }
            QueueError::Store(error) => Self::Unreachable { reason: error.to_string() },
        }
    }
}

impl From<MessageError> for SendError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::TooLarge { bytes, limit } => Self::TooLarge { bytes, limit },
            other => Self::Refused { reason: other.to_string() },
        }
    }
}
