//! The command line for the daily work: looking at functions, versions, aliases, settings and tags, and changing them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use samovar_tests::{Api, Response, Server, guest_path, raw_request, samovar};
use serde_json::{Value, json};

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a command against a server.
fn ran(endpoint: &str, arguments: &[&str]) -> Ran {
    let output = samovar().args(arguments).args(["--endpoint", endpoint]).output().expect("it runs");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// What a command prints that succeeds.
fn printed(server: &Server, arguments: &[&str]) -> String {
    let ran = ran(server.endpoint(), arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    ran.stdout
}

/// The one line on standard error of a command that fails.
fn refused(server: &Server, arguments: &[&str]) -> String {
    let ran = ran(server.endpoint(), arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{arguments:?}: {}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{arguments:?}: {}", ran.stderr);
    ran.stderr.trim_end().to_owned()
}

/// The JSON that a listing is.
fn document(server: &Server, arguments: &[&str]) -> Value {
    let ran = ran(server.endpoint(), &[arguments, &["--output", "json"]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

/// The lines of a table, their cells with one blank between them.
fn table(server: &Server, arguments: &[&str]) -> Vec<String> {
    let text = printed(server, arguments);
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn deploy(server: &Server, name: &str, guest: &str, options: &[&str]) -> String {
    printed(server, &[&["deploy", name, &guest_path(guest)], options].concat())
}

fn with(server: &Server, line: &str, body: &str) -> Response {
    raw_request(server.address(), &format!("{line} HTTP/1.1\nHost: localhost"), body.as_bytes())
}

#[test]
fn from_a_deployment_by_a_canary_to_a_rollback() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--revision", "aaa111", "--alias", "live"]);
    let deployed = deploy(&server, "hello", "echo", &["--revision", "bbb222"]);
    assert!(deployed.ends_with("version 2: arn:aws:lambda:us-east-1:000000000000:function:hello:2\n"));
    printed(&server, &["alias", "hello", "live", "1", "--weight", "2=0.1"]);

    let versions = table(&server, &["versions", "hello"]);
    assert_eq!(versions[0], "VERSION CODE SHA256 CODE SIZE MEMORY LAST MODIFIED (UTC) ALIASES DESCRIPTION");
    assert!(versions[1].starts_with("$LATEST ") && versions.len() == 4, "{versions:?}");
    assert!(versions[2].starts_with("1 ") && versions[2].ends_with(" live 90 % aaa111"), "{versions:?}");
    assert!(versions[3].starts_with("2 ") && versions[3].ends_with(" live 10 % bbb222"), "{versions:?}");
    let listed = document(&server, &["versions", "hello"]);
    assert_eq!(listed["Versions"][2]["Description"], "bbb222");
    assert_eq!(listed["Aliases"][0]["RoutingConfig"]["AdditionalVersionWeights"], json!({ "2": 0.1 }));

    assert_eq!(
        printed(&server, &["rollback", "hello", "live"]),
        "alias live: version 1, and 10 % of the calls to version 2 -> version 1\n"
    );
    printed(&server, &["alias", "hello", "live", "2"]);
    assert_eq!(printed(&server, &["rollback", "hello", "live"]), "alias live: version 2 -> version 1\n");
    assert_eq!(printed(&server, &["invoke", "hello:live"]), "{\"message\":\"Hello, World!\"}\n");

    assert_eq!(table(&server, &["aliases", "hello"]), ["ALIAS LEADS TO DESCRIPTION", "live version 1"]);
    assert_eq!(document(&server, &["aliases", "hello"])[0]["FunctionVersion"], "1");
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:hello";
    for name in ["hello", arn] {
        let moves = table(&server, &["aliases", name, "live"]);
        let ends: Vec<_> =
            moves[1..].iter().map(|line| line.split_once(" anonymous ").expect("who").1).collect();
        let canary = "version 1, and 10 % of the calls to version 2";
        assert_eq!(
            ends,
            [
                "version 2 version 1".to_owned(),
                "version 1 version 2".to_owned(),
                format!("{canary} version 1"),
                format!("version 1 {canary}"),
                "- version 1".to_owned(),
            ]
        );
    }
    let history = document(&server, &["aliases", "hello", "live"]);
    assert_eq!(
        history["Moves"][3]["To"],
        json!({ "FunctionVersion": "1", "AdditionalVersionWeights": { "2": 0.1 } })
    );
    assert_eq!(
        (&history["Moves"][4]["Principal"], history["Moves"][4].get("From")),
        (&json!("anonymous"), None)
    );
}

#[test]
fn two_who_roll_back_the_same_move_do_it_once() {
    let server = Server::start();
    deploy(&server, "f", "hello", &["--alias", "live"]);
    deploy(&server, "f", "echo", &["--alias", "live"]);
    let seen = with(&server, "GET /2015-03-31/functions/f/aliases/live", "").json()["RevisionId"].clone();
    let seen = seen.as_str().expect("a revision");
    let rollback = "POST /samovar/functions/f/aliases/live/rollback";
    let first = with(&server, rollback, &format!(r#"{{"RevisionId":"{seen}"}}"#));
    assert_eq!((first.status, first.json()["FunctionVersion"].as_str()), (200, Some("1")), "{first:?}");
    for again in [
        with(&server, rollback, &format!(r#"{{"RevisionId":"{seen}"}}"#)),
        with(&server, &format!("{rollback}?RevisionId={seen}"), ""),
    ] {
        let error = (again.status, again.header("x-amzn-errortype").to_owned());
        assert_eq!(error, (412, "PreconditionFailedException".to_owned()));
    }
    assert_eq!(with(&server, rollback, "{").status, 400);
    let now = with(&server, "GET /2015-03-31/functions/f/aliases/live", "").json();
    assert_eq!(now["FunctionVersion"], "1", "the second has not led it on again");
}

#[test]
fn an_alias_that_led_nowhere_else_is_not_rolled_back() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--alias", "live"]);
    let error = refused(&server, &["rollback", "hello", "live"]);
    assert!(error.contains("has not led to another version before") && error.contains("409"), "{error}");
    assert!(refused(&server, &["rollback", "hello", "beta"]).contains("ResourceNotFound"));
    assert!(refused(&server, &["aliases", "hello", "beta"]).contains("ResourceNotFound"));
    assert!(refused(&server, &["aliases", "nobody", "live"]).contains("Function not found"));
}

#[test]
fn the_history_and_the_rollback_of_an_alias_are_guarded_and_answered_like_the_rest_of_the_api() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--alias", "live"]);
    deploy(&server, "hello", "echo", &["--alias", "live"]);
    let path = "/samovar/functions/hello/aliases/live";
    let rolled_back = with(&server, &format!("POST {path}/rollback"), "");
    assert_eq!(rolled_back.status, 200);
    assert_eq!(rolled_back.json(), with(&server, "GET /2015-03-31/functions/hello/aliases/live", "").json());
    assert_eq!(rolled_back.header("x-amzn-requestid").len(), 36);

    for (line, host, status, error) in [
        (format!("GET {path}/history"), "evil.example", 403, "AccessDeniedException"),
        (
            format!("POST {path}/rollback"),
            "localhost\nOrigin: http://evil.example",
            403,
            "AccessDeniedException",
        ),
        (format!("DELETE {path}/history"), "localhost", 404, "UnknownOperationException"),
        (
            "GET /samovar/functions/a%20b/aliases/live/history".to_owned(),
            "localhost",
            400,
            "ValidationException",
        ),
        (
            "GET /samovar/functions/hello/aliases/7/history".to_owned(),
            "localhost",
            400,
            "ValidationException",
        ),
    ] {
        let response = raw_request(server.address(), &format!("{line} HTTP/1.1\nHost: {host}"), b"");
        assert_eq!((response.status, response.header("x-amzn-errortype")), (status, error), "{line}");
    }
    let elsewhere =
        "localhost\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/lambda/aws4_request";
    let line = format!("GET {path}/history HTTP/1.1\nHost: {elsewhere}");
    assert_eq!(raw_request(server.address(), &line, b"").status, 404, "it is another region's");
    let signed =
        "localhost\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/lambda/aws4_request";
    let line = format!("POST {path}/rollback HTTP/1.1\nHost: {signed}");
    assert_eq!(raw_request(server.address(), &line, b"").status, 200);
    let history = with(&server, &format!("GET {path}/history"), "").json();
    assert_eq!(history["Moves"][0]["Principal"], "AKID");
}

#[test]
fn functions_are_listed_over_all_pages_and_in_their_region() {
    let server = Server::start();
    let none = ran(server.endpoint(), &["functions"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    assert!(none.stderr.starts_with("there are no functions"), "{}", none.stderr);
    assert_eq!(document(&server, &["functions"]), json!([]));

    let api = Api::of(&server);
    let package = std::fs::read(guest_path("echo")).expect("the guest");
    for number in 0..51 {
        assert_eq!(api.create(&format!("f{number:02}"), &package).status, 201);
    }
    let rows = table(&server, &["functions"]);
    assert_eq!((rows.len(), rows[0].as_str()), (52, "NAME MEMORY TIMEOUT CODE SIZE LAST MODIFIED (UTC)"));
    assert!(rows[1].starts_with("f00 128 MB 1 s ") && rows[51].starts_with("f50 "), "{rows:?}");
    let all = document(&server, &["functions"]);
    assert_eq!((all.as_array().map(Vec::len), &all[50]["FunctionName"]), (Some(51), &json!("f50")));
    assert_eq!(document(&server, &["functions", "--region", "eu-west-1"]), json!([]));
    deploy(&server, "elsewhere", "echo", &["--region", "eu-west-1"]);
    assert_eq!(document(&server, &["functions", "--region", "eu-west-1"])[0]["FunctionName"], "elsewhere");
    assert!(refused(&server, &["functions", "--region", "no region"]).contains("no region"));
}

#[test]
fn a_configuration_is_shown_and_changed() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--env", "KEPT=1", "--env", "GONE=1"]);
    let shown = table(&server, &["config", "hello"]);
    assert_eq!(shown[0], "SETTING VALUE");
    for row in ["memory 128 MB", "timeout 3 s", "log format Text", "last update Successful", "env GONE 1"] {
        assert!(shown.iter().any(|line| line == row), "no {row} in {shown:?}");
    }
    let options = ["--memory", "256", "--timeout", "9", "--ephemeral-storage", "1024", "--env", "NEW=a=b"];
    let more = ["--unset-env", "GONE", "--description", "greets", "--handler", "h", "--log-format", "json"];
    let changed = document(&server, &[&["config", "hello"], &options[..], &more[..]].concat());
    let expected = json!({
        "MemorySize": 256, "Timeout": 9, "EphemeralStorage": { "Size": 1024 }, "Description": "greets", "Handler": "h",
        "Environment": { "Variables": { "KEPT": "1", "NEW": "a=b" } }, "LastUpdateStatus": "Successful",
    });
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&changed[member], value, "{member}");
    }
    assert_eq!(changed["LoggingConfig"]["LogFormat"], "JSON");
    assert_eq!(document(&server, &["config", "hello", "--qualifier", "1"])["MemorySize"], 128);

    let failed = "arn:aws:sqs:us-east-1:000000000000:failed";
    let events = ["--dead-letter", failed, "--retries", "0", "--max-event-age", "60", "--on-failure", failed];
    let shown = table(&server, &[&["config", "hello"], &events[..]].concat());
    for row in
        [("dead letters", failed), ("event retries", "0"), ("event age", "60 s"), ("on failure", failed)]
    {
        let row = format!("{} {}", row.0, row.1);
        assert!(shown.contains(&row), "no {row} in {shown:?}");
    }
    let version = ["config", "hello", "--qualifier", "1", "--retries", "1"];
    let events = &document(&server, &version)["EventInvokeConfig"];
    assert_eq!(
        (&events["MaximumRetryAttempts"], &events["MaximumEventAgeInSeconds"]),
        (&json!(1), &json!(null))
    );
    let less = document(&server, &["config", "hello", "--on-failure", "", "--dead-letter", ""]);
    assert_eq!(less.get("DeadLetterConfig"), None);
    let expected = json!({ "OnSuccess": {}, "OnFailure": {} });
    let events = &less["EventInvokeConfig"];
    assert_eq!((&events["DestinationConfig"], &events["MaximumRetryAttempts"]), (&expected, &json!(0)));
    let topic = ["config", "hello", "--dead-letter", "arn:aws:sns:us-east-1:000000000000:t"];
    assert!(refused(&server, &topic).contains("SNS topics are not supported"));

    let same = ran(server.endpoint(), &["config", "hello", "--env", "KEPT=1"]);
    assert_eq!((same.code, same.stderr.as_str()), (Some(0), "hello has that already\n"));
    assert!(refused(&server, &["config", "nobody"]).contains("Function not found"));
    assert!(refused(&server, &["config", "hello", "--memory", "1"]).contains("128"));
    assert!(refused(&server, &["config", "hello", "--env", "AWS_REGION=x"]).contains("AWS_REGION"));
}

/// A connection between a command and its server, on which `before` happens whenever a PUT is about to be passed on.
fn meddler(server: &Server, before: impl Fn() + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let address = server.address().to_owned();
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let mut onward = TcpStream::connect(&address).expect("the server listens");
            let mut backward = onward.try_clone().expect("a second handle");
            let mut answers = client.try_clone().expect("a second handle");
            std::thread::spawn(move || std::io::copy(&mut backward, &mut answers));
            let mut buffer = [0; 16384];
            // The client waits for each answer, so every request begins with a read of its own.
            while let Ok(read @ 1..) = client.read(&mut buffer) {
                if buffer.starts_with(b"PUT ") {
                    before();
                }
                onward.write_all(&buffer[..read]).expect("the server reads");
            }
        }
    });
    endpoint
}

#[test]
fn a_concurrent_change_is_refused_and_nothing_of_it_is_lost() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--env", "OURS=1"]);
    let address = server.address().to_owned();
    let endpoint = meddler(&server, move || {
        let head = "PUT /2015-03-31/functions/hello/configuration HTTP/1.1\nHost: localhost";
        let theirs = json!({ "Environment": { "Variables": { "THEIRS": "1" } } });
        assert_eq!(raw_request(&address, head, theirs.to_string().as_bytes()).status, 200);
    });
    let late = ran(&endpoint, &["config", "hello", "--env", "OURS=2"]);
    assert_eq!((late.code, late.stdout.as_str()), (Some(1), ""), "{}", late.stderr);
    assert!(late.stderr.contains("hello was changed by somebody else at the same time"), "{}", late.stderr);
    let variables = &document(&server, &["config", "hello"])["Environment"]["Variables"];
    assert_eq!(*variables, json!({ "THEIRS": "1" }));
}

#[test]
fn a_deployment_takes_no_variable_away_that_somebody_else_has_set_meanwhile() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--env", "OURS=1"]);
    let address = server.address().to_owned();
    let set = Arc::new(AtomicU32::new(0));
    let times = set.clone();
    let endpoint = meddler(&server, move || {
        let head = "PUT /2015-03-31/functions/hello/configuration HTTP/1.1\nHost: localhost";
        let number = times.fetch_add(1, Ordering::Relaxed).to_string();
        let theirs = json!({ "Environment": { "Variables": { "THEIRS": number } } });
        assert_eq!(raw_request(&address, head, theirs.to_string().as_bytes()).status, 200);
    });
    let late = ran(&endpoint, &["deploy", "hello", &guest_path("echo"), "--isolation", "fresh"]);
    assert_eq!(late.code, Some(1), "{}{}", late.stdout, late.stderr);
    let told = "cannot configure hello; its $LATEST has the new code, and nothing was published";
    assert!(late.stderr.contains(told) && late.stderr.contains("status 412"), "{}", late.stderr);
    let variables = &document(&server, &["config", "hello"])["Environment"]["Variables"];
    assert_eq!(*variables, json!({ "THEIRS": "1" }));
}

#[test]
fn tags_are_set_shown_and_taken_away() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &[]);
    let none = ran(server.endpoint(), &["tags", "hello"]);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "hello has no tags\n"));
    let set = table(&server, &["tags", "hello", "team=tea time", "stage=test"]);
    assert_eq!(set, ["KEY VALUE", "stage test", "team tea time"]);
    let changed = ["tags", "hello", "stage=live", "a b=c", "--remove", "team", "none"];
    assert_eq!(document(&server, &changed), json!({ "Tags": { "stage": "live", "a b": "c" } }));
    assert_eq!(document(&server, &["tags", "hello", "--remove", "a b", "stage"]), json!({ "Tags": {} }));
    assert!(refused(&server, &["tags", "nobody"]).contains("Function not found"));
}

