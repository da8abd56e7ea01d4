//! Tasks that move the messages of a dead-letter queue elsewhere: begun, carried on after a restart, and ended.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::super::move_task::{MoveFailure, MoveStatus, MoveTask};
use super::super::record::MOVE_TASK;
use super::super::state::Held;
use super::outcome::Fate;
use super::tidy::AGAIN_AFTER;
use super::{Inner, Queue, QueueError, Queues};
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::{BodyChange, Change, RowId};

/// How many tasks are kept that have ended, of each queue.
pub(super) const ENDED_MAX: usize = 10;

/// A task as it lies in the journal.
#[derive(Debug, Clone)]
pub(super) struct KeptTask {
    pub(super) row: RowId,
    pub(super) fence: u64,
    pub(super) task: MoveTask,
}

/// Which messages are to be moved, and where.
#[derive(Debug, Clone)]
pub(crate) struct StartMove {
    /// The dead-letter queue.
    pub(crate) source: QueueArn,
    /// None, if each message goes back to where it comes from.
    pub(crate) destination: Option<QueueArn>,
    /// From 1 to 500; none, if there is no limit.
    pub(crate) per_second: Option<u32>,
}

/// Why a task does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StartMoveError {
    #[error("the source is no queue's dead-letter queue")]
    NoDeadLetters,
    #[error("the destination does not exist")]
    NoDestination,
    #[error("source and destination are one queue")]
    SameQueue,
    #[error("source and destination are not of the same kind")]
    OtherKind,
    #[error("a task moves messages of the source already")]
    Running,
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Why a task is not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CancelMoveError {
    #[error("there is no such task")]
    NoSuchTask,
    #[error("the task has ended")]
    Ended,
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What came of a step.
enum Step {
    /// There may be more to do.
    Moved,
    /// The task has ended, or its queue is gone.
    Ended,
}

/// Where the first of some messages go, and why the next one goes nowhere, if that is so.
struct Going {
    targets: Vec<Arc<Queue>>,
    failure: Option<MoveFailure>,
}

impl Queues {
    /// Begins to move messages; they are on their way when this resolves.
    pub(crate) async fn start_move(&self, start: StartMove) -> Result<Uuid, StartMoveError> {
        let inner = self.0.clone();
        self.0.to_the_end(async move { Ok(inner.start_move(start).await) }).await?
    }

    /// Ends a task, and says how many messages it has moved; those stay where they are.
    pub(crate) async fn cancel_move(&self, source: &QueueArn, id: Uuid) -> Result<u64, CancelMoveError> {
        let (inner, queue) = (self.0.clone(), self.0.find(source)?);
        self.0.to_the_end(async move { Ok(inner.cancel_move(&queue, id).await) }).await?
    }

    /// The latest tasks of a queue, the last first.
    pub(crate) async fn moves(&self, source: &QueueArn, max: usize) -> Result<Vec<MoveTask>, QueueError> {
        let queue = self.0.find(source)?;
        let moves = queue.moves.lock().await;
        Ok(moves.iter().rev().take(max).map(|kept| kept.task.clone()).collect())
    }

    /// Goes on with the tasks of an earlier process.
    pub(super) async fn resume_moves(&self) {
        for queue in self.0.all() {
            let is_running = queue.moves.lock().await.last().is_some_and(KeptTask::is_running);
            if is_running {
                self.0.go_on_moving(queue);
            }
        }
    }
}

impl Inner {
    async fn start_move(self: &Arc<Self>, start: StartMove) -> Result<Uuid, StartMoveError> {
        let queue = self.find(&start.source)?;
        if self.sources(&start.source, None, 1).queues.is_empty() {
            return Err(StartMoveError::NoDeadLetters);
        }
        if let Some(destination) = &start.destination {
            self.find(destination).map_err(|_| StartMoveError::NoDestination)?;
            if *destination == start.source {
                return Err(StartMoveError::SameQueue);
            }
            if destination.is_fifo() != start.source.is_fifo() {
                return Err(StartMoveError::OtherKind);
            }
        }
        let mut moves = queue.moves.lock().await;
        if moves.last().is_some_and(KeptTask::is_running) {
            return Err(StartMoveError::Running);
        }
        let mut task = MoveTask::new(queue.row, start.destination, start.per_second);
        task.started_ms = self.clock.wall_ms();
        task.to_move = queue.state().figures(self.clock.now_ms()).visible as u64;
        let (id, row) = (task.id, self.journal.allocate());
        let forgotten = moves.len().saturating_sub(ENDED_MAX);
        let mut changes: Vec<Change> = moves[..forgotten].iter().map(KeptTask::delete).collect();
        changes.push(Change::Insert { id: row, kind: MOVE_TASK, header: task.header(), body: None });
        self.journal.write(changes).await.map_err(QueueError::from)?;
        moves.drain(..forgotten);
        moves.push(KeptTask { row, fence: 0, task });
        drop(moves);
        self.go_on_moving(queue);
        Ok(id)
    }

    /// A step that is being written is waited for.
    async fn cancel_move(self: &Arc<Self>, queue: &Arc<Queue>, id: Uuid) -> Result<u64, CancelMoveError> {
        let mut moves = queue.moves.lock().await;
        let kept = moves.iter_mut().find(|kept| kept.task.id == id).ok_or(CancelMoveError::NoSuchTask)?;
        if !kept.is_running() {
            return Err(CancelMoveError::Ended);
        }
        self.end(kept, MoveStatus::Cancelled).await?;
        Ok(kept.task.moved)
    }

    fn go_on_moving(self: &Arc<Self>, queue: Arc<Queue>) {
        let inner = self.clone();
        self.tasks.spawn(async move { inner.keep_moving(&queue).await });
    }

    /// Moves messages until the task has ended or the host closes, after which the next process goes on.
    async fn keep_moving(self: &Arc<Self>, queue: &Arc<Queue>) {
        while !self.stop.is_cancelled() {
            let pause = match self.move_some(queue).await {
                Ok((Step::Moved, pause)) => pause,
                Ok((Step::Ended, _)) => return,
                Err(QueueError::Store(StoreError::Busy | StoreError::Full)) => AGAIN_AFTER,
                Err(error) => return tracing::error!("messages of {} are not moved on: {error}", queue.arn),
            };
            self.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// One step, which is written as one: messages that go elsewhere, and how many have gone.
    async fn move_some(self: &Arc<Self>, queue: &Arc<Queue>) -> Result<(Step, Duration), QueueError> {
        let mut moves = queue.moves.lock().await;
        let Some(kept) = moves.last_mut().filter(|kept| kept.is_running()) else {
            return Ok((Step::Ended, Duration::ZERO));
        };
        if queue.state().is_deleted {
            self.forget(kept);
            return Ok((Step::Ended, Duration::ZERO));
        }
        let pace = kept.task.pace();
        let now_ms = self.clock.now_ms();
        let held = queue.state().hold_visible(now_ms, pace.messages.min(kept.task.left()));
        if held.is_empty() {
            self.end(kept, MoveStatus::Completed).await?;
            return Ok((Step::Ended, Duration::ZERO));
        }
        let Going { targets, failure } = self.going(&kept.task, &held);
        self.let_go(queue, &held[targets.len()..]);
        // All of them go to one queue, if that keeps an order.
        let _turn = match targets.first() {
            Some(target) => target.turn().await,
            None => None,
        };
        let redriven = |(held, target): (&Held, Arc<Queue>)| (*held, self.redriven(target, held));
        let outcome: Vec<_> = held.iter().zip(targets).map(redriven).collect();
        if !outcome.is_empty() {
            let mut task = kept.task.clone();
            task.moved += outcome.len() as u64;
            let counted = kept.update(&task);
            self.carry_out_with(queue, outcome, vec![counted]).await?;
            (kept.fence, kept.task) = (kept.fence + 1, task);
        }
        if let Some(reason) = failure {
            self.end(kept, MoveStatus::Failed(reason)).await?;
            return Ok((Step::Ended, Duration::ZERO));
        }
        Ok((Step::Moved, pace.pause))
    }

    /// Where a message goes.
    fn destination(&self, task: &MoveTask, held: &Held) -> Result<Arc<Queue>, MoveFailure> {
        match (&task.destination, held.record.source) {
            (Some(destination), _) => self.find(destination).map_err(|_| MoveFailure::NoSuchQueue),
            (None, Some(source)) => self.of_row(RowId(source.get())).ok_or(MoveFailure::NoSuchQueue),
            (None, None) => Err(MoveFailure::NoSource),
        }
    }

    /// Where messages go, up to one that goes nowhere, or to another FIFO queue than those before it.
    fn going(&self, task: &MoveTask, held: &[Held]) -> Going {
        let mut going = Going { targets: Vec::with_capacity(held.len()), failure: None };
        for held in held {
            match self.destination(task, held) {
                Ok(target) => {
                    let is_other = going.targets.first().is_some_and(|first| !Arc::ptr_eq(first, &target));
                    if is_other && held.fifo.is_some() {
                        break;
                    }
                    going.targets.push(target);
                }
                Err(reason) => {
                    going.failure = Some(reason);
                    break;
                }
            }
        }
        going
    }

    fn redriven(&self, target: Arc<Queue>, held: &Held) -> Fate {
        let now_ms = self.clock.now_ms();
        let delay_ms = u64::from(target.state().record.settings.delay_seconds) * 1000;
        let record = held.record.redriven(Uuid::new_v4(), (now_ms, self.ahead_ms(now_ms)), delay_ms);
        let arriving = self.arriving(held, record, &target);
        Fate::Moved(target, arriving)
    }

    async fn end(&self, kept: &mut KeptTask, status: MoveStatus) -> Result<(), QueueError> {
        let mut task = kept.task.clone();
        task.status = status;
        self.journal.write(vec![kept.update(&task)]).await?;
        (kept.fence, kept.task) = (kept.fence + 1, task);
        Ok(())
    }

    /// Leaves a task of a queue that is deleted to be deleted.
    pub(super) fn forget(&self, kept: &KeptTask) {
        let mut orphans = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
        orphans.push((kept.row, kept.fence));
    }
}

impl KeptTask {
    pub(super) fn is_running(&self) -> bool {
        self.task.status == MoveStatus::Running
    }

    fn update(&self, task: &MoveTask) -> Change {
        let header = task.header();
        Change::Update { id: self.row, fence: self.fence, header, body: BodyChange::Keep }
    }

    fn delete(&self) -> Change {
        Change::Delete { id: self.row, fence: self.fence }
    }
}
