//! The power goes: what was acknowledged is there afterwards, on a disk that keeps its promises, and a disk or a host that does
//! not flush is found out. `cargo xtask test --power-cuts N` cuts it N times.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar_tests::producers::{IN_FLIGHT_MAX, PRODUCERS, first_accept, live, lock};
use samovar_tests::{
    Api, Behaviour, Findings, Flushing, Handler, Ledger, Losses, PowerDisk, Problem, Server, Sink, Unflushed,
};
use serde_json::json;
use tokio::time::Instant;

const CYCLES: u64 = 8;
const SEED: u64 = 9;
/// How long the host lives after it has begun to accept, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 50..1_500;
/// When the power goes in the midst of a start, in milliseconds after its begin.
const START_MS: std::ops::Range<u64> = 0..150;
/// How many events are sent in all, at most and about.
const EVENTS_MAX: usize = 1_000_000;
/// How many in one life of the host, at most.
const EVENTS_PER_CYCLE_MAX: usize = 2_000;
/// How large the log of a store may get: it is carried over from 16 MiB on.
const LOG_BYTES_MAX: u64 = 40 << 20;
/// How many events are sent where none or all are to be lost.
const EVENTS: usize = 200;
/// An hour takes six seconds, so that queues that were away are soon tried again.
const SCALE: [&str; 2] = ["--event-time-scale", "600"];
/// How long a host whose disk fails may take to end.
const END_TIME_MAX: Duration = Duration::from_secs(15);

/// What functions answer, by their code.
const ANSWERS: [&str; 4] = ["ok", "n1", "n2", "n3"];
/// How many functions come and change while events are sent.
const FUNCTIONS: usize = 6;