#[test]
fn what_is_deleted_is_named_and_asked_for() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &[]);
    deploy(&server, "hello", "echo", &["--alias", "live"]);
    let unasked = refused(&server, &["delete", "hello"]);
    assert!(unasked.contains("say --yes to delete hello with all its versions and aliases"), "{unasked}");
    let led_to = refused(&server, &["delete", "hello", "--version", "2", "--yes"]);
    assert!(led_to.contains("live") && led_to.contains("409"), "{led_to}");
    assert!(refused(&server, &["delete", "hello", "--version", "9", "--yes"]).contains("Function not found"));
    assert!(refused(&server, &["delete", "hello:1", "--yes"]).contains("--version"));
    assert_eq!(
        printed(&server, &["delete", "hello", "--version", "1", "-y"]),
        "deleted version 1 of hello\n"
    );
    let deleted = printed(&server, &["delete", "hello", "--yes"]);
    assert_eq!(deleted, "deleted hello with all its versions and aliases\n");
    assert!(refused(&server, &["delete", "hello", "--yes"]).contains("Function not found"));
}

#[test]
fn a_revision_stays_with_the_version_that_was_made_of_it() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--revision", "aaa111"]);
    let again = deploy(&server, "hello", "hello", &["--revision", "aaa111"]);
    assert!(again.ends_with("nothing has changed since version 1 was published\n"), "{again}");
    let other = deploy(&server, "hello", "hello", &["--revision", "bbb222"]);
    let told = "nothing has changed since version 1 was published; its description stays \"aaa111\", and \"bbb222\" is \
                not kept\n";
    assert!(other.ends_with(told), "{other}");
    let changed = deploy(&server, "hello", "hello", &["--revision", "bbb222", "--memory", "256"]);
    assert!(changed.contains("version 2: ") && !changed.contains("nothing has changed"), "{changed}");
    let versions = document(&server, &["versions", "hello"]);
    let descriptions: Vec<_> = versions["Versions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|version| &version["Description"])
        .collect();
    assert_eq!(descriptions, ["", "aaa111", "bbb222"]);
    let long = "x".repeat(257);
    assert!(refused(&server, &["deploy", "hello", &guest_path("echo"), "--revision", &long]).contains("256"));
}

