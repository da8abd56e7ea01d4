//! Schedules that are kept, and fired: what EventBridge Scheduler keeps of them, on the journal, and the keeper that hands an
//! event to a function's queue whenever one is due.
//!
//! When a schedule is due is [decided elsewhere](super::schedule), without a clock. Here is what is written: a schedule is one row of
//! the journal, with how far it has come. A firing is one write of an event's new row and of that row, so that each due time is
//! fired once, whatever crashes. Knows no HTTP and not the host.

mod agenda;
mod change;
mod directory;
mod error;
mod input;
mod keeper;
mod name;
mod record;
mod settings;
#[cfg(test)]
mod tests;
mod wall;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::agenda::Agenda;
use self::directory::Directory;
use self::record::{SCHEDULE, ScheduleRecord};
use self::wall::Wall;
use crate::function::{AccountId, Region};
use crate::store::StoreError;
use crate::store::journal::{Journal, Row, RowId};

pub use error::ScheduleError;
pub use input::{INPUT_BYTES_MAX, ScheduleInputError};
pub use name::{GROUP, ScheduleName, ScheduleNameError};
pub use settings::{
    ActionAfterCompletion, EVENT_AGE_S, RETRIES_MAX, ScheduleSettings, ScheduleSettingsError, ScheduleState,
    ScheduleTarget, ScheduleTargetError, TargetFunction,
};

pub(crate) use name::ScheduleKey;

/// How many schedules there may be.
pub const SCHEDULES_MAX: usize = 100_000;
/// How many schedules are fired at a time; the others wait for their turn.
const FIRINGS_AT_ONCE_MAX: usize = 64;

/// All schedules of a host. Clones are the same schedules.
#[derive(Debug, Clone)]
pub(crate) struct Schedules(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    journal: Arc<dyn Journal>,
    account: AccountId,
    /// How many bytes an event may have.
    payload_bytes_max: usize,
    schedules_max: usize,
    wall: Wall,
    directory: RwLock<Directory>,
    agenda: Mutex<Agenda>,
    /// Something is to be looked at earlier than before.
    sooner: Notify,
    /// Places of those that are fired at a time.
    firings: Arc<Semaphore>,
    /// Which were deleted last, and by which request: it may come again.
    deletions: Mutex<VecDeque<(ScheduleKey, Box<str>)>>,
    fired: AtomicU64,
    dropped: AtomicU64,
    /// What is being written although its caller may be gone.
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// One schedule.
#[derive(Debug)]
struct Schedule {
    key: ScheduleKey,
    row: RowId,
    /// Held by whoever writes its row.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// None while it is being made, and when it is gone.
    kept: Mutex<Option<Kept>>,
}

/// A schedule as its row has it.
#[derive(Debug, Clone)]
struct Kept {
    fence: u64,
    record: Arc<ScheduleRecord>,
    has_input: bool,
    /// Whether the row says less than is known of what was fired or passed over.
    is_behind: bool,
    /// A due time whose event was refused so often. It is not written down: the next process begins to count anew.
    refused: Option<(Timestamp, u32)>,
}

/// A schedule, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScheduleInfo {
    /// Its name.
    pub name: ScheduleName,
    /// `arn:aws:scheduler:REGION:ACCOUNT:schedule/default/NAME`.
    pub arn: String,
    /// What it is. In a list, without the input of its events.
    pub settings: ScheduleSettings,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
}

/// Which schedules are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListSchedules {
    /// The region; the host's own, if there is none.
    pub region: Option<Region>,
    /// How their names begin.
    pub prefix: String,
    /// Those in that state alone.
    pub state: Option<ScheduleState>,
    /// Those whose names come behind this one.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// A part of a list of schedules.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScheduleList {
    /// By name.
    pub schedules: Vec<ScheduleInfo>,
    /// Whether others follow.
    pub has_more: bool,
}

/// What was counted of schedules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScheduleFigures {
    /// How many there are.
    pub schedules: usize,
    /// How many times one was fired since the host started: how many events were handed to functions' queues.
    pub fired: u64,
    /// How many due times were not fired, because they had become too old or were refused too often; of those that are found to be
    /// too old at a time the first thousand.
    pub dropped: u64,
}

impl Schedules {
    /// No schedules yet, on a journal that outlives them. Their events may have so many bytes.
    pub(crate) fn new(journal: Arc<dyn Journal>, account: AccountId, payload_bytes_max: usize) -> Self {
        Self::on_clock(journal, account, payload_bytes_max, Wall::System)
    }

