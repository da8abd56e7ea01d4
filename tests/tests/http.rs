//! The HTTP front door, spoken to by hand: what clients never do and attackers do.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar_tests::{Response, Server, guest_path, raw_request, samovar};
use serde_json::json;

fn deployed(server: &Server, name: &str) {
    let output = samovar()
        .args(["deploy", name, &guest_path(name), "--endpoint", server.endpoint()])
        .output()
        .expect("the command runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn invoke_with(server: &Server, name: &str, headers: &str, body: &[u8]) -> Response {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    raw_request(server.address(), &format!("POST {path} HTTP/1.1\n{headers}"), body)
}

fn create_with(server: &Server, headers: &str) -> Response {
    let wasm = std::fs::read(guest_path("echo")).expect("it is there");
    let body = json!({
        "FunctionName": "planted",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Runtime": "provided",
        "Handler": "h",
        "Code": { "ZipFile": BASE64_STANDARD.encode(&wasm) },
    });
    let head = format!("POST /2015-03-31/functions HTTP/1.1\n{headers}");
    raw_request(server.address(), &head, body.to_string().as_bytes())
}

#[test]
fn rebinding_and_cross_site_posts_deploy_nothing() {
    let server = Server::start();
    let refused = [
        "Host: attacker.example",
        "Host: attacker.example:3001",
        "Host: 127.0.0.1.attacker.example",
        "Host: localhost.attacker.example",
        "Host: 192.168.0.7:3001",
        "Host: localhost:3001\nOrigin: https://attacker.example",
        "Host: localhost:3001\nOrigin: null",
        "Host: 127.0.0.1\nOrigin: http://localhost.attacker.example",
        "Host: 127.0.0.1\nOrigin: http://localhost@attacker.example",
    ];
    for headers in refused {
        let response = create_with(&server, headers);
        assert_eq!(response.status, 403, "{headers}: {response:?}");
        assert!(!response.header("x-amzn-requestid").is_empty());
    }
    let get = "GET /2015-03-31/functions/planted HTTP/1.1\nHost: localhost";
    assert_eq!(raw_request(server.address(), get, b"").status, 404, "nothing was planted");

    let taken = create_with(&server, "Host: functions.localhost:9\nOrigin: http://localhost:8080");
    assert_eq!(taken.status, 201, "{taken:?}");
}

#[test]
fn a_configured_name_is_taken_and_others_still_are_not() {
    let server = Server::start_with(&["--allow-host", "lambda.internal"]);
    let health = |host: &str| {
        raw_request(server.address(), &format!("GET /healthz HTTP/1.1\nHost: {host}"), b"").status
    };
    assert_eq!((health("lambda.internal"), health("lambda.internal:3001")), (200, 200));
    assert_eq!(health("other.internal"), 403);
}

#[test]
fn an_address_that_others_can_reach_needs_the_flag_that_says_so() {
    let output = samovar().args(["serve", "--listen", "0.0.0.0:0"]).output().expect("it runs");
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("--allow-unauthenticated-network-access"), "{stderr}");
}

#[test]
fn a_client_that_hangs_up_does_not_stop_a_running_function() {
    use std::io::Write;
    let server = Server::start();
    deployed(&server, "sleeper");
    let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
    let body = r#"{"ms": 500}"#;
    let head = "POST /2015-03-31/functions/sleeper/invocations HTTP/1.1\r\nHost: localhost";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("it is sent");
    server.wait_for_log("START RequestId: ");
    drop(stream);
    let report = server.wait_for_log("REPORT RequestId: ");
    assert!(!report.contains("Status:"), "it ended well: {report}");
}

#[test]
fn a_request_that_lies_about_its_length_or_has_none_harms_nobody() {
    use std::io::Write;
    let server = Server::start();
    deployed(&server, "echo");
    let path = "/2015-03-31/functions/echo/invocations";
    for request in [
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{}}"),
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"),
        "\0\0\0\0\r\n\r\n".to_owned(),
    ] {
        let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it is sent");
    }
    assert_eq!(invoke_with(&server, "echo", "Host: localhost", b"[1]").body, b"[1]");
    let chunked = "Host: localhost\nContent-Type: application/json";
    assert_eq!(invoke_with(&server, "echo", chunked, b"").body, b"{}", "no body is an empty object");
}

