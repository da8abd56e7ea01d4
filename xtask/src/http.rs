//! As much of an HTTP client as asking a local server takes: whether it is ready, and what an operation of its queues answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(2);
/// How long an operation of the queues may take: whoever waits for messages waits for 20 seconds at most.
const SQS_TIMEOUT: Duration = Duration::from_secs(25);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// The status code that a server on this machine answers to a GET.
pub(crate) fn status(authority: &str, path: &str) -> Result<u16> {
    let answer = ask(
        authority,
        TIMEOUT,
        &format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"),
    )?;
    status_of(authority, &answer)
}

/// What a server on this machine answers to an operation of SQS, in AWS JSON 1.0.
pub(crate) fn sqs(authority: &str, operation: &str, body: &Value) -> Result<Value> {
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nX-Amz-Target: AmazonSQS.{operation}\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(authority, SQS_TIMEOUT, &request)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = status_of(authority, &answer)?;
    ensure!(status == 200, "{operation} was answered with status {status}: {body}");
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(body)? })
}

fn ask(authority: &str, timeout: Duration, request: &str) -> Result<String> {
    let mut stream =
        TcpStream::connect(authority).with_context(|| format!("cannot connect to {authority}"))?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn status_of(authority: &str, answer: &str) -> Result<u16> {
    let code = answer.split_ascii_whitespace().nth(1).and_then(|code| code.parse().ok());
    code.with_context(|| format!("{authority} did not answer in HTTP"))
}
