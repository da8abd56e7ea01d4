//! How a mapping is doing, for those who ask.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::MappingCounters;

/// How a mapping is doing.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) counters: MappingCounters,
    /// How many pollers there are.
    pollers: AtomicUsize,
    /// How many of them wait for messages.
    waiting: AtomicUsize,
    /// What came of the last batch, or of the last attempt to get one: `OK`, or `PROBLEM: ` and what it is.
    last: Mutex<Option<Arc<str>>>,
}

/// One that is counted, for as long as this lives.
#[derive(Debug)]
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl Status {
    pub(crate) fn pollers(&self) -> usize {
        self.pollers.load(Ordering::SeqCst)
    }

    pub(crate) fn last_result(&self) -> Option<Arc<str>> {
        self.last().clone()
    }

    /// What came of a batch.
    pub(super) fn came(&self, text: impl Into<Arc<str>>) {
        *self.last() = Some(text.into());
    }

    pub(super) fn set_pollers(&self, pollers: usize) {
        self.pollers.store(pollers, Ordering::SeqCst);
    }

    /// How many pollers wait for messages.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Counts one more that waits for messages.
    pub(super) fn wait(&self) -> Counted<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Counted(&self.waiting)
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        // Each change is whole, whoever has panicked.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
