//! `samovar invoke`: runs a function, once or many times, and shows what came of it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Args;
use tokio::time::Instant;

use super::client::{Answer, ApiError, Client, function_path};
use super::figures::Figures;
use super::timing::Timing;
use super::{Endpoint, output};
use crate::function::PAYLOAD_BYTES_BOUND;
use crate::http::{START_HEADER, TIMING_HEADER};

/// What the header for the kind of start says when only a new instance will do, and when any will.
const COLD: &str = "cold";
const ANY: &str = "any";
/// How many calls one command makes at most: their times are kept.
const REPEAT_MAX: u32 = 1_000_000;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar invoke hello --payload '{\"name\": \"Ada\"}'\n  \
                        samovar invoke hello:live --event event.json --log\n  \
                        samovar invoke hello:live --repeat 200 --timing\n\n\
                        The answer is all that stands on standard output. The exit code is 1 when the function ended \
                        with an error.")]
pub(super) struct Invoke {
    /// The function's name or ARN, with a version or alias if it shall not be $LATEST
    #[arg(value_name = "NAME[:QUALIFIER]")]
    function: String,
    /// Read the event from standard input
    #[arg(value_name = "-", value_parser = ["-"], conflicts_with_all = ["payload", "event"])]
    stdin: Option<String>,
    /// The event, as JSON [default: {}]
    #[arg(long, value_name = "JSON", conflicts_with = "event")]
    payload: Option<String>,
    /// A file with the event; `-` is standard input
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// Queue the event instead of waiting for its answer, and print its request id; `samovar events show` tells what became of it
    #[arg(long = "async", conflicts_with_all = ["log", "repeat", "timing"])]
    is_async: bool,
    /// Show the last 4 kB of what the call logged
    #[arg(long)]
    log: bool,
    /// Call so many times, one after the other, and show the last answer
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=REPEAT_MAX as i64))]
    repeat: u32,
    /// Show where the time went: the calls are made twice, first each with an instance of its own (cold), then warm
    #[arg(long)]
    timing: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// All calls of a command.
#[derive(Debug, Default)]
struct Calls {
    timings: Vec<Timing>,
    executed: BTreeMap<String, u32>,
    function_errors: u32,
}

impl Invoke {
    pub(super) fn run(self) -> Result<ExitCode> {
        let event = self.event()?;
        let client = Client::new(&self.endpoint)?;
        if self.is_async {
            return self.queue(&client, &event);
        }
        let mut calls = Calls::default();
        let start = if self.timing { COLD } else { ANY };
        let mut last = self.call(&client, &event, &mut calls, start)?;
        for _ in 1..self.repeat {
            last = self.call(&client, &event, &mut calls, start)?;
        }
        if self.timing {
            // The first of these finds no warm instance, unless somebody left one; it is one more cold call then.
            let cold = calls.timings.len() + 1;
            while calls.warm() < self.repeat as usize && calls.timings.len() < cold + self.repeat as usize {
                last = self.call(&client, &event, &mut calls, ANY)?;
            }
        }
        output::print_answer(&last.body)?;
        if self.log {
            output::error_line(output::shown(&log_tail(&last)).trim_end_matches('\n'));
        }
        for line in self.report(&calls) {
            output::error_line(&line);
        }
        if calls.function_errors == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        output::error_line(&output::shown(&calls.failure(&last)));
        Ok(ExitCode::FAILURE)
    }

    fn call(&self, client: &Client, event: &[u8], calls: &mut Calls, start: &str) -> Result<Answer> {
        let log_type = if self.log { "Tail" } else { "None" };
        let headers = [
            ("content-type", "application/json"),
            ("x-amz-log-type", log_type),
            (TIMING_HEADER, "1"),
            (START_HEADER, start),
        ];
        let path = function_path(&self.function, "/invocations");
        let started = Instant::now();
        let answer = client.send("POST", &path, &headers, event).map_err(|error| self.told(error))?;
        let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
        calls.timings.push(Timing::parse(header("server-timing").unwrap_or_default(), started.elapsed()));
        let version = header("x-amz-executed-version")
            .with_context(|| format!("{} does not answer as Lambda's API does", self.endpoint.url))?;
        *calls.executed.entry(version.to_owned()).or_default() += 1;
        calls.function_errors += u32::from(header("x-amz-function-error").is_some());
        Ok(answer)
    }

    /// Has the event queued.
    fn queue(&self, client: &Client, event: &[u8]) -> Result<ExitCode> {
        let headers = [("content-type", "application/json"), ("x-amz-invocation-type", "Event")];
        let path = function_path(&self.function, "/invocations");
        let answer = client.send("POST", &path, &headers, event).map_err(|error| self.told(error))?;
        let request_id = answer.headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok());
        let request_id = request_id
            .with_context(|| format!("{} does not answer as Lambda's API does", self.endpoint.url))?;
        output::print(output::one_line(request_id).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    fn told(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast_ref::<ApiError>() {
            Some(error) if error.status == 404 => {
                let message = &error.message;
                anyhow!("{message}; `samovar deploy NAME FILE` makes a function, `samovar alias` an alias")
            }
            _ => error.context(format!("cannot invoke {}", self.function)),
        }
    }

    fn event(&self) -> Result<Vec<u8>> {
        let (what, event) = match (&self.stdin, &self.payload, self.event.as_deref()) {
            (None, Some(payload), _) => ("--payload".to_owned(), payload.clone().into_bytes()),
            (None, None, None) => return Ok(b"{}".to_vec()),
            (Some(_), ..) => ("standard input".to_owned(), read(std::io::stdin().lock(), "standard input")?),
            (None, None, Some(file)) if file == Path::new("-") => {
                ("standard input".to_owned(), read(std::io::stdin().lock(), "standard input")?)
            }
            (None, None, Some(file)) => {
                let name = file.display().to_string();
                let opened = std::fs::File::open(file).with_context(|| format!("cannot read {name}"))?;
                let event = read(opened, &name)?;
                (name, event)
            }
        };
        serde_json::from_slice::<serde::de::IgnoredAny>(&event)
            .map_err(|error| anyhow!("{what} is not JSON: {error}"))?;
        Ok(event)
    }

    fn report(&self, calls: &Calls) -> Vec<String> {
        let mut lines = Vec::new();
        let (cold, warm): (Vec<&Timing>, Vec<&Timing>) =
            calls.timings.iter().partition(|timing| timing.is_cold());
        if self.timing {
            let last = |kind: &str, timings: &[&Timing]| {
                timings.last().map(|timing| timing.waterfall(&format!("{kind} call"))).unwrap_or_default()
            };
            lines.extend(last("cold", &cold));
            lines.extend(last("warm", &warm));
        }
        if self.timing && calls.timings.len() > 2 {
            lines.extend(summary("cold", &cold));
            lines.extend(summary("warm", &warm));
        }
        lines.push(calls.executed());
        lines
    }
}

impl Calls {
    fn warm(&self) -> usize {
        self.timings.iter().filter(|timing| !timing.is_cold()).count()
    }

