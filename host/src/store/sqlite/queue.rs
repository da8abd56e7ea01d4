//! What waits for the thread that writes: commits and notes, each with room of their own, so that no flood of refused
//! requests keeps a change out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::Write;
use super::{AuditEntry, Commit, Position, StoreError};

/// How many commits wait at most.
pub(super) const COMMITS_WAITING_MAX: usize = 256;
/// How many bytes the texts of waiting commits have at most.
pub(super) const COMMITS_WAITING_BYTES_MAX: usize = 64 << 20;
/// How many notes wait at most; that many may also be written along with one commit.
pub(super) const NOTES_WAITING_MAX: usize = 1024;

/// A commit, and where its fate is told.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) commit: Commit,
    pub(super) acknowledge: oneshot::Sender<Result<Position, StoreError>>,
}

/// What the writer does next, in one transaction.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) job: Option<Job>,
    /// What was noted since the last time.
    pub(super) notes: Vec<AuditEntry>,
}

/// Between those who commit and the one who writes.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    notes_lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    job_bytes: usize,
    notes: Vec<AuditEntry>,
    closed: bool,
}

impl Queue {
    pub(super) fn commit(&self, job: Job) -> Result<(), StoreError> {
        let bytes = text_bytes(&job.commit);
        let mut waiting = self.waiting();
        let fits = waiting.jobs.len() < COMMITS_WAITING_MAX
            && waiting.job_bytes.saturating_add(bytes) <= COMMITS_WAITING_BYTES_MAX;
        if !fits {
            return Err(StoreError::Busy);
        }
        waiting.job_bytes += bytes;
        waiting.jobs.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn note(&self, entry: AuditEntry) {
        let mut waiting = self.waiting();
        if waiting.notes.len() < NOTES_WAITING_MAX {
            waiting.notes.push(entry);
            self.changed.notify_one();
        } else {
            drop(waiting);
            self.lost(1);
        }
    }

    /// Waits for something to write; none if there is nothing and never will be.
    pub(super) fn next(&self) -> Option<Work> {
        let idle =
            |waiting: &mut Waiting| waiting.jobs.is_empty() && waiting.notes.is_empty() && !waiting.closed;
        let mut waiting =
            self.changed.wait_while(self.waiting(), idle).unwrap_or_else(PoisonError::into_inner);
        let job = waiting.jobs.pop_front();
        if let Some(job) = &job {
            waiting.job_bytes -= text_bytes(&job.commit);
        }
        let notes = std::mem::take(&mut waiting.notes);
        (job.is_some() || !notes.is_empty()).then_some(Work { job, notes })
    }

    /// Nothing comes any more; what is there is still written.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_one();
    }

    /// Counts notes that nobody will read, and says so at the first and then ever more rarely.
    pub(super) fn lost(&self, notes: usize) {
        for _ in 0..notes {
            let lost = self.notes_lost.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::warn!(lost, "audit entries of refused requests were lost");
            }
        }
    }

    #[cfg(test)]
    pub(super) fn notes_lost(&self) -> u64 {
        self.notes_lost.load(Ordering::Relaxed)
    }

    /// Nothing in here panics while it holds the lock.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the texts of a commit's records are together.
pub(super) fn text_bytes(commit: &Commit) -> usize {
    let bytes = |write: &Write| match write {
        Write::Put(record) => record.name.len() + record.document.len(),
        Write::Delete { name } => name.len(),
    };
    commit.scope.len() + commit.writes.iter().map(bytes).sum::<usize>()
}
