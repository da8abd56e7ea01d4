//! Waiting for the host: what the executor does in a function that awaits more than timers.

use crate::{executor, timers};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::{Pollable, poll};

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

struct Waiting {
    pollable: Rc<Pollable>,
    waker: Waker,
}

/// Waits until the host says that it is time.
pub(crate) fn ready(pollable: Pollable) -> Ready {
    Ready(Rc::new(pollable))
}

/// See [`ready`]. What the pollable is of must outlive this.
pub(crate) struct Ready(Rc<Pollable>);

impl Future for Ready {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.forget();
        if self.0.ready() {
            return Poll::Ready(());
        }
        executor::wait_with(wake_next);
        let waiting = Waiting { pollable: self.0.clone(), waker: cx.waker().clone() };
        WAITING.with_borrow_mut(|all| all.push(waiting));
        Poll::Pending
    }
}

impl Ready {
    fn forget(&self) {
        WAITING.with_borrow_mut(|all| all.retain(|waiting| !Rc::ptr_eq(&waiting.pollable, &self.0)));
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Sleeps until the host has something or a timer is due, and wakes what waits for it; `false` when there is nothing
/// to wait for.
fn wake_next() -> bool {
    let waiting: Vec<Rc<Pollable>> =
        WAITING.with_borrow(|all| all.iter().map(|waiting| waiting.pollable.clone()).collect());
    if waiting.is_empty() {
        return timers::wake_next();
    }
    let timer =
        timers::until_next().map(|left| subscribe_duration(left.as_nanos().try_into().unwrap_or(u64::MAX)));
    let all: Vec<&Pollable> = waiting.iter().map(Rc::as_ref).chain(timer.as_ref()).collect();
    for index in poll(&all) {
        match waiting.get(index as usize) {
            Some(pollable) => wake(pollable),
            None => _ = timers::wake_next(),
        }
    }
    true
}

fn wake(pollable: &Rc<Pollable>) {
    let found = WAITING.with_borrow_mut(|all| {
        let index = all.iter().position(|waiting| Rc::ptr_eq(&waiting.pollable, pollable))?;
        Some(all.swap_remove(index))
    });
    if let Some(waiting) = found {
        waiting.waker.wake();
    }
}
