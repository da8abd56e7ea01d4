//! What is counted of a journal's flushes.

#[cfg(feature = "sqlite")]
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "sqlite")]
use std::time::Duration;

use super::DurationHistogram;
#[cfg(feature = "sqlite")]
use super::histogram::{FLUSH_BOUNDS, Histogram};

/// The counters of a journal on a disk; what is in memory is not flushed.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(crate) struct FlushCounters {
    flushes: Histogram,
    changes: AtomicU64,
}

/// How often a journal was flushed to the disk, how long that took, and what waits for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushFigures {
    /// Each flush, with how long it took.
    pub flushes: DurationHistogram,
    /// How many changes of rows are on the disk.
    pub changes_written: u64,
    /// How many changes wait to be written.
    pub changes_waiting: u64,
    /// How many bytes these have.
    pub bytes_waiting: u64,
}

#[cfg(feature = "sqlite")]
impl FlushCounters {
    /// Counts a flush that carried so many changes.
    pub(crate) fn flushed(&self, took: Duration, changes: u64) {
        self.flushes.observe(took);
        self.changes.fetch_add(changes, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, changes_waiting: u64, bytes_waiting: u64) -> FlushFigures {
        let changes_written = self.changes.load(Ordering::Relaxed);
        FlushFigures { flushes: self.flushes.read(), changes_written, changes_waiting, bytes_waiting }
    }
}

#[cfg(feature = "sqlite")]
impl Default for FlushCounters {
    fn default() -> Self {
        Self { flushes: Histogram::new(FLUSH_BOUNDS), changes: AtomicU64::default() }
    }
}
