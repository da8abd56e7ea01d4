//! `samovar logs`: shows what a function has logged, and what it logs from now on.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use super::client::{Answer, ApiError, Client, function_path};
use super::{Endpoint, output};
use crate::http::{LOG_NEXT_TOKEN_HEADER, LOG_REQUEST_ID_HEADER};

/// How often a log that is followed is asked for new lines.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// How far back lines are shown when nothing else is asked for.
const SINCE_DEFAULT: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  samovar logs hello --since 1h\n  samovar logs hello --follow\n  \
                        samovar logs hello --request-id 8f3c2a52-5f0e-4b43-9f1d-1f6d6f1f0a11")]
pub(super) struct FunctionLogs {
    /// The function's name; what begins with a slash is a log group
    #[arg(value_name = "NAME")]
    function: String,
    /// Go on with lines as they are written, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// From when on: so long ago (30s, 10m, 1h, 2d) or a time (2026-11-21T17:00:00Z) [default: 10m, or all of a request]
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// Only lines of that request
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Only lines of that version, a number or $LATEST
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// How lines are written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    endpoint: Endpoint,
}

/// From when on lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Ago(SignedDuration),
    At(Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The time, the version and the line
    Text,
    /// One JSON object per line
    Json,
}

/// What is sent, and read, of FilterLogEvents.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FilterLogEvents<'a> {
    log_group_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilteredLogEvents {
    events: Vec<Event>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    timestamp: i64,
    log_stream_name: String,
    message: String,
    event_id: String,
}

/// As much of a function's configuration as says where it logs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    function_name: Option<String>,
    logging_config: Option<LoggingConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig {
    log_group: Option<String>,
}

/// A log that is read, up to where it was read.
struct Reading {
    client: Client,
    group: String,
    /// The function, where others may log to the same group.
    function: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
}

/// What was shown of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    MoreIsThere,
    AllThereIs,
    /// Whoever the lines were for has gone away.
    NobodyReads,
}

impl FunctionLogs {
    pub(super) fn run(self) -> Result<ExitCode> {
        let reading = self.reading()?;
        match self.follow {
            true => self.follow(reading)?,
            false => self.show_all(reading)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Shows what was logged before this began, so that it ends also if lines come faster than they can be shown.
    fn show_all(&self, mut reading: Reading) -> Result<()> {
        reading.end_time = Some(Timestamp::now().as_millisecond());
        while self.show_page(&mut reading)? == Shown::MoreIsThere {}
        Ok(())
    }

    /// Shows lines as they come, until Ctrl-C. Pages are read and written on a thread of their own, so that neither a slow
    /// server nor a terminal that takes nothing keeps this from being ended.
    fn follow(self, reading: Reading) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let followed = runtime.block_on(self.until_interrupted(reading));
        // A page that is still being read is nobody's any more.
        runtime.shutdown_background();
        followed
    }

    async fn until_interrupted(self, mut reading: Reading) -> Result<()> {
        let shared = Arc::new(self);
        // Before the first line: whoever has seen one may end this.
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let mut ticks = interval(POLL_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shown = Shown::AllThereIs;
        loop {
            let command = shared.clone();
            let page = async {
                if shown == Shown::AllThereIs {
                    ticks.tick().await;
                }
                let page = move || command.show_page(&mut reading).map(|shown| (reading, shown));
                tokio::task::spawn_blocking(page).await.context("a page of the log was not read")?
            };
            tokio::select! {
                // The handler is there once this was looked at.
                biased;
                ended = interrupted.as_mut() => return ended.context("cannot wait for Ctrl-C"),
                page = page => (reading, shown) = page?,
            }
            if shown == Shown::NobodyReads {
                return Ok(());
            }
        }
    }

    fn reading(&self) -> Result<Reading> {
        let client = Client::new(&self.endpoint)?;
        let (group, function) = match self.function.starts_with('/') {
            true => (self.function.clone(), None),
            false => group_of(&client, &self.function)?,
        };
        let start_time = match (self.since, &self.request_id) {
            (Some(since), _) => Some(since.at()?.as_millisecond()),
            (None, None) => Some(Since::Ago(SINCE_DEFAULT).at()?.as_millisecond()),
            (None, Some(_)) => None,
        };
        Ok(Reading { client, group, function, start_time, end_time: None, next_token: None })
    }

    /// Shows the next lines that were not shown.
    fn show_page(&self, reading: &mut Reading) -> Result<Shown> {
        let page = reading.page(self.request_id.as_deref(), self.follow)?;
        let Some(page) = page else { return Ok(Shown::AllThereIs) };
        for event in page.events.iter().filter(|event| self.wants(reading, event)) {
            if !self.show(event)? {
                return Ok(Shown::NobodyReads);
            }
        }
        Ok(if page.next_token.is_some() { Shown::MoreIsThere } else { Shown::AllThereIs })
    }

    fn wants(&self, reading: &Reading, event: &Event) -> bool {
        let (function, version) = instance_of(&event.log_stream_name);
        self.version.as_ref().is_none_or(|wanted| wanted == version)
            && (function.is_empty() || reading.function.as_ref().is_none_or(|wanted| wanted == function))
    }

    /// Writes a line; says whether anybody reads them.
    fn show(&self, event: &Event) -> Result<bool> {
        let line = match self.output {
            Output::Json => serde_json::to_string(event)?,
            Output::Text => {
                let time = Timestamp::from_millisecond(event.timestamp).unwrap_or(Timestamp::MAX);
                let time = time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
                format!("{time} [{}] {}", instance_of(&event.log_stream_name).1, event.message.trim_end())
            }
        };
        let mut stdout = io::stdout().lock();
        let line = if stdout.is_terminal() { output::harmless(&line) } else { line };
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => Ok(written.map(|()| true)?),
        }
    }
}

impl Reading {
    /// The next lines; none, if the group is not there yet and one may wait for it.
    fn page(&mut self, request_id: Option<&str>, may_wait: bool) -> Result<Option<FilteredLogEvents>> {
        let body = FilterLogEvents {
            log_group_name: &self.group,
            start_time: self.start_time,
            end_time: self.end_time,
            next_token: self.next_token.clone(),
        };
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "Logs_20140328.FilterLogEvents"),
        ];
        headers.extend(request_id.map(|id| (LOG_REQUEST_ID_HEADER, id)));
        let answer = match self.client.send("POST", "/", &headers, &serde_json::to_vec(&body)?) {
            Ok(answer) => answer,
            Err(error) => return self.told(error, may_wait),
        };
        self.next_token = Some(next_token(&answer).context("the server's answer says not where to go on")?);
        let page = serde_json::from_slice(&answer.body);
        Ok(Some(page.context("the server's answer is not what CloudWatch Logs would answer")?))
    }

    fn told<T>(&self, error: anyhow::Error, may_wait: bool) -> Result<Option<T>> {
        let group = &self.group;
        match error.downcast_ref::<ApiError>() {
            Some(error) if error.kind == "ResourceNotFoundException" => match may_wait {
                true => Ok(None),
                false => Err(anyhow!(
                    "nothing was logged to {group}, or it is not kept; functions log when they run"
                )),
            },
            _ => Err(error.context(format!("cannot read {group}"))),
        }
    }
}

