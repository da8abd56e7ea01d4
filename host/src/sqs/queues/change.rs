//! Queues are made, changed and deleted.

use std::sync::{Arc, PoisonError};

use super::super::fifo::QueueKind;
use super::super::limits::QUEUES_MAX;
use super::super::record::{QUEUE, QueueRecord};
use super::super::redrive::{RedrivePolicy, RedrivePolicyError};
use super::super::settings::{QueueChange, QueueSettings};
use super::super::state::QueueState;
use super::{Inner, Queue, QueueError, Queues};
use crate::function::{QueueArn, Tags};
use crate::store::journal::{BodyChange, Change};

/// Why a queue is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CreateQueueError {
    /// There is one of that name, with another value of that attribute.
    #[error("there is such a queue with another {attribute}")]
    Exists { attribute: &'static str },
    /// There are as many queues as there can be.
    #[error("there are {limit} queues, which is the most there can be")]
    TooMany { limit: usize },
    /// It cannot have these settings, or be written.
    #[error(transparent)]
    Settings(#[from] ChangeQueueError),
}

/// Why a queue is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ChangeQueueError {
    /// That cannot be what becomes of its messages that are received too often.
    #[error("the redrive policy cannot be that of the queue: {reason}")]
    Redrive { policy: Arc<RedrivePolicy>, reason: RedrivePolicyError },
    /// Groups cannot have rates of their own where they have no deduplication of their own.
    #[error("groups have a rate of their own only with deduplication of their own")]
    Throughput,
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<QueueError> for CreateQueueError {
    fn from(error: QueueError) -> Self {
        Self::Settings(error.into())
    }
}

impl Queues {
    /// Makes a queue; one that is there with these settings is as good as a new one.
    pub(crate) async fn create(
        &self,
        arn: QueueArn,
        given: QueueChange,
        tags: Tags,
    ) -> Result<(), CreateQueueError> {
        let inner = self.0.clone();
        self.0.to_the_end(async move { Ok(inner.create(arn, given, tags).await) }).await?
    }

    /// Changes settings of a queue.
    pub(crate) async fn change(&self, arn: &QueueArn, given: QueueChange) -> Result<(), ChangeQueueError> {
        let (inner, arn) = (self.0.clone(), arn.clone());
        self.0.to_the_end(async move { Ok(inner.change(&arn, &given).await) }).await?
    }

    /// Deletes a queue with all its messages.
    pub(crate) async fn delete(&self, arn: &QueueArn) -> Result<(), QueueError> {
        let (inner, arn) = (self.0.clone(), arn.clone());
        self.0.to_the_end(async move { inner.delete(&arn).await }).await
    }
}

impl Inner {
    async fn create(&self, arn: QueueArn, given: QueueChange, tags: Tags) -> Result<(), CreateQueueError> {
        let _changing = self.changing.lock().await;
        if let Ok(queue) = self.find(&arn) {
            let differing = queue.state().record.settings.differing(&given);
            return differing.map_or(Ok(()), |attribute| Err(CreateQueueError::Exists { attribute }));
        }
        self.check_policy(&arn, &given)?;
        if self.all().len() >= QUEUES_MAX {
            return Err(CreateQueueError::TooMany { limit: QUEUES_MAX });
        }
        let settings = QueueSettings::default().with(&given);
        if !settings.fifo.agree() {
            return Err(ChangeQueueError::Throughput.into());
        }
        let record = QueueRecord { tags, ..QueueRecord::new(&arn, settings, self.clock.wall_ms()) };
        let id = self.journal.allocate();
        let insert = Change::Insert { id, kind: QUEUE, header: record.header(), body: None };
        self.journal.write(vec![insert]).await.map_err(QueueError::from)?;
        let kind = QueueKind::of(&arn);
        let queue = Queue::new(arn, id, QueueState::new(kind, record, 0), Vec::new());
        self.queues.write().unwrap_or_else(PoisonError::into_inner).insert(queue);
        Ok(())
    }

    async fn change(&self, arn: &QueueArn, given: &QueueChange) -> Result<(), ChangeQueueError> {
        let _changing = self.changing.lock().await;
        let queue = self.find(arn)?;
        self.check_policy(arn, given)?;
        self.rewrite(&queue, |record| {
            record.settings = record.settings.clone().with(given);
            if !record.settings.fifo.agree() {
                return Err(ChangeQueueError::Throughput);
            }
            record.modified_ms = self.clock.wall_ms();
            Ok(())
        })
        .await
    }

    /// Whether what is given of dead letters can be a queue's.
    fn check_policy(&self, arn: &QueueArn, given: &QueueChange) -> Result<(), ChangeQueueError> {
        let Some(policy) = given.redrive() else { return Ok(()) };
        let checked = self.check_redrive(arn, policy);
        checked.map_err(|reason| ChangeQueueError::Redrive { policy: policy.clone(), reason })
    }

    /// Writes a queue's record anew. Who does so holds `changing`.
    pub(super) async fn rewrite<E: From<QueueError>>(
        &self,
        queue: &Queue,
        change: impl FnOnce(&mut QueueRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let (fence, mut record) = {
            let state = queue.state();
            (state.fence, state.record.clone())
        };
        change(&mut record)?;
        let (id, header) = (queue.row, record.header());
        let update = Change::Update { id, fence, header, body: BodyChange::Keep };
        self.journal.write(vec![update]).await.map_err(QueueError::from)?;
        let mut state = queue.state();
        (state.fence, state.record) = (fence + 1, record);
        Ok(())
    }

    /// The queue goes first, in one write; its messages, which may be many, follow. Those that a crash leaves are found without
    /// their queue at the next start.
    async fn delete(self: &Arc<Self>, arn: &QueueArn) -> Result<(), QueueError> {
        let changing = self.changing.lock().await;
        let queue = self.find(arn)?;
        let fence = queue.state().fence;
        self.journal.write(vec![Change::Delete { id: queue.row, fence }]).await?;
        self.queues.write().unwrap_or_else(PoisonError::into_inner).remove(&queue);
        drop(changing);
        queue.state().is_deleted = true;
        queue.arrivals.notify_one();
        let inner = self.clone();
        self.tasks.spawn(async move {
            // One that is still running finds out itself.
            let moves = queue.moves.lock().await;
            moves.iter().filter(|kept| !kept.is_running()).for_each(|kept| inner.forget(kept));
            drop(moves);
            inner.empty(&queue).await;
        });
        Ok(())
    }
}
