//! Logs of functions, from the guest's line to the clients that read them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use samovar::function::{LogFormat, LogGroup, LogLevel, Logging};
use samovar::{CreateFunction, Host, Invoke, LogSettings, LogsError, Outcome, ReadLogEvents};
use samovar_tests::{Api, Server, answer, error_type, function, guest, python, root, samovar};
use serde_json::{Value, json};

/// More than anything here takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A command that writes its event to standard error, as it is.
fn echo_to_log() -> Vec<u8> {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (loop $again
                (i32.store (i32.const 0) (i32.const 1024))
                (i32.store (i32.const 4) (i32.const 4096))
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                (if (i32.load (i32.const 8)) (then
                    (i32.store (i32.const 4) (i32.load (i32.const 8)))
                    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
                    (br $again))))))"#;
    wat::parse_str(text).expect("a module")
}

/// A command that writes a gigabyte of lines, of 1 KiB each.
fn flood() -> Vec<u8> {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global $left (mut i32) (i32.const 262144))
        (func (export "_start")
            (memory.fill (i32.const 1024) (i32.const 120) (i32.const 4096))
            (i32.store8 (i32.const 2047) (i32.const 10))
            (i32.store8 (i32.const 3071) (i32.const 10))
            (i32.store8 (i32.const 4095) (i32.const 10))
            (i32.store8 (i32.const 5119) (i32.const 10))
            (i32.store (i32.const 0) (i32.const 1024))
            (i32.store (i32.const 4) (i32.const 4096))
            (loop $again
                (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
                (global.set $left (i32.sub (global.get $left) (i32.const 1)))
                (br_if $again (global.get $left)))))"#;
    wat::parse_str(text).expect("a module")
}

async fn keeping(data_dir: &Path) -> Host {
    let builder = Host::builder().instances_max(16).init_time_max(Duration::from_secs(1));
    builder.data_dir(data_dir).logs(LogSettings::default()).start().await.expect("a host")
}

async fn create(host: &Host, name: &str, package: Vec<u8>, logging: Logging) {
    let mut request = CreateFunction::new(function(name), package);
    request.configuration.logging = logging;
    request.configuration.timeout = samovar::function::Timeout::from_seconds(1).expect("a time");
    host.create_function(request).await.expect("it is made");
}

async fn invoke(host: &Host, name: &str, event: &str) -> Outcome {
    host.invoke(Invoke::new(function(name), event.to_owned()).with_log_tail()).await.expect("it runs")
}

async fn lines(host: &Host, group: &str) -> Vec<String> {
    let page = host.log_events(ReadLogEvents::new(group)).await.expect("it is read");
    page.events.into_iter().map(|event| event.message).collect()
}

/// The text with every number as `#` and every UUID as `ID`, so that it can be compared.
fn shape(line: &str) -> String {
    let words = line.split_inclusive([' ', '\t', '\n']).map(|word| {
        let (text, end) = word.split_at(word.trim_end().len());
        let is_id = text.len() == 36 && text.bytes().filter(|&byte| byte == b'-').count() == 4;
        let is_number = text.parse::<f64>().is_ok();
        format!(
            "{}{end}",
            if is_id {
                "ID"
            } else if is_number {
                "#"
            } else {
                text
            }
        )
    });
    words.collect()
}

#[tokio::test]
async fn text_lines_are_lambdas_cold_and_warm() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = keeping(folder.path()).await;
    create(&host, "init", guest("init"), Logging::default()).await;
    let (cold, _) = (invoke(&host, "init", r#"{"n": 2}"#).await, invoke(&host, "init", r#"{"n": 2}"#).await);
    let version = env!("CARGO_PKG_VERSION");
    let shapes: Vec<String> = lines(&host, "/aws/lambda/init").await.iter().map(|line| shape(line)).collect();
    let report = "REPORT RequestId: ID\tDuration: # ms\tBilled Duration: # ms\tMemory Size: # MB\tMax Memory Used: # MB\t";
    assert_eq!(
        shapes,
        [
            &format!(
                "INIT_START Runtime Version: samovar:{version}\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:samovar:{version}"
            ),
            "found # primes",
            "START RequestId: ID Version: $LATEST",
            "END RequestId: ID",
            &format!("{report}Init Duration: # ms\t"),
            "START RequestId: ID Version: $LATEST",
            "END RequestId: ID",
            report,
        ]
    );
    assert!(cold.log_tail.expect("asked for").starts_with("found "), "INIT_START is in no tail");
    let mut of_request = ReadLogEvents::new("/aws/lambda/init");
    of_request.request_id = Some(cold.request_id.to_string());
    let events = host.log_events(of_request).await.expect("it is read").events;
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event.message.contains(&*cold.request_id)));
    host.close().await;
}

