//! The host's own lines of a function's log, as Lambda writes them.
//!
//! As text they are INIT_START, INIT_REPORT (of an init that failed), START, END and REPORT; as JSON, `platform.` and the
//! name of the event. Which JSON lines are how serious is Lambda's own table, "System log level event mapping".

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::form::LineForm;
use super::source::LogSource;
use crate::function::{LogFormat, LogLevel};
use crate::invocation::{Report, Status};
use crate::timestamp;

/// The version in INIT_START lines.
const RUNTIME_VERSION: &str = concat!("samovar:", env!("CARGO_PKG_VERSION"));

/// When an instance sets itself up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitPhase {
    /// Before its first event.
    Init,
    /// As a part of its first event, because it was not done in the time it had before.
    Invoke,
}

/// An event of which the host writes a line.
#[derive(Debug, Clone, Copy)]
pub(super) enum PlatformEvent<'a> {
    /// An instance begins to set itself up.
    InitStart { source: &'a LogSource, at_ms: u64 },
    /// It has done so, or failed to.
    InitReport { source: &'a LogSource, phase: InitPhase, status: &'a Status, duration: Duration },
    /// An event is handed to it.
    Start { request_id: &'a str, version: &'a str },
    /// It is done with the event.
    End { request_id: &'a str, report: &'a Report },
}

impl InitPhase {
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Invoke => "invoke",
        }
    }
}

impl PlatformEvent<'_> {
    /// The lines that are written of the event, in that form.
    pub(super) fn lines(&self, form: LineForm) -> [Option<String>; 2] {
        match form.format {
            LogFormat::Text => self.text(),
            LogFormat::Json => self.json(form),
        }
    }

    fn text(&self) -> [Option<String>; 2] {
        match self {
            Self::InitStart { source, .. } => [Some(init_start(source)), None],
            Self::InitReport { status: Status::Success, .. } => [None, None],
            Self::InitReport { phase, status, duration, .. } => {
                [Some(init_report(*phase, status, *duration)), None]
            }
            Self::Start { request_id, version } => {
                [Some(format!("START RequestId: {request_id} Version: {version}")), None]
            }
            Self::End { request_id, report } => {
                [Some(format!("END RequestId: {request_id}")), Some(report.line(request_id))]
            }
        }
    }

    fn json(&self, form: LineForm) -> [Option<String>; 2] {
        let by_status = |status: &Status, success: LogLevel| match status {
            Status::Success => success,
            Status::Error(_) | Status::Timeout => LogLevel::Warn,
        };
        let line = |level, at_ms, name, record: &dyn Fn() -> Value| {
            form.has_system(level).then(|| object(at_ms, name, &record()))
        };
        let now = timestamp::now_ms;
        match self {
            Self::InitStart { source, at_ms } => {
                [line(LogLevel::Info, *at_ms, "initStart", &|| init_start_record(source)), None]
            }
            Self::InitReport { source, phase, status, duration } => {
                let level = by_status(status, LogLevel::Debug);
                let record = || init_report_record(source.initialization_type, *phase, status, *duration);
                [line(level, now(), "initReport", &record), None]
            }
            Self::Start { request_id, version } => {
                let record = || json!({ "requestId": request_id, "version": version });
                [line(LogLevel::Info, now(), "start", &record), None]
            }
            Self::End { request_id, report } => {
                let done = by_status(&report.status, LogLevel::Debug);
                let reported = by_status(&report.status, LogLevel::Info);
                [
                    line(done, now(), "runtimeDone", &|| runtime_done_record(request_id, report)),
                    line(reported, now(), "report", &|| report_record(request_id, report)),
                ]
            }
        }
    }
}

fn runtime_arn(source: &LogSource) -> String {
    format!("arn:aws:lambda:{}::runtime:{RUNTIME_VERSION}", source.region)
}

fn init_start(source: &LogSource) -> String {
    format!("INIT_START Runtime Version: {RUNTIME_VERSION}\tRuntime Version ARN: {}", runtime_arn(source))
}

fn init_report(phase: InitPhase, status: &Status, duration: Duration) -> String {
    let mut line =
        format!("INIT_REPORT Init Duration: {:.2} ms\tPhase: {}\t", milliseconds(duration), phase.name());
    match status {
        Status::Success => line.push_str("Status: success"),
        Status::Timeout => line.push_str("Status: timeout"),
        Status::Error(error_type) => {
            write!(line, "Status: error\tError Type: {error_type}").expect("a String takes all");
        }
    }
    line
}

