//! What is counted of the logs that are kept.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of log lines that are to be kept.
#[derive(Debug, Default)]
pub(crate) struct LogCounters {
    without_room: AtomicU64,
    not_written: AtomicU64,
    cut: AtomicU64,
}

/// What became of log lines that were to be kept, and were not, or not as they were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogMetrics {
    /// Lines that were lost because they came faster than they could be written.
    pub lost_without_room: u64,
    /// Lines that were lost because their group could not be written, such as on a full disk.
    pub lost_not_written: u64,
    /// How many times a line was so long that it was cut: into several, or off.
    pub cut: u64,
}

impl LogCounters {
    pub(crate) fn without_room(&self) {
        self.without_room.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn not_written(&self, lines: u64) {
        self.not_written.fetch_add(lines, Ordering::Relaxed);
    }

    pub(crate) fn cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> LogMetrics {
        LogMetrics {
            lost_without_room: self.without_room.load(Ordering::Relaxed),
            lost_not_written: self.not_written.load(Ordering::Relaxed),
            cut: self.cut.load(Ordering::Relaxed),
        }
    }
}
