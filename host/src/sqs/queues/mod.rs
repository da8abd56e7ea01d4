//! The queues that are built in: standard and FIFO queues as SQS has them, on a journal.
//!
//! What is decided is decided by [`QueueState`] under a lock that nobody holds while waiting; here is what waits: writes, reads and
//! long polls. Headers of messages are in memory, their contents are read when they are received.

mod change;
mod clock;
mod consume;
mod describe;
mod directory;
mod moving;
mod outcome;
mod purge;
mod receive;
mod recovery;
mod redrive;
mod send;
mod settle;
#[cfg(test)]
mod tests;
mod tidy;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::clock::{Clock, Wall};
use self::directory::Directory;
use self::moving::KeptTask;
use super::fifo::QueueKind;
use super::receipt::ReceiptHandle;
use super::settings::QueueSettings;
use super::state::{QueueFigures, QueueState};
use crate::function::{AccountId, QueueArn, Region};
use crate::store::StoreError;
use crate::store::journal::{Journal, RowId};

use super::consumer::Receive;
pub(crate) use change::{ChangeQueueError, CreateQueueError};
pub(crate) use consume::SENDER_ID;
pub(crate) use describe::{PermissionError, TagQueueError};
pub(crate) use directory::QueueList;
pub(crate) use moving::{CancelMoveError, StartMove, StartMoveError};
pub(crate) use purge::PurgeError;
pub(crate) use receive::{ReceiveError, ReceivedMessage};
pub(crate) use send::{SendRequest, SentMessage};

/// All queues of a host. Clones are the same queues.
#[derive(Debug, Clone)]
pub(crate) struct Queues(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    journal: Arc<dyn Journal>,
    account: AccountId,
    clock: Clock,
    queues: RwLock<Directory>,
    /// Held by the one who makes, changes or deletes a queue.
    changing: tokio::sync::Mutex<()>,
    /// How many messages there are, and are on their way in.
    message_count: AtomicUsize,
    /// Messages and tasks that were found without their queue, with their fences: to be deleted.
    orphans: Mutex<Vec<(RowId, u64)>>,
    /// What is being written although its caller may be gone.
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// One queue.
#[derive(Debug)]
struct Queue {
    arn: QueueArn,
    row: RowId,
    state: Mutex<QueueState>,
    /// The tasks that move its messages, the last last. Who writes one down, or a step of one, holds them.
    moves: tokio::sync::Mutex<Vec<KeptTask>>,
    /// Held by whoever puts messages into it, if it is a FIFO queue.
    turns: Arc<tokio::sync::Mutex<()>>,
    /// Wakes one of those who wait for messages: something may have come, or come earlier than it thinks.
    arrivals: Notify,
    /// Wakes those who wait for a message that is being written.
    settled: Notify,
}

/// The turn of one who puts messages into a FIFO queue: they are there in the order of their numbers, and no two under one name.
type Turn = tokio::sync::OwnedMutexGuard<()>;

/// Why nothing can be done with a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum QueueError {
    /// There is none of that name.
    #[error("the queue does not exist")]
    NoSuchQueue,
    /// There are as many messages as there can be.
    #[error("the queues hold all {limit} messages that they can")]
    TooManyMessages {
        /// How many there can be.
        limit: usize,
    },
    /// It cannot be written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A queue, and how much there is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueInfo {
    pub(crate) settings: QueueSettings,
    /// Milliseconds since 1970.
    pub(crate) created_ms: u64,
    /// When its settings were last changed, in milliseconds since 1970.
    pub(crate) modified_ms: u64,
    pub(crate) figures: QueueFigures,
}

impl Queues {
    /// No queues yet, on a journal that outlives them.
    pub(crate) fn new(journal: Arc<dyn Journal>, account: AccountId) -> Self {
        Self::on_clock(journal, account, Clock::new(Wall::System))
    }