#[test]
fn a_deployment_waits_for_a_compiler_that_takes_its_time() {
    let server = Server::start_with(&["--compile-wait-seconds", "0"]);
    let created = deploy(&server, "hello", "hello", &["--memory", "256", "--alias", "live"]);
    assert!(created.starts_with("created hello: "), "{created}");
    let updated = deploy(&server, "hello", "large", &["--memory", "512", "--alias", "live"]);
    assert!(
        updated.starts_with("updated hello: ") && updated.ends_with("alias live -> version 2\n"),
        "{updated}"
    );
    assert_eq!(document(&server, &["config", "hello"])["LastUpdateStatus"], "Successful");

    let folder = tempfile::tempdir().expect("a folder");
    let bad = bad_component(folder.path());
    let error = refused(&server, &["deploy", "hello", &bad]);
    assert!(error.contains("cannot deploy ") && error.contains("bad.wasm: "), "{error}");
    assert_eq!(document(&server, &["versions", "hello"])["Versions"].as_array().map(Vec::len), Some(3));
    assert!(refused(&server, &["deploy", "new", &bad]).contains("cannot deploy "));
    // What could not be made is there as failed, and is made by code that is good.
    assert!(deploy(&server, "new", "hello", &[]).contains("version 1: "));
    assert_eq!(printed(&server, &["invoke", "new:1"]), "{\"message\":\"Hello, World!\"}\n");
}

