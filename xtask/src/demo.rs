//! The main job, played with the real binary over real HTTP. Every step checks what it got.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use crate::client::Client;
use crate::guests;
use crate::host;
use crate::repository::Repository;
use crate::server::Server;

/// How often the alias is called. That a fair split sends all to one version happens once in half a million demos.
const ROUTED_CALLS: u32 = 20;

/// Builds everything, plays the demo on a server of its own, and ends that server.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    guests::build(repository)?;
    host::build(repository)?;

    let folder = repository.target("demo").join(std::process::id().to_string());
    std::fs::create_dir_all(&folder)?;
    title("A host");
    // So that the minutes between the attempts of an event are seconds.
    let server = Server::start(repository, &folder, &["--event-time-scale", "60"])?;
    let client = Client { repository, endpoint: &server.endpoint };
    play(&client).map_err(|error| anyhow!("{error:#}\n\n{}", server.log_tail()))?;
    server.stop()?;
    // Only a demo that failed leaves something to look at.
    std::fs::remove_dir_all(&folder)?;
    println!("\nThe demo has shown all it should.");
    Ok(())
}

fn play(client: &Client<'_>) -> Result<()> {
    cold_and_warm(client)?;
    state(client)?;
    function_error(client)?;
    time_out(client)?;
    out_of_memory(client)?;
    plain_program(client)?;
    denied_request(client)?;
    weighted_alias(client)?;
    dead_letter(client)?;
    polled_queue(client)?;
    timing(client)
}

