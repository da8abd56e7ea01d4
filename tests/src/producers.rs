//! Those who send events to a host until it is gone, and note what it accepts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::{Api, Ledger, Server};

/// How many send at a time.
pub const PRODUCERS: usize = 64;
/// How many events may be on their way when the host is killed: as many of a function run at a time, and in as many more the
/// message has been sent and what came of it is being written.
pub const IN_FLIGHT_MAX: usize = 2 * 64;

/// Sends events until one is accepted.
///
/// # Panics
/// When the host is gone, or accepts nothing for a minute.
pub fn first_accept(server: &Server, ledger: &Mutex<Ledger>) {
    let api = Api::of(server);
    let began = Instant::now();
    while !send(&api, ledger).expect("it is not killed yet") {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is accepted");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// One life of a host: so many events are sent, evenly, and then it crashes in the midst of it.
///
/// # Panics
/// When it gives an answer that it may not give.
pub fn live(
    server: Server,
    ledger: &Mutex<Ledger>,
    quota: usize,
    life: Duration,
    crash: impl FnOnce(Server),
) {
    let left = AtomicUsize::new(quota);
    let pause = life.mul_f64(PRODUCERS as f64 / quota.max(1) as f64);
    std::thread::scope(|scope| {
        for _ in 0..PRODUCERS {
            let (api, left) = (Api::of(&server), &left);
            scope.spawn(move || {
                let mut due = Instant::now();
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    if send(&api, ledger).is_none() {
                        return;
                    }
                    due += pause;
                    // The pace of the events, not a wait for anything.
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            });
        }
        // The moment of the crash, not a wait for anything.
        std::thread::sleep(life);
        crash(server);
    });
}

/// Sends an event, and notes it if it is accepted; nothing, if no answer came.
fn send(api: &Api, ledger: &Mutex<Ledger>) -> Option<bool> {
    let id = lock(ledger).draw();
    let (status, request_id) = api.try_send_event("f", &json!({ "id": id })).ok()?;
    let is_accepted = status == 202;
    assert!(is_accepted || status == 429 || status == 503, "an answer that it may give: {status}");
    if is_accepted {
        lock(ledger).accept(id, request_id);
    }
    Some(is_accepted)
}

/// The ledger, also after a panic of somebody who had it.
pub fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
