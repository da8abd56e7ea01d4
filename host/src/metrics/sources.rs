//! What is counted of event source mappings, of each apart.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one mapping.
#[derive(Debug, Default)]
pub(crate) struct MappingCounters {
    pub(crate) polled: AtomicU64,
    pub(crate) filtered_out: AtomicU64,
    pub(crate) invoked: AtomicU64,
    pub(crate) failed_invoke: AtomicU64,
    pub(crate) deleted: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// What was counted of one mapping since the host was started, in messages. The names are Lambda's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingMetrics {
    /// PolledEventCount: messages that were received.
    pub polled: u64,
    /// FilteredOutEventCount: those that no filter let pass, which were deleted.
    pub filtered_out: u64,
    /// InvokedEventCount: those that the function was invoked with, each attempt counted.
    pub invoked: u64,
    /// FailedInvokeEventCount: those of the invoked that come back.
    pub failed_invoke: u64,
    /// DeletedEventCount: those that were deleted after the function had succeeded with them.
    pub deleted: u64,
    /// DroppedEventCount: those that the function did not get because they were part of a loop of invocations.
    pub dropped: u64,
}

impl MappingCounters {
    /// Counts so many messages.
    pub(crate) fn count(counter: &AtomicU64, messages: usize) {
        counter.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// What was counted.
    pub(crate) fn read(&self) -> MappingMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MappingMetrics {
            polled: read(&self.polled),
            filtered_out: read(&self.filtered_out),
            invoked: read(&self.invoked),
            failed_invoke: read(&self.failed_invoke),
            deleted: read(&self.deleted),
            dropped: read(&self.dropped),
        }
    }
}
