//! The guard over guests that wait, and over those that wait for a processor.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::time::{Instant, timeout_at};

/// The time was over before the work was done.
#[derive(Debug)]
pub(super) struct Elapsed;

/// Does work for as long as there is time. Work that was interrupted does not go on when its time is over, not even for a
/// tick: where hundreds of guests end at a time, that would make a long queue.
pub(super) async fn within<T>(deadline: Instant, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut work = pin!(timeout_at(deadline, work));
    let mut begun = false;
    poll_fn(|context| {
        // Most work is done when it is polled for the first time, and pays for no look at the clock.
        if begun && Instant::now() >= deadline {
            return Poll::Ready(Err(Elapsed));
        }
        begun = true;
        work.as_mut().poll(context).map_err(|_| Elapsed)
    })
    .await
}
