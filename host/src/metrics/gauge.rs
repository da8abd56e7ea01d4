//! How many there are of something just now.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many are inside: each for as long as its [`Inside`] lives.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

/// One that is inside.
#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a Gauge);

impl Gauge {
    /// Counts one in, until what this gives back is dropped.
    pub(crate) fn enter(&self) -> Inside<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Inside(self)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