#[test]
fn nothing_that_was_acknowledged_is_lost_by_power_cuts() {
    let Some(mut disk) = PowerDisk::mount() else { return };
    let cycles = std::env::var("SAMOVAR_POWER_CUTS").map_or(CYCLES, |n| n.parse().expect("a number"));
    let data = disk.path().join("data");
    let (ledger, mut functions, mut losses) =
        (Mutex::new(Ledger::default()), Functions::default(), Losses::default());
    let (mut sink, mut random) = (Sink::start(), fastrand::Rng::with_seed(SEED));
    let quota = (EVENTS_MAX / cycles as usize).clamp(PRODUCERS, EVENTS_PER_CYCLE_MAX);
    let mut cuts = 0;
    while cuts < 3 {
        losses += cut_start(&mut disk, &sink, &mut random);
        cuts += 1;
    }
    prepare(&sink, &data);
    for cycle in 0..cycles {
        if random.bool() {
            losses += cut_start(&mut disk, &sink, &mut random);
            cuts += 1;
        }
        let server = started(&sink, &data, cuts);
        functions.check(&Api::of(&server), cuts);
        first_accept(&server, &ledger);
        let life = Duration::from_millis(random.u64(LIFE_MS));
        std::thread::scope(|scope| {
            let (api, functions, mut random) = (Api::of(&server), &mut functions, random.fork());
            scope.spawn(move || while functions.change(&api, &mut random) {});
            live(server, &ledger, quota, life, |server| {
                disk.power_off();
                server.kill();
            });
        });
        losses += disk.power_on(Unflushed::KeptInPart(SEED + cycle));
        cuts += 1;
        if cycle % 50 == 49 {
            println!("{cuts} cuts, {} accepted, {losses:?}, {}", lock(&ledger).accepted(), sizes(&data));
        }
    }
    println!("left by the last cut: {}", sizes(&data));
    for log in ["registry.db-wal", "queue.db-wal"] {
        assert!(bytes(&data, log) < LOG_BYTES_MAX, "{log} grows from cut to cut: {}", sizes(&data));
    }
    let server = started(&sink, &data, cuts);
    functions.check(&Api::of(&server), cuts);
    let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    let found = ledger.check(sink.settle(&ledger, Duration::from_secs(30)), IN_FLIGHT_MAX * cuts);
    println!("{cuts} cuts: {found:?}; {} changes of functions; {losses:?}", functions.changes);
    let found = all_is_well(found);
    assert!(found.accepted >= PRODUCERS * cycles as usize, "events were accepted: {found:?}");
    assert!(losses.blocks > 0 && losses.blocks_kept > 0, "the cuts took something: {losses:?}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn all_is_there_after_a_cut_that_takes_all_that_was_not_flushed() {
    let Some(found) = events_after_a_cut(Flushing::Honest, &[]) else { return };
    assert_eq!(all_is_well(found).accepted, EVENTS);
}

#[test]
fn what_is_lost_on_a_disk_that_lies_about_flushes_is_found() {
    let Some(found) = events_after_a_cut(Flushing::Lying, &[]) else { return };
    assert_all_lost(&found);
}

#[test]
fn what_is_lost_by_a_host_that_does_not_flush_is_found() {
    let no_flush = ("SAMOVAR_FAIL_POINT", "store.no-flush");
    let Some(found) = events_after_a_cut(Flushing::Honest, &[no_flush]) else { return };
    assert_all_lost(&found);
}

#[test]
fn a_host_whose_flush_fails_accepts_nothing_more_and_ends() {
    for flushing in [
        Flushing::FailingAfter(0),
        Flushing::FailingOnceAfter(0),
        Flushing::FailingAfter(30),
        Flushing::FailingOnceAfter(31),
    ] {
        let Some(mut disk) = PowerDisk::mount() else { return };
        let data = disk.path().join("data");
        let (ledger, mut sink) = (Mutex::new(Ledger::default()), Sink::start());
        prepare(&sink, &data);
        let server = sink.serve(&data, &[]);
        first_accept(&server, &ledger);
        disk.set_flushing(flushing);
        let (began, mut code) = (Instant::now(), None);
        live(server, &ledger, EVENTS_PER_CYCLE_MAX, Duration::from_secs(1), |server| {
            let line = server.wait_for_log("nothing more is written to the queue");
            assert!(line.contains("queue.db") && line.contains("a flush failed"), "{line}");
            code = server.ended();
        });
        let took = began.elapsed();
        assert_eq!(code, Some(1), "it ends by itself, and as one that failed");
        assert!(took < END_TIME_MAX, "{took:?}");

        let losses = disk.power_on(Unflushed::Lost);
        let server = sink.serve(&data, &[]);
        let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        let found = ledger.check(sink.settle(&ledger, Duration::from_secs(30)), IN_FLIGHT_MAX);
        println!("{flushing:?}: {found:?}; all over after {took:?}; {losses:?}");
        assert!(all_is_well(found).accepted < EVENTS_PER_CYCLE_MAX, "events were refused");
        assert_eq!(server.terminate(), Some(0));
    }
}

#[test]
fn a_host_whose_disk_cannot_be_flushed_does_not_start() {
    let Some(disk) = PowerDisk::mount() else { return };
    disk.set_flushing(Flushing::FailingAfter(0));
    let refused = Sink::start().try_serve(&disk.path().join("data"), &[], &[]);
    let said = refused.expect_err("nothing can be kept");
    assert!(said.contains("cannot start") && said.contains("a flush failed"), "{said}");
}

/// Events that are accepted while nothing is flushed, or all is, and what became of them after a cut that takes whatever was not.
/// None where no disk can be mounted.
fn events_after_a_cut(
    flushing: Flushing,
    environment: &[(&str, &str)],
) -> Option<Result<Findings, Vec<Problem>>> {
    let mut disk = PowerDisk::mount()?;
    let data = disk.path().join("data");
    let (mut ledger, mut sink) = (Ledger::default(), Sink::start());
    prepare(&sink, &data);
    // Nothing has come to its end when the power goes, so that it all is there to be lost.
    sink.recorder().let_queue("fates", Behaviour::Failing);
    disk.set_flushing(flushing);
    let server = sink.try_serve(&data, environment, &[]).expect("it starts");
    let api = Api::of(&server);
    for _ in 0..EVENTS {
        let id = ledger.draw();
        let (status, request_id) = api.try_send_event("f", &json!({ "id": id })).expect("an answer");
        assert_eq!(status, 202);
        ledger.accept(id, request_id);
    }
    disk.power_off();
    server.kill();
    assert_eq!(sink.fates(), []);
    let losses = disk.power_on(Unflushed::Lost);
    sink.recorder().let_queue("fates", Behaviour::Taking);
    let server = sink.try_serve(&data, &[], &SCALE);
    // What was flushed is an old state, but a whole one.
    let server =
        server.unwrap_or_else(|said| panic!("lost as well, but the server refuses to start: {said}"));
    let found = ledger.check(sink.settle(&ledger, Duration::from_secs(5)), 0);
    println!("{flushing:?} {environment:?}: {losses:?}");
    server.kill();
    Some(found)
}

fn assert_all_lost(found: &Result<Findings, Vec<Problem>>) {
    let Err(problems) = found else { panic!("nothing is missed, though nothing was flushed: {found:?}") };
    let lost = problems.iter().filter(|problem| matches!(problem, Problem::Lost { .. })).count();
    println!("{lost} of {EVENTS} are lost");
    assert_eq!((lost, problems.len()), (EVENTS, EVENTS), "{problems:#?}");
}

fn all_is_well(found: Result<Findings, Vec<Problem>>) -> Findings {
    found.unwrap_or_else(|problems| {
        panic!("{} problems, of which the first: {:#?}", problems.len(), &problems[..problems.len().min(10)])
    })
}

/// The power goes while a server starts, or just when it has.
fn cut_start(disk: &mut PowerDisk, sink: &Sink, random: &mut fastrand::Rng) -> Losses {
    let (data, moment) = (disk.path().join("data"), Duration::from_millis(random.u64(START_MS)));
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| sink.try_serve(&data, &[], &[]));
        // The moment of the cut, not a wait for anything.
        std::thread::sleep(moment);
        disk.power_off();
        // One that came up all the same is killed by being dropped.
        drop(starting.join().expect("it starts or says why not"));
    });
    disk.power_on(Unflushed::KeptInPart(random.u64(..)))
}

