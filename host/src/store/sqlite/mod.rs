//! The store in a file: SQLite, with checksums of our own.
//!
//! One thread owns the only connection that writes, and is fed by a bounded queue; whoever reads has a connection of their
//! own and waits for nobody. Each commit is one transaction with its audit entry, flushed to the disk before it is
//! acknowledged. SQLite has no checksums in its main file, so every row has a hash, and one row has the sum of them all:
//! what was changed, lost or doubled is found. Whoever opens a folder holds its lock alone; only a backup may read along.

mod audit;
mod backup;
mod queue;
mod records;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use backup::{backup_file, read};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use self::queue::{Job, Queue};
use self::schema::FORMAT;
use self::writer::Writer;
use super::sql::{Problem, file};
use super::{AuditBounds, AuditEntry, Commit, Pending, Position, Scope, Store, StoreError};

/// Records in an SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    file: PathBuf,
    queue: Arc<Queue>,
    /// There until the store is dropped.
    writer: Option<JoinHandle<()>>,
}

/// What tests set otherwise.
#[derive(Debug, Clone, Copy)]
struct Limits {
    audit: AuditBounds,
    /// How many pages the file may have; SQLite then says that the disk is full.
    pages_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { audit: AuditBounds::default(), pages_max: u32::MAX - 1 }
    }
}

impl SqliteStore {
    /// Opens the store in a folder that is there, or makes one. It blocks, and the caller holds the folder's lock.
    ///
    /// # Errors
    /// When the file is damaged, of a newer Samovar or nothing of Samovar's at all, or cannot be read or written.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, Limits::default())
    }

    /// With other bounds on the audit entries.
    #[cfg(test)]
    pub(super) fn keeping_audit_entries(folder: &Path, audit: AuditBounds) -> Result<Self, StoreError> {
        Self::open_with(folder, Limits { audit, ..Limits::default() })
    }

    fn open_with(folder: &Path, limits: Limits) -> Result<Self, StoreError> {
        let file = file::path_in(folder, FORMAT)?;
        let connection = open(&file, limits).map_err(|problem| problem.at(&file))?;
        let queue = Arc::new(Queue::default());
        let writer = Writer::new(connection, file.clone(), limits.audit);
        let thread = {
            let queue = queue.clone();
            std::thread::Builder::new().name("samovar-registry".to_owned()).spawn(move || writer.run(&queue))
        };
        let thread = thread.map_err(|error| Problem::Io(error).at(&file))?;
        Ok(Self { file, queue, writer: Some(thread) })
    }

    #[cfg(test)]
    /// How many notes were lost because there was no room for them, or because they could not be written.
    pub(crate) fn notes_lost(&self) -> u64 {
        self.queue.notes_lost()
    }
}

/// The connection that writes.
fn open(file: &Path, limits: Limits) -> Result<Connection, Problem> {
    let connection = file::open_or_create(file, FORMAT, limits.pages_max)?;
    audit::check(&connection)?;
    Ok(connection)
}

impl Store for SqliteStore {
    fn load(&self, each: &mut dyn FnMut(Scope)) -> Result<Position, StoreError> {
        let mut load = || records::load(&mut file::open_to_read(&self.file)?, each);
        load().map_err(|problem| problem.at(&self.file))
    }

    fn commit(&self, commit: Commit) -> Pending<'_, Position> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let queued = self.queue.commit(Job { commit, acknowledge });
        Box::pin(async move {
            queued?;
            let ended = |_| Problem::Wrong("the thread that writes has ended".to_owned()).failed(&self.file);
            acknowledged.await.unwrap_or_else(|gone| Err(ended(gone)))
        })
    }

    fn note(&self, entry: AuditEntry) {
        self.queue.note(entry);
    }

    fn audit(&self, limit: usize) -> Pending<'_, Vec<AuditEntry>> {
        let file = self.file.clone();
        Box::pin(async move {
            let read = move || {
                let latest = || audit::latest(&mut file::open_to_read(&file)?, limit);
                latest().map_err(|problem| problem.at(&file))
            };
            match tokio::task::spawn_blocking(read).await {
                Ok(latest) => latest,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // Only a runtime that is shutting down cancels blocking work, and it cancels the waiter too.
                    Err(_cancelled) => std::future::pending().await,
                },
            }
        })
    }

    fn backup(&self, folder: &Path) -> Result<(), StoreError> {
        backup::backup(&self.file, folder)
    }
}

impl Drop for SqliteStore {
    /// What is queued is written; then the thread ends and closes the file.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(file = %self.file.display(), "the thread that writes the registry has panicked");
        }
    }
}
