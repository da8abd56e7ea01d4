//! Asynchronous events from the 202 to their ends, dead letters, and functions that invoke themselves in a circle: over HTTP, and with
//! the command line.

use std::collections::HashSet;
use std::time::Duration;

use samovar_tests::{Api, Response, Server, guest_path, queue_arn, raw_request, samovar};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Retries that Lambda makes after one and two minutes come after 60 and 120 ms.
const FAST: [&str; 2] = ["--event-time-scale", "1000"];
/// How long something may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn ask(server: &Server, line: &str, headers: &str, body: &str) -> Response {
    let head = format!("{line} HTTP/1.1\nHost: localhost{headers}");
    raw_request(server.address(), &head, body.as_bytes())
}

fn ran(server: &Server, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = samovar().args(arguments).args(["--endpoint", server.endpoint()]).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// What a command prints that succeeds.
fn printed(server: &Server, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = ran(server, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {stdout}{stderr}");
    stdout
}

/// The lines of a table, their cells with one blank between them.
fn table(server: &Server, arguments: &[&str]) -> Vec<String> {
    let text = printed(server, arguments);
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn deploy(server: &Server, name: &str, guest: &str) {
    printed(server, &["deploy", name, &guest_path(guest)]);
}

/// Queues an event, and gives the id that it was accepted with.
fn queued(server: &Server, function: &str, event: &str) -> String {
    let line = format!("POST /2015-03-31/functions/{function}/invocations");
    let response = ask(server, &line, "\nX-Amz-Invocation-Type: Event", event);
    assert_eq!((response.status, response.body.is_empty()), (202, true), "{response:?}");
    response.header("x-amzn-requestid").to_owned()
}

fn event(server: &Server, id: &str) -> Value {
    let response = ask(server, &format!("GET /samovar/events/{id}?body=1"), "", "");
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

/// The event, once it is in that state.
fn when(server: &Server, id: &str, state: &str) -> Value {
    let began = Instant::now();
    loop {
        let event = event(server, id);
        if event["State"] == state {
            return event;
        }
        assert!(began.elapsed() < PATIENCE, "it is not {state}: {event}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn error_of(response: &Response) -> (u16, String) {
    (response.status, response.header("x-amzn-errortype").to_owned())
}

#[test]
fn an_event_that_is_accepted_is_run_and_its_result_is_kept() {
    let server = Server::start();
    deploy(&server, "echo", "echo");
    let id = queued(&server, "echo", r#"{"order":7}"#);
    let ended = when(&server, &id, "Succeeded");
    assert_eq!(ended["Result"], json!({ "order": 7 }));
    assert_eq!(ended["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:echo:$LATEST");
    assert_eq!((&ended["Attempts"], &ended["ExecutedVersion"]), (&json!(1), &json!("$LATEST")));
    assert_eq!((&ended["RequestId"], ended.get("Payload")), (&json!(id), None));
    let without = ask(&server, &format!("GET /samovar/events/{id}"), "", "").json();
    assert_eq!(without.get("Result"), None, "only who asks for the body gets it");
    // InvokeAsync is the older form of the same.
    let old = ask(&server, "POST /2014-11-13/functions/echo/invoke-async", "", "[1]");
    assert_eq!(old.status, 202, "{old:?}");
    assert_eq!(when(&server, old.header("x-amzn-requestid"), "Succeeded")["Result"], json!([1]));
    let unknown = ask(&server, "GET /samovar/events/6b0e4d1c-0000-0000-0000-000000000000", "", "");
    assert_eq!(error_of(&unknown), (404, "ResourceNotFoundException".to_owned()));
    assert!(unknown.json()["Message"].as_str().is_some_and(|text| text.starts_with("Event not found: 6b0e")));
}

#[test]
fn a_function_that_fails_is_tried_three_times_and_its_event_is_a_dead_letter() {
    let server = Server::start_with(&FAST);
    deploy(&server, "fails", "fails");
    let id = queued(&server, "fails", r#"{"id":7}"#);
    let dead = when(&server, &id, "Dead");
    assert_eq!((&dead["Condition"], &dead["Attempts"]), (&json!("RetriesExhausted"), &json!(3)));
    assert_eq!(dead["LastFailure"], json!({ "Code": 200, "Message": "there is no order 7" }));
    assert_eq!((&dead["Payload"], &dead["Told"]), (&json!({ "id": 7 }), &json!([])));

    let list = |query: &str| ask(&server, &format!("GET /samovar/dead-letters{query}"), "", "").json();
    let ids = |list: &Value| -> Vec<String> {
        let letters = list["DeadLetters"].as_array().expect("a list");
        letters.iter().map(|letter| letter["RequestId"].as_str().expect("an id").to_owned()).collect()
    };
    for fits in ["", "?function=fails", "?reason=RetriesExhausted", "?older-than-seconds=0&max-items=1"] {
        assert_eq!(ids(&list(fits)), [id.as_str()], "{fits}");
    }
    for none in ["?function=other", "?reason=HostCrash", "?older-than-seconds=86400"] {
        assert!(ids(&list(none)).is_empty(), "{none}");
    }
    for bad in ["?reason=Boredom", "?older-than-seconds=x", "?marker=%25", "?function=fails:1"] {
        assert_eq!(ask(&server, &format!("GET /samovar/dead-letters{bad}"), "", "").status, 400, "{bad}");
    }
    let letter = ask(&server, &format!("GET /samovar/dead-letters/{id}"), "", "");
    assert_eq!((letter.status, &letter.json()["State"]), (200, &json!("Dead")));

    let again = ask(&server, &format!("POST /samovar/dead-letters/{id}/redrive"), "", "");
    assert_eq!((again.status, &again.json()["Redrives"]), (200, &json!(1)), "{again:?}");
    let dead = when(&server, &id, "Dead");
    assert_eq!(
        (&dead["RequestId"], &dead["Attempts"], &dead["Redrives"]),
        (&json!(id), &json!(3), &json!(1))
    );

    // One that works now.
    deploy(&server, "fails", "echo");
    let all =
        ask(&server, "POST /samovar/dead-letters/redrive", "", r#"{"Function":"fails","RatePerSecond":10}"#);
    assert_eq!((all.status, all.json()), (200, json!({ "Matched": 1, "Done": 1, "Refused": 0 })));
    assert_eq!(when(&server, &id, "Succeeded")["Result"], json!({ "id": 7 }));
    let over = ask(&server, &format!("POST /samovar/dead-letters/{id}/redrive"), "", "");
    assert_eq!(error_of(&over), (409, "ResourceConflictException".to_owned()));
    for (line, body) in
        [("redrive", r#"{"function":"fails"}"#), ("redrive", r#"{"RatePerSecond":0}"#), ("purge", "{")]
    {
        let refused = ask(&server, &format!("POST /samovar/dead-letters/{line}"), "", body);
        assert_eq!(refused.status, 400, "{line} {body}");
    }

    deploy(&server, "fails", "fails");
    let (one, other) = (queued(&server, "fails", r#"{"id":1}"#), queued(&server, "fails", r#"{"id":2}"#));
    when(&server, &one, "Dead");
    when(&server, &other, "Dead");
    assert_eq!(ask(&server, &format!("DELETE /samovar/dead-letters/{one}"), "", "").status, 204);
    assert_eq!(ask(&server, &format!("GET /samovar/events/{one}"), "", "").status, 404);
    assert_eq!(ask(&server, &format!("DELETE /samovar/dead-letters/{one}"), "", "").status, 404);
    let purged = ask(&server, "POST /samovar/dead-letters/purge", "", "{}").json();
    assert_eq!(purged, json!({ "Matched": 1, "Done": 1, "Refused": 0 }));
    assert!(ids(&list("")).is_empty());
}

#[test]
fn the_command_line_shows_events_and_works_with_dead_letters() {
    let server = Server::start_with(&FAST);
    deploy(&server, "echo", "echo");
    deploy(&server, "fails", "fails");
    let id = printed(&server, &["invoke", "echo", "--async", "--payload", r#"{"a":1}"#]);
    let id = id.trim_end();
    when(&server, id, "Succeeded");
    let shown = table(&server, &["events", "show", id]);
    for line in [
        "WHAT VALUE".to_owned(),
        format!("request id {id}"),
        "function arn:aws:lambda:us-east-1:000000000000:function:echo:$LATEST".to_owned(),
        "state Succeeded".to_owned(),
        "attempts 1".to_owned(),
        "executed version $LATEST".to_owned(),
        r#"result {"a":1}"#.to_owned(),
    ] {
        assert!(shown.contains(&line), "{line}: {shown:?}");
    }
    let json = printed(&server, &["events", "show", id, "--output", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON")["Result"], json!({ "a": 1 }));
    let (code, _, stderr) = ran(&server, &["events", "show", "nothing"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("Event not found: nothing") && stderr.contains("404"), "{stderr}");

    let ids: Vec<String> =
        (1..=3).map(|order| queued(&server, "fails", &format!(r#"{{"id":{order}}}"#))).collect();
    for id in &ids {
        when(&server, id, "Dead");
    }
    let list = table(&server, &["dead-letters", "list", "--function", "fails"]);
    assert_eq!(list[0], "REQUEST ID FUNCTION ENDED (UTC) REASON ATTEMPTS WHAT WENT WRONG");
    assert_eq!(list.len(), 4, "{list:?}");
    let of_first = list.iter().find(|line| line.starts_with(&ids[0])).expect("the first");
    assert!(of_first.ends_with(" RetriesExhausted 3 there is no order 1"), "{of_first}");
    assert!(of_first.starts_with(&format!("{} fails:$LATEST ", ids[0])), "{of_first}");
    let json =
        printed(&server, &["dead-letters", "list", "--reason", "RetriesExhausted", "--output", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON").as_array().map(Vec::len), Some(3));
    let (code, stdout, stderr) = ran(&server, &["dead-letters", "list", "--limit", "2"]);
    assert_eq!((code, stdout.lines().count()), (Some(0), 3));
    assert_eq!(stderr, "the list ends after 2 of them; --limit N lists more, if there are\n");
    assert_eq!(ran(&server, &["dead-letters", "list", "--limit", "3"]).2, "", "there are no more");
    let none = printed(&server, &["dead-letters", "list", "--older-than", "2d", "--output", "json"]);
    assert_eq!(none, "[]\n");
    let (code, stdout, stderr) = ran(&server, &["dead-letters", "list", "--older-than", "2d"]);
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (Some(0), "", "there are no dead letters that fit\n")
    );
    assert!(table(&server, &["dead-letters", "show", &ids[1]]).contains(&r#"payload {"id":2}"#.to_owned()));

    let put_back = printed(&server, &["dead-letters", "redrive", &ids[0]]);
    assert_eq!(put_back, format!("put {} back\n", ids[0]));
    when(&server, &ids[0], "Dead");
    let put_back = printed(&server, &["dead-letters", "redrive", "--function", "fails", "--rate", "100"]);
    assert_eq!(put_back, "3 of 3 dead letters put back\n");
    for id in &ids {
        when(&server, id, "Dead");
    }
    assert_eq!(printed(&server, &["dead-letters", "purge", &ids[2]]), format!("removed {}\n", ids[2]));
    let all = ["dead-letters", "purge", "--all", "--yes"];
    assert_eq!(printed(&server, &all), "2 of 2 dead letters removed\n");
    assert_eq!(ran(&server, &["dead-letters", "list"]).1, "");
}

#[test]
fn what_is_put_back_or_removed_somebody_chose_and_each_for_itself() {
    let server = Server::start_with(&FAST);
    deploy(&server, "fails", "fails");
    let ids: Vec<String> =
        (1..=3).map(|order| queued(&server, "fails", &format!(r#"{{"id":{order}}}"#))).collect();
    for id in &ids {
        when(&server, id, "Dead");
    }
    for (line, said) in [
        (&["redrive"][..], "--all"),
        (&["redrive", "--rate", "5"], "--all"),
        (&["purge"], "--all"),
        (&["purge", "--yes"], "--all"),
        (&["purge", "--all"], "say --yes"),
        (&["purge", "--function", "fails"], "say --yes"),
    ] {
        let (code, stdout, stderr) = ran(&server, &[&["dead-letters"], line].concat());
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{line:?}");
        assert!(stderr.contains(said), "{line:?}: {stderr}");
    }
    // What cannot be done with one is no reason to leave the others.
    let (code, stdout, stderr) = ran(&server, &["dead-letters", "purge", "none", &ids[2], "other"]);
    assert_eq!((code, stdout), (Some(1), format!("removed {}\n", ids[2])));
    for id in ["none", "other"] {
        assert!(stderr.contains(&format!("error: cannot remove {id}: ")), "{stderr}");
    }
    let (code, stdout, stderr) = ran(&server, &["dead-letters", "redrive", &ids[2], &ids[1]]);
    assert_eq!((code, stdout), (Some(1), format!("put {} back\n", ids[1])));
    assert!(stderr.starts_with(&format!("error: cannot put {} back: ", ids[2])), "{stderr}");
    when(&server, &ids[1], "Dead");
    assert_eq!(
        printed(&server, &["dead-letters", "purge", "--all", "--yes"]),
        "2 of 2 dead letters removed\n"
    );
    assert_eq!(ran(&server, &["dead-letters", "list"]).1, "");
}

/// A failure whose queue is not there is no dead letter as long as the queue may still come, but it is not out of sight.
#[test]
fn what_waits_for_a_queue_that_is_missing_is_told_beside_the_dead_letters() {
    let server = Server::start();
    deploy(&server, "fails", "fails");
    let arn = queue_arn("missing");
    let on_failure = json!({ "OnFailure": { "Destination": arn } });
    Api::of(&server)
        .put_event_config("fails", &json!({ "MaximumRetryAttempts": 0, "DestinationConfig": on_failure }));
    let backlogs =
        || ask(&server, "GET /samovar/delivery-backlogs", "", "").json()["DeliveryBacklogs"].clone();
    assert_eq!(backlogs(), json!([]));

    let id = queued(&server, "fails", r#"{"id":7}"#);
    assert_eq!(when(&server, &id, "Delivering")["ToBeTold"], json!([arn]));
    let until = |is_so: &dyn Fn(&Value) -> bool| {
        let began = Instant::now();
        while !is_so(&backlogs()) {
            assert!(began.elapsed() < PATIENCE, "{}", backlogs());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    until(&|backlogs| backlogs[0]["Failures"].as_u64() > Some(0));
    let (waiting, error) = (backlogs()[0]["Waiting"].clone(), backlogs()[0]["LastError"].clone());
    assert_eq!((waiting, error), (json!(1), json!("the queue does not exist")));
    let (code, stdout, stderr) = ran(&server, &["dead-letters", "list"]);
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    let line = format!("not in the list: 1 message for {arn}, tried again: the queue does not exist\n");
    assert_eq!(stderr, format!("there are no dead letters that fit\n{line}"));

    let create = "\nX-Amz-Target: AmazonSQS.CreateQueue\nContent-Type: application/x-amz-json-1.0";
    assert_eq!(ask(&server, "POST /", create, r#"{"QueueName":"missing"}"#).status, 200);
    until(&|backlogs| *backlogs == json!([]));
    assert_eq!(ran(&server, &["dead-letters", "list"]).2, "there are no dead letters that fit\n");
}

/// A list of more pages than one: a table under one head, or one document.
#[test]
fn dead_letters_are_listed_page_by_page() {
    let server = Server::start_with(&FAST);
    deploy(&server, "fails", "fails");
    let ids: Vec<String> =
        (0..120).map(|order| queued(&server, "fails", &format!(r#"{{"id":{order}}}"#))).collect();
    for id in &ids {
        when(&server, id, "Dead");
    }
    let all = printed(&server, &["dead-letters", "list", "--output", "json"]);
    let letters: Vec<Value> = serde_json::from_str(&all).expect("one document");
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&letters).expect("JSON")), all);
    let listed: Vec<&str> =
        letters.iter().map(|letter| letter["RequestId"].as_str().expect("an id")).collect();
    assert_eq!((listed.len(), listed.iter().collect::<HashSet<_>>().len()), (120, 120));
    let lines = table(&server, &["dead-letters", "list"]);
    assert_eq!(lines.len(), 121);
    assert!(lines[1..].iter().zip(&listed).all(|(line, id)| line.starts_with(id)), "{lines:?}");
    let (code, stdout, stderr) = ran(&server, &["dead-letters", "list", "--limit", "70", "--output", "json"]);
    let letters: Vec<Value> = serde_json::from_str(&stdout).expect("one document");
    assert_eq!((code, letters.len()), (Some(0), 70));
    assert!(stderr.starts_with("the list ends after 70"), "{stderr}");
}

#[test]
fn a_function_that_invokes_itself_in_a_circle_is_refused() {
    let server = Server::start();
    deploy(&server, "context", "context");
    let invoke = |trace: &str| {
        let header = format!("\nX-Amzn-Trace-Id: {trace}");
        ask(&server, "POST /2015-03-31/functions/context/invocations", &header, "{}")
    };
    let mut trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0".to_owned();
    for hop in 1..=16 {
        let response = invoke(&trace);
        assert_eq!((response.status, response.header("x-amzn-trace-id")), (200, trace.as_str()), "{hop}");
        let seen = response.json()["xray_trace_id"].as_str().expect("a header").to_owned();
        assert!(seen.ends_with(&format!(":{hop}")), "{seen}");
        // What a function sends on is what it was given.
        trace = seen;
    }
    let refused = invoke(&trace);
    assert_eq!(error_of(&refused), (400, "RecursiveInvocationException".to_owned()));
    assert!(refused.json()["Message"].is_string(), "{refused:?}");
    let config = "PUT /2024-08-31/functions/context/recursion-config";
    assert_eq!(ask(&server, config, "", r#"{"RecursiveLoop":"Allow"}"#).status, 200);
    assert_eq!(invoke(&trace).status, 200);
    assert_eq!(ask(&server, config, "", r#"{"RecursiveLoop":"Terminate"}"#).status, 200);

    // One that is queued is accepted, and is dead without having run.
    let header = format!("\nX-Amz-Invocation-Type: Event\nX-Amzn-Trace-Id: {trace}");
    let accepted = ask(&server, "POST /2015-03-31/functions/context/invocations", &header, "{}");
    assert_eq!(accepted.status, 202);
    let dead = when(&server, accepted.header("x-amzn-requestid"), "Dead");
    assert_eq!((&dead["Condition"], &dead["Attempts"]), (&json!("RecursiveInvocation"), &json!(0)));
}