/// Makes the function that events are for.
fn prepare(sink: &Sink, data: &Path) {
    let server = sink.serve(data, &[]);
    let api = Api::of(&server);
    assert_eq!(api.create("f", &Handler::default().build()).status, 201);
    api.tell_sink("f");
    server.kill();
}

/// A server after so many cuts: it has to start.
fn started(sink: &Sink, data: &Path, cuts: usize) -> Server {
    let started = sink.try_serve(data, &[], &[]);
    started.unwrap_or_else(|said| panic!("after {cuts} cuts the server does not start: {said}"))
}

/// How large the files of the stores are.
fn sizes(data: &Path) -> String {
    let size = |name: &str| format!("{name} {}", bytes(data, name));
    ["registry.db", "registry.db-wal", "queue.db", "queue.db-wal"].map(size).join(", ")
}

fn bytes(data: &Path, name: &str) -> u64 {
    std::fs::metadata(data.join(name)).map_or(0, |file| file.len())
}

/// Which code functions have, by its number.
#[derive(Debug, Default)]
struct Functions {
    acknowledged: BTreeMap<String, usize>,
    /// The change that was asked for and not answered.
    unanswered: Option<(String, usize)>,
    /// How many were acknowledged.
    changes: usize,
}

impl Functions {
    /// Makes a function or gives it other code; false when the server is gone.
    fn change(&mut self, api: &Api, random: &mut fastrand::Rng) -> bool {
        let (name, code) = (format!("g{}", random.usize(0..FUNCTIONS)), random.usize(0..ANSWERS.len()));
        let zip = BASE64_STANDARD.encode(package(code));
        self.unanswered = Some((name.clone(), code));
        let reply = match self.acknowledged.contains_key(&name) {
            true => {
                let path = format!("/2015-03-31/functions/{name}/code");
                api.try_call("PUT", &path, Some(&json!({ "ZipFile": zip })))
            }
            false => {
                let body = json!({
                    "FunctionName": name,
                    "Role": "arn:aws:iam::000000000000:role/any",
                    "Runtime": "provided.al2023",
                    "Handler": "bootstrap",
                    "Code": { "ZipFile": zip },
                });
                api.try_call("POST", "/2015-03-31/functions", Some(&body))
            }
        };
        let is_acknowledged = reply.is_ok_and(|reply| {
            assert!(reply.status < 300 || reply.status >= 500, "an answer that it may give: {reply:?}");
            reply.status < 300
        });
        if is_acknowledged {
            self.acknowledged.insert(name, code);
            self.unanswered = None;
            self.changes += 1;
        }
        is_acknowledged
    }

    /// Every function is there and runs the code that was acknowledged, or what came after it and was not answered.
    fn check(&mut self, api: &Api, cuts: usize) {
        let unanswered = self.unanswered.take();
        let names: BTreeSet<String> =
            self.acknowledged.keys().chain(unanswered.iter().map(|(name, _)| name)).cloned().collect();
        for name in names {
            let acknowledged = self.acknowledged.get(&name).copied();
            let unanswered = unanswered.as_ref().filter(|(other, _)| *other == name).map(|(_, code)| *code);
            let answer = api.invoke(&name, "{}");
            let found = match answer.status {
                404 => None,
                200 => ANSWERS.iter().position(|known| answer.body == **known),
                _ => panic!("after {cuts} cuts {name} cannot be invoked: {answer:?}"),
            };
            let is_right = found == acknowledged || (found.is_some() && found == unanswered);
            assert!(
                is_right,
                "after {cuts} cuts {name} is {found:?}, not {acknowledged:?} or {unanswered:?}"
            );
            if let Some(found) = found {
                self.acknowledged.insert(name, found);
            }
        }
    }
}

/// The package of a function that gives one of the answers.
fn package(code: usize) -> Vec<u8> {
    // It lies over the usual answer.
    let more = match code {
        0 => "",
        1 => r#"(data (i32.const 65) "n1")"#,
        2 => r#"(data (i32.const 65) "n2")"#,
        _ => r#"(data (i32.const 65) "n3")"#,
    };
    Handler { more, ..Handler::default() }.build()
}
