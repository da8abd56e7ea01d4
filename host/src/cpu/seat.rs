//! One guest on the processors: where it stands, and whether anybody still wants it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_task::Runnable;
use tokio::time::Instant;

use super::queue::{Queue, Standing};

/// A guest that can go on.
pub(super) type Ready = Runnable<Arc<Seat>>;

/// The guests that wait for a processor, and the processors that wait for a guest.
#[derive(Debug)]
pub(super) struct Room {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State {
    queue: Queue<Ready, Instant>,
    /// How many processors wait.
    idle: usize,
    closed: bool,
}

/// One guest on the processors.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    /// Locked while the room is, or alone.
    standing: Mutex<Standing<Instant>>,
    /// Nobody waits for what comes of it any more: it stops at its next tick.
    cancelled: AtomicBool,
    used_ns: AtomicU64,
}

impl Room {
    pub(super) fn new() -> Arc<Self> {
        let state = State { queue: Queue::new(), idle: 0, closed: false };
        Arc::new(Self { state: Mutex::new(state), arrived: Condvar::new() })
    }

    /// Takes in a guest that can go on: one that has yielded, or one that is new or had waited for something else.
    pub(super) fn enter(&self, ready: Ready, yielded: bool) {
        let seat = ready.metadata().clone();
        let mut state = self.state();
        if state.closed {
            // Ends the guest, which must not happen under the lock: its end may wake others.
            drop(state);
            drop(ready);
            return;
        }
        let mut standing = seat.standing();
        if yielded {
            state.queue.come_back(&mut standing, ready);
        } else {
            state.queue.arrive(&mut standing, ready);
        }
        if state.idle > 0 {
            self.arrived.notify_one();
        }
    }

    /// Waits for a guest that can go on; none when the room is closed.
    pub(super) fn next(&self) -> Option<Ready> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(ready) = state.queue.take(Instant::now()) {
                return Some(ready);
            }
            state.idle += 1;
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Ends all guests that wait, and lets the processors go.
    pub(super) fn close(&self) {
        let left = {
            let mut state = self.state();
            state.closed = true;
            self.arrived.notify_all();
            state.queue.clear()
        };
        drop(left);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is done under the lock that panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    pub(super) fn new(room: Arc<Room>, weight: u32, deadline: Option<Instant>) -> Arc<Self> {
        Arc::new(Self {
            room,
            standing: Mutex::new(Standing::new(weight, deadline)),
            cancelled: AtomicBool::new(false),
            used_ns: AtomicU64::new(0),
        })
    }

    /// Counts processor time that the guest used.
    pub(super) fn charge(&self, used: Duration) {
        self.used_ns.fetch_add(used.as_nanos() as u64, Ordering::Relaxed);
        self.standing().charge(used);
    }

    /// Whether the guest, which has just used so much, may keep its processor.
    pub(super) fn goes_on(&self, used: Duration, deadline: Option<Instant>) -> bool {
        self.charge(used);
        let mut state = self.room.state();
        let mut standing = self.standing();
        standing.set_deadline(deadline);
        !self.cancelled.load(Ordering::Relaxed) && !state.closed && state.queue.goes_on(&mut standing)
    }

    /// Says that nobody waits for the guest any more, so that it is ended before others go on.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        let mut state = self.room.state();
        state.queue.hasten(&mut self.standing());
    }

    /// The processor time that the guest has used in all.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.used_ns.load(Ordering::Relaxed))
    }

    fn standing(&self) -> MutexGuard<'_, Standing<Instant>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
