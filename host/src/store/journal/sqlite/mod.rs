//! The journal in a file: SQLite, with checksums of our own, as the registry has it.
//!
//! One thread owns the only connection that writes, and is fed by a bounded queue. A flush takes the disk some milliseconds, so
//! one flush serves many: what comes while one is under way is made in the next transaction, all of it together, and each
//! batch is acknowledged when that is on the disk. Every row has a hash, which has that of its body in it, and one row has the
//! sum of them all.

mod backup;
mod load;
mod queue;
mod readers;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod transaction;
mod writer;

pub(crate) use backup::backup_file;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::queue::{Job, Queue, Sort};
use self::readers::Readers;
use self::rows::TOTALS;
use self::schema::FORMAT;
use self::writer::Writer;
use super::super::sql::totals::Totals;
use super::super::sql::{Problem, file};
use super::{Change, Journal, Pending, Row, RowId, StoreError};
use crate::metrics::{FlushCounters, FlushFigures};

/// The name of the file in its folder.
pub(crate) const FILE_NAME: &str = "queue.db";

/// How much the journal takes up.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How many pages the file may have; SQLite then says that the disk is full.
    pages_max: u32,
    /// How many bytes of the disk no new row takes: what is there needs room to come to its end, and so to go.
    bytes_kept_free: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pages_max: u32::MAX - 1, bytes_kept_free: 32 << 20 }
    }
}

/// Rows in an SQLite file.
#[derive(Debug)]
pub(in super::super) struct SqliteJournal {
    file: PathBuf,
    shared: Arc<Shared>,
    /// The highest id that was given out.
    allocated: AtomicU64,
    /// There until the journal is dropped.
    writer: Option<JoinHandle<()>>,
}

/// What the thread that writes has in common with everybody else.
#[derive(Debug)]
struct Shared {
    queue: Queue,
    readers: Readers,
    figures: FlushCounters,
    failed: CancellationToken,
}

impl SqliteJournal {
    /// Opens the journal in a folder that is there, or makes one. It blocks, and the caller holds the folder's lock.
    ///
    /// # Errors
    /// When the file is damaged, of a newer Samovar or nothing of Samovar's at all, or cannot be read or written.
    pub(in super::super) fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, Limits::default())
    }

    fn open_with(folder: &Path, limits: Limits) -> Result<Self, StoreError> {
        let file = file::path_in(folder, FORMAT)?;
        Self::start(file.clone(), limits).map_err(|problem| problem.at(&file))
    }

    fn start(file: PathBuf, limits: Limits) -> Result<Self, Problem> {
        let connection = file::open_or_create(&file, FORMAT, limits.pages_max)?;
        let allocated = AtomicU64::new(Totals::read(&connection, TOTALS)?.position);
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            readers: Readers::of(&file),
            figures: FlushCounters::default(),
            failed: CancellationToken::new(),
        });
        let writer = Writer::new(connection, file.clone(), limits.bytes_kept_free, shared.clone())?;
        let thread = std::thread::Builder::new().name("samovar-queue".to_owned());
        let writer = Some(thread.spawn(move || writer.run())?);
        Ok(Self { file, shared, allocated, writer })
    }

    fn add(&self, changes: Vec<Change>, sort: Sort) -> Pending<'_, ()> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let queued = self.shared.queue.add(Job { changes, sort, acknowledge });
        Box::pin(async move {
            queued?;
            let ended = |_| Problem::Wrong("the thread that writes has ended".to_owned()).failed(&self.file);
            acknowledged.await.unwrap_or_else(|gone| Err(ended(gone)))
        })
    }
}

impl Journal for SqliteJournal {
    fn load(&self, take: &(dyn Fn(Vec<Row>) + Sync)) -> Result<(), StoreError> {
        load::load(&self.file, take).map_err(|problem| problem.at(&self.file))
    }

    fn allocate(&self) -> RowId {
        RowId(self.allocated.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        self.add(changes, Sort::Usual)
    }

    fn write_new(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        self.add(changes, Sort::New)
    }

    fn write_owed(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        self.add(changes, Sort::Owed)
    }

    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>> {
        Box::pin(async move {
            let _turn = self.shared.readers.turn().await;
            let shared = self.shared.clone();
            match tokio::task::spawn_blocking(move || shared.readers.body(id)).await {
                Ok(body) => body,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // Only a runtime that is shutting down cancels blocking work, and it cancels the waiter too.
                    Err(_cancelled) => std::future::pending().await,
                },
            }
        })
    }

    fn flushes(&self) -> FlushFigures {
        let (changes, bytes) = self.shared.queue.size();
        self.shared.figures.read(changes, bytes)
    }

    fn failed(&self) -> &CancellationToken {
        &self.shared.failed
    }
}

impl Drop for SqliteJournal {
    /// What is queued is written; then the thread ends and closes the file.
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(file = %self.file.display(), "the thread that writes the queue has panicked");
        }
    }
}