    fn on_clock(journal: Arc<dyn Journal>, account: AccountId, payload_bytes_max: usize, wall: Wall) -> Self {
        Self(Arc::new(Inner {
            journal,
            account,
            payload_bytes_max,
            schedules_max: SCHEDULES_MAX,
            wall,
            directory: RwLock::default(),
            agenda: Mutex::default(),
            sooner: Notify::new(),
            firings: Arc::new(Semaphore::new(FIRINGS_AT_ONCE_MAX)),
            deletions: Mutex::default(),
            fired: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// Takes up a row that an earlier process has left; rows of other kinds are passed over.
    ///
    /// # Errors
    /// When it is no schedule although its kind says so, or there is one of that name already.
    pub(crate) fn take_up(&self, row: &Row) -> Result<(), StoreError> {
        if row.kind != SCHEDULE {
            return Ok(());
        }
        let record = ScheduleRecord::of(row)?;
        let schedule = Schedule::new(record.key(), row.id);
        let is_new = self.0.directory_mut().insert(schedule.clone());
        if !is_new {
            return Err(record::damaged(row.id, &format_args!("there is another {}", record.key())));
        }
        let is_enabled = record.settings.state == ScheduleState::Enabled;
        let has_input = row.body_bytes.is_some();
        schedule.set(Some(Kept {
            fence: row.fence,
            record: record.into(),
            has_input,
            is_behind: false,
            refused: None,
        }));
        if is_enabled {
            self.0.plan(&schedule, Timestamp::MIN);
        }
        Ok(())
    }

    /// A schedule with all that it is.
    ///
    /// # Errors
    /// When there is none, or its input cannot be read.
    pub(crate) async fn get(&self, key: &ScheduleKey) -> Result<ScheduleInfo, ScheduleError> {
        let schedule = self.0.find(key)?;
        // So that the input is that of these settings: the row can be read before it is known here that it was written.
        let _turn = schedule.turn.lock().await;
        let kept = schedule.kept().ok_or(ScheduleError::NotFound)?;
        let input = if kept.has_input { self.0.journal.body(schedule.row).await? } else { None };
        let mut info = self.info(&schedule, &kept);
        info.settings.target.input = input.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(info)
    }

    /// The schedules of a region that are meant.
    pub(crate) fn list(&self, region: &Region, list: &ListSchedules) -> ScheduleList {
        let directory = self.0.directory.read().unwrap_or_else(PoisonError::into_inner);
        let is_in_state = |kept: &Kept| list.state.is_none_or(|state| kept.record.settings.state == state);
        let behind =
            directory.named_from(region, list.after.as_deref().unwrap_or_default().max(&list.prefix));
        let mut schedules: Vec<ScheduleInfo> = behind
            .take_while(|schedule| schedule.key.name.as_str().starts_with(&list.prefix))
            .filter(|schedule| list.after.as_deref() != Some(schedule.key.name.as_str()))
            .filter_map(|schedule| Some((schedule, schedule.kept().filter(is_in_state)?)))
            .map(|(schedule, kept)| self.info(schedule, &kept))
            .take(list.limit.saturating_add(1))
            .collect();
        let has_more = schedules.len() > list.limit;
        schedules.truncate(list.limit);
        ScheduleList { schedules, has_more }
    }

    /// What was counted.
    pub(crate) fn figures(&self) -> ScheduleFigures {
        ScheduleFigures {
            schedules: self.0.directory.read().unwrap_or_else(PoisonError::into_inner).len(),
            fired: self.0.fired.load(Ordering::Relaxed),
            dropped: self.0.dropped.load(Ordering::Relaxed),
        }
    }

    /// Nothing is fired any more, and nobody waits for what was begun.
    pub(crate) fn abandon(&self) {
        self.0.stop.cancel();
    }

    /// Waits until what is being written is written; nothing is fired any more.
    pub(crate) async fn close(&self) {
        self.abandon();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn info(&self, schedule: &Schedule, kept: &Kept) -> ScheduleInfo {
        ScheduleInfo {
            name: schedule.key.name.clone(),
            arn: schedule.key.arn(&self.0.account),
            settings: kept.record.settings.clone(),
            created: kept.record.created,
            modified: kept.record.modified,
        }
    }
}

impl Inner {
    fn find(&self, key: &ScheduleKey) -> Result<Arc<Schedule>, ScheduleError> {
        let directory = self.directory.read().unwrap_or_else(PoisonError::into_inner);
        directory.named(key).cloned().ok_or(ScheduleError::NotFound)
    }

    /// Lets the keeper look at a schedule at that time, and not before.
    fn plan(&self, schedule: &Arc<Schedule>, at: Timestamp) {
        if self.agenda().set(schedule, at) {
            self.sooner.notify_one();
        }
    }

    /// Every change of the directory is whole when its lock is given back, as of all that is locked here.
    fn directory_mut(&self) -> std::sync::RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries work out although its caller may go away.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ScheduleError>> + Send + 'static,
    ) -> Result<T, ScheduleError> {
        let done = self.tasks.spawn(work).await;
        // It ends otherwise only with its runtime.
        done.unwrap_or(Err(ScheduleError::Store(StoreError::Closed)))
    }
}

impl Schedule {
    fn new(key: ScheduleKey, row: RowId) -> Arc<Self> {
        Arc::new(Self { key, row, turn: Arc::default(), kept: Mutex::new(None) })
    }

    /// As its row has it, if it is there.
    fn kept(&self) -> Option<Kept> {
        self.lock().clone()
    }

    /// Its row reads so now, or is gone. Who says so holds its turn.
    fn set(&self, kept: Option<Kept>) {
        *self.lock() = kept;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
