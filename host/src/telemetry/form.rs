//! The forms of log lines: text as it was written, or one JSON object per line, and which of these are serious enough.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::function::{LogFormat, LogLevel, Logging};
use crate::timestamp;

/// The form of an instance's log lines.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineForm {
    pub(super) format: LogFormat,
    pub(super) application_level: LogLevel,
    system_level: LogLevel,
}

/// What a function writes, as a JSON line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationLine<'a> {
    timestamp: String,
    level: &'static str,
    message: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl LineForm {
    pub(super) fn of(logging: &Logging) -> Self {
        Self {
            format: logging.format,
            application_level: logging.application_level,
            system_level: logging.system_level,
        }
    }

    /// A line of the function in this form; none if it is not serious enough. `level` is that of a line that has none of
    /// its own: a JSON object is passed on as it is, and says itself how serious it is.
    pub(super) fn application<'a>(
        &self,
        level: LogLevel,
        line: &'a [u8],
        request_id: Option<&str>,
    ) -> Option<Cow<'a, [u8]>> {
        if self.format == LogFormat::Text {
            return Some(Cow::Borrowed(line));
        }
        if let Some(own) = object_level(line) {
            return (own.unwrap_or(LogLevel::Info) >= self.application_level).then_some(Cow::Borrowed(line));
        }
        let wrapped = || {
            let line = ApplicationLine {
                timestamp: timestamp::text(timestamp::now_ms()),
                level: level.as_str(),
                message: String::from_utf8_lossy(line),
                request_id,
            };
            serde_json::to_vec(&line).expect("texts always have a JSON form")
        };
        (level >= self.application_level).then(|| Cow::Owned(wrapped()))
    }

    /// Whether a line of the host's own is written in JSON and is serious enough.
    pub(super) fn has_system(&self, level: LogLevel) -> bool {
        self.format == LogFormat::Json && level >= self.system_level
    }
}

/// The level that a JSON object gives itself, if the line is one.
fn object_level(line: &[u8]) -> Option<Option<LogLevel>> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        level: Option<&'a RawValue>,
    }
    // A list would be taken for an object by its members' order.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let object: Object<'_> = serde_json::from_slice(line).ok()?;
    let level: Option<Cow<'_, str>> = object.level.and_then(|level| serde_json::from_str(level.get()).ok());
    Some(level.and_then(|level| named(&level)))
}

/// A level as programs write it, in capital letters or not, with the names of Python's for two of them.
fn named(level: &str) -> Option<LogLevel> {
    match level.to_ascii_uppercase().as_str() {
        "WARNING" => Some(LogLevel::Warn),
        "CRITICAL" => Some(LogLevel::Fatal),
        level => LogLevel::parse(level),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(application_level: LogLevel) -> LineForm {
        LineForm { format: LogFormat::Json, application_level, system_level: LogLevel::Info }
    }

    fn written(form: LineForm, line: &str) -> Option<String> {
        let line = form.application(LogLevel::Info, line.as_bytes(), Some("id"))?;
        Some(String::from_utf8(line.into_owned()).expect("text"))
    }

    #[test]
    fn text_is_passed_on_as_it_is() {
        assert_eq!(written(LineForm::default(), "a \"line\"").as_deref(), Some("a \"line\""));
        assert_eq!(
            written(LineForm::default(), r#"{"level":"TRACE"}"#).as_deref(),
            Some(r#"{"level":"TRACE"}"#)
        );
    }

    #[test]
    fn a_line_becomes_the_message_of_an_object() {
        let line = written(json(LogLevel::Info), "a \"line\"").expect("it is serious enough");
        let (time, rest) = line[14..].split_at(24);
        assert!(line.starts_with(r#"{"timestamp":""#) && time.ends_with('Z'), "{line}");
        assert_eq!(rest, r#"","level":"INFO","message":"a \"line\"","requestId":"id"}"#);
        assert_eq!(written(json(LogLevel::Warn), "a line"), None);
    }

    #[test]
    fn an_object_is_passed_on_if_its_own_level_is_serious_enough() {
        let level = |text: &str| format!(r#"{{"message":"m","level":{text}}}"#);
        let warn = json(LogLevel::Warn);
        for kept in ["\"WARN\"", "\"warn\"", "\"Warning\"", "\"ERROR\"", "\"critical\"", "\"\\u0057ARN\""] {
            assert_eq!(written(warn, &level(kept)), Some(level(kept)));
        }
        for less in ["\"INFO\"", "\"trace\"", "\"odd\"", "30", "null", "{}"] {
            assert_eq!(written(warn, &level(less)), None, "{less}");
        }
        assert_eq!(written(json(LogLevel::Info), r#"{"no":"level"}"#).as_deref(), Some(r#"{"no":"level"}"#));
    }

    #[test]
    fn what_only_looks_like_an_object_is_a_message() {
        for line in ["[\"TRACE\"]", "{not json}", "{} {}", "", "null", "\u{1}"] {
            let written = written(json(LogLevel::Info), line).expect("it is serious enough");
            let object: serde_json::Value = serde_json::from_str(&written).expect("JSON");
            assert_eq!(object["message"], line);
        }
        let line =
            json(LogLevel::Info).application(LogLevel::Info, b"\xff{", None).expect("a line").into_owned();
        let object: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        assert_eq!((&object["message"], object.get("requestId")), (&"\u{fffd}{".into(), None));
    }
}
