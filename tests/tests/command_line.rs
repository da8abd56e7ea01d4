//! The command line, as a person types it.

use std::process::Output;

use samovar_tests::{Server, guest_path, samovar};

struct Ran {
    ok: bool,
    stdout: String,
    stderr: String,
}

fn run(server: &Server, arguments: &[&str]) -> Ran {
    let output = samovar().args(arguments).args(["--endpoint", server.endpoint()]).output().expect("it runs");
    ran(&output)
}

fn ran(output: &Output) -> Ran {
    Ran {
        ok: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn deploy_alias_invoke_and_move_back() {
    let server = Server::start();
    let deployed =
        run(&server, &["deploy", "hello", &guest_path("hello"), "--memory", "256", "--alias", "live"]);
    assert!(deployed.ok, "{}", deployed.stderr);

    let first = run(&server, &["invoke", "hello:live", "--payload", r#"{"name":"Ada"}"#, "--log"]);
    assert!(first.ok, "{}", first.stderr);
    assert_eq!(first.stdout, "{\"message\":\"Hello, Ada!\"}\n");
    assert!(
        first.stderr.contains("Memory Size: 256 MB") && first.stderr.contains("Init Duration"),
        "{}",
        first.stderr
    );

    let again = run(&server, &["deploy", "hello", &guest_path("echo"), "--alias", "live"]);
    assert!(again.ok, "{}", again.stderr);
    assert_eq!(run(&server, &["invoke", "hello:live", "--payload", "[1]"]).stdout, "[1]\n");
    let moved = run(&server, &["alias", "hello", "live", "1", "--weight", "2=0.5"]);
    assert!(moved.ok, "{}", moved.stderr);
    let back = run(&server, &["alias", "hello", "live", "1"]);
    assert!(back.ok, "{}", back.stderr);
    for _ in 0..5 {
        assert_eq!(run(&server, &["invoke", "hello:live"]).stdout, "{\"message\":\"Hello, World!\"}\n");
    }
}

#[test]
fn an_event_comes_from_a_file_or_from_standard_input() {
    use std::io::Write;
    use std::process::Stdio;
    let server = Server::start();
    assert!(run(&server, &["deploy", "echo", &guest_path("echo")]).ok);
    let file = std::env::temp_dir().join(format!("samovar-event-{}.json", std::process::id()));
    std::fs::write(&file, "{\"from\":\"file\"}").expect("it is written");
    let path = file.to_str().expect("a path").to_owned();
    assert_eq!(run(&server, &["invoke", "echo", "--event", &path]).stdout, "{\"from\":\"file\"}\n");
    std::fs::remove_file(&file).expect("it was there");

    let mut command = samovar();
    command.args(["invoke", "echo", "-", "--endpoint", server.endpoint()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("piped").write_all(b"[\"from stdin\"]").expect("it reads");
    assert_eq!(ran(&child.wait_with_output().expect("it ends")).stdout, "[\"from stdin\"]\n");
}

#[test]
fn filters_are_tried_on_messages_without_a_server() {
    use std::io::Write;
    use std::process::Stdio;
    let tried = |patterns: &[&str], event: &str| {
        let filter = samovar()
            .arg("filter")
            .args(patterns)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = filter.expect("it runs");
        // Whoever refuses a pattern reads no event.
        let _ = child.stdin.take().expect("it was piped").write_all(event.as_bytes());
        ran(&child.wait_with_output().expect("it ends"))
    };
    let event =
        r#"{"Records":[{"messageId":"a","body":"{\"state\":\"new\"}"},{"messageId":"b","body":"new"}]}"#;
    let some = tried(&[r#"{"body":{"state":["new"]}}"#], event);
    assert_eq!((some.ok, some.stdout.as_str()), (false, "a passes\nb does not pass\n"));
    let all = tried(&[r#"{"body":{"state":["new"]}}"#, r#"{"body":[{"prefix":"ne"}]}"#], event);
    assert_eq!((all.ok, all.stdout.as_str()), (true, "a passes\nb passes\n"));
    let one = tried(&[r#"{"body":["x"]}"#], r#"{"body":"x"}"#);
    assert_eq!((one.ok, one.stdout.as_str()), (true, "record 1 passes\n"));
    for (pattern, event, said) in [
        (r#"{"body":"new"}"#, "{}", "error: filter 1: body must be a list or an object, not a string\n"),
        (
            r#"{"body":["new"]}"#,
            "{",
            "error: - is not JSON: EOF while parsing an object at line 1 column 1\n",
        ),
        (r#"{"body":["new"]}"#, r#"{"Records":[1]}"#, "error: record 1 is no JSON object\n"),
    ] {
        let refused = tried(&[pattern], event);
        assert_eq!((refused.ok, refused.stdout.as_str(), refused.stderr.as_str()), (false, "", said));
    }
}

#[test]
fn schedules_say_when_they_are_due_without_a_server() {
    let next = |arguments: &[&str]| {
        ran(&samovar().args(["schedule", "next"]).args(arguments).output().expect("it runs"))
    };
    // Clocks go forward in Berlin in the night before the second.
    let berlin = ["--time-zone", "Europe/Berlin", "--after", "2027-03-26T09:00:00Z", "--count", "2"];
    let due = next(&[&["cron(30 9 ? * MON-FRI *)"][..], &berlin].concat());
    let lines: Vec<&str> = due.stdout.lines().map(str::trim_end).collect();
    let table = [
        "DUE (UTC)            LOCAL TIME",
        "2027-03-29 07:30:00  Mon 2027-03-29 09:30:00 +02:00",
        "2027-03-30 07:30:00  Tue 2027-03-30 09:30:00 +02:00",
    ];
    assert_eq!((due.ok, lines.as_slice()), (true, &table[..]), "{}", due.stderr);
    let rate =
        next(&["rate(5 minutes)", "--after", "2027-01-01T00:00:00Z", "--count", "1", "--output", "json"]);
    assert_eq!((rate.ok, rate.stdout.as_str()), (true, "[\n  \"2027-01-01T00:05:00Z\"\n]\n"));
    let never = next(&["at(2020-01-01T00:00:00)"]);
    assert_eq!((never.ok, never.stdout.as_str(), never.stderr.as_str()), (true, "", "it is never due\n"));
    for (arguments, said) in [
        (&["cron(30 9 * * * *)"][..], "one of day-of-month and day-of-week must be ?"),
        (&["rate(5 minutes)", "--time-zone", "Europe/Atlantis"], "\"Europe/Atlantis\" is not a time zone"),
    ] {
        let refused = next(arguments);
        assert!(!refused.ok && refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn a_function_error_is_printed_and_is_the_exit_code() {
    let server = Server::start();
    assert!(run(&server, &["deploy", "fails", &guest_path("fails")]).ok);
    let failed = run(&server, &["invoke", "fails", "--payload", r#"{"id": 7}"#]);
    assert!(!failed.ok);
    assert!(failed.stdout.contains(r#""errorType":"OrderNotFound""#), "{}", failed.stdout);
}

#[test]
fn timing_shows_every_stage_cold_and_warm() {
    let server = Server::start();
    assert!(run(&server, &["deploy", "hello", &guest_path("hello")]).ok);
    let timed = run(&server, &["invoke", "hello", "--repeat", "20", "--timing"]);
    assert!(timed.ok, "{}", timed.stderr);
    let shown = format!("{}{}", timed.stdout, timed.stderr);
    for part in ["resolve", "permit", "checkout", "instantiate", "init", "run", "cold", "warm"] {
        assert!(shown.contains(part), "no {part} in\n{shown}");
    }
}

#[test]
fn every_mistake_is_one_line_that_says_what_to_do() {
    let server = Server::start();
    let not_wasm = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert!(run(&server, &["deploy", "echo", &guest_path("echo")]).ok);
    let mistakes: &[(&[&str], &str)] = &[
        (&["invoke", "nobody"], "nobody"),
        (&["invoke", "echo:nowhere"], "nowhere"),
        (&["invoke", "echo", "--payload", "{no"], "json"),
        (&["deploy", "bad", not_wasm], "not WebAssembly"),
        (&["deploy", "bad", "/no/such/file.wasm"], "/no/such/file.wasm"),
        (&["deploy", "bad name", &guest_path("echo")], "bad name"),
        (&["deploy", "echo", &guest_path("echo"), "--memory", "1"], "128"),
        (&["deploy", "echo", &guest_path("hello"), "--alias", "7"], "digits"),
        (&["deploy", "echo", "/dev/zero"], "268435456 bytes"),
        (&["alias", "echo", "live", "7"], "7"),
    ];
    for (arguments, part) in mistakes {
        let mistaken = run(&server, arguments);
        assert!(!mistaken.ok, "{arguments:?} succeeded");
        let message = mistaken.stderr.trim();
        assert_eq!(message.lines().count(), 1, "{arguments:?}: {message}");
        assert!(message.to_lowercase().contains(&part.to_lowercase()), "{arguments:?}: {message}");
    }
    assert_eq!(
        run(&server, &["invoke", "echo", "--payload", "[1]"]).stdout,
        "[1]\n",
        "nothing was half deployed"
    );
    let nobody_there = samovar().args(["invoke", "echo", "--endpoint", "http://127.0.0.1:1"]).output();
    let nobody_there = ran(&nobody_there.expect("it runs"));
    assert!(!nobody_there.ok && nobody_there.stderr.contains("samovar serve"), "{}", nobody_there.stderr);
}
