//! The table of docs/limits.md, held against the options of `samovar serve`, the library, and what a server answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read as _, Write as _};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar_tests::{
    Handler, Response, Scrape, Server, guest, raw_request, read_response, root, samovar, zip,
};
use serde_json::{Value, json};

/// A row of the table.
#[derive(Debug)]
struct Row {
    default: String,
    option: String,
    library: String,
    answer: String,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/limits.md")).expect("it is there");
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let code = |cell: &str| cell.trim_matches('`').to_owned();
    let rows = text.lines().map(cells).filter(|cells| cells.len() == 5 && cells[2].starts_with("`--"));
    rows.map(|cells| Row {
        default: cells[1].clone(),
        option: code(&cells[2]),
        library: code(&cells[3]),
        answer: cells[4].clone(),
    })
    .collect()
}

/// The options that the command's help lists as limits, with their defaults.
fn options() -> BTreeMap<String, String> {
    let output = samovar().args(["serve", "--help"]).output().expect("it runs");
    let help = String::from_utf8(output.stdout).expect("text");
    let (_, limits) = help.split_once("Limits (docs/limits.md").expect("the help has a part for limits");
    let mut options = BTreeMap::new();
    for option in limits.split("\n      --").skip(1) {
        let name = option.split([' ', '\n']).next().expect("a name");
        let default = option.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
        options.insert(format!("--{name}"), default.map_or("", |(default, _)| default).to_owned());
    }
    options
}

/// The members of `Limits`, and the settings of `HttpSettings` that are limits.
fn library() -> BTreeSet<String> {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).expect("it is there");
    let (limits, http) = (read("host/src/function/limits.rs"), read("host/src/http/settings.rs"));
    let (_, members) = limits.split_once("pub struct Limits {").expect("the struct");
    let members =
        members.split_once("\n}").expect("its end").0.lines().filter_map(|line| {
            Some(format!("Limits::{}", line.trim().strip_prefix("pub ")?.split_once(':')?.0))
        });
    // What is there beside limits: times of the host's own, and who may ask.
    let others = ["allow_host", "drain_time_max", "unready_time", "compile_wait_max", "any_runtime", "check"];
    let methods = http
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub fn ")?.split_once('('))
        .filter(|(name, _)| !others.contains(name))
        .map(|(name, _)| format!("HttpSettings::{name}"));
    members.chain(methods).collect()
}

#[test]
fn the_table_has_every_limit_and_no_other() {
    let rows = rows();
    let listed: BTreeSet<String> = rows.iter().map(|row| row.library.clone()).collect();
    assert_eq!(listed, library());
    let options = options();
    let listed: BTreeSet<&String> = rows.iter().map(|row| &row.option).collect();
    assert_eq!(listed, options.keys().collect());
    for row in &rows {
        // A default that is no number is told in words.
        let default = &options[&row.option];
        let is_number = row.default.bytes().all(|byte| byte.is_ascii_digit());
        assert!(
            &row.default == default || !is_number,
            "{}: {} in the table, {default}",
            row.option,
            row.default
        );
    }
}

#[test]
fn a_limit_that_cannot_be_kept_is_refused_at_the_start_with_its_reason() {
    for (arguments, reason) in [
        (
            &["--answer-bytes", "16777216"][..],
            "answer_bytes cannot be 16777216: it must be from 1 to 15728640",
        ),
        (
            &["--request-bytes", "1000"],
            "request_bytes_max must be at least 69905068 for packages of 52428800",
        ),
        (&["--bodies-bytes", "1000"], "bodies_bytes_max must be at least 70167211"),
        (&["--headers-bytes", "100"], "headers_bytes_max cannot be 100"),
        (&["--connections", "0"], "--connections"),
    ] {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let output = samovar().args(serve).args(arguments).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(reason), "{arguments:?}: {error}");
    }
}

