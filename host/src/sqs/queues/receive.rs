//! Messages are received. That a message was received, and until when it is kept from others, is safe in the journal before it is
//! handed out, so that a crash never hides it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::consumer::Receive;
use super::super::content;
use super::super::message::OutgoingMessage;
use super::super::receipt::ReceiptHandle;
use super::super::record::{MessageRecord, damaged};
use super::super::state::{Demand, Held, Taken};
use super::outcome::{Fate, all_deleted};
use super::redrive::DeadLetters;
use super::{Inner, Queue, QueueError, Queues};
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::RowId;

/// A message as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedMessage {
    pub(crate) id: String,
    pub(crate) receipt: ReceiptHandle,
    pub(crate) message: OutgoingMessage,
    /// Milliseconds since 1970.
    pub(crate) sent_ms: u64,
    /// How often it was received, this time included.
    pub(crate) receives: u32,
    /// Milliseconds since 1970.
    pub(crate) first_received_ms: u64,
    /// The queue whose dead letter it is, if it is one and that queue is still there.
    pub(crate) source: Option<QueueArn>,
    /// Its `SequenceNumber`, in a FIFO queue.
    pub(crate) sequence: Option<u64>,
}

/// Why nothing is received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ReceiveError {
    /// As many messages of the queue are in flight as may be, and the receiver does not wait.
    #[error("too many messages of the queue are in flight")]
    OverLimit,
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// One who waits for messages. Whoever stops wakes the next: it may be the only one that knows when something is due.
struct Waiter<'a>(&'a Queue);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.arrivals.notify_one();
    }
}

impl Queues {
    #[cfg(test)]
    /// Receives messages, up to so many; none, if none come within the time.
    pub(crate) async fn receive(
        &self,
        arn: &QueueArn,
        request: Receive,
    ) -> Result<Vec<ReceivedMessage>, ReceiveError> {
        self.receive_until(arn, request, &self.0.stop).await
    }

    /// The same; it waits no longer when it is told to stop. Dropped instead, it could take messages with it, which nobody would
    /// have until their visibility timeout is over.
    pub(crate) async fn receive_until(
        &self,
        arn: &QueueArn,
        request: Receive,
        stop: &CancellationToken,
    ) -> Result<Vec<ReceivedMessage>, ReceiveError> {
        let queue = self.0.find(arn)?;
        let began = Instant::now();
        let queue_wait_seconds = queue.state().record.settings.wait_seconds;
        let wait = u64::from(request.wait_seconds.unwrap_or(queue_wait_seconds));
        let deadline = began + Duration::from_secs(wait);
        let waiter = Waiter(&queue);
        loop {
            // Before the look, so that what comes after it is not missed.
            let arrived = queue.arrivals.notified();
            let dead_letters = self.0.dead_letters(&queue);
            let (taken, next_due) = self.0.take(&queue, request, dead_letters.as_ref())?;
            if !taken.is_empty() {
                let received = self.0.write_taken(&queue, taken, dead_letters).await?;
                if !received.is_empty() {
                    drop(waiter);
                    return Ok(self.0.read(&queue, &received).await?);
                }
                continue;
            }
            if taken.over_limit && wait == 0 {
                return Err(ReceiveError::OverLimit);
            }
            let until = next_due.map_or(deadline, |due| due.min(deadline));
            if Instant::now() >= deadline || stop.is_cancelled() || self.0.stop.is_cancelled() {
                return Ok(Vec::new());
            }
            tokio::select! {
                () = arrived => {}
                () = sleep_until(until) => {}
                () = stop.cancelled() => {}
                () = self.0.stop.cancelled() => {}
            }
        }
    }
}

