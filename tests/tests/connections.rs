//! Clients that hang up, do not read or are not served: what they asked for is done, what they held is free again, and all are
//! told what there is to tell.

use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar::Host;
use samovar::http::{self, HttpSettings};
use samovar_tests::{Api, Handler, Response, Scrape, Server, guest, read_response};
use serde_json::json;
use tokio::time::Instant;

/// Waits until something is so, and not for ever.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until no connection is open but the one that asks.
fn until_alone(server: &Server) {
    until("the connection ends", || Scrape::of(server).count("samovar_http_connections", &[]) == 1);
}

/// What a server has computed, in hundredths of a second.
fn ticks(server: &Server) -> u64 {
    let line = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).expect("it runs");
    let (_, after_name) = line.rsplit_once(')').expect("it has a name");
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

fn connect(server: &Server) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
    BufReader::new(stream)
}

/// Sends a request, on a connection that is kept.
fn send(stream: &mut BufReader<TcpStream>, line: &str, body: &str) {
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.get_mut().write_all((head + body).as_bytes()).expect("it is sent");
}

fn ask(stream: &mut BufReader<TcpStream>, line: &str, body: &str) -> Response {
    send(stream, line, body);
    read_response(stream)
}

fn create(server: &Server, name: &str, package: &[u8]) {
    let body = json!({
        "FunctionName": name, "Role": "arn:aws:iam::000000000000:role/any", "Runtime": "provided.al2023",
        "Handler": "h", "Timeout": 60, "Code": { "ZipFile": BASE64_STANDARD.encode(package) },
    });
    let created = Api::of(server).call("POST", "/2015-03-31/functions", Some(&body));
    assert_eq!(created.status, 201, "{created:?}");
}

/// The room of a body was given back as soon as its client had gone, although the function still held it. And whoever found
/// none saw a reset in place of the answer.
#[test]
fn the_payload_of_a_client_that_hung_up_takes_room_until_its_function_ends() {
    let sleeper = guest("sleeper");
    let server = Server::start_with(&[
        "--quiet",
        "--payload-bytes=4000000",
        "--package-bytes=3000000",
        "--request-bytes=4000000",
        "--bodies-bytes=4000000",
    ]);
    create(&server, "sleeper", &sleeper);
    let mut first = connect(&server);
    let payload = json!({ "ms": 5000, "more": "x".repeat(3_500_000) }).to_string();
    send(&mut first, "POST /2015-03-31/functions/sleeper/invocations", &payload);
    let runs = || Scrape::of(&server).count("samovar_lambda_concurrent_executions", &[]) > 0;
    until("the function runs", runs);
    let large = "x".repeat(2_000_000);
    let second = || ask(&mut connect(&server), "POST /2015-03-31/functions", &large);
    let refused = second();
    assert_eq!((refused.status, refused.header("x-amzn-errortype")), (429, "TooManyRequestsException"));
    assert!(String::from_utf8_lossy(&refused.body).contains("all 4000000 bytes"), "{refused:?}");
    drop(first);
    until_alone(&server);
    assert_eq!(second().status, 429, "the function has its payload");
    until("the function ends", || !runs());
    until("there is room", || second().status == 400);
}

/// Such a client had its connection and the answer held for ever.
#[test]
fn a_client_that_reads_nothing_of_its_answer_is_ended() {
    let server = Server::start_with(&["--quiet", "--answer-pause-seconds=0.3"]);
    create(&server, "large", &guest("large"));
    let mut client = connect(&server);
    // Far more than the system keeps for a client that reads nothing.
    for _ in 0..8 {
        send(&mut client, "POST /2015-03-31/functions/large/invocations", r#"{"bytes": 6000000}"#);
    }
    until("it is served", || Scrape::of(&server).count("samovar_lambda_invocations_total", &[]) > 0);
    until_alone(&server);
    let mut read = 0;
    let mut some = vec![0; 1 << 16];
    while let Ok(bytes @ 1..) = client.read(&mut some) {
        read += bytes;
    }
    assert!(read < 8 * 6_000_000, "all was sent");
}

/// A retry after the client's own time-out began anew each time, and the alias never moved.
#[test]
fn an_alias_moves_although_the_client_that_moves_it_hangs_up() {
    let spin = "(local $left i32) (local.set $left (i32.const 1000000000))
        (loop $more (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1))))) i32.const 48";
    let server = Server::start_with(&["--quiet"]);
    let (api, path) = (Api::of(&server), "/2015-03-31/functions/slow");
    create(&server, "slow", &Handler::default().build());
    assert_eq!(api.call("POST", &format!("{path}/versions"), Some(&json!({}))).body["Version"], "1");
    assert_eq!(api.update_code("slow", &Handler { init: spin, ..Handler::default() }.build()).status, 200);
    assert_eq!(api.call("POST", &format!("{path}/versions"), Some(&json!({}))).body["Version"], "2");
    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    assert_eq!(api.call("POST", &format!("{path}/aliases"), Some(&alias)).status, 201);
    let provisioned = "/2019-09-30/functions/slow/provisioned-concurrency?Qualifier=live";
    let asked = json!({ "ProvisionedConcurrentExecutions": 4 });
    assert_eq!(api.call("PUT", provisioned, Some(&asked)).status, 202);
    until("they are there", || api.call("GET", provisioned, None).body["Status"] == "READY");
    let leads_to = || api.call("GET", &format!("{path}/aliases/live"), None).body["FunctionVersion"].clone();
    // Of what four inits compute, a part comes long before they are done.
    let hang_up_soon = |line: &str, body: &str| {
        let (mut client, before) = (connect(&server), ticks(&server));
        send(&mut client, line, body);
        until("instances come up", || ticks(&server) > before + 20);
        drop(client);
    };

    hang_up_soon(&format!("PUT {path}/aliases/live"), r#"{"FunctionVersion": "2"}"#);
    until("the alias moves", || leads_to() == "2");
    // Back, so that a rollback has to wait for the same instances.
    let there = json!({ "FunctionVersion": "1" });
    assert_eq!(api.call("PUT", &format!("{path}/aliases/live"), Some(&there)).status, 200);
    hang_up_soon("POST /samovar/functions/slow/aliases/live/rollback", "");
    until("the alias is led back", || leads_to() == "2");
}

