//! Messages are sent: safe in the journal before anybody can receive them, and before their sender is told.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::super::content;
use super::super::fifo::{FifoSettings, InGroup, QueueKind, deduplication_id};
use super::super::limits::MESSAGES_MAX;
use super::super::message::{DEDUPLICATION, GROUP, MessageError, MessageId, OutgoingMessage};
use super::super::record::{MESSAGE, MessageRecord};
use super::super::sender::{SendError, Sender, Sending};
use super::super::settings::QueueSetting;
use super::super::state::Held;
use super::{Inner, Queue, QueueError, Queues, Turn};
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::Change;

/// A message to be sent to a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendRequest<'a> {
    pub(crate) message: &'a OutgoingMessage,
    /// Other than the queue's own delay, up to 900 seconds.
    pub(crate) delay_seconds: Option<u32>,
}

/// A message that was sent, or was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentMessage {
    pub(crate) id: MessageId,
    /// Its `SequenceNumber`, in a FIFO queue.
    pub(crate) sequence: Option<u64>,
}

/// Messages that are on their way into the journal.
#[derive(Debug, Default)]
struct New {
    messages: Vec<Held>,
    changes: Vec<Change>,
    /// Whether they are the host's own: of what became of events, which go when that is told.
    are_owed: bool,
    /// Whose turn it is to send to a FIFO queue.
    turn: Option<Turn>,
}

impl Queues {
    /// Sends messages, all or none of those that can be sent at all. The answers are in the order of the messages.
    pub(crate) async fn send(
        &self,
        arn: &QueueArn,
        requests: &[SendRequest<'_>],
    ) -> Result<Vec<Result<SentMessage, MessageError>>, QueueError> {
        self.send_new(arn, requests, New::default()).await
    }

    async fn send_new(
        &self,
        arn: &QueueArn,
        requests: &[SendRequest<'_>],
        mut new: New,
    ) -> Result<Vec<Result<SentMessage, MessageError>>, QueueError> {
        let queue = self.0.find(arn)?;
        new.turn = queue.turn().await;
        let answers = requests.iter().map(|request| self.0.prepare(&queue, request, &mut new)).collect();
        if !new.messages.is_empty() {
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
    ) -> Result<SentMessage, MessageError> {
        let (bytes_max, queue_delay_seconds, fifo) = {
            let settings = &queue.state().record.settings;
            (settings.message_bytes_max, settings.delay_seconds, settings.fifo)
        };
        let (mut message, now_ms) = (Cow::Borrowed(request.message), self.clock.now_ms());
        message.check(bytes_max as usize)?;
        let named = named(QueueKind::of(&queue.arn), fifo, request)?;
        if let Some(sent) = named.as_ref().and_then(|(fifo, _)| already_sent(queue, new, fifo, now_ms)) {
            return Ok(sent);
        }
        let (row, id) = (self.journal.allocate(), Uuid::new_v4());
        let fifo = named.map(|(fifo, own_id)| {
            if own_id.is_some() {
                message.to_mut().deduplication = own_id;
            }
            InGroup { number: queue.state().next_number(row.0), ..fifo }
        });
        // Within a FIFO queue all messages are delayed alike, or they would not keep their order.
        let delay_seconds = request.delay_seconds.filter(|_| fifo.is_none()).unwrap_or(queue_delay_seconds);
        let record = MessageRecord {
            id,
            bytes: u32::try_from(request.message.bytes()).expect("it was checked to be far smaller"),
            sent_ms: now_ms,
            ahead_ms: self.ahead_ms(now_ms),
            visible_ms: now_ms + u64::from(delay_seconds) * 1000,
            receives: 0,
            elsewhere: 0,
            forgotten: 0,
            source: None,
            first_received_ms: None,
            last_received_ms: None,
        };
        let (header, body) = (record.header(queue.row, fifo), Some(content::written(&message)));
        new.changes.push(Change::Insert { id: row, kind: MESSAGE, header, body });
        new.messages.push(Held { row, fence: 0, record, fifo });
        Ok(SentMessage { id: MessageId(id.to_string().into()), sequence: fifo.map(|fifo| fifo.sequence()) })
    }

    async fn write_new(self: &Arc<Self>, queue: &Arc<Queue>, new: New) -> Result<(), QueueError> {
        let count = new.messages.len();
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
            new.messages.into_iter().for_each(|message| state.insert(message, now_ms));
            state.is_deleted
        };
        drop(new.turn);
        queue.arrivals.notify_one();
        if is_deleted {
            self.empty(queue).await;
        }
        Ok(())
    }
}

/// Where a message stands in a FIFO queue, but for its number, and the deduplication id that its body gives it, if its sender gave it
/// none; nothing in another queue.
fn named(
    kind: QueueKind,
    settings: FifoSettings,
    request: &SendRequest<'_>,
) -> Result<Option<(InGroup, Option<String>)>, MessageError> {
    let OutgoingMessage { group, deduplication, body, .. } = request.message;
    let other = |parameter, value: &str| MessageError::OtherKind { parameter, value: value.to_owned() };
    match (kind, deduplication) {
        (QueueKind::Standard, None) => return Ok(None),
        (QueueKind::Standard, Some(id)) => return Err(other(DEDUPLICATION, id)),
        (QueueKind::Fifo, _) => {}
    }
    let group = group.as_ref().ok_or(MessageError::Missing { parameter: GROUP })?;
    if let Some(seconds @ 1..) = request.delay_seconds {
        return Err(other(QueueSetting::Delay.name(), &seconds.to_string()));
    }
    let own_id = match (deduplication, settings.content_based) {
        (Some(_), _) => None,
        (None, true) => Some(deduplication_id(body)),
        (None, false) => return Err(MessageError::NoDeduplication),
    };
    let id = deduplication.as_ref().or(own_id.as_ref()).expect("it is given, or made just now");
    Ok(Some((InGroup::sent(settings.scope, group, id, 0), own_id)))
}

/// The message that was sent under that name of late: it counts once.
fn already_sent(queue: &Queue, new: &New, fifo: &InGroup, now_ms: u64) -> Option<SentMessage> {
    let is_it = |held: &&Held| held.fifo.is_some_and(|sent| sent.once == fifo.once);
    let in_batch = new.messages.iter().find(is_it).and_then(|held| Some((held.record.id, held.fifo?)));
    let before = || queue.state().sent(fifo.once, now_ms).map(|sent| (sent.id, sent.fifo));
    let (id, fifo) = in_batch.or_else(before)?;
    Some(SentMessage { id: MessageId(id.to_string().into()), sequence: Some(fifo.sequence()) })
}

impl Sender for Queues {
    fn send<'a>(&'a self, queue: &'a QueueArn, message: &'a OutgoingMessage) -> Sending<'a> {
        Box::pin(async move {
            let request = SendRequest { message, delay_seconds: None };
            let new = New { are_owed: true, ..New::default() };
            let sent = self.send_new(&queue.without_partition(), &[request], new).await?.pop();
            Ok(sent.expect("there is an answer to each message")?.id)
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
