//! SIGTERM while events and invocations come: nothing that was accepted is dropped.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use samovar_tests::{Api, Ledger, Server, Sink, guest};
use serde_json::json;
use tokio::time::Instant;

/// Of each kind; together they send 500 requests a second of it.
const CLIENTS: u32 = 25;
const REQUESTS_PER_SECOND: u32 = 500;
/// How long they send before the signal.
const BEFORE: Duration = Duration::from_secs(1);
/// How many events may be told of twice: none, as nothing crashed.
const DUPLICATES_MAX: usize = 0;

/// What the clients saw.
#[derive(Default)]
struct Seen {
    ledger: Mutex<Ledger>,
    signalled: OnceLock<Instant>,
    answered: AtomicUsize,
    refused: AtomicUsize,
}

#[test]
fn sigterm_at_500_requests_a_second_drops_nothing_that_was_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = Sink::start();
    let seen = Seen::default();
    let code = requests_until_the_end(sink.serve(folder.path(), &[]), &seen);
    let ledger = seen.ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    let told_before = sink.fates().len();
    restart(&mut sink, folder.path(), &ledger);
    println!(
        "{} events accepted, of which {told_before} were told of before the end; {:?} invocations answered, {:?} refused",
        ledger.accepted(),
        seen.answered,
        seen.refused
    );
    assert_eq!(code, Some(0));
    assert!(ledger.accepted() > 200, "events were accepted: {}", ledger.accepted());
    assert!(seen.answered.into_inner() > 200);
}

/// Sends both until SIGTERM has ended the server, and gives its exit code.
fn requests_until_the_end(server: Server, seen: &Seen) -> Option<i32> {
    let api = Api::of(&server);
    assert_eq!(api.create("f", &guest("sleeper")).status, 201);
    api.tell_sink("f");
    let pause = Duration::from_secs(1) * CLIENTS / REQUESTS_PER_SECOND;
    std::thread::scope(|scope| {
        for number in 0..2 * CLIENTS {
            let api = Api::of(&server);
            scope.spawn(move || {
                let mut due = Instant::now();
                while match number % 2 {
                    0 => event(&api, seen),
                    _ => invocation(&api, seen),
                } {
                    due += pause;
                    // The pace of the requests, not a wait for anything.
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            });
        }
        // The moment of the signal, not a wait for anything.
        std::thread::sleep(BEFORE);
        seen.signalled.set(Instant::now()).expect("it is sent once");
        server.terminate()
    })
}

/// Sends an event; false when the server takes no more.
fn event(api: &Api, seen: &Seen) -> bool {
    let ledger = || seen.ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let id = ledger().draw();
    let began = Instant::now();
    match api.try_send_event("f", &json!({ "ms": 20, "id": id })) {
        Ok((202, request_id)) => {
            ledger().accept(id, request_id);
            true
        }
        Ok((status, _)) => may_refuse(seen, status),
        Err(error) => may_be_gone(seen, began, &error.to_string()),
    }
}

/// Invokes the function; false when the server takes no more.
fn invocation(api: &Api, seen: &Seen) -> bool {
    let began = Instant::now();
    let path = "/2015-03-31/functions/f/invocations";
    match api.try_call("POST", path, Some(&json!({ "ms": 20 }))) {
        Ok(reply) if reply.status == 200 => {
            assert_eq!(reply.body, json!({ "slept_ms": 20 }));
            seen.answered.fetch_add(1, Ordering::Relaxed);
            true
        }
        Ok(reply) => may_refuse(seen, reply.status),
        Err(error) => may_be_gone(seen, began, &error.to_string()),
    }
}

/// Only after the signal, and only as a server that is closing.
fn may_refuse(seen: &Seen, status: u16) -> bool {
    assert!(seen.signalled.get().is_some() && status == 503, "refused with {status}");
    seen.refused.fetch_add(1, Ordering::Relaxed);
    // Its answers end the connection, and the next one is for nobody.
    true
}

/// What was sent before the signal is answered; what comes later may find nobody.
fn may_be_gone(seen: &Seen, began: Instant, error: &str) -> bool {
    let signalled = seen.signalled.get();
    assert!(
        signalled.is_some_and(|signalled| began > *signalled),
        "no answer to what was sent before: {error}"
    );
    false
}

/// What the first server did not get done, the next one does.
fn restart(sink: &mut Sink, folder: &Path, ledger: &Ledger) {
    let server = sink.serve(folder, &[]);
    let found = ledger.check(sink.settle(ledger, Duration::from_secs(20)), DUPLICATES_MAX);
    println!("{found:?}");
    found.unwrap_or_else(|problems| panic!("{} problems: {problems:#?}", problems.len()));
    assert_eq!(server.terminate(), Some(0));
}