#[test]
fn connections_that_are_not_served_are_counted_by_their_reason() {
    let arguments = ["--quiet", "--connections=1", "--connections-waiting=1"];
    let server = Server::start_with(&[&arguments[..], &["--connection-wait-seconds=0.5"]].concat());
    let mut served = connect(&server);
    assert_eq!(ask(&mut served, "GET /healthz", "").status, 200);
    let mut waits = connect(&server);
    // Connections are taken one after the other.
    assert_eq!(read_response(&mut connect(&server)).status, 503);
    assert_eq!(read_response(&mut waits).status, 503);
    let metrics = ask(&mut served, "GET /metrics", "").body;
    let metrics = String::from_utf8(metrics).expect("text");
    for (reason, count) in [("address", 0), ("full", 1), ("waited", 1), ("closing", 0)] {
        let sample = format!("samovar_http_connections_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&sample), "{sample} is not in {metrics}");
    }

    let server = Server::start_with(&["--quiet", "--connections-per-address=1"]);
    let mut served = connect(&server);
    assert_eq!(ask(&mut served, "GET /healthz", "").status, 200);
    assert_eq!(read_response(&mut connect(&server)).status, 429);
    let metrics = ask(&mut served, "GET /metrics", "").body;
    let sample = "samovar_http_connections_refused_total{reason=\"address\"} 1\n";
    assert!(String::from_utf8_lossy(&metrics).contains(sample));
}

/// They were dropped without a word.
#[test]
fn connections_that_wait_when_the_server_ends_are_told() {
    let server = Server::start_with(&["--quiet", "--connections=1", "--connections-waiting=1"]);
    let mut served = connect(&server);
    assert_eq!(ask(&mut served, "GET /healthz", "").status, 200);
    let mut waits = connect(&server);
    assert_eq!(read_response(&mut connect(&server)).status, 503, "so the one before it waits");
    server.signal_end();
    send(&mut waits, "GET /healthz", "");
    let told = read_response(&mut waits);
    assert_eq!((told.status, told.header("connection")), (503, "close"));
    assert!(String::from_utf8_lossy(&told.body).contains("the server is closing"), "{told:?}");
    drop((served, waits));
    assert_eq!(server.ended(), Some(0));
}

/// The connection was closed on what they sent, and the system took the answer back.
#[test]
fn a_client_that_sends_its_body_although_it_asked_whether_to_sees_the_refusal() {
    let server = Server::start_with(&["--quiet"]);
    let body = vec![b' '; 4 << 20];
    for (line, host, status) in [
        ("POST /2015-03-31/functions", "attacker.example", 403),
        ("POST /2015-03-31/nothing", "localhost", 404),
        ("POST /2021-10-31/functions/f/url", "localhost", 501),
    ] {
        let mut client = connect(&server);
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let sent =
            client.get_mut().write_all(head.as_bytes()).and_then(|()| client.get_mut().write_all(&body));
        sent.expect("all is taken");
        assert_eq!(read_response(&mut client).status, status, "{line}");
        client.get_ref().shutdown(Shutdown::Write).expect("it is there");
        let end = client.read(&mut [0]).map_err(|error| error.kind());
        assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{end:?}");
    }
}

/// A server that ended left its host unready for good, and times without bound panicked in the first connection.
#[tokio::test]
async fn a_host_is_as_ready_after_a_server_as_before_and_times_may_be_as_long_as_one_likes() {
    let long = Duration::MAX;
    let settings = HttpSettings::default()
        .headers_time_max(long)
        .connection_wait_max(long)
        .body_time_max(long)
        .body_pause_max(long)
        .body_grace(long)
        .answer_pause_max(long)
        .compile_wait_max(long)
        .drain_time_max(long);
    let host = Host::temporary().await.expect("a host");
    for _ in 0..2 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or(()) };
        let serving = tokio::spawn(http::serve(listener, host.clone(), settings.clone(), shutdown));
        let ready = tokio::task::spawn_blocking(move || {
            let post = "POST /2015-03-31/functions HTTP/1.1\nHost: localhost";
            assert_eq!(samovar_tests::raw_request(&address, post, &[b'x'; 100_000]).status, 400);
            samovar_tests::raw_request(&address, "GET /readyz HTTP/1.1\nHost: localhost", b"").status
        });
        assert_eq!(ready.await.expect("it is answered"), 200);
        stop.send(()).expect("it serves");
        serving.await.expect("no panic").expect("no error");
        assert_eq!(host.ready(), Ok(()));
    }
    host.close().await;
}
