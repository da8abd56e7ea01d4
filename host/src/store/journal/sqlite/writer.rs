//! The thread that writes, and owns the only connection that may.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};
use tokio::time::Instant;

use super::super::super::sql::{Problem, file};
use super::queue::Job;
use super::transaction::Rows;
use super::{Shared, StoreError};
use crate::failpoint;

/// After about how many written bytes the log is carried over into the main file.
const CHECKPOINT_BYTES: usize = 16 << 20;
/// About how many bytes a transaction writes besides its rows: some six pages of 4 KiB.
const TRANSACTION_BYTES: usize = 24 << 10;
/// About how many bytes a change writes besides its header and body. Those of old rows touch pages here and there.
const CHANGE_BYTES: usize = 1 << 10;
/// How many KiB of pages are in memory: more than a transaction changes, so that none is written twice.
const CACHE_KIB: i64 = 32 << 10;

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    file: PathBuf,
    /// How much of the disk no batch takes that only adds rows.
    bytes_kept_free: u64,
    shared: Arc<Shared>,
    /// About how much the log has that the main file has not.
    log_bytes: usize,
    /// Why nothing more is written.
    failed: Option<StoreError>,
}

/// Tells everybody when the thread ends otherwise than it should.
struct Watch<'a>(&'a Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = "the thread that writes has panicked".to_owned();
            self.0.queue.abandon(StoreError::Failed { file: super::FILE_NAME.to_owned(), reason });
            self.0.failed.cancel();
        }
    }
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        file: PathBuf,
        bytes_kept_free: u64,
        shared: Arc<Shared>,
    ) -> Result<Self, Problem> {
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let log_bytes = file::log_bytes(&file);
        Ok(Self { connection, file, bytes_kept_free, shared, log_bytes, failed: None })
    }

    /// Writes what comes until nothing more does.
    pub(super) fn run(mut self) {
        let shared = self.shared.clone();
        let _watch = Watch(&shared);
        while let Some(group) = shared.queue.next() {
            self.write(group);
            if self.log_bytes > CHECKPOINT_BYTES {
                self.checkpoint();
            }
        }
        self.end();
    }

    /// Writes batches in one transaction, without those that the disk has no room for. If they do not fit on it all the same, each
    /// is tried in one of its own: so what makes room is possible.
    fn write(&mut self, mut group: Vec<Job>) {
        if self.failed.is_none() && group.iter().any(|job| job.leaves_one_over().is_some()) {
            let room = self.room();
            let has_none =
                |job: &mut Job| job.leaves_one_over().is_some_and(|part| room < self.bytes_kept_free / part);
            for refused in group.extract_if(.., has_none) {
                refused.end(Err(StoreError::Full));
            }
            if group.is_empty() {
                return;
            }
        }
        match self.write_together(&group) {
            Ok(fits) => {
                group.into_iter().zip(fits).for_each(|(job, fits)| {
                    job.end(if fits { Ok(()) } else { Err(StoreError::Conflict) });
                });
            }
            Err(StoreError::Full) if group.len() > 1 => self.write_apart(group),
            Err(error) => group.into_iter().for_each(|job| job.end(Err(error.clone()))),
        }
    }

    /// How much room the disk has, in bytes. Pages that rows have left, and what the log has taken up, are room as well: a new row
    /// needs both. Where nothing is told of the disk, SQLite will find out.
    fn room(&self) -> u64 {
        let free = |disk: rustix::fs::StatVfs| disk.f_bavail.saturating_mul(disk.f_frsize);
        let free = rustix::fs::statvfs(&self.file).map_or(u64::MAX, free);
        match free >= self.bytes_kept_free {
            true => free,
            false => free.saturating_add(self.taken_up().unwrap_or(0)),
        }
    }

    /// How many bytes can be written again without more of the disk.
    fn taken_up(&self) -> Result<u64, Problem> {
        let count = |pragma| self.connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
        let pages = u64::from(count("freelist_count")?) * u64::from(count("page_size")?);
        Ok(std::fs::metadata(file::log_of(&self.file))?.len().min(pages))
    }

    /// As long as the disk is full, nothing else is tried but what only takes away.
    fn write_apart(&mut self, group: Vec<Job>) {
        let mut full = false;
        for job in group {
            let refused = full && !job.only_takes_away();
            let written = match refused {
                true => Err(StoreError::Full),
                false => self.write_together(std::slice::from_ref(&job)).map(|fits| fits == [true]),
            };
            full |= written == Err(StoreError::Full);
            job.end(written.and_then(|fits| if fits { Ok(()) } else { Err(StoreError::Conflict) }));
        }
    }

    /// Makes one transaction, and says which of the batches did fit, or why there is none of them.
    fn write_together(&mut self, group: &[Job]) -> Result<Vec<bool>, StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let written = self.transact(group).map_err(|problem| problem.at(&self.file));
        match &written {
            Ok(_) => self.log_bytes += TRANSACTION_BYTES + group.iter().map(log_bytes).sum::<usize>(),
            Err(error) => self.consider(error),
        }
        written
    }

    fn transact(&mut self, group: &[Job]) -> Result<Vec<bool>, Problem> {
        // Dropped without a commit, it is rolled back.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut rows = Rows::begin(&transaction)?;
        let fits = group.iter().map(|job| rows.make(&job.changes)).collect::<Result<Vec<_>, _>>()?;
        let changes = group.iter().zip(&fits).filter(|(_, fits)| **fits).map(|(job, _)| job.changes.len());
        let changes: usize = changes.sum();
        if changes == 0 {
            return Ok(fits);
        }
        rows.end()?;
        failpoint::reached("journal.before-commit");
        let started = Instant::now();
        transaction.commit()?;
        failpoint::reached("journal.after-commit");
        self.shared.figures.flushed(started.elapsed(), changes as u64);
        Ok(fits)
    }

    /// Carries the log over into the main file, as far as readers in other processes allow, so that it begins anew. SQLite
    /// could do it by itself, but would not tell that it failed.
    fn checkpoint(&mut self) {
        self.log_bytes = 0;
        let done = self.carry_over();
        if let Err(error) = done {
            self.consider(&Problem::Sql(error).at(&self.file));
        }
    }

    fn carry_over(&self) -> rusqlite::Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        // Readers that follow each other without a gap would keep the log from beginning anew. All is carried over by now, so
        // they wait for a moment only; whoever else reads is not waited for.
        let _nobody_reads = self.shared.readers.pause();
        self.connection.busy_timeout(std::time::Duration::ZERO)?;
        let done = self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()));
        self.connection.busy_timeout(file::BUSY_WAIT)?;
        done
    }

    /// Lets SQLite carry over the log and remove it while it closes the file, if all went well. Otherwise nothing is touched.
    fn end(self) {
        if self.failed.is_some() {
            return;
        }
        self.shared.readers.close();
        let tidied = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        let closed = tidied.and_then(|_| self.connection.close().map_err(|(_, error)| error));
        if let Err(error) = closed {
            tracing::warn!(%error, "the queue was not closed properly; nothing of it is lost");
        }
    }

    /// Decides whether the journal can go on after an error. A failed write or flush is never tried again: the system may
    /// have dropped what it could not write, and would call the next flush a success.
    fn consider(&mut self, error: &StoreError) {
        let goes_on = matches!(error, StoreError::Busy | StoreError::Full);
        if goes_on && self.connection.is_autocommit() {
            return;
        }
        tracing::error!(%error, "nothing more is written to the queue");
        let file = self.file.display().to_string();
        self.failed = Some(match error {
            StoreError::Damaged { .. } | StoreError::Failed { .. } => error.clone(),
            other => StoreError::Failed { file, reason: format!("{other}, and it could not be undone") },
        });
        self.shared.failed.cancel();
    }
}

impl Job {
    fn end(self, outcome: Result<(), StoreError>) {
        // Whoever asked may have gone.
        let _ = self.acknowledge.send(outcome);
    }
}

/// About how many bytes a batch writes.
fn log_bytes(job: &Job) -> usize {
    job.bytes() + job.changes.len() * CHANGE_BYTES
}
