//! The logs of functions that are kept: lines in bounded, rotating files, and what can be read of them.
//!
//! A group has segments: files to which records are appended until one is full and another follows. The oldest go first, of
//! a group that is over its limit and of all groups when they are over theirs. One thread writes; what it has written it says
//! in the catalog, and nobody reads beyond. Nothing is forced to the disk itself: lines outlive the process, not the machine's
//! loss of power. Knows nothing of functions but the names in [`LogSource`](crate::LogSource).

mod catalog;
mod events;
mod filter;
mod folder;
mod groups;
mod hold_off;
mod position;
mod record;
mod segment;
mod settings;
mod streams;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use self::catalog::{Catalog, Segment};
use self::folder::GroupKey;
use self::writer::Writer;
use crate::telemetry::LogQueue;
use crate::urgency;

pub use self::events::{
    LOG_PAGE_EVENTS_MAX, LogEvent, LogEventPage, LogStreamChoice, ReadLogEvents, ReadLogsFrom,
};
pub use self::filter::{LogFilter, LogFilterError};
pub use self::groups::{ListLogGroups, LogGroupInfo};
pub use self::position::{LogPosition, LogPositionError};
pub use self::settings::LogSettings;
pub use self::streams::{LOG_LIST_MAX, ListLogStreams, LogList, LogStreamInfo, LogStreamOrder};

/// The folder in the data folder that all files lie in.
const FOLDER: &str = "samovar-logs";
/// How many requests read files at a time; further ones wait.
const READERS_MAX: usize = 4;

/// Why logs cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogsError {
    /// The host was not told to keep logs.
    #[error("this host keeps no logs")]
    NotKept,
    /// There is no such group: nothing was written to it, or all of it has gone.
    #[error("the log group {group} does not exist")]
    GroupNotFound {
        /// The group's name.
        group: String,
    },
    /// There is no such stream in the group.
    #[error("the log stream {stream} does not exist")]
    StreamNotFound {
        /// The stream's name.
        stream: String,
    },
    /// The files cannot be read.
    #[error("the log cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// The logs that are kept, and the thread that writes them.
#[derive(Debug)]
pub(crate) struct Logs {
    shared: Arc<Shared>,
    readers: Arc<Semaphore>,
}

#[derive(Debug)]
struct Shared {
    queue: Arc<LogQueue>,
    catalog: Arc<Mutex<Catalog>>,
}

impl Drop for Logs {
    /// The last lines are written before the folder may go; that takes no longer than writing a full queue.
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.queue.settle();
    }
}

impl Logs {
    /// Begins to keep logs in a data folder, with what is there already.
    pub(crate) fn open(data_dir: &Path, settings: LogSettings) -> io::Result<Self> {
        let catalog = Arc::new(Mutex::new(Catalog::load(&data_dir.join(FOLDER))?));
        let shared = Arc::new(Shared { queue: Arc::default(), catalog });
        let writer = Writer::new(shared.queue.clone(), shared.catalog.clone(), settings);
        std::thread::Builder::new().name("log writer".to_owned()).spawn(move || {
            // No invocation waits for it, and one that floods its log would have it keep a core from others.
            urgency::give_way();
            writer.run();
        })?;
        Ok(Self { shared, readers: Arc::new(Semaphore::new(READERS_MAX)) })
    }

    /// Where lines that are to be kept go.
    pub(crate) fn queue(&self) -> &Arc<LogQueue> {
        &self.shared.queue
    }

    /// The groups of a region.
    pub(crate) async fn groups(&self, region: &str, request: ListLogGroups) -> LogList<LogGroupInfo> {
        let region = region.to_owned();
        self.read(move |shared| groups::list(&shared.catalog(), &region, &request)).await
    }

    /// The streams of a group.
    pub(crate) async fn streams(
        &self,
        region: &str,
        request: ListLogStreams,
    ) -> Result<LogList<LogStreamInfo>, LogsError> {
        let key = GroupKey { region: region.to_owned(), name: request.group.clone() };
        self.read(move |shared| {
            let segments = shared.segments(&key)?;
            Ok(streams::list(shared, &key, &segments, &request)?)
        })
        .await
    }

    /// Lines of a group.
    pub(crate) async fn events(
        &self,
        region: &str,
        request: ReadLogEvents,
    ) -> Result<LogEventPage, LogsError> {
        let key = GroupKey { region: region.to_owned(), name: request.group.clone() };
        self.read(move |shared| {
            let segments = shared.segments(&key)?;
            Ok(events::read(shared, &key, &segments, &request)?)
        })
        .await
    }

    /// Takes no more lines, and waits until those that are there are written.
    pub(crate) async fn close(&self) {
        self.shared.queue.close();
        self.read(|_| ()).await;
    }

    /// Reads files, where waiting for a disk holds nobody up, with all lines that were logged before.
    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Shared) -> T + Send + 'static) -> T {
        let room = self.readers.clone().acquire_owned().await.expect("the semaphore is never closed");
        let shared = self.shared.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _room = room;
            shared.queue.settle();
            work(&shared)
        });
        match reading.await {
            Ok(read) => read,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Shared {
    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        // The catalog is whole after every statement, so a panic elsewhere leaves it usable.
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, key: &GroupKey, number: u64) -> PathBuf {
        self.catalog().path(key, number)
    }

    fn segments(&self, key: &GroupKey) -> Result<Vec<Segment>, LogsError> {
        let segments = self.catalog().segments(key);
        segments.ok_or_else(|| LogsError::GroupNotFound { group: key.name.clone() })
    }
}
