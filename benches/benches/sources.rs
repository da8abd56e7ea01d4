//! How many messages a second an event source mapping takes from a queue that is built in, with a function that does nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use criterion::Criterion;
use samovar_benches::{Findings, Row, Stopwatch, median};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::http::Server;

/// So many that the last window, which nothing fills, takes little of the time.
const MESSAGES: usize = 50_000;
const MESSAGE_BYTES: usize = 100;
const ROUNDS: usize = 3;
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:work";
/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn throughput(_: &mut Criterion, _: &Runtime) -> Findings {
    let name = "event_source_messages";
    let server = Server::samovar_alone("sources")?;
    server.deploy("null", "null", "reuse")?;
    let address = server.address;
    sqs(address, "CreateQueue", &json!({ "QueueName": "work" }))?;
    let mut rows = Vec::new();
    for (size, window) in [(10, 0), (100, 1)] {
        let mapping = json!({
            "FunctionName": "null", "EventSourceArn": QUEUE, "Enabled": false, "BatchSize": size,
            "MaximumBatchingWindowInSeconds": window,
        });
        let made = post(address, "POST", "/2015-03-31/event-source-mappings", None, &mapping)?;
        let uuid = made["UUID"].as_str().context("a mapping has a UUID")?.to_owned();
        let mut figures = Vec::new();
        for _ in 0..ROUNDS {
            figures.push(round(address, &uuid)?);
        }
        let path = format!("/2015-03-31/event-source-mappings/{uuid}");
        post(address, "DELETE", &path, None, &Value::Null)?;
        rows.push(Row::new(format!("{name}/{size}"), median(figures.into_iter()), "messages/s"));
    }
    Ok(rows)
}

/// Lets a queue fill, and then be emptied.
fn round(address: SocketAddr, uuid: &str) -> Result<f64> {
    let body = "x".repeat(MESSAGE_BYTES);
    let entries: Vec<Value> =
        (0..10).map(|id| json!({ "Id": id.to_string(), "MessageBody": body })).collect();
    let send = json!({ "QueueUrl": "http://localhost/000000000000/work", "Entries": entries });
    for _ in 0..MESSAGES / 10 {
        sqs(address, "SendMessageBatch", &send)?;
    }
    let path = format!("/2015-03-31/event-source-mappings/{uuid}");
    post(address, "PUT", &path, None, &json!({ "Enabled": true }))?;
    let stopwatch = Stopwatch::start();
    while left(address)? > 0 {
        ensure!(stopwatch.spent().wall < PATIENCE, "messages are left after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let seconds = stopwatch.spent().wall.as_secs_f64();
    post(address, "PUT", &path, None, &json!({ "Enabled": false }))?;
    Ok(MESSAGES as f64 / seconds)
}

/// How many messages the queue has.
fn left(address: SocketAddr) -> Result<usize> {
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let request = json!({ "QueueUrl": "http://localhost/000000000000/work", "AttributeNames": names });
    let answer = sqs(address, "GetQueueAttributes", &request)?;
    let count = |name: &str| {
        let text = answer["Attributes"][name].as_str().context("it was asked for")?;
        anyhow::Ok(text.parse::<usize>()?)
    };
    Ok(count(names[0])? + count(names[1])?)
}

fn sqs(address: SocketAddr, operation: &str, body: &Value) -> Result<Value> {
    post(address, "POST", "/", Some(operation), body)
}

/// What the server answers to an operation of Lambda's or, if one is named, of SQS's.
fn post(
    address: SocketAddr,
    method: &str,
    path: &str,
    operation: Option<&str>,
    body: &Value,
) -> Result<Value> {
    let headers = operation.map_or_else(String::new, |operation| {
        format!("X-Amz-Target: AmazonSQS.{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n")
    });
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    ensure!(head.starts_with("HTTP/1.1 20"), "{method} {path} {operation:?}: {answer}");
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(body)? })
}
