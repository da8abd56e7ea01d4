//! The connections that read bodies, a few at a time, and kept open.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::super::super::sql::{Problem, file};
use super::super::RowId;
use super::{StoreError, rows};

/// How many bodies are read at a time.
const READERS_MAX: usize = 4;

/// Those who read bodies.
#[derive(Debug)]
pub(super) struct Readers {
    file: PathBuf,
    turns: Semaphore,
    idle: Mutex<Vec<Connection>>,
    /// Held by whoever reads, and against all of them.
    reading: RwLock<()>,
}

impl Readers {
    pub(super) fn of(file: &Path) -> Self {
        let turns = Semaphore::new(READERS_MAX);
        Self { file: file.to_owned(), turns, idle: Mutex::default(), reading: RwLock::default() }
    }

    /// Waits for a turn to read; it is over when this is dropped.
    pub(super) async fn turn(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.turns.acquire().await.expect("nobody closes it")
    }

    /// Reads a body, which blocks.
    pub(super) fn body(&self, id: RowId) -> Result<Option<Bytes>, StoreError> {
        let read = || {
            let _reading = self.reading.read().unwrap_or_else(PoisonError::into_inner);
            let idle = self.idle().pop();
            let mut connection = idle.map_or_else(|| file::open_to_read(&self.file), Ok)?;
            let body = rows::body(&mut connection, id);
            // One that failed is not used again.
            if body.is_ok() {
                self.idle().push(connection);
            }
            body
        };
        read().map_err(|problem: Problem| problem.at(&self.file))
    }

    /// Waits until nobody reads, and keeps it like that.
    pub(super) fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.reading.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes all connections, so that the file can be closed whole.
    pub(super) fn close(&self) {
        let _nobody_reads = self.pause();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
