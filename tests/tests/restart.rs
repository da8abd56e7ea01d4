//! A host that starts again has the functions and the events it had, quickly and without compiling anything that nobody asks for.
//! `cargo xtask test --restart-events N` measures starts with N events and ten thousand functions.

use std::collections::BTreeSet;
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use samovar::function::FunctionState;
use samovar::{Compiler, CreateFunction, Host, ListFunctions, PublishVersion, UpdateFunctionCode};
use samovar_tests::{
    Api, Handler, Scrape, Server, answer, function, guest, invoke, raw_request, read_response,
};
use serde_json::json;
use tokio::time::Instant;

const FUNCTIONS: usize = 10_000;
/// How long a host with so many functions may take until it serves.
const START_TIME_MAX: Duration = Duration::from_secs(2);

/// How many events wait at a start beside other tests, and with how many functions.
const QUEUED: u64 = 100_000;
const FUNCTIONS_BESIDE_EVENTS: usize = 1_000;
/// How soon such a server serves, where other tests run beside this one.
const BUSY_START_TIME_MAX: Duration = Duration::from_secs(10);
/// How often it is killed and started.
const STARTS: usize = 3;
/// Those who send events.
const CLIENTS: usize = 64;
/// Whose events wait: one function may have half of all events there may be.
const SLOW: [&str; 2] = ["slow", "slower"];

/// A folder with so many functions, each with a version, of the same code.
async fn many_functions(folder: &Path, functions: usize) {
    let host = Host::builder().data_dir(folder).instances_max(16).start().await.expect("a host");
    let package = Handler::default().build();
    let made: Vec<_> = (0..32)
        .map(|task| {
            let (host, package) = (host.clone(), package.clone());
            tokio::spawn(async move {
                for number in (task..functions).step_by(32) {
                    let mut create =
                        CreateFunction::new(function(&format!("function-{number}")), package.clone());
                    create.publish = true;
                    host.create_function(create).await.expect("made");
                }
            })
        })
        .collect();
    for task in made {
        task.await.expect("no panic");
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_functions_are_served_within_two_seconds_of_a_start() {
    let folder = tempfile::tempdir().expect("a folder");
    many_functions(folder.path(), FUNCTIONS).await;
    let mut starts: Vec<Duration> = (0..5)
        .map(|_| {
            let started = Instant::now();
            let server = Server::start_on(folder.path(), &["--quiet"]);
            let api = Api::of(&server);
            assert_eq!(api.invoke("function-9999:1", "{}").body, json!("ok"));
            let took = started.elapsed();
            server.kill();
            took
        })
        .collect();
    starts.sort();
    println!("from start to the first answer: {starts:?}");
    assert!(starts[2] < START_TIME_MAX, "{starts:?}");

    // Nothing is compiled for it: there is no compiler.
    let nobody = Compiler::Worker("/nonexistent/compiler".into());
    let host = Host::builder().data_dir(folder.path()).compiler(nobody).instances_max(16);
    let host = host.start().await.expect("a host");
    let page = host.list_functions(&ListFunctions::new(host.region().clone(), FUNCTIONS + 1));
    assert_eq!((page.items.len(), page.next), (FUNCTIONS, None));
    assert_eq!(answer(&invoke(&host, "function-0", "{}").await), json!("ok"));
    host.close().await;
}

/// How a server that was started again came to serve, from the start of its process on.
#[derive(Debug)]
struct Start {
    /// It says that it is ready.
    ready: Duration,
    /// It has accepted an event.
    accepted: Duration,
    /// A function has answered that was not called since.
    answered: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_very_many_events_to_do_serves_soon_after_its_start() {
    let long = std::env::var("SAMOVAR_RESTART_EVENTS").ok().map(|n| n.parse().expect("a number"));
    let (functions, events, time_max) = match long {
        Some(events) => (FUNCTIONS, events, START_TIME_MAX),
        None => (FUNCTIONS_BESIDE_EVENTS, QUEUED, BUSY_START_TIME_MAX),
    };
    let folder = tempfile::tempdir().expect("a folder");
    many_functions(folder.path(), functions).await;
    queue_up(folder.path(), events);

    let mut starts: Vec<Start> =
        (0..STARTS).map(|number| killed_and_started(folder.path(), functions - 1 - number, events)).collect();
    println!("{functions} functions, {events} events, from the start of the process: {starts:#?}");
    starts.sort_by_key(|start| start.answered);
    let Start { ready, accepted, answered } = &starts[STARTS / 2];
    println!("the median: ready after {ready:?}, accepted after {accepted:?}, answered after {answered:?}");
    assert!(*answered < time_max, "{starts:?}");

    std::fs::remove_dir_all(folder.path().join("samovar-code/compiled")).expect("it is there");
    compiles_what_is_asked_for(folder.path(), events);
}

/// Queues events of a function that takes its time, so that they wait, and kills the server.
fn queue_up(folder: &Path, events: u64) {
    let server = Server::start_on(folder, &["--quiet"]);
    let api = Api::of(&server);
    let cold = (0..cold()).map(|number| format!("cold-{number}"));
    for name in SLOW.map(str::to_owned).into_iter().chain(cold) {
        let mut code = guest("sleeper");
        // A custom section, which means nothing: its id, its size, and its name.
        code.extend([0, name.len() as u8 + 1, name.len() as u8]);
        code.extend(name.as_bytes());
        let created = api.create(&name, &code);
        assert_eq!(created.status, 201, "{created:?}");
    }
    let update = json!({ "Timeout": 900 });
    for name in SLOW {
        let path = format!("/2015-03-31/functions/{name}/configuration");
        assert_eq!(api.call("PUT", &path, Some(&update)).status, 200);
    }

    let began = Instant::now();
    let left = AtomicU64::new(events);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, left) = (&server, &left);
            scope.spawn(move || send_events(server, SLOW[client % SLOW.len()], left));
        }
    });
    println!("{events} events were accepted within {:?}", began.elapsed());
    server.kill();
}