/// A component that only the compiler refuses.
fn bad_component(folder: &Path) -> String {
    let file = folder.join("bad.wasm");
    std::fs::write(&file, b"\0asm\x0d\0\x01\0\xff").expect("it is written");
    file.to_str().expect("a path").to_owned()
}

#[test]
fn values_cannot_forge_lines_or_move_the_cursor() {
    let server = Server::start();
    deploy(
        &server,
        "hello",
        "hello",
        &["--revision", "a\u{1b}[2J\n9  forged", "--env", "TITLE=\u{1b}]0;title\u{7}\u{9b}1A"],
    );
    let path = "/2015-03-31/functions/hello/aliases";
    let alias = json!({ "Name": "live", "FunctionVersion": "1", "Description": "x\r\u{1b}[1Ay\u{202e}" });
    assert_eq!(with(&server, &format!("POST {path}"), &alias.to_string()).status, 201);
    for (arguments, expected) in [
        (&["versions", "hello"][..], r"a\x1b[2J\n9  forged"),
        (&["config", "hello"], r"\x1b]0;title\x07\x9b1A"),
        (&["aliases", "hello"], r"x\r\x1b[1Ay\u{202e}"),
    ] {
        let text = printed(&server, arguments);
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\r', '\u{202e}']), "{text:?}");
    }
    // JSON has a form for all of it, and scripts want it as it is.
    let versions = document(&server, &["versions", "hello"]);
    assert_eq!(versions["Versions"][1]["Description"], "a\u{1b}[2J\n9  forged");
}

