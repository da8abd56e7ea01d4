//! How long a mapping waits after its function failed, before the next batch.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The wait after the first failure; it doubles with each.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits that all pollers of a mapping share.
#[derive(Debug, Default)]
pub(super) struct BackOff(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    until: Option<Instant>,
}

impl BackOff {
    /// A batch failed. Batches that fail while the mapping waits already make it no longer.
    pub(super) fn failed(&self, now: Instant) {
        let mut inner = self.inner();
        if inner.until.is_some_and(|until| now < until) {
            return;
        }
        let wait = FIRST.saturating_mul(1 << inner.failures.min(16)).min(LONGEST);
        inner.failures = inner.failures.saturating_add(1);
        inner.until = Some(now + wait);
    }

    /// A batch did not fail.
    pub(super) fn succeeded(&self) {
        *self.inner() = Inner::default();
    }

    /// From when on the next batch may be asked for.
    pub(super) fn until(&self) -> Option<Instant> {
        self.inner().until
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole, whoever has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_seconds_and_are_forgotten_with_a_success() {
        let (back_off, mut now) = (BackOff::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..10 {
            back_off.failed(now);
            // Others that fail at the same time.
            back_off.failed(now);
            let until = back_off.until().expect("it waits");
            waits.push((until - now).as_millis());
            now = until;
        }
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
        back_off.succeeded();
        assert_eq!(back_off.until(), None);
        back_off.failed(now);
        assert_eq!(back_off.until(), Some(now + FIRST));
    }
}