/// A server whose limits are so low that small requests exceed them.
fn strict() -> Server {
    Server::start_with(&[
        "--payload-bytes=1000",
        "--async-payload-bytes=500",
        "--answer-bytes=2000",
        "--environment-bytes=100",
        "--package-bytes=3000000",
        "--unzipped-bytes=4000000",
        "--request-bytes=4100000",
        "--client-context-bytes=200",
        "--headers-bytes=8192",
        "--headers-seconds=0.5",
        "--body-grace-seconds=0.3",
        "--body-pause-seconds=1",
    ])
}

fn function(name: &str, package: &[u8], variables: &Value) -> Value {
    json!({
        "FunctionName": name,
        "Role": "arn:aws:iam::000000000000:role/any",
        "Runtime": "provided",
        "Handler": "h",
        "Environment": { "Variables": variables },
        "Code": { "ZipFile": BASE64_STANDARD.encode(package) },
    })
}

fn create(server: &Server, body: &Value) -> Response {
    let head = "POST /2015-03-31/functions HTTP/1.1\nHost: localhost";
    raw_request(server.address(), head, body.to_string().as_bytes())
}

fn call(server: &Server, headers: &str, event: &str) -> Response {
    let head = format!("POST /2015-03-31/functions/large/invocations HTTP/1.1\nHost: localhost{headers}");
    raw_request(server.address(), &head, event.as_bytes())
}

/// Holds an answer against the row of that option, and looks whether its message names the limit.
fn check(option: &str, response: &Response, named: &str) {
    let rows = rows();
    let row = rows.iter().find(|row| row.option == option).expect("it is in the table");
    let error = match response.status {
        200 => response.json()["errorType"].as_str().unwrap_or_default().to_owned(),
        _ => response.header("x-amzn-errortype").to_owned(),
    };
    let expected = format!("{} `{error}`", response.status);
    assert!(
        row.answer.starts_with(&expected),
        "{option}: the table says {}, and it is {expected}",
        row.answer
    );
    let message = String::from_utf8_lossy(&response.body);
    assert!(message.contains(named), "{option}: {message} does not name {named}");
}