#[test]
fn every_refusal_has_lambdas_form() {
    let server = Server::start();
    deployed(&server, "echo");
    let cases = [
        ("GET /2015-03-31/functions/nobody", 404, "ResourceNotFoundException", "Message"),
        ("GET /2015-03-31/functions/echo?Qualifier=9", 404, "ResourceNotFoundException", "Message"),
        ("POST /2015-03-31/functions", 400, "", ""),
        ("GET /no/such/path", 404, "", ""),
    ];
    for (line, status, error_type, message_key) in cases {
        let response = raw_request(server.address(), &format!("{line} HTTP/1.1\nHost: localhost"), b"");
        assert_eq!(response.status, status, "{line}: {response:?}");
        assert!(
            !response.header("x-amzn-requestid").is_empty()
                && !response.header("x-amzn-errortype").is_empty()
        );
        let body = response.json();
        if !error_type.is_empty() {
            assert_eq!(response.header("x-amzn-errortype"), error_type);
            assert!(body[message_key].is_string(), "{line}: {body}");
            assert_eq!(body["Type"], "User");
        }
    }
    let endless = format!("[{}", "[".repeat(100_000));
    let response = invoke_with(&server, "echo", "Host: localhost", endless.as_bytes());
    assert_eq!(
        (response.status, response.header("x-amzn-errortype")),
        (400, "InvalidRequestContentException")
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(invoke_with(&server, "echo", "Host: localhost", deep.as_bytes()).status, 200);
}

#[test]
fn what_is_only_announced_takes_no_room_from_others() {
    use std::io::Write;
    let server = Server::start();
    deployed(&server, "echo");
    let silent: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
            let head =
                "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000000\r\n\r\n{";
            stream.write_all(head.as_bytes()).expect("it is sent");
            stream
        })
        .collect();
    let large = format!("\"{}\"", "x".repeat(5_000_000));
    let response = invoke_with(&server, "echo", "Host: localhost", large.as_bytes());
    assert_eq!((response.status, response.body.len()), (200, large.len()));
    drop(silent);
}

#[test]
fn headers_have_a_limit_and_tenants_are_not_mixed() {
    use std::io::{Read, Write};
    let server = Server::start();
    deployed(&server, "counter");
    let path = "/2015-03-31/functions/counter/invocations";
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: {}",
        "x".repeat(300_000)
    );
    let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
    // The server may answer and close before all of it is sent, and the system may then drop its answer.
    let _ = stream.write_all(format!("{head}\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let first = invoke_with(&server, "counter", "Host: localhost", b"{}");
    assert_eq!(first.json()["count"], 1, "the one with the long headers did not run");
    let tenant = invoke_with(&server, "counter", "Host: localhost\nX-Amz-Tenant-Id: a", b"{}");
    assert_eq!((tenant.status, tenant.header("x-amzn-errortype")), (400, "InvalidParameterValueException"));
}

#[test]
fn no_request_on_a_kept_connection_is_lost_when_the_server_ends() {
    let server = Server::start();
    deployed(&server, "echo");
    let url = format!("{}/2015-03-31/functions/echo/invocations", server.endpoint());
    let (started, clients_started) = std::sync::mpsc::channel();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (url, started) = (url.clone(), started.clone());
            std::thread::spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                for call in 0.. {
                    match agent.post(&url).send("[1]") {
                        Ok(mut response) => {
                            assert_eq!(response.body_mut().read_to_string().expect("a body"), "[1]");
                        }
                        // The only way a call may fail: nobody listens any more.
                        Err(ureq::Error::Io(error))
                            if error.kind() == std::io::ErrorKind::ConnectionRefused =>
                        {
                            break;
                        }
                        Err(error) => panic!("call {call} was lost: {error}"),
                    }
                    if call == 100 {
                        started.send(()).expect("the test waits for it");
                    }
                }
            })
        })
        .collect();
    for _ in &clients {
        clients_started.recv().expect("a client runs");
    }
    assert_eq!(server.terminate(), Some(0));
    for client in clients {
        client.join().expect("no call was lost");
    }
}

#[test]
fn sigterm_lets_what_runs_end_and_exits_with_0() {
    let server = Server::start();
    deployed(&server, "sleeper");
    let call = std::thread::spawn({
        let address = server.address().to_owned();
        move || {
            let head = "POST /2015-03-31/functions/sleeper/invocations HTTP/1.1\nHost: localhost";
            raw_request(&address, head, br#"{"ms": 1000}"#)
        }
    });
    server.wait_for_log("START RequestId: ");
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(call.join().expect("it ends").status, 200, "the running call was answered");
}

#[test]
fn a_client_that_sends_first_and_reads_later_sees_every_early_refusal() {
    use std::io::{Read as _, Write as _};
    let server = Server::start();
    let body = vec![b' '; 16 << 20];
    for (line, host, status) in [
        ("POST /2021-10-31/functions/f/url", "localhost", "501"),
        ("POST /2015-03-31/nothing", "localhost", "404"),
        ("POST /2015-03-31/functions", "attacker.example", "403"),
        ("POST /2015-03-31/functions/a%20b/invocations", "localhost", "400"),
    ] {
        let mut stream = std::net::TcpStream::connect(server.address()).expect("it listens");
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).expect("all is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the connection ends in order");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
    }
}