    fn on_clock(journal: Arc<dyn Journal>, account: AccountId, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            journal,
            account,
            clock,
            queues: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
            message_count: AtomicUsize::new(0),
            orphans: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// The account of all queues.
    pub(crate) fn account(&self) -> &AccountId {
        &self.0.account
    }

    /// Whether there is that queue.
    pub(crate) fn check(&self, arn: &QueueArn) -> Result<(), QueueError> {
        self.0.find(arn).map(drop)
    }

    /// A queue's settings and figures.
    pub(crate) fn info(&self, arn: &QueueArn) -> Result<QueueInfo, QueueError> {
        let queue = self.0.find(arn)?;
        let mut state = queue.state();
        Ok(QueueInfo {
            settings: state.record.settings.clone(),
            created_ms: state.record.created_ms,
            modified_ms: state.record.modified_ms,
            figures: state.figures(self.0.clock.now_ms()),
        })
    }

    /// The queues of a region whose names begin so, from behind that one on.
    pub(crate) fn list(
        &self,
        region: &Region,
        prefix: &str,
        after: Option<&QueueArn>,
        limit: usize,
    ) -> QueueList {
        let queues = self.0.queues.read().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |queue: &Queue| queue.arn.region() == region && queue.arn.name().starts_with(prefix);
        queues.list(is_meant, after, limit)
    }

    /// How much there is in each queue.
    pub(crate) fn figures(&self) -> Vec<(QueueArn, QueueFigures)> {
        let now_ms = self.0.clock.now_ms();
        self.0.all().iter().map(|queue| (queue.arn.clone(), queue.state().figures(now_ms))).collect()
    }

    /// The receipt that a text is, if it is one of that queue.
    pub(crate) fn receipt(&self, arn: &QueueArn, text: &str) -> Result<Option<ReceiptHandle>, QueueError> {
        let queue = self.0.find(arn)?;
        Ok(ReceiptHandle::parse(text).filter(|receipt| receipt.queue == queue.row))
    }

    /// What goes on unasked until the queues are closed: tasks of an earlier process, and what is too old.
    pub(crate) async fn go_on(&self) {
        self.resume_moves().await;
        self.keep_tidy().await;
    }

    /// Lets those who wait for messages go without any, and waits until what is being written is written.
    pub(crate) async fn close(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Inner {
    fn find(&self, arn: &QueueArn) -> Result<Arc<Queue>, QueueError> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.named(arn).cloned().ok_or(QueueError::NoSuchQueue)
    }

    fn all(&self) -> Vec<Arc<Queue>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).all().cloned().collect()
    }

    /// By how much the clock on the wall is ahead of the queues' own.
    fn ahead_ms(&self, now_ms: u64) -> i64 {
        self.clock.wall_ms().wrapping_sub(now_ms).cast_signed()
    }

    /// The queue that has that row, if it is still there.
    fn of_row(&self, row: RowId) -> Option<Arc<Queue>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).of_row(row).cloned()
    }

    /// Carries work out although its caller may go away.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueueError>> + Send + 'static,
    ) -> Result<T, QueueError> {
        let done = self.tasks.spawn(work).await;
        // It ends otherwise only with its runtime.
        done.unwrap_or(Err(QueueError::Store(StoreError::Closed)))
    }
}

impl Queue {
    fn new(arn: QueueArn, row: RowId, state: QueueState, moves: Vec<KeptTask>) -> Arc<Self> {
        let (state, moves) = (Mutex::new(state), tokio::sync::Mutex::new(moves));
        let (arrivals, settled) = (Notify::new(), Notify::new());
        Arc::new(Self { arn, row, state, moves, turns: Arc::default(), arrivals, settled })
    }

    /// Waits for one's turn to put messages into it, if it is a FIFO queue.
    async fn turn(&self) -> Option<Turn> {
        match QueueKind::of(&self.arn) {
            QueueKind::Fifo => Some(self.turns.clone().lock_owned().await),
            QueueKind::Standard => None,
        }
    }

    /// Every change of the state is whole when its lock is given back, so a panic elsewhere leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
