//! Messages are received. That a message was received, and until when it is kept from others, is safe in the journal before it is
//! handed out, so that a crash never hides it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::content;
use super::super::message::OutgoingMessage;
use super::super::receipt::ReceiptHandle;
use super::super::record::{MessageRecord, damaged};
use super::super::state::{Held, Settled, Taken};
use super::{Inner, Queue, QueueError, Queues};
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::{BodyChange, Change, RowId};

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
        let settings = queue.state().record.settings;
        let wait = u64::from(request.wait_seconds.unwrap_or(settings.wait_seconds));
        let deadline = began + Duration::from_secs(wait);
        let waiter = Waiter(&queue);
        loop {
            // Before the look, so that what comes after it is not missed.
            let arrived = queue.arrivals.notified();
            let (taken, next_due) = self.0.take(&queue, request)?;
            if !taken.received.is_empty() || !taken.expired.is_empty() {
                let received = self.0.write_taken(&queue, &taken).await?;
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
    fn take(&self, queue: &Queue, request: Receive) -> Result<(Taken, Option<Instant>), QueueError> {
        let now_ms = self.clock.now_ms();
        let mut state = queue.state();
        if state.is_deleted {
            return Err(QueueError::NoSuchQueue);
        }
        let visibility = request.visibility_seconds.unwrap_or(state.record.settings.visibility_seconds);
        let taken = state.receive(now_ms, request.messages_max, u64::from(visibility) * 1000);
        let due_ms = state.next_due_ms();
        // Never at once: the timer knows less of a millisecond than the clock.
        let in_ms = due_ms.map(|due_ms| due_ms.saturating_sub(now_ms).max(1));
        Ok((taken, in_ms.map(|in_ms| Instant::now() + Duration::from_millis(in_ms))))
    }

    /// Writes down what was taken; gives back what is for the receiver.
    async fn write_taken(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        taken: &Taken,
    ) -> Result<Vec<Held>, QueueError> {
        let received = taken.received.iter().map(|held| (*held, Settled::Written(held.record)));
        let expired = taken.expired.iter().map(|held| (*held, Settled::Gone));
        let (inner, queue, outcome) = (self.clone(), queue.clone(), received.chain(expired).collect());
        self.to_the_end(async move { inner.carry_out(&queue, outcome).await }).await?;
        Ok(taken.received.clone())
    }

    /// Writes what becomes of held messages, and lets them go: so, or as they were if it cannot be written.
    pub(super) async fn carry_out(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        outcome: Vec<(Held, Settled)>,
    ) -> Result<(), QueueError> {
        let written = self.write_outcome(queue, outcome).await;
        if queue.state().is_deleted {
            self.empty(queue).await;
        }
        written
    }

    /// The same, whether the queue is still there or not.
    pub(super) async fn write_outcome(
        &self,
        queue: &Queue,
        outcome: Vec<(Held, Settled)>,
    ) -> Result<(), QueueError> {
        let changes = outcome.iter().filter_map(|(Held { row: id, fence, .. }, settled)| match settled {
            Settled::Written(record) => {
                let header = record.header(queue.row);
                Some(Change::Update { id: *id, fence: *fence, header, body: BodyChange::Keep })
            }
            Settled::Gone => Some(Change::Delete { id: *id, fence: *fence }),
            Settled::Unchanged => None,
        });
        let written = self.journal.write(changes.collect()).await;
        let now_ms = self.clock.now_ms();
        let mut gone = 0;
        {
            let mut state = queue.state();
            for (held, settled) in outcome {
                let settled = if written.is_ok() { settled } else { Settled::Unchanged };
                gone += usize::from(matches!(settled, Settled::Gone));
                state.settle(held.row, settled, now_ms);
            }
        }
        self.message_count.fetch_sub(gone, Ordering::Relaxed);
        queue.settled.notify_waiters();
        queue.arrivals.notify_one();
        Ok(written?)
    }

    /// The contents of messages that were received. One that is damaged is passed over, or nobody would get those beside it; it
    /// stays until it is too old.
    async fn read(&self, queue: &Queue, received: &[Held]) -> Result<Vec<ReceivedMessage>, QueueError> {
        let mut messages = Vec::with_capacity(received.len());
        for Held { row, record, .. } in received {
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
            messages.push(handed_out(record, receipt, message));
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
        receives: record.receives,
        first_received_ms: record.wall_ms(record.first_received_ms.unwrap_or(record.sent_ms)),
    }
}
