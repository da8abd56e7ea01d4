//! All messages of a queue are deleted.

use std::sync::Arc;

use super::super::state::ASIDE_MAX;
use super::outcome::gone;
use super::{Inner, Queue, QueueError, Queues};
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::RowId;

/// Why a queue is not purged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PurgeError {
    /// It was purged less than a minute ago, or is being purged.
    #[error("the queue was purged less than a minute ago")]
    InProgress,
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Queues {
    /// Deletes all messages that are there now, those in flight and those that are delayed too. They are gone when this resolves.
    pub(crate) async fn purge(&self, arn: &QueueArn) -> Result<(), PurgeError> {
        let queue = self.0.find(arn)?;
        let rows = queue.state().begin_purge(self.0.clock.now_ms()).ok_or(PurgeError::InProgress)?;
        let inner = self.0.clone();
        let purged = async move {
            let purged = inner.purge(&queue, rows).await;
            if purged.is_err() {
                queue.state().end_purge();
            }
            purged
        };
        Ok(self.0.to_the_end(purged).await?)
    }
}

impl Inner {
    async fn purge(self: &Arc<Self>, queue: &Arc<Queue>, mut left: Vec<RowId>) -> Result<(), QueueError> {
        let remembered = queue.state().forget_all();
        self.forget_rows(remembered);
        self.delete_orphans().await?;
        while !left.is_empty() {
            if self.stop.is_cancelled() {
                return Err(StoreError::Closed.into());
            }
            let settled = queue.settled.notified();
            let some = queue.state().hold_of(&mut left, ASIDE_MAX);
            match some.is_empty() {
                true if left.is_empty() => break,
                true => settled.await,
                false => self.carry_out(queue, gone(some)).await?,
            }
        }
        Ok(())
    }
}