fn cold_and_warm(client: &Client<'_>) -> Result<()> {
    title("Deploy a function; the first call is cold, the second warm");
    let deploy = ["deploy", "hello", "target/guests/hello.wasm", "--alias", "live"];
    client.show(&deploy)?.succeeds()?;

    let invoke = ["invoke", "hello:live", "--payload", r#"{"name": "Ada"}"#, "--log"];
    let greeting = json!({ "message": "Hello, Ada!" });
    let cold = client.show(&invoke)?.succeeds()?.answers(greeting.clone())?;
    cold.shows("REPORT")?.shows("Init Duration")?;
    let warm = client.show(&invoke)?.succeeds()?.answers(greeting)?;
    warm.shows("REPORT")?.hides("Init Duration")?;
    Ok(())
}

fn state(client: &Client<'_>) -> Result<()> {
    title("State is kept while an instance is warm");
    client.show(&["deploy", "counter", "target/guests/counter.wasm"])?.succeeds()?;
    for count in 1..=3 {
        client
            .show(&["invoke", "counter", "--payload", "{}"])?
            .succeeds()?
            .answers(json!({ "count": count }))?;
    }
    Ok(())
}

fn function_error(client: &Client<'_>) -> Result<()> {
    title("A function's own error, with its type");
    client.show(&["deploy", "fails", "target/guests/fails.wasm"])?.succeeds()?;
    let failed = client.show(&["invoke", "fails", "--payload", r#"{"id": 7}"#])?.fails()?;
    failed.shows("OrderNotFound")?.shows("there is no order 7")?;
    Ok(())
}

fn time_out(client: &Client<'_>) -> Result<()> {
    title("An endless loop is ended at its time limit");
    client.show(&["deploy", "spinner", "target/guests/spinner.wasm", "--timeout", "1"])?.succeeds()?;
    let ended = client.show(&["invoke", "spinner", "--payload", "{}", "--log"])?.fails()?;
    ended.shows("Sandbox.Timedout")?.shows("timed out after 1.00 seconds")?;
    Ok(())
}

fn out_of_memory(client: &Client<'_>) -> Result<()> {
    title("Memory has a limit; the next call starts afresh");
    client.show(&["deploy", "hog", "target/guests/hog.wasm", "--memory", "128"])?.succeeds()?;
    let ended = client.show(&["invoke", "hog", "--payload", r#"{"mb": 256}"#, "--log"])?.fails()?;
    ended.shows("Runtime.OutOfMemory")?;
    let next = client.show(&["invoke", "hog", "--payload", r#"{"mb": 1}"#])?;
    next.succeeds()?.answers(json!({ "mb": 1 }))?;
    Ok(())
}

fn plain_program(client: &Client<'_>) -> Result<()> {
    title("A plain program: the event on standard input, the answer on standard output");
    client.show(&["deploy", "command", "target/guests/command.wasm"])?.succeeds()?;
    let greeted = client.show(&["invoke", "command", "--payload", r#"{"name": "Ada"}"#])?;
    greeted.succeeds()?.answers(json!({ "message": "Hello, Ada!" }))?;
    Ok(())
}

fn denied_request(client: &Client<'_>) -> Result<()> {
    title("A request to elsewhere is denied unless operator and function allow it");
    client.show(&["deploy", "fetch", "target/guests/fetch.wasm"])?.succeeds()?;
    let event = r#"{"url": "https://example.com/"}"#;
    let denied = client.show(&["invoke", "fetch", "--payload", event, "--log"])?.fails()?;
    denied.shows("--allow-outbound")?;
    Ok(())
}

fn weighted_alias(client: &Client<'_>) -> Result<()> {
    title("A second version takes half of an alias's calls");
    // Other code, so that an answer shows which version gave it.
    client.show(&["deploy", "hello", "target/guests/echo.wasm"])?.succeeds()?;
    client.show(&["alias", "hello", "live", "1", "--weight", "2=0.5"])?.succeeds()?;

    let invoke = ["invoke", "hello:live", "--payload", r#"{"name": "Ada"}"#];
    println!("\n$ {}   # {ROUTED_CALLS} times", client.line(&invoke));
    let mut calls: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..ROUTED_CALLS {
        let answer = client.run(&invoke)?.succeeds()?;
        let version = answer.executed_version()?.to_owned();
        let expected = match version.as_str() {
            "1" => json!({ "message": "Hello, Ada!" }),
            _ => json!({ "name": "Ada" }),
        };
        answer.answers(expected)?;
        *calls.entry(version).or_default() += 1;
    }
    for (version, calls) in &calls {
        println!("version {version}: {calls} calls");
    }
    ensure!(calls.keys().eq(["1", "2"]), "versions 1 and 2 should both have been called, and no other");
    Ok(())
}

fn dead_letter(client: &Client<'_>) -> Result<()> {
    title(
        "An event that nobody waits for fails three times, is a dead letter, and is put back when its function is mended",
    );
    client.show(&["deploy", "orders", "target/guests/fails.wasm"])?.succeeds()?;
    let accepted = client.show(&["invoke", "orders", "--async", "--payload", r#"{"id": 7}"#])?.succeeds()?;
    let id = accepted.text().trim().to_owned();
    client.until("it is dead", &["events", "show", &id], |answer| answer.contains("Dead"))?;
    client.show(&["dead-letters", "list"])?.succeeds()?.shows(&id)?.shows("RetriesExhausted")?;
    client.show(&["deploy", "orders", "target/guests/echo.wasm"])?.succeeds()?;
    client.show(&["dead-letters", "redrive", &id])?.succeeds()?;
    client.until("it has succeeded", &["events", "show", &id], |answer| answer.contains("Succeeded"))?;
    Ok(())
}

fn polled_queue(client: &Client<'_>) -> Result<()> {
    title("A function gets the messages of a queue; one that always fails goes to the queue's dead letters");
    let url = |queue: &str| format!("{}/000000000000/{queue}", client.endpoint);
    client.sqs("CreateQueue", &json!({ "QueueName": "failed" }))?;
    let policy =
        r#"{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:failed", "maxReceiveCount": 2}"#;
    let attributes = json!({ "VisibilityTimeout": "3", "RedrivePolicy": policy });
    client.sqs("CreateQueue", &json!({ "QueueName": "work", "Attributes": attributes }))?;
    client.show(&["deploy", "batch", "target/guests/batch.wasm"])?.succeeds()?;
    let queue = "arn:aws:sqs:us-east-1:000000000000:work";
    client.show(&["sources", "add", "batch", queue, "--report-failures"])?.succeeds()?;
    let messages = [r#"{"item": "tea"}"#, r#"{"item": "poison", "fail": true}"#, r#"{"item": "sugar"}"#];
    let entries: Vec<_> =
        (1..).zip(messages).map(|(id, body)| json!({ "Id": id.to_string(), "MessageBody": body })).collect();
    client.sqs("SendMessageBatch", &json!({ "QueueUrl": url("work"), "Entries": entries }))?;
    let receive = json!({ "QueueUrl": url("failed"), "WaitTimeSeconds": 20 });
    let dead = client.sqs("ReceiveMessage", &receive)?;
    ensure!(
        dead["Messages"][0]["Body"] == messages[1],
        "the message that fails should be a dead letter: {dead}"
    );
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let left =
        client.sqs("GetQueueAttributes", &json!({ "QueueUrl": url("work"), "AttributeNames": names }))?;
    for name in names {
        ensure!(left["Attributes"][name] == "0", "nothing should be left in the queue: {left}");
    }
    client.show(&["sources", "list"])?.succeeds()?.shows("Enabled")?.shows("OK")?;
    client.show(&["logs", "batch"])?.succeeds()?.shows("took")?.shows("cannot take")?;
    Ok(())
}

fn timing(client: &Client<'_>) -> Result<()> {
    title("Where the time goes");
    client.show(&["alias", "hello", "live", "1"])?.succeeds()?;
    let invoke = ["invoke", "hello:live", "--payload", r#"{"name": "Ada"}"#, "--repeat", "200", "--timing"];
    client.show(&invoke)?.succeeds()?.shows("warm")?;
    Ok(())
}

fn title(text: &str) {
    println!("\n=== {text}");
}