#[tokio::test]
async fn a_failed_init_an_error_and_a_timeout_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = keeping(folder.path()).await;
    create(&host, "configured", guest("configured"), Logging::default()).await;
    let failed = invoke(&host, "configured", "{}").await;
    let lines_of = async |name: &str| lines(&host, &format!("/aws/lambda/{name}")).await;
    let failed_lines = lines_of("configured").await;
    let error_type = error_type(&failed);
    let init_report =
        format!("INIT_REPORT Init Duration: # ms\tPhase: init\tStatus: error\tError Type: {error_type}");
    assert_eq!(shape(&failed_lines[1]), init_report);
    assert!(
        failed_lines.last().expect("a line").ends_with(&format!("Status: error\tError Type: {error_type}"))
    );

    let endless = samovar_tests::Handler {
        init: "(loop $again (br $again)) unreachable",
        ..samovar_tests::Handler::default()
    };
    create(&host, "endless", endless.build(), Logging::default()).await;
    invoke(&host, "endless", "{}").await;
    let endless = lines_of("endless").await;
    assert_eq!(shape(&endless[1]), "INIT_REPORT Init Duration: # ms\tPhase: init\tStatus: timeout");

    create(&host, "sleeper", guest("sleeper"), Logging::default()).await;
    let outcome = invoke(&host, "sleeper", r#"{"ms": 60000}"#).await;
    let sleeper = lines_of("sleeper").await;
    assert!(sleeper.last().expect("a line").ends_with("\tStatus: timeout"), "{sleeper:?}");
    let told = format!(
        "Sandbox.Timedout: RequestId: {} Error: Task timed out after 1.00 seconds",
        outcome.request_id
    );
    assert_eq!(sleeper[2], told);
    host.close().await;
}

fn objects(lines: &[String]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn json_lines_have_their_records_and_levels() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = keeping(folder.path()).await;
    let group = LogGroup::parse("/own/logs").expect("a name");
    let logging = Logging {
        format: LogFormat::Json,
        application_level: LogLevel::Warn,
        system_level: LogLevel::Debug,
        group: Some(group),
    };
    create(&host, "loud", echo_to_log(), logging.clone()).await;
    create(&host, "quiet", echo_to_log(), Logging { system_level: LogLevel::Warn, ..logging.clone() }).await;
    let event =
        "[\n{\"level\":\"info\",\"message\":\"less\"}\n,\n{\"message\":\"more\",\"level\":\"error\"}\n]";
    let outcome = invoke(&host, "loud", event).await;
    assert_eq!(answer(&outcome), Value::Null);
    invoke(&host, "quiet", event).await;
    let page = host.log_events(ReadLogEvents::new("/own/logs")).await.expect("it is read");
    let of = |name: &str| -> Vec<Value> {
        let marker = format!("/{name}[$LATEST][");
        let own = page.events.iter().filter(|event| event.stream.contains(&marker));
        objects(&own.map(|event| event.message.clone()).collect::<Vec<_>>())
    };
    let loud = of("loud");
    let types: Vec<&str> = loud.iter().map(|line| line["type"].as_str().unwrap_or("-")).collect();
    let platform = ["initStart", "initReport", "start", "-", "runtimeDone", "report"];
    let named: Vec<String> = platform
        .iter()
        .map(|name| if *name == "-" { "-".to_owned() } else { format!("platform.{name}") })
        .collect();
    assert_eq!(types, named);
    assert_eq!(loud[3], json!({ "message": "more", "level": "error" }), "an object is passed on as it is");
    let id = json!(&*outcome.request_id);
    assert_eq!(loud[2]["record"], json!({ "requestId": id, "version": "$LATEST" }));
    let report = &loud[5]["record"];
    assert_eq!((&report["requestId"], &report["status"]), (&id, &json!("success")));
    let metrics: Vec<&String> = report["metrics"].as_object().expect("metrics").keys().collect();
    assert_eq!(
        metrics,
        ["billedDurationMs", "durationMs", "initDurationMs", "maxMemoryUsedMB", "memorySizeMB"]
    );
    assert!(loud[5]["time"].as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z')));
    assert_eq!(of("quiet").len(), 1, "only the function's own error is serious enough");

    let all = Logging { application_level: LogLevel::Info, ..logging };
    create(&host, "all", echo_to_log(), all).await;
    let outcome = invoke(&host, "all", "[\n\"tea\"\n]").await;
    let page = host.log_events(ReadLogEvents::new("/own/logs")).await.expect("it is read");
    let tea = page.events.iter().find(|event| event.message.contains("tea")).expect("the line");
    let tea: Value = serde_json::from_str(&tea.message).expect("JSON");
    let wanted = json!({ "timestamp": tea["timestamp"], "level": "INFO", "message": "\"tea\"", "requestId": &*outcome.request_id });
    assert_eq!(tea, wanted);
    host.close().await;
}

#[tokio::test]
async fn a_host_that_was_not_told_to_keep_logs_has_none() {
    let host = samovar_tests::host_with("echo", |it| it).await;
    invoke(&host, "echo", "{}").await;
    let read = host.log_events(ReadLogEvents::new("/aws/lambda/echo")).await;
    assert!(matches!(read, Err(LogsError::NotKept)));
    host.close().await;
}

fn samovar_logs(server: &Server, arguments: &[&str]) -> Command {
    let mut command = samovar();
    command.args(["logs"]).args(arguments).args(["--endpoint", server.endpoint()]);
    command
}

fn stdout(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// A command that goes on until it is ended, and the lines it has written.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// Waits for that many lines that contain the text; gives back all lines until then.
    fn until(&self, count: usize, part: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while seen.iter().filter(|line: &&String| line.contains(part)).count() < count {
            let line = self.lines.recv_timeout(WAIT_MAX);
            seen.push(line.unwrap_or_else(|_| panic!("{count} lines with {part}, but: {seen:?}")));
        }
        seen
    }

    /// Ends it as Ctrl-C does; gives back the exit code.
    fn interrupt(mut self) -> Option<i32> {
        let kill = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It may have ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that takes one request, gives it away and never answers it.
fn silent_server() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        client.set_read_timeout(Some(WAIT_MAX)).expect("a timeout can be set");
        let (mut request, mut buffer) = (String::new(), [0; 4096]);
        while !request.ends_with('}') {
            let read = client.read(&mut buffer).expect("a request");
            request.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
        }
        sender.send(request).expect("the test waits for it");
        // Until the client goes away, or has not in time.
        let _ = client.read(&mut buffer);
    });
    (endpoint, requests)
}

