//! Runs futures on the one thread a guest has.

use crate::timers;
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

thread_local! {
    /// Sleeps until something happens, and wakes what waits for it. A function that awaits nothing but timers never sets
    /// it, so that it carries nothing of the rest.
    static WAKE_NEXT: Cell<fn() -> bool> = const { Cell::new(timers::wake_next) };
}

/// From now on this thread waits so.
#[cfg(all(target_family = "wasm", feature = "http"))]
pub(crate) fn wait_with(wake_next: fn() -> bool) {
    WAKE_NEXT.set(wake_next);
}

/// Runs a future to its end on this thread.
///
/// # Panics
///
/// When the future waits while no timer is set, no request is on its way and nothing woke it: in a guest, which has one
/// thread, nothing ever would. Natively it is the same, so that a unit test shows what would
/// happen.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        woken.wait();
    }
}

/// Whether a future was woken since it was last polled.
#[derive(Default)]
pub(crate) struct Woken(AtomicBool);

impl Woken {
    /// Sleeps until this future is woken, which only a timer or the host can still do.
    pub(crate) fn wait(&self) {
        while !self.0.swap(false, Ordering::Acquire) {
            assert!(
                WAKE_NEXT.get()(),
                "the function waits for something nothing inside this guest can wake: no timer is set, and no other \
                 task or thread exists"
            );
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn, ready};

    #[test]
    fn a_ready_future_gives_its_output() {
        assert_eq!(block_on(ready(3)), 3);
    }

    #[test]
    fn a_future_that_wakes_itself_is_polled_again() {
        let mut polls = 0;
        let output = block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready(polls);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        assert_eq!(output, 3);
    }

    #[test]
    #[should_panic(expected = "waits for something nothing inside this guest can wake")]
    fn a_future_that_nothing_can_wake_panics_instead_of_hanging() {
        block_on(pending::<()>());
    }
}