/// A JSON line; `json!` alone would put its members in the order of the alphabet.
fn object(at_ms: u64, name: &str, record: &Value) -> String {
    format!(r#"{{"time":"{}","type":"platform.{name}","record":{record}}}"#, timestamp::text(at_ms))
}

fn init_start_record(source: &LogSource) -> Value {
    json!({
        "initializationType": source.initialization_type,
        "phase": "init",
        "functionName": source.function,
        "functionVersion": source.version,
        "runtimeVersion": RUNTIME_VERSION,
        "runtimeVersionArn": runtime_arn(source),
    })
}

fn init_report_record(kind: &str, phase: InitPhase, status: &Status, duration: Duration) -> Value {
    let metrics = json!({ "durationMs": milliseconds(duration) });
    let record = json!({ "initializationType": kind, "phase": phase.name(), "metrics": metrics });
    with_status(record, status)
}

fn runtime_done_record(request_id: &str, report: &Report) -> Value {
    let metrics = json!({ "durationMs": milliseconds(report.duration) });
    with_status(json!({ "requestId": request_id, "metrics": metrics }), &report.status)
}

fn report_record(request_id: &str, report: &Report) -> Value {
    let mut metrics = json!({
        "durationMs": milliseconds(report.duration),
        "billedDurationMs": report.billed_duration().as_millis() as u64,
        "memorySizeMB": report.memory_size_mb,
        "maxMemoryUsedMB": report.max_memory_used_mb(),
    });
    if let Some(init) = report.init_duration {
        metrics["initDurationMs"] = milliseconds(init).into();
    }
    with_status(json!({ "requestId": request_id, "metrics": metrics }), &report.status)
}

fn with_status(mut record: Value, status: &Status) -> Value {
    record["status"] = match status {
        Status::Success => "success",
        Status::Timeout => "timeout",
        Status::Error(error_type) => {
            record["errorType"] = error_type.as_str().into();
            "error"
        }
    }
    .into();
    record
}

/// Milliseconds with three digits behind the point.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_nanos() as f64 / 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Logging;

    fn source() -> LogSource {
        let text = |text: &str| text.to_owned();
        LogSource {
            region: text("eu-west-1"),
            function: text("hello"),
            version: text("$LATEST"),
            group: text("/aws/lambda/hello"),
            stream: text("2026/11/21/[$LATEST]00"),
            initialization_type: "provisioned-concurrency",
        }
    }

    fn report(status: Status) -> Report {
        Report {
            status,
            duration: Duration::from_micros(12_340),
            init_duration: None,
            memory_size_mb: 128,
            max_memory_used_bytes: 1 << 20,
        }
    }

    fn form(format: LogFormat, system_level: LogLevel) -> LineForm {
        LineForm::of(&Logging { format, system_level, ..Logging::default() })
    }

    fn lines(event: PlatformEvent<'_>, form: LineForm) -> Vec<String> {
        event.lines(form).into_iter().flatten().collect()
    }

    #[test]
    fn text_lines_are_lambdas() {
        let (source, timeout) = (source(), Status::Timeout);
        let error = Status::Error("Runtime.ExitError".to_owned());
        let text = |event| lines(event, LineForm::default());
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            text(PlatformEvent::InitStart { source: &source, at_ms: 0 }),
            [format!(
                "INIT_START Runtime Version: samovar:{version}\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:samovar:{version}"
            )]
        );
        let init = |phase, status| {
            let duration = Duration::from_micros(9_876_543);
            text(PlatformEvent::InitReport { source: &source, phase, status, duration })
        };
        assert_eq!(
            init(InitPhase::Init, &timeout),
            ["INIT_REPORT Init Duration: 9876.54 ms\tPhase: init\tStatus: timeout"]
        );
        assert_eq!(
            init(InitPhase::Invoke, &error),
            [
                "INIT_REPORT Init Duration: 9876.54 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError"
            ]
        );
        assert!(init(InitPhase::Init, &Status::Success).is_empty());
        assert_eq!(
            text(PlatformEvent::Start { request_id: "id", version: "$LATEST" }),
            ["START RequestId: id Version: $LATEST"]
        );
        let report = report(Status::Success);
        let ended = text(PlatformEvent::End { request_id: "id", report: &report });
        assert_eq!(ended, ["END RequestId: id".to_owned(), report.line("id")]);
    }

    #[test]
    fn json_lines_have_a_time_a_type_and_a_record() {
        let error = report(Status::Error("T".to_owned()));
        let ended = lines(
            PlatformEvent::End { request_id: "id", report: &error },
            form(LogFormat::Json, LogLevel::Info),
        );
        let objects: Vec<Value> =
            ended.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(
            (&objects[0]["type"], &objects[1]["type"]),
            (&"platform.runtimeDone".into(), &"platform.report".into())
        );
        let metrics =
            json!({ "durationMs": 12.34, "billedDurationMs": 13, "memorySizeMB": 128, "maxMemoryUsedMB": 1 });
        let record = json!({ "requestId": "id", "metrics": metrics, "status": "error", "errorType": "T" });
        assert_eq!(objects[1]["record"], record);
        assert!(ended[0].starts_with(r#"{"time":"20"#), "{}", ended[0]);
    }

    #[test]
    fn levels_say_which_json_lines_are_written() {
        let (source, success, failure) = (source(), report(Status::Success), report(Status::Timeout));
        let written = |level| {
            let events = [
                PlatformEvent::InitStart { source: &source, at_ms: 0 },
                PlatformEvent::InitReport {
                    source: &source,
                    phase: InitPhase::Init,
                    status: &success.status,
                    duration: Duration::ZERO,
                },
                PlatformEvent::InitReport {
                    source: &source,
                    phase: InitPhase::Init,
                    status: &failure.status,
                    duration: Duration::ZERO,
                },
                PlatformEvent::Start { request_id: "id", version: "1" },
                PlatformEvent::End { request_id: "id", report: &success },
                PlatformEvent::End { request_id: "id", report: &failure },
            ];
            events.map(|event| lines(event, form(LogFormat::Json, level)).len())
        };
        assert_eq!(written(LogLevel::Debug), [1, 1, 1, 1, 2, 2]);
        assert_eq!(written(LogLevel::Info), [1, 0, 1, 1, 1, 2]);
        assert_eq!(written(LogLevel::Warn), [0, 0, 1, 0, 0, 2]);
    }
}
