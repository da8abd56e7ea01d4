//! What nobody wants any more is deleted: messages that are too old, of queues that are deleted, and without a queue.

use std::sync::PoisonError;
use std::time::Duration;

use super::super::state::ASIDE_MAX;
use super::outcome::{all_deleted, gone};
use super::{Inner, Queue, QueueError, Queues};
use crate::store::StoreError;
use crate::store::journal::Change;

/// How often it is looked for messages that are too old. They are not handed out before that either.
const TIDY_PERIOD: Duration = Duration::from_secs(5);
/// After how long a write is tried again for which there was no room.
pub(super) const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Queues {
    /// Deletes what is too old, again and again, until the queues are closed.
    pub(super) async fn keep_tidy(&self) {
        let mut ticks = tokio::time::interval(TIDY_PERIOD);
        while self.0.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.tidy().await {
                tracing::warn!("messages that are too old could not be deleted: {error}");
            }
        }
    }

    /// Deletes what is too old by now.
    pub(super) async fn tidy(&self) -> Result<(), QueueError> {
        for queue in self.0.all() {
            let old = queue.state().forget_old(self.0.clock.now_ms());
            self.0.forget_rows(old);
        }
        self.0.delete_orphans().await?;
        for queue in self.0.all() {
            loop {
                let now_ms = self.0.clock.now_ms();
                let expired = queue.state().hold_expired(now_ms);
                if expired.is_empty() {
                    break;
                }
                let (inner, queue) = (self.0.clone(), queue.clone());
                self.0
                    .to_the_end(async move { inner.carry_out(&queue, all_deleted(expired, now_ms)).await })
                    .await?;
            }
        }
        Ok(())
    }
}

impl Inner {
    pub(super) async fn delete_orphans(&self) -> Result<(), QueueError> {
        loop {
            let some: Vec<_> = {
                let mut orphans = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
                let from = orphans.len().saturating_sub(ASIDE_MAX);
                orphans.drain(from..).collect()
            };
            if some.is_empty() {
                return Ok(());
            }
            let deletes = some.iter().map(|(id, fence)| Change::Delete { id: *id, fence: *fence });
            let written = self.journal.write(deletes.collect()).await;
            if written.is_err() {
                self.orphans.lock().unwrap_or_else(PoisonError::into_inner).extend(some);
            }
            written?;
        }
    }

    /// Deletes the messages of a queue that is deleted. Those that somebody holds come by when they are let go.
    pub(super) async fn empty(&self, queue: &Queue) {
        let remembered = queue.state().forget_all();
        self.forget_rows(remembered);
        // First, because what is held must be settled: somebody may wait for it.
        while !self.stop.is_cancelled() {
            let some = queue.state().hold_any(ASIDE_MAX);
            if some.is_empty() {
                return;
            }
            match self.write_outcome(queue, gone(some), Vec::new()).await {
                Ok(()) => {}
                Err(QueueError::Store(StoreError::Busy | StoreError::Full)) => {
                    self.stop.run_until_cancelled(tokio::time::sleep(AGAIN_AFTER)).await;
                }
                // The next start finds what is left.
                Err(error) => return tracing::warn!("messages of a deleted queue are left: {error}"),
            }
        }
    }
}