#[test]
fn concurrency_is_reserved_provisioned_shown_and_given_back() {
    let server = Server::start();
    deploy(&server, "hello", "hello", &["--alias", "live", "--permit-wait-ms", "250"]);
    let nothing = ran(server.endpoint(), &["concurrency", "hello"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), ""));
    assert!(nothing.stderr.contains("shares what is left"), "{}", nothing.stderr);
    let provision = ["concurrency", "hello", "--reserve", "5", "--qualifier", "live", "--provision", "2"];
    assert_eq!(
        table(&server, &provision),
        ["WHAT ASKED FOR THERE STATUS", "reserved 5", "provisioned live 2 2 READY"]
    );
    let shown = document(&server, &["concurrency", "hello"]);
    assert_eq!(shown["ReservedConcurrentExecutions"], 5);
    assert_eq!(shown["ProvisionedConcurrencyConfigs"][0]["Status"], "READY");
    let told = refused(&server, &["concurrency", "hello", "--reserve", "1"]);
    assert!(
        told.contains("cannot reserve 1") && told.contains("total provisioned concurrency [2]"),
        "{told}"
    );
    let told = refused(&server, &["concurrency", "hello", "--reserve", "901"]);
    assert!(told.contains("minimum value of [100]"), "{told}");
    let stopped = ["concurrency", "hello", "--qualifier", "live", "--unprovision", "--reserve", "0"];
    assert_eq!(table(&server, &stopped), ["WHAT ASKED FOR THERE STATUS", "reserved 0"]);
    let back = ["concurrency", "hello", "--release"];
    assert_eq!(printed(&server, &back), "");
    let told = refused(&server, &["concurrency", "nobody"]);
    assert!(told.contains("Function not found"), "{told}");
}