/// Sends events over one connection as long as there are any left.
fn send_events(server: &Server, function: &str, left: &AtomicU64) {
    let event = r#"{"ms":800000}"#;
    let request = format!(
        "POST /2015-03-31/functions/{function}/invocations HTTP/1.1\r\nHost: localhost\r\nX-Amz-Invocation-Type: Event\r\n\
         Content-Length: {}\r\n\r\n{event}",
        event.len()
    );
    let mut stream = TcpStream::connect(server.address()).expect("the server listens");
    let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
    let take = |left: u64| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        stream.write_all(request.as_bytes()).expect("it is sent");
        let answer = read_response(&mut answers);
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

/// Starts a server and kills it when it has served everything once.
fn killed_and_started(folder: &Path, function: usize, events: u64) -> Start {
    let began = Instant::now();
    let server = Server::start_on(folder, &["--quiet"]);
    let readiness = raw_request(server.address(), "GET /readyz HTTP/1.1\nHost: localhost", b"");
    assert_eq!(readiness.status, 200, "{readiness:?}");
    let ready = began.elapsed();
    let api = Api::of(&server);
    let (status, _) = api.try_send_event("slow", &json!({ "ms": 1 })).expect("an answer");
    assert_eq!(status, 202);
    let accepted = began.elapsed();
    assert_eq!(api.invoke(&format!("function-{function}:1"), "{}").body, json!("ok"));
    let answered = began.elapsed();
    // Those that ran when a server was killed too often are dead, and as much there as all others.
    let there = Scrape::of(&server).count("samovar_async_events", &[]);
    assert!(there > events, "{there} events are there");
    server.kill();
    Start { ready, accepted, answered }
}

fn cores() -> usize {
    std::thread::available_parallelism().expect("it is known").get()
}

/// How many functions have code of their own and are called at once when no compiled code is there: more than there are cores.
fn cold() -> usize {
    cores() + 14
}

/// Starts a server that has no compiled code: it serves as soon, and compiles what is called, at most one package per core at a
/// time, beside the code of the events that wait.
fn compiles_what_is_asked_for(folder: &Path, events: u64) {
    let cores = cores() as u64;
    let compiled =
        |scrape: &Scrape| scrape.count("samovar_compile_duration_seconds_count", &[("outcome", "compiled")]);
    let start = killed_and_started(folder, 0, events);
    println!("without compiled code: {start:?}");
    let code_files = || std::fs::read_dir(folder.join("samovar-code/compiled")).expect("it is there").count();
    assert!(
        code_files() <= SLOW.len() + 1,
        "only what ran and what was called is compiled: {}",
        code_files()
    );

    let server = Server::start_on(folder, &["--quiet"]);
    let is_over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !is_over.load(Ordering::Relaxed) {
                let scrape = Scrape::of(&server);
                let count = |state| scrape.count("samovar_compilations", &[("state", state)]);
                seen.insert((count("running"), count("waiting") > 0));
            }
            seen
        });
        let calls: Vec<_> = (0..cold())
            .map(|number| {
                let api = Api::of(&server);
                scope.spawn(move || api.invoke(&format!("cold-{number}"), r#"{"ms":0}"#).body)
            })
            .collect();
        for call in calls {
            assert_eq!(call.join().expect("no panic"), json!({ "slept_ms": 0 }));
        }
        is_over.store(true, Ordering::Relaxed);
        watcher.join().expect("no panic")
    });
    let count = compiled(&Scrape::of(&server));
    println!("{count} packages were compiled on {cores} cores; running, and whether others waited: {seen:?}");
    assert!(seen.iter().all(|(running, _)| *running <= cores), "{seen:?}");
    assert!(seen.contains(&(cores, true)), "more wait than are compiled: {seen:?}");
    // Those of the events too, if the last server was killed before they were kept.
    let (cold, slow) = (cold() as u64, SLOW.len() as u64);
    assert!((cold..=cold + slow).contains(&count), "each is compiled once: {count}");
    server.kill();
}

