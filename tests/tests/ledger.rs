//! An accepted event is never lost: events are sent to a host that is killed again and again, and each that was accepted has its
//! end in the end. `cargo xtask test --ledger N` kills it N times.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use samovar_tests::producers::{IN_FLIGHT_MAX, PRODUCERS, first_accept, live, lock};
use samovar_tests::{Api, Handler, Ledger, Server, Sink};
use serde_json::json;
use tokio::time::Instant;

const CYCLES: u64 = 5;
const SEED: u64 = 6;
/// How long the host lives after it has begun to accept, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 100..2_000;
/// How many events are sent in all, at most and about.
const EVENTS_MAX: usize = 1_000_000;
/// How many in one life of the host, at most.
const EVENTS_PER_CYCLE_MAX: usize = 4_000;
/// How many may wait when a life begins; beyond it nothing is sent in that life.
const WAITING_MAX: usize = 100_000;
/// Generous, as other tests run beside this one.
const START_TIME_MAX: Duration = Duration::from_secs(5);

/// What became of each of them is asked for in the end.
const SETTINGS: [&str; 2] = ["--event-results", "2000000"];

#[test]
fn no_accepted_event_is_lost_by_kill_9() {
    let cycles = std::env::var("SAMOVAR_LEDGER_CYCLES").map_or(CYCLES, |n| n.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = fastrand::Rng::with_seed(SEED);
    let ledger = Mutex::new(Ledger::default());
    let mut sink = Sink::start();
    let quota = (EVENTS_MAX / cycles as usize).clamp(PRODUCERS, EVENTS_PER_CYCLE_MAX);
    prepare(&sink, folder.path());
    let (mut starts, mut waiting_most) = (Vec::new(), 0);
    for cycle in 0..cycles {
        let waiting = lock(&ledger).accepted().saturating_sub(sink.fates().len());
        waiting_most = waiting_most.max(waiting);
        let began = Instant::now();
        let server = sink.serve(folder.path(), &SETTINGS);
        first_accept(&server, &ledger);
        starts.push(began.elapsed());
        let quota = if waiting < WAITING_MAX { quota } else { 0 };
        live(server, &ledger, quota, Duration::from_millis(random.u64(LIFE_MS)), Server::kill);
        if cycle % 50 == 49 {
            println!("{} kills, {} accepted, {waiting} waited", cycle + 1, lock(&ledger).accepted());
        }
    }
    let server = sink.serve(folder.path(), &SETTINGS);
    let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    let duplicates_max = IN_FLIGHT_MAX * cycles as usize;
    let found = ledger.check(sink.settle(&ledger, Duration::from_secs(30)), duplicates_max);
    starts.sort();
    println!(
        "{cycles} kills: {found:?}; up to {waiting_most} waited; from start to the first accepted: median {:?}, longest {:?}",
        starts[starts.len() / 2],
        starts.last()
    );
    let found = found.unwrap_or_else(|problems| {
        panic!("{} problems, of which the first: {:#?}", problems.len(), &problems[..problems.len().min(10)])
    });
    assert!(found.accepted >= PRODUCERS * cycles as usize, "events were accepted: {found:?}");
    assert!(starts.last() < Some(&START_TIME_MAX), "{starts:?}");
    compare_fates(&server, &ledger);
    assert_eq!(server.terminate(), Some(0));
}

/// Whether each accepted event has succeeded by what the server says of it, too.
fn compare_fates(server: &Server, ledger: &Ledger) {
    let ids: Vec<&str> = ledger.request_ids().collect();
    std::thread::scope(|scope| {
        for ids in ids.chunks(ids.len().div_ceil(PRODUCERS).max(1)) {
            let api = Api::of(server);
            scope.spawn(move || {
                for id in ids {
                    let shown = api.call("GET", &format!("/samovar/events/{id}"), None);
                    assert_eq!((shown.status, &shown.body["State"]), (200, &json!("Succeeded")), "{shown:?}");
                }
            });
        }
    });
}

/// Makes the function.
fn prepare(sink: &Sink, folder: &Path) {
    let server = sink.serve(folder, &[]);
    let api = Api::of(&server);
    assert_eq!(api.create("f", &Handler::default().build()).status, 201);
    api.tell_sink("f");
    server.kill();
}
