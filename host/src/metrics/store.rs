//! What is counted of changes that could not be kept.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of changes that could not be kept.
#[derive(Debug, Default)]
pub(crate) struct StoreCounters {
    pub(crate) conflict: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) full: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// How many changes of functions could not be kept, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreMetrics {
    /// Somebody else had changed the same meanwhile.
    pub conflict: u64,
    /// More changes waited than there is room for.
    pub busy: u64,
    /// The disk was full.
    pub full: u64,
    /// The store has failed, and takes no changes any more.
    pub failed: u64,
}

impl StoreCounters {
    pub(crate) fn read(&self) -> StoreMetrics {
        StoreMetrics {
            conflict: self.conflict.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
            full: self.full.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