fn next_token(answer: &Answer) -> Option<String> {
    Some(answer.headers.get(LOG_NEXT_TOKEN_HEADER)?.to_str().ok()?.to_owned())
}

/// The group that a function logs to, and its name. A function that is gone has left its lines where most have theirs.
fn group_of(client: &Client, function: &str) -> Result<(String, Option<String>)> {
    let configuration: Option<Configuration> = client.get(&function_path(function, "/configuration"))?;
    let configuration = configuration.unwrap_or(Configuration { function_name: None, logging_config: None });
    let name = configuration.function_name.unwrap_or_else(|| function.to_owned());
    let group = configuration.logging_config.and_then(|logging| logging.log_group);
    Ok((group.unwrap_or_else(|| format!("/aws/lambda/{name}")), Some(name)))
}

/// The function, if it is named, and the version in `2026/11/21/NAME[VERSION]...`.
fn instance_of(stream: &str) -> (&str, &str) {
    let last = stream.rsplit('/').next().unwrap_or_default();
    let (function, rest) = last.split_once('[').unwrap_or(("", last));
    (function, rest.split_once(']').map_or("", |(version, _)| version))
}

impl Since {
    fn at(self) -> Result<Timestamp> {
        match self {
            Self::At(time) => Ok(time),
            Self::Ago(time) => Timestamp::now().checked_sub(time).context("--since is too long ago"),
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    let ago = || {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            "w" => 7 * 24 * 3600,
            _ => return None,
        };
        let number: u32 = digits.parse().ok()?;
        Some(Since::Ago(SignedDuration::from_secs(i64::from(number) * seconds)))
    };
    let at = || text.parse().ok().map(Since::At);
    ago().or_else(at).ok_or_else(|| "must be such as 30s, 10m, 1h, 2d or 2026-11-21T17:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_so_long_ago_or_a_time() {
        assert_eq!(since("10m"), Ok(Since::Ago(SignedDuration::from_mins(10))));
        assert_eq!(since("2d"), Ok(Since::Ago(SignedDuration::from_hours(48))));
        let time = "2026-11-21T17:00:00Z".parse().expect("a time");
        assert_eq!(since("2026-11-21T17:00:00Z"), Ok(Since::At(time)));
        for bad in ["", "m", "10", "-1m", "1.5h", "10é", "yesterday", "99999999999s"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stream_tells_whose_it_is() {
        assert_eq!(instance_of("2026/11/21/[$LATEST]00ff"), ("", "$LATEST"));
        assert_eq!(instance_of("2026/11/21/hello[17][00ff]"), ("hello", "17"));
        assert_eq!(instance_of("odd"), ("", ""));
    }
}