#[test]
fn every_excess_has_the_answer_of_the_table_and_names_the_limit_that_is_set() {
    let server = strict();
    let large = guest("large");
    assert!(large.len() < 3_000_000, "the example fits the limit");
    let created = create(&server, &function("large", &large, &json!({ "KEY": "v".repeat(97) })));
    assert_eq!(created.status, 201, "{created:?}");
    let settings =
        raw_request(server.address(), "GET /2016-08-19/account-settings HTTP/1.1\nHost: localhost", b"");
    let limits = &settings.json()["AccountLimit"];
    assert_eq!(
        (&limits["CodeSizeZipped"], &limits["CodeSizeUnzipped"]),
        (&json!(3_000_000), &json!(4_000_000))
    );

    check("--payload-bytes", &call(&server, "", &" ".repeat(1001)), "1000 bytes");
    let event = call(&server, "\nX-Amz-Invocation-Type: Event", &" ".repeat(501));
    check("--async-payload-bytes", &event, "500 bytes");
    check("--answer-bytes", &call(&server, "", r#"{"bytes": 2001}"#), "(2000 bytes)");
    assert_eq!(call(&server, "", r#"{"bytes": 2000}"#).body.len(), 2000);
    let context = format!("\nX-Amz-Client-Context: {}", "A".repeat(201));
    check("--client-context-bytes", &call(&server, &context, "{}"), "200 bytes");
    let environment = json!({ "KEY": "v".repeat(98) });
    check("--environment-bytes", &create(&server, &function("other", b"\0asm", &environment)), "100 bytes");
    let package = [&large[..], &vec![0; 3_000_001 - large.len()]].concat();
    check("--package-bytes", &create(&server, &function("other", &package, &json!({}))), "3000000 bytes");
    let more = b"a b c d ".repeat(500_000);
    let files = [zip::Entry::deflated("large.wasm", &large), zip::Entry::deflated("more", &more)];
    let package = zip::Zip::of(files).build();
    check("--unzipped-bytes", &create(&server, &function("other", &package, &json!({}))), "4000000 bytes");
    let body = json!({ "FunctionName": "x".repeat(4_100_000) });
    check("--request-bytes", &create(&server, &body), "4100000 bytes");
}

#[test]
fn an_instance_that_holds_too_many_resources_fails_with_the_error_of_the_table() {
    let server = Server::start_with(&["--quiet", "--resources=20"]);
    let hoarder = Handler {
        imports: r#"(import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))"#,
        handle: "(local $left i32) (local.set $left (i32.const 21))
            (loop $more (drop (call $fields))
                (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1))))) i32.const 16",
        ..Handler::default()
    };
    assert_eq!(create(&server, &function("large", &hoarder.build(), &json!({}))).status, 201);
    check("--resources", &call(&server, "", "{}"), "");
}

#[test]
fn bodies_that_come_too_slowly_get_the_answer_of_the_table() {
    for (option, others) in [
        ("--body-seconds", &[][..]),
        ("--body-pause-seconds", &[]),
        ("--body-grace-seconds", &["--body-bytes-per-second=1000000"]),
        ("--body-bytes-per-second", &["--body-grace-seconds=0.3"]),
    ] {
        let value = if option == "--body-bytes-per-second" { "1000000" } else { "0.3" };
        let limit = format!("{option}={value}");
        let server = Server::start_with(&[&["--quiet", &limit], others].concat());
        let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
        let head = "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{";
        stream.write_all(head.as_bytes()).expect("it is sent");
        check(option, &read_response(&mut BufReader::new(stream)), "");
    }
}

#[test]
fn large_bodies_that_are_held_leave_no_room_for_others() {
    let server = Server::start_with(&[
        "--quiet",
        "--payload-bytes=4000000",
        "--package-bytes=3000000",
        "--request-bytes=4000000",
        "--bodies-bytes=4000000",
    ]);
    let created = create(&server, &function("large", &guest("sleeper"), &json!({})));
    assert_eq!(created.status, 201, "{created:?}");
    let payload = json!({ "ms": 2500, "more": "x".repeat(3_500_000) }).to_string();
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| call(&server, "", &payload));
        while Scrape::of(&server).count("samovar_lambda_concurrent_executions", &[]) == 0 {
            assert!(!runs.is_finished(), "it runs for more than two seconds");
        }
        check("--bodies-bytes", &create(&server, &json!("x".repeat(2_000_000))), "4000000 bytes");
    });
}

#[test]
fn connections_beyond_their_limits_have_the_answers_of_the_table() {
    let connect = |server: &Server| {
        let stream = std::net::TcpStream::connect(server.address()).expect("it listens");
        BufReader::new(stream)
    };
    let server = Server::start_with(&["--quiet", "--connections-per-address=1"]);
    let _served = connect(&server);
    check("--connections-per-address", &read_response(&mut connect(&server)), "1 connections");

    let arguments =
        ["--quiet", "--connections=1", "--connections-waiting=1", "--connection-wait-seconds=0.5"];
    let server = Server::start_with(&arguments);
    let (_served, mut waits) = (connect(&server), connect(&server));
    check("--connections-waiting", &read_response(&mut connect(&server)), "1 connections");
    check("--connection-wait-seconds", &read_response(&mut waits), "1 connections");

    let server = Server::start_with(&["--quiet", "--connections=1"]);
    let served = connect(&server);
    let mut waits = connect(&server);
    waits.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is sent");
    drop(served);
    assert_eq!(read_response(&mut waits).status, 200, "further ones wait");
}

#[test]
fn headers_that_are_too_large_or_too_slow_end_their_connection() {
    let server = strict();
    let long = format!("\nX-Long: {}", "x".repeat(20_000));
    assert_eq!(call(&server, &long, "").status, 431);
    let mut slow = std::net::TcpStream::connect(server.address()).expect("it listens");
    slow.write_all(b"POST / HTTP/1.1\r\nHost: ").expect("it is sent");
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).expect("the connection ends in order");
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}
