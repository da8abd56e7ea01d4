//! What waits for the thread that writes: batches in the order they came, in bounded number and size.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::Change;
use super::StoreError;

/// How many changes wait at most.
pub(super) const CHANGES_WAITING_MAX: usize = 16 * 1024;
/// How many bytes waiting changes hold at most.
pub(super) const BYTES_WAITING_MAX: usize = 64 << 20;
/// How much of either is for batches that do not only add rows: so that no flood of new ones keeps what is there from being
/// finished.
const KEPT_FREE: usize = 4;
/// How many changes go into one transaction, unless a single batch has more.
const GROUP_CHANGES_MAX: usize = 1024;
/// How many bytes these hold, unless a single batch has more.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// What a batch is, which tells how much of the room is for it that is kept free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// As its changes say.
    Usual,
    /// New as a whole.
    New,
    /// Others can go only when it is made.
    Owed,
}

/// A batch, and where its fate is told.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) changes: Vec<Change>,
    pub(super) sort: Sort,
    pub(super) acknowledge: oneshot::Sender<Result<(), StoreError>>,
}

/// Between those who write and the thread that does.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    changes: usize,
    bytes: usize,
    /// Why nothing is taken any more.
    closed: Option<StoreError>,
}

impl Queue {
    /// Takes a batch, if there is room for it. One that finds nothing before it is taken whatever its size.
    pub(super) fn add(&self, job: Job) -> Result<(), StoreError> {
        let (changes, bytes) = (job.changes.len(), job.bytes());
        let part = |max: usize| if job.only_adds() { max - max / KEPT_FREE } else { max };
        let mut waiting = self.waiting();
        if let Some(error) = &waiting.closed {
            return Err(error.clone());
        }
        let fits = waiting.changes.saturating_add(changes) <= part(CHANGES_WAITING_MAX)
            && waiting.bytes.saturating_add(bytes) <= part(BYTES_WAITING_MAX);
        if !fits && !waiting.jobs.is_empty() {
            return Err(StoreError::Busy);
        }
        waiting.changes += changes;
        waiting.bytes += bytes;
        waiting.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for something to write, and gives all of it that fits into one transaction: what came while the one before was
    /// flushed is flushed together, and what comes alone waits for nobody. Nothing, if nothing more will come.
    pub(super) fn next(&self) -> Option<Vec<Job>> {
        let idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && waiting.closed.is_none();
        let mut waiting =
            self.changed.wait_while(self.waiting(), idle).unwrap_or_else(PoisonError::into_inner);
        let mut group = vec![waiting.take()?];
        let (mut changes, mut bytes) = (group[0].changes.len(), group[0].bytes());
        while let Some(job) = waiting.jobs.front() {
            changes += job.changes.len();
            bytes += job.bytes();
            if changes > GROUP_CHANGES_MAX || bytes > GROUP_BYTES_MAX {
                break;
            }
            group.extend(waiting.take());
        }
        Some(group)
    }

    /// Nothing is taken any more; what is there is still written.
    pub(super) fn close(&self) {
        self.waiting().closed.get_or_insert(StoreError::Closed);
        self.changed.notify_one();
    }

    /// Nothing is taken any more, and nobody writes what is there.
    pub(super) fn abandon(&self, error: StoreError) {
        let mut waiting = self.waiting();
        waiting.closed.get_or_insert(error);
        // Who waits for it is told that its writer is gone.
        while waiting.take().is_some() {}
    }

    /// How many changes wait, and how many bytes they hold.
    pub(super) fn size(&self) -> (u64, u64) {
        let waiting = self.waiting();
        (waiting.changes as u64, waiting.bytes as u64)
    }

    /// Nothing in here panics while it holds the lock.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.changes -= job.changes.len();
        self.bytes -= job.bytes();
        Some(job)
    }
}

impl Job {
    pub(super) fn bytes(&self) -> usize {
        self.changes.iter().map(Change::bytes).sum()
    }

    /// Of what is kept free of the disk, which part is not for this batch: one over that number. What is merely new leaves all of it,
    /// what comes of that half, and what lets that go a quarter; what makes no row may have the last byte.
    pub(super) fn leaves_one_over(&self) -> Option<u64> {
        let adds = |change: &Change| matches!(change, Change::Insert { .. });
        match (self.only_adds(), self.sort) {
            (true, Sort::Owed) => Some(4),
            (true, _) => Some(1),
            (false, _) => self.changes.iter().any(adds).then_some(2),
        }
    }

    /// Whether it makes new rows and does nothing else that must be done.
    fn only_adds(&self) -> bool {
        self.sort == Sort::New || self.changes.iter().all(|change| matches!(change, Change::Insert { .. }))
    }

    /// Whether it can only make room on a disk that is full.
    pub(super) fn only_takes_away(&self) -> bool {
        self.changes.iter().all(|change| matches!(change, Change::Delete { .. }))
    }
}