    /// Which versions ran; of a single call also how long.
    fn executed(&self) -> String {
        if self.executed.len() > 1 {
            let counted =
                self.executed.iter().map(|(version, calls)| format!("version {version}: {calls} calls"));
            return format!("executed {}", counted.collect::<Vec<_>>().join(", "));
        }
        let version = self.executed.keys().next().map_or("unknown", String::as_str);
        match self.timings.as_slice() {
            [Timing { init_duration: Some(init), duration, .. }] => {
                let (init, duration) = (output::time(*init), output::time(*duration));
                format!("cold start, init {init}, duration {duration}, executed version: {version}")
            }
            [Timing { duration, .. }] => {
                format!("warm start, duration {}, executed version: {version}", output::time(*duration))
            }
            several => format!("{} calls, executed version: {version}", several.len()),
        }
    }

    /// What to say when the function ended with an error.
    fn failure(&self, last: &Answer) -> String {
        if self.timings.len() > 1 {
            return format!(
                "{} of {} calls ended with a function error",
                self.function_errors,
                self.timings.len()
            );
        }
        let fields: serde_json::Value = serde_json::from_slice(&last.body).unwrap_or_default();
        let text =
            |key: &str| fields.get(key).and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned();
        let (kind, message) = (text("errorType"), text("errorMessage"));
        format!("function error: {kind}: {}", message.lines().next().unwrap_or_default())
    }
}

/// The figures of the calls that were cold, or warm.
fn summary(kind: &str, timings: &[&Timing]) -> Vec<String> {
    let calls = timings.len();
    let Some(durations) = Figures::of(timings.iter().map(|timing| timing.duration)) else {
        return vec![format!("{kind}: none of these calls")];
    };
    let mut lines = vec![format!("{kind}: {calls} {}", if calls == 1 { "call" } else { "calls" })];
    lines.extend(durations.lines("  the function's duration"));
    if let Some(init) = Figures::of(timings.iter().filter_map(|timing| timing.init_duration)) {
        lines.extend(init.lines("  init"));
    }
    let round_trips = Figures::of(timings.iter().map(|timing| timing.round_trip));
    lines.extend(round_trips.into_iter().flat_map(|round_trips| round_trips.lines("  round trip")));
    lines
}

fn log_tail(answer: &Answer) -> String {
    let tail = answer.headers.get("x-amz-log-result").and_then(|tail| BASE64_STANDARD.decode(tail).ok());
    String::from_utf8_lossy(&tail.unwrap_or_default()).into_owned()
}

/// Reads an event, and no more than any server takes; what it takes itself it says better.
fn read(source: impl std::io::Read, name: &str) -> Result<Vec<u8>> {
    let mut event = Vec::new();
    source
        .take(PAYLOAD_BYTES_BOUND as u64 + 1)
        .read_to_end(&mut event)
        .with_context(|| format!("cannot read {name}"))?;
    ensure!(
        event.len() <= PAYLOAD_BYTES_BOUND,
        "{name} has more than the {PAYLOAD_BYTES_BOUND} bytes that any server takes"
    );
    Ok(event)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn invoke(options: &[&str]) -> Invoke {
        let Command::Invoke(invoke) =
            Cli::parse_from(["samovar", "invoke", "f"].iter().chain(options)).command
        else {
            panic!("an invocation")
        };
        invoke
    }

    #[test]
    fn an_event_is_json_or_is_not_sent() {
        assert_eq!(invoke(&[]).event().expect("the default"), b"{}");
        assert_eq!(invoke(&["--payload", "[1]"]).event().expect("an event"), b"[1]");
        let error = invoke(&["--payload", "{oops"]).event().unwrap_err();
        assert!(error.to_string().starts_with("--payload is not JSON: "), "{error}");
    }

    #[test]
    fn an_event_larger_than_any_server_takes_is_not_sent() {
        let error = read(std::io::repeat(b' '), "it").unwrap_err();
        assert!(error.to_string().contains("268435456"), "{error}");
    }

    #[test]
    fn versions_are_counted_when_several_ran() {
        let mut calls = Calls { timings: vec![Timing::default(); 3], ..Calls::default() };
        calls.executed.insert("1".to_owned(), 3);
        assert_eq!(calls.executed(), "3 calls, executed version: 1");
        calls.executed.insert("2".to_owned(), 1);
        assert_eq!(calls.executed(), "executed version 1: 3 calls, version 2: 1 calls");
    }
}
