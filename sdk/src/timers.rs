//! The timers of this thread.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static TIMERS: RefCell<Timers> = const { RefCell::new(Timers { next_id: 0, waiting: Vec::new() }) };
}

/// The timers that are being waited for. A list, because a function waits for one or two at a time.
struct Timers {
    next_id: u64,
    waiting: Vec<Timer>,
}

struct Timer {
    id: u64,
    due: Instant,
    waker: Waker,
}

/// Sleeps until the next timer is due and wakes what waits for it; `false` when there is none.
pub(crate) fn wake_next() -> bool {
    let Some(timer) = TIMERS.with_borrow_mut(Timers::take_next) else {
        return false;
    };
    thread::sleep(timer.due.saturating_duration_since(now()));
    timer.waker.wake();
    true
}

/// How long it is until the next timer is due, if there is one.
#[cfg(all(target_family = "wasm", feature = "http"))]
pub(crate) fn until_next() -> Option<Duration> {
    let due = TIMERS.with_borrow(|timers| timers.waiting.iter().map(|timer| timer.due).min())?;
    Some(due.saturating_duration_since(now()))
}

impl Timers {
    fn take_next(&mut self) -> Option<Timer> {
        let next = (0..self.waiting.len()).min_by_key(|&index| self.waiting[index].due)?;
        Some(self.waiting.swap_remove(next))
    }

    fn set(&mut self, id: Option<u64>, due: Instant, waker: &Waker) -> u64 {
        if let Some(timer) = self.waiting.iter_mut().find(|timer| Some(timer.id) == id) {
            timer.waker.clone_from(waker);
            return timer.id;
        }
        self.next_id += 1;
        self.waiting.push(Timer { id: self.next_id, due, waker: waker.clone() });
        self.next_id
    }
}

/// The guest's own clock, which nothing can stop: a test would stop it for the host.
#[expect(clippy::disallowed_methods, reason = "that time is tokio's holds for the host")]
fn now() -> Instant {
    Instant::now()
}

/// Waits until a point in time; see [`sleep`](crate::tokio::time::sleep).
#[derive(Debug)]
pub struct Sleep {
    due: Instant,
    timer: Option<u64>,
}

impl Sleep {
    pub(crate) fn until(due: Instant) -> Self {
        Self { due, timer: None }
    }

    pub(crate) fn lasting(duration: Duration) -> Self {
        // A duration the clock cannot add is as good as never, and a hundred years are too.
        const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        let now = now();
        Self::until(now.checked_add(duration).unwrap_or(now + NEVER))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if now() >= self.due {
            return Poll::Ready(());
        }
        let timer = TIMERS.with_borrow_mut(|timers| timers.set(self.timer, self.due, cx.waker()));
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Some(id) = self.timer else { return };
        // The list may be gone already when a thread ends, and then so is the timer.
        let _ = TIMERS.try_with(|timers| timers.borrow_mut().waiting.retain(|timer| timer.id != id));
    }
}
