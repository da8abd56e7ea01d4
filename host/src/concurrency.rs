//! How many invocations run at a time on a host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what runs and refuses what would be too much.
#[derive(Debug)]
pub(crate) struct Concurrency {
    limit: usize,
    running: AtomicUsize,
    at_rest: Notify,
}

/// The right to run one invocation; given back when dropped, however the invocation ended.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Concurrency>);

/// Why there is no permit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Throttled {
    pub(crate) running: usize,
    pub(crate) limit: usize,
}

impl Concurrency {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, running: AtomicUsize::new(0), at_rest: Notify::new() })
    }

    /// The right to run one invocation now.
    pub(crate) fn acquire(self: &Arc<Self>) -> Result<Permit, Throttled> {
        let more = |running| (running < self.limit).then_some(running + 1);
        // Sequentially consistent, with `running`: a host that closes sets its flag and then looks here, an invocation
        // counts itself here and then looks at the flag, and one of the two must see the other.
        match self.running.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more) {
            Ok(_) => Ok(Permit(self.clone())),
            Err(running) => Err(Throttled { running, limit: self.limit }),
        }
    }

    /// How many invocations may run.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many invocations run.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Waits until nothing runs.
    pub(crate) async fn at_rest(&self) {
        loop {
            let notified = self.at_rest.notified();
            if self.running() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.at_rest.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_run_than_may_and_a_dropped_permit_makes_room() {
        let concurrency = Concurrency::new(2);
        let first = concurrency.acquire().expect("a permit");
        let _second = concurrency.acquire().expect("a permit");
        assert_eq!(concurrency.acquire().expect_err("refused"), Throttled { running: 2, limit: 2 });
        drop(first);
        assert!(concurrency.acquire().is_ok());
    }

    #[test]
    fn a_panic_gives_its_permit_back() {
        let concurrency = Concurrency::new(1);
        let permit = concurrency.acquire().expect("a permit");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _permit = permit;
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(concurrency.running(), 0);
    }

    #[tokio::test]
    async fn at_rest_waits_for_the_last_permit() {
        let concurrency = Concurrency::new(1);
        let permit = concurrency.acquire().expect("a permit");
        let rest = tokio::spawn({
            let concurrency = concurrency.clone();
            async move { concurrency.at_rest().await }
        });
        tokio::task::yield_now().await;
        assert!(!rest.is_finished());
        drop(permit);
        rest.await.expect("it rests");
    }
}