impl Inner {
    /// Takes out what is there, and says when there will be more.
    fn take(
        &self,
        queue: &Queue,
        request: Receive,
        dead_letters: Option<&DeadLetters>,
    ) -> Result<(Taken, Option<Instant>), QueueError> {
        let now_ms = self.clock.now_ms();
        let mut state = queue.state();
        if state.is_deleted {
            return Err(QueueError::NoSuchQueue);
        }
        let visibility = request.visibility_seconds.unwrap_or(state.record.settings.visibility_seconds);
        let demand = Demand {
            messages_max: request.messages_max,
            visibility_ms: u64::from(visibility) * 1000,
            receives_max: dead_letters.map(|dead_letters| dead_letters.receives_max),
        };
        let taken = state.receive(now_ms, demand);
        let due_ms = state.next_due_ms();
        // Never at once: the timer knows less of a millisecond than the clock.
        let in_ms = due_ms.map(|due_ms| due_ms.saturating_sub(now_ms).max(1));
        Ok((taken, in_ms.map(|in_ms| Instant::now() + Duration::from_millis(in_ms))))
    }

    /// Writes down what was taken, all of it as one; gives back what is for the receiver.
    async fn write_taken(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        taken: Taken,
        dead_letters: Option<DeadLetters>,
    ) -> Result<Vec<Held>, QueueError> {
        let (inner, queue, received) = (self.clone(), queue.clone(), taken.received.clone());
        let written = async move {
            let target =
                dead_letters.map(|dead_letters| dead_letters.target).filter(|_| !taken.dead.is_empty());
            let _turn = match &target {
                Some(target) => target.turn().await,
                None => None,
            };
            let mut outcome = all_deleted(taken.expired, inner.clock.now_ms());
            outcome.extend(taken.received.into_iter().map(|held| (held, Fate::Written(held.record))));
            if let Some(target) = target {
                let dead_letter = |held: &Held| inner.dead_letter(held, queue.row, &target);
                let moved = |held: Held| (held, Fate::Moved(target.clone(), dead_letter(&held)));
                outcome.extend(taken.dead.into_iter().map(moved));
            }
            inner.carry_out(&queue, outcome).await
        };
        self.to_the_end(written).await?;
        Ok(received)
    }

    /// The contents of messages that were received. One that is damaged is passed over, or nobody would get those beside it; it
    /// stays until it is too old.
    async fn read(&self, queue: &Queue, received: &[Held]) -> Result<Vec<ReceivedMessage>, QueueError> {
        let mut messages = Vec::with_capacity(received.len());
        for Held { row, record, fifo, .. } in received {
            let message = match self.content(*row).await {
                Ok(Some(message)) => message,
                // What is not there any more has become too old since.
                Ok(None) => continue,
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::error!("message {} of {} is not handed out: {error}", record.id, queue.arn);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let receipt = ReceiptHandle { queue: queue.row, message: *row, receives: record.receives };
            let source = record.source.and_then(|source| self.of_row(RowId(source.get())));
            let source = source.map(|queue| queue.arn.clone());
            let mut message = handed_out(record, receipt, message);
            if let Some(fifo) = fifo {
                message.sequence = Some(fifo.sequence());
                // What tells it from others here is no longer what its sender called it.
                message.message.deduplication =
                    message.message.deduplication.filter(|_| !fifo.is_moved).or(Some(message.id.clone()));
            }
            messages.push(ReceivedMessage { source, ..message });
        }
        Ok(messages)
    }

    async fn content(&self, row: RowId) -> Result<Option<OutgoingMessage>, StoreError> {
        let Some(content) = self.journal.body(row).await? else { return Ok(None) };
        content::read(&content).map(Some).ok_or_else(|| damaged(row, &"it is no message"))
    }
}

fn handed_out(record: &MessageRecord, receipt: ReceiptHandle, message: OutgoingMessage) -> ReceivedMessage {
    ReceivedMessage {
        id: record.id.to_string(),
        receipt,
        message,
        sent_ms: record.wall_ms(record.sent_ms),
        receives: record.receives_told(),
        first_received_ms: record.wall_ms(record.first_received_ms.unwrap_or(record.sent_ms)),
        source: None,
        sequence: None,
    }
}