#[tokio::test]
async fn what_was_not_compiled_when_its_host_ended_is_compiled_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    let mut create = CreateFunction::new(function("pending"), guest("echo"));
    create.wait_max = Some(Duration::ZERO);
    let pending = host.create_function(create).await.expect("made");
    assert_eq!(pending.state, FunctionState::Pending);
    host.create_function(CreateFunction::new(function("updated"), guest("hello"))).await.expect("made");
    let mut update = UpdateFunctionCode::new(function("updated"), guest("counter"));
    update.wait_max = Some(Duration::ZERO);
    let updated = host.update_function_code(update).await.expect("taken");
    assert_eq!(updated.last_update, samovar::LastUpdate::InProgress);
    host.close().await;
    drop(host);

    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    let settled = async {
        loop {
            let pending = host.function(&function("pending")).expect("it is there");
            let updated = host.function(&function("updated")).expect("it is there");
            let done = updated.last_update == samovar::LastUpdate::Successful;
            if pending.state == FunctionState::Active && done {
                return (pending, updated);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(120), settled).await;
    let (settled, counter) = settled.expect("it is compiled");
    assert_ne!(settled.revision_id, pending.revision_id, "a new state is a new revision");
    assert_eq!(counter.code_sha256, samovar::CodeDigest::of(&guest("counter")));
    assert_eq!(answer(&invoke(&host, "pending", r#"{"a":1}"#).await), json!({"a":1}));
    assert_eq!(answer(&invoke(&host, "updated", "{}").await), json!({"count":1}));
    host.publish_version(&PublishVersion::new(function("pending"))).await.expect("published");
    host.close().await;
}

/// A review found that whoever gave up just while a new function was committed left it pending for ever.
#[tokio::test]
async fn a_function_whose_maker_went_away_is_settled_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::builder().data_dir(folder.path()).instances_max(16).start().await.expect("a host");
    for number in 0..60 {
        let more: &'static str = Box::leak(format!("(global i32 (i32.const {number}))").into_boxed_str());
        let package = Handler { more, ..Handler::default() }.build();
        let mut create = CreateFunction::new(function(&format!("f-{number}")), package);
        create.wait_max = Some(Duration::ZERO);
        let patience = Duration::from_micros(200 * number);
        // Whether it was made by then does not matter.
        let _ = tokio::time::timeout(patience, host.create_function(create)).await;
    }
    let settled = async {
        loop {
            let all = host.list_functions(&ListFunctions::new(host.region().clone(), 100)).items;
            if all.iter().all(|version| version.state == FunctionState::Active) {
                return all.len();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let made = tokio::time::timeout(Duration::from_secs(60), settled).await.expect("all are settled");
    println!("{made} of 60 were made");
    host.close().await;
}
