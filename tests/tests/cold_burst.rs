//! A thousand requests at once to functions of which nothing runs yet.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar_tests::{Api, Server, guest};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

const FUNCTIONS: usize = 20;
const REQUESTS: usize = 1_000;
/// How long each function sleeps, so that all requests are there at a time.
const NAP_MS: usize = 1_000;
/// More than the connections of this test and of its server take.
const DESCRIPTORS: u32 = 8_192;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_a_thousand_cold_invocations_is_answered() {
    raise_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    deploy(folder.path()).await;

    let (statuses, log) = burst(folder.path(), "compiled code is on the disk").await;
    assert_eq!(statuses, BTreeMap::from([(200, REQUESTS)]), "{log:?}");
    assert_eq!(count(&log, "code was brought into memory"), FUNCTIONS, "each is loaded once: {log:?}");
    assert_eq!(count(&log, "it is compiled anew"), 0, "{log:?}");

    std::fs::remove_dir_all(folder.path().join("samovar-code/compiled")).expect("it is there");
    let (statuses, log) = burst(folder.path(), "compiled code is gone").await;
    assert_eq!(statuses, BTreeMap::from([(200, REQUESTS)]), "{log:?}");
    assert_eq!(count(&log, "code was brought into memory"), FUNCTIONS, "each is loaded once: {log:?}");
    assert_eq!(count(&log, "it is compiled anew"), FUNCTIONS, "each is compiled once: {log:?}");
}

/// Lets this process, and so the servers that it starts, have that many descriptors.
fn raise_descriptors() {
    let limit = format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}");
    let pid = std::process::id().to_string();
    // Where it must not be changed it may be large enough; if it is not, connections fail and say so.
    let _ = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
}

fn count(log: &[String], part: &str) -> usize {
    log.iter().filter(|line| line.contains(part)).count()
}

/// Creates the functions, each with code of its own.
async fn deploy(folder: &Path) {
    let folder = folder.to_owned();
    let deployed = tokio::task::spawn_blocking(move || {
        let server = Server::start_on(&folder, &["--quiet"]);
        thread::scope(|scope| {
            for lane in 0..2 {
                let api = Api::of(&server);
                scope.spawn(move || (lane..FUNCTIONS).step_by(2).for_each(|number| create(&api, number)));
            }
        });
        server.terminate()
    });
    assert_eq!(deployed.await.expect("they are created"), Some(0));
}

fn create(api: &Api, number: usize) {
    let mut code = guest("sleeper");
    // A custom section, which means nothing: its id, its size, and its name.
    code.extend([0, 2, 1, b'a' + number as u8]);
    let body = json!({
        "FunctionName": format!("cold-{number}"),
        "Role": "arn:aws:iam::000000000000:role/any",
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Timeout": 60,
        "Code": { "ZipFile": BASE64_STANDARD.encode(code) },
    });
    let reply = api.call("POST", "/2015-03-31/functions", Some(&body));
    assert_eq!(reply.status, 201, "{reply:?}");
}

/// Starts a server, of which nothing is in memory, and sends it all requests at once: how many came to which status, and its log.
async fn burst(folder: &Path, what: &str) -> (BTreeMap<u16, usize>, Vec<String>) {
    let server = Server::start_on_in(folder, &[("SAMOVAR_LOG", "warn,samovar=debug")], &["--quiet"]);
    let started = Instant::now();
    let requests: Vec<_> =
        (0..REQUESTS).map(|number| tokio::spawn(request(server.address().to_owned(), number))).collect();
    let mut durations = Vec::new();
    let mut statuses = BTreeMap::new();
    for request in requests {
        let (status, duration) = request.await.expect("no task panics");
        *statuses.entry(status).or_default() += 1;
        durations.push(duration);
    }
    durations.sort_unstable();
    println!(
        "{REQUESTS} cold invocations of {FUNCTIONS} functions, {what}: {statuses:?} in {:.2?}; p50 {:.2?}, p99 {:.2?}, \
         largest {:.2?}, of which {NAP_MS} ms are asleep",
        started.elapsed(),
        durations[REQUESTS / 2],
        durations[REQUESTS * 99 / 100],
        durations[REQUESTS - 1]
    );
    let log = server.logged();
    server.kill();
    (statuses, log)
}

/// One request over a connection of its own: its status, and how long it took.
async fn request(address: String, number: usize) -> (u16, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(&address).await.expect("the server takes connections");
    let event = format!(r#"{{"ms":{NAP_MS}}}"#);
    let head = format!(
        "POST /2015-03-31/functions/cold-{}/invocations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{event}",
        number % FUNCTIONS,
        event.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it is answered");
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {answer:?}"));
    // A function that failed is a 200 too, and would not have slept.
    assert!(status != 200 || answer.contains("slept_ms"), "{answer}");
    (status, started.elapsed())
}
