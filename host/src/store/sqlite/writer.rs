//! The thread that writes, and owns the only connection that may.

use std::path::PathBuf;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use super::super::sql::{Problem, file};
use super::queue::{self, Job, Queue, Work};
use super::{AuditBounds, AuditEntry, Commit, Position, StoreError, audit, records};

/// After about how many written bytes the log is carried over into the main file.
const CHECKPOINT_BYTES: usize = 4 << 20;
/// About how many bytes a transaction writes besides its texts: some six pages of 4 KiB.
const TRANSACTION_BYTES: usize = 24 << 10;

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    file: PathBuf,
    audit_bounds: AuditBounds,
    /// About how much the log has that the main file has not.
    log_bytes: usize,
    /// Why nothing more is written.
    failed: Option<StoreError>,
}

impl Writer {
    pub(super) fn new(connection: Connection, file: PathBuf, audit_bounds: AuditBounds) -> Self {
        let log_bytes = file::log_bytes(&file);
        Self { connection, file, audit_bounds, log_bytes, failed: None }
    }

    /// Writes what comes until nothing more does.
    pub(super) fn run(mut self, queue: &Queue) {
        while let Some(Work { job, notes }) = queue.next() {
            let notes = match job {
                Some(job) => self.write_job(job, notes),
                None => notes,
            };
            if !notes.is_empty() && self.write(None, &notes).is_err() {
                queue.lost(notes.len());
            }
            if self.log_bytes > CHECKPOINT_BYTES {
                self.checkpoint();
            }
        }
        self.end();
    }

    /// Writes a commit with the notes that wait, and gives back the notes if they were not written with it.
    fn write_job(&mut self, job: Job, notes: Vec<AuditEntry>) -> Vec<AuditEntry> {
        let written = self.write(Some(&job.commit), &notes);
        let left = if written.is_ok() { Vec::new() } else { notes };
        // Whoever asked may have gone.
        let _ = job.acknowledge.send(written);
        left
    }

    /// Makes one transaction, or says why not. The position is of no meaning without a commit.
    fn write(&mut self, commit: Option<&Commit>, notes: &[AuditEntry]) -> Result<Position, StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let written = self.transact(commit, notes).map_err(|problem| problem.at(&self.file));
        match &written {
            Ok(_) => self.log_bytes += TRANSACTION_BYTES + commit.map_or(0, queue::text_bytes),
            Err(error) => self.consider(error),
        }
        written
    }

    fn transact(&mut self, commit: Option<&Commit>, notes: &[AuditEntry]) -> Result<Position, Problem> {
        // Dropped without a commit, it is rolled back.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let position = match commit {
            Some(commit) => records::apply(&transaction, commit)?,
            None => Position::default(),
        };
        let change = commit.map(|commit| &commit.audit);
        audit::append(&transaction, notes, change, self.audit_bounds)?;
        transaction.commit()?;
        Ok(position)
    }

    /// Carries the log over into the main file, as far as readers allow. SQLite could do it by itself, but would not tell
    /// that it failed.
    fn checkpoint(&mut self) {
        self.log_bytes = 0;
        let done = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = done {
            self.consider(&Problem::Sql(error).at(&self.file));
        }
    }

    /// Lets SQLite carry over the log and remove it while it closes the file, if all went well. Otherwise nothing is touched.
    fn end(self) {
        if self.failed.is_some() {
            return;
        }
        let tidied = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        let closed = tidied.and_then(|_| self.connection.close().map_err(|(_, error)| error));
        if let Err(error) = closed {
            tracing::warn!(%error, "the registry was not closed properly; nothing of it is lost");
        }
    }

    /// Decides whether the store can go on after an error. A failed write or flush is never tried again: the system may
    /// have dropped what it could not write, and would call the next flush a success.
    fn consider(&mut self, error: &StoreError) {
        let goes_on = matches!(error, StoreError::Conflict | StoreError::Busy | StoreError::Full);
        if goes_on && self.connection.is_autocommit() {
            return;
        }
        tracing::error!(%error, "nothing more is written to the registry");
        let file = self.file.display().to_string();
        self.failed = Some(match error {
            StoreError::Damaged { .. } | StoreError::Failed { .. } => error.clone(),
            other => StoreError::Failed { file, reason: format!("{other}, and it could not be undone") },
        });
    }
}