#[test]
fn whoever_reads_logs_of_a_server_that_hangs_can_end_it() {
    for (options, code) in [(&["--follow"][..], Some(0)), (&[], None)] {
        let (endpoint, requests) = silent_server();
        let mut command = samovar();
        let reading = Following::start(command.args(["logs", "/g", "--endpoint", &endpoint]).args(options));
        let request = requests.recv_timeout(WAIT_MAX).expect("it asks");
        // What is logged while lines are shown would otherwise be shown for ever.
        assert_eq!(request.contains("endTime"), options.is_empty(), "{request}");
        assert_eq!(reading.interrupt(), code, "{options:?}");
    }
}

#[test]
fn the_command_shows_lines_by_time_request_and_version() {
    let server = Server::start();
    let api = Api::of(&server);
    assert_eq!(api.create("sleeper", &guest("sleeper")).status, 201);
    let absent = samovar_logs(&server, &["sleeper"]).output().expect("it runs");
    let message = String::from_utf8_lossy(&absent.stderr).into_owned();
    assert!(!absent.status.success() && message.contains("/aws/lambda/sleeper"), "{message}");
    assert!(!api.invoke("sleeper", r#"{"ms": 1}"#).is_function_error);
    assert!(api.invoke("sleeper", r#"{"ms": 60000}"#).is_function_error);
    let all = stdout(&mut samovar_logs(&server, &["sleeper"]));
    assert!(all.lines().all(|line| line.contains("Z [$LATEST] ")), "{all}");
    assert_eq!(all.matches("REPORT RequestId: ").count(), 2);
    let timed_out = all.lines().find(|line| line.contains("Status: timeout")).expect("the REPORT line");
    let id = timed_out.split("RequestId: ").nth(1).expect("an id").split('\t').next().expect("an id");
    let of_request = stdout(&mut samovar_logs(&server, &["sleeper", "--request-id", id]));
    assert!(
        of_request.lines().count() == 4 && of_request.lines().all(|line| line.contains(id)),
        "{of_request}"
    );
    assert_eq!(stdout(&mut samovar_logs(&server, &["sleeper", "--version", "7"])), "");
    assert_eq!(
        stdout(&mut samovar_logs(&server, &["/aws/lambda/sleeper", "--since", "2999-01-01T00:00:00Z"])),
        ""
    );
    let objects = stdout(&mut samovar_logs(&server, &["sleeper", "--since", "1h", "--output", "json"]));
    let objects: Vec<Value> = objects.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), all.lines().count());
    assert!(objects[0]["message"].as_str().is_some_and(|text| text.starts_with("INIT_START ")));
}

#[test]
fn whoever_follows_gets_every_line_once_until_ctrl_c() {
    let server = Server::start_with(&["--quiet"]);
    let api = Api::of(&server);
    let following = Following::start(&mut samovar_logs(&server, &["echo", "--follow"]));
    assert_eq!(api.create("echo", &guest("echo")).status, 201);
    let mut seen = Vec::new();
    for _ in 0..3 {
        for _ in 0..10 {
            assert_eq!(api.invoke("echo", "[1]").status, 200);
        }
        seen.extend(following.until(10, "REPORT "));
    }
    let mut client = Command::new(python());
    client.arg("-B").arg(root().join("tests/clients/logs.py")).args([
        server.endpoint(),
        "follow",
        "/aws/lambda/echo",
    ]);
    let tail = Following::start(&mut client);
    let mut tailed = tail.until(30, "REPORT ");
    assert_eq!(api.invoke("echo", "[1]").status, 200);
    tailed.extend(tail.until(1, "REPORT "));
    seen.extend(following.until(1, "REPORT "));
    let seen: Vec<&str> = seen.iter().map(|line| line.split_once("] ").expect("a version").1).collect();
    let tailed: Vec<&str> = tailed.iter().map(|line| line.trim_end()).collect();
    assert!(seen == tailed, "another client sees the same");
    assert_eq!(seen.len(), 1 + 31 * 3);
    assert_eq!(
        seen.iter().collect::<std::collections::BTreeSet<_>>().len(),
        seen.len(),
        "no line comes twice"
    );
    assert_eq!(following.interrupt(), Some(0));
}

#[test]
fn boto3_reads_logs_as_on_aws_and_every_answer_is_of_the_models_shape() {
    let server = Server::start();
    let api = Api::of(&server);
    assert_eq!(api.create("echo", &guest("echo")).status, 201);
    for _ in 0..4 {
        assert_eq!(api.invoke("echo", "[1]").status, 200);
    }
    let output = Command::new(python())
        .arg("-B")
        .arg(root().join("tests/clients/logs.py"))
        .args([server.endpoint(), "check", "/aws/lambda/echo"])
        .env_remove("AWS_PROFILE")
        .output()
        .expect("python runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("logs: all as on AWS"), "{stdout}\n{stderr}");
}

#[test]
fn the_aws_command_line_reads_logs_and_asks_who_it_is() {
    let server = Server::start();
    let api = Api::of(&server);
    assert_eq!(api.create("echo", &guest("echo")).status, 201);
    assert_eq!(api.invoke("echo", "[1]").status, 200);
    let folder = tempfile::tempdir().expect("a folder");
    let aws = |arguments: &[&str]| -> Value {
        let output = Command::new(python().with_file_name("aws"))
            .args(["--endpoint-url", server.endpoint(), "--output", "json"])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "dummy")
            .env("AWS_SECRET_ACCESS_KEY", "dummy")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("HOME", folder.path())
            .output()
            .expect("aws runs");
        assert!(output.status.success(), "aws {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    assert_eq!(aws(&["sts", "get-caller-identity"])["Account"], "000000000000");
    let group = "/aws/lambda/echo";
    let events = aws(&["logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "REPORT"]);
    assert_eq!(events["events"].as_array().expect("a list").len(), 1);
    let streams = aws(&["logs", "describe-log-streams", "--log-group-name", group]);
    let stream = streams["logStreams"][0]["logStreamName"].as_str().expect("a name").to_owned();
    let events = aws(&["logs", "get-log-events", "--log-group-name", group, "--log-stream-name", &stream]);
    assert_eq!(events["events"].as_array().expect("a list").len(), 4);
}

#[test]
fn a_web_page_of_elsewhere_reads_no_logs() {
    let server = Server::start();
    let host = server.address();
    let logs = "x-amz-target: Logs_20140328.DescribeLogGroups\nContent-Type: application/x-amz-json-1.1";
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (headers, body) in [(logs, &b"{}"[..]), (form, b"Action=GetCallerIdentity&Version=2011-06-15")] {
        let ask = |more: &str| {
            let head = format!("POST / HTTP/1.1\nHost: {host}\n{headers}{more}");
            samovar_tests::raw_request(host, &head, body).status
        };
        assert_eq!(ask(""), 200);
        assert_eq!(ask("\nOrigin: https://evil.example"), 403);
    }
}

#[test]
fn a_functions_own_group_format_and_levels_are_set_over_http() {
    let server = Server::start();
    let body = json!({
        "FunctionName": "loud",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Code": { "ZipFile": BASE64_STANDARD.encode(echo_to_log()) },
        "LoggingConfig": { "LogFormat": "JSON", "SystemLogLevel": "WARN", "LogGroup": "/own/logs" },
    });
    let address = server.address();
    let head = format!("POST /2015-03-31/functions HTTP/1.1\nHost: {address}");
    let created = samovar_tests::raw_request(address, &head, body.to_string().as_bytes());
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    let event = "[\n{\"level\":\"debug\"}\n,\n{\"level\":\"warn\"}\n]";
    assert!(!Api::of(&server).invoke("loud", event).is_function_error);
    let shown = stdout(&mut samovar_logs(&server, &["loud", "--output", "json"]));
    let messages: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["message"].clone())
        .map(|message| serde_json::from_str(message.as_str().expect("a text")).expect("JSON"))
        .collect();
    let texts: Vec<&str> = messages.iter().filter_map(|it| it["message"].as_str()).collect();
    assert_eq!(texts, ["[", ",", "]"], "{shown}");
    assert_eq!(
        messages.len(),
        4,
        "the host's own lines and the function's debug line are not serious enough"
    );
    assert!(messages.contains(&json!({ "level": "warn" })));
}

#[test]
fn logs_outlive_the_server_however_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || Server::start_on(folder.path(), &[]);
    let mut reports = 0;
    for ends_well in [true, false, true] {
        let server = start();
        let api = Api::of(&server);
        if reports == 0 {
            assert_eq!(api.create("echo", &guest("echo")).status, 201);
        }
        for _ in 0..20 {
            assert_eq!(api.invoke("echo", "[1]").status, 200);
        }
        reports += 20;
        let shown = stdout(&mut samovar_logs(&server, &["/aws/lambda/echo"]));
        assert_eq!(shown.matches("REPORT ").count(), reports);
        match ends_well {
            true => assert_eq!(server.terminate(), Some(0)),
            // Dropping it kills it.
            false => drop(server),
        }
    }
    let shown = stdout(&mut samovar_logs(&start(), &["/aws/lambda/echo"]));
    assert_eq!(shown.matches("REPORT ").count(), reports);
}

#[test]
fn a_flood_of_lines_keeps_within_bounds_on_disk_and_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let server =
        Server::start_with(&["--quiet", "--log-mb-per-group", "8", "--invocation-log-bytes", "1073741824"]);
    let package = folder.path().join("flood.wasm");
    std::fs::write(&package, flood()).expect("it is written");
    let deploy = ["deploy", "flood", package.to_str().expect("a path"), "--timeout", "600"];
    stdout(samovar().args(deploy).args(["--endpoint", server.endpoint()]));
    let mut invoke = samovar();
    let invoked = Following::start(invoke.args(["invoke", "flood", "--endpoint", server.endpoint()]));
    let logs = server.data_dir().join("samovar-logs");
    let (mut most_memory, mut most_bytes, mut looks) = (0, 0, 0);
    while matches!(
        invoked.lines.recv_timeout(Duration::from_millis(20)),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout)
    ) {
        most_memory = most_memory.max(resident_bytes(server.id()));
        most_bytes = most_bytes.max(bytes_below(&logs));
        looks += 1;
    }
    assert!(looks > 5, "the flood was watched");
    assert!(most_bytes <= (8 << 20) + (64 << 10), "{most_bytes} bytes on disk");
    assert!(most_memory < 400 << 20, "{most_memory} bytes in memory");
    let shown = stdout(&mut samovar_logs(&server, &["/aws/lambda/flood", "--since", "1h"]));
    assert!(shown.lines().last().expect("a line").contains("REPORT "), "the newest lines are kept");
    // Of eight files six are full at any time, each with more than 900 lines; how full the next is depends on what was lost.
    assert!(shown.lines().count() > 5500, "{} lines", shown.lines().count());
}

fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => bytes_below(&entry.path()),
            // A file may go while it is looked at.
            _ => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}
