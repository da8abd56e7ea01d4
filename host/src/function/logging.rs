//! How a function logs: the form of its lines, which of them are written, and where to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::serialized::serialized_as_text;

/// The longest name of a log group, in characters.
const LOG_GROUP_CHARS_MAX: usize = 512;

/// The form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// Lines as the function and the host write them.
    #[default]
    Text,
    /// One JSON object per line.
    #[serde(rename = "JSON")]
    Json,
}

/// How serious a log line is, in rising order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What is worth knowing in good order.
    #[default]
    Info,
    /// What may become an error.
    Warn,
    /// What went wrong.
    Error,
    /// What ended the function.
    Fatal,
}

/// The name of a log group: 1 to 512 letters, digits and `.`, `-`, `_`, `/`, `#`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LogGroup(Arc<str>);

/// How a function logs: Lambda's `LoggingConfig`.
///
/// The levels have a meaning with [`LogFormat::Json`] only; with text all lines are written, and both levels are
/// [`LogLevel::Info`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// The form of the lines.
    pub format: LogFormat,
    /// The least serious lines of the function that are written.
    pub application_level: LogLevel,
    /// The least serious lines of the host that are written: `Debug`, `Info` or `Warn`.
    pub system_level: LogLevel,
    /// Where lines go; `/aws/lambda/NAME` unless it was given.
    pub group: Option<LogGroup>,
}

/// A change of how a function logs. What is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggingChange {
    /// The form of the lines.
    pub format: Option<LogFormat>,
    /// The least serious lines of the function that are written.
    pub application_level: Option<LogLevel>,
    /// The least serious lines of the host that are written.
    pub system_level: Option<LogLevel>,
    /// Where lines go.
    pub group: Option<LogGroup>,
}

/// Why a function cannot log as was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoggingError {
    /// A level was given, but lines of text have none.
    #[error(
        "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the \
         LogFormat to \"Json\" and try again."
    )]
    LevelOfText,
    /// The host writes no lines of that level.
    #[error("system log level {level} is none of DEBUG, INFO and WARN")]
    SystemLevel {
        /// The level.
        level: LogLevel,
    },
    /// The text is no name of a log group.
    #[error("log group {name:?} must be 1 to 512 letters, digits and . - _ / #")]
    Group {
        /// The text, or its beginning.
        name: String,
    },
}

impl LogFormat {
    /// Takes `Text` or `JSON`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Text" => Some(Self::Text),
            "JSON" => Some(Self::Json),
            _ => None,
        }
    }

    /// The format as Lambda writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Json => "JSON",
        }
    }
}

impl LogLevel {
    /// Takes a level in capital letters, such as `WARN`.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];
        all.into_iter().find(|level| level.as_str() == text)
    }

    /// The level as Lambda writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl LogGroup {
    /// Takes a text as the name of a log group.
    ///
    /// # Errors
    /// When it is empty, longer than 512 characters, or holds other characters than a log group's name may.
    pub fn parse(text: &str) -> Result<Self, LoggingError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
        match !text.is_empty() && text.len() <= LOG_GROUP_CHARS_MAX && text.bytes().all(allowed) {
            true => Ok(Self(text.into())),
            false => Err(LoggingError::Group { name: text.chars().take(LOG_GROUP_CHARS_MAX).collect() }),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogGroup {
    type Err = LoggingError;

    fn from_str(text: &str) -> Result<Self, LoggingError> {
        Self::parse(text)
    }
}

serialized_as_text!(LogGroup);

impl Logging {
    /// This with that change, as UpdateFunctionConfiguration has it: a change to JSON sets the levels that it does not
    /// name to `INFO`, a change to text takes them away.
    ///
    /// # Errors
    /// When a level is given for lines of text, or the host's level is none of its own.
    pub fn changed(&self, change: LoggingChange) -> Result<Self, LoggingError> {
        let format = change.format.unwrap_or(self.format);
        let levels_given = change.application_level.is_some() || change.system_level.is_some();
        if format == LogFormat::Text && levels_given {
            return Err(LoggingError::LevelOfText);
        }
        let (application, system) = match (change.format, format) {
            (None, LogFormat::Json) => (self.application_level, self.system_level),
            (Some(_), _) | (None, LogFormat::Text) => (LogLevel::Info, LogLevel::Info),
        };
        let system_level = change.system_level.unwrap_or(system);
        if !(LogLevel::Debug..=LogLevel::Warn).contains(&system_level) {
            return Err(LoggingError::SystemLevel { level: system_level });
        }
        let application_level = change.application_level.unwrap_or(application);
        let group = change.group.or_else(|| self.group.clone());
        Ok(Self { format, application_level, system_level, group })
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for LogGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LogGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: LoggingChange = LoggingChange {
        format: Some(LogFormat::Json),
        application_level: None,
        system_level: None,
        group: None,
    };

    #[test]
    fn levels_are_in_order_and_read_as_they_are_written() {
        let names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        let levels = names.map(|name| LogLevel::parse(name).expect("a level"));
        assert!(levels.is_sorted() && levels[0] < levels[5]);
        assert_eq!(levels.map(LogLevel::as_str), names);
        assert_eq!((LogLevel::parse("info"), LogFormat::parse("json")), (None, None));
    }

    #[test]
    fn json_has_levels_and_text_has_none() {
        let text = Logging::default();
        let level = LoggingChange { application_level: Some(LogLevel::Debug), ..Default::default() };
        assert_eq!(text.changed(level.clone()), Err(LoggingError::LevelOfText));
        let json = text.changed(JSON).expect("a format");
        assert_eq!((json.application_level, json.system_level), (LogLevel::Info, LogLevel::Info));
        let json = json.changed(level).expect("a level");
        assert_eq!((json.format, json.application_level), (LogFormat::Json, LogLevel::Debug));
        let back = json.changed(LoggingChange { format: Some(LogFormat::Text), ..Default::default() });
        assert_eq!(back.expect("a format"), Logging::default());
    }

    #[test]
    fn the_host_has_three_levels() {
        let system = |level| LoggingChange { system_level: Some(level), ..JSON };
        let changed = |level| Logging::default().changed(system(level));
        assert_eq!(changed(LogLevel::Warn).expect("a level").system_level, LogLevel::Warn);
        let level = LogLevel::Error;
        assert_eq!(changed(level), Err(LoggingError::SystemLevel { level }));
    }

    #[test]
    fn a_group_stays_until_another_is_given() {
        let group = LogGroup::parse("/own/group#1").expect("a name");
        let change = LoggingChange { group: Some(group.clone()), ..Default::default() };
        let logging = Logging::default().changed(change).and_then(|logging| logging.changed(JSON));
        assert_eq!(logging.expect("a change").group, Some(group));
        for bad in ["", "a b", "a:b", &"x".repeat(513)] {
            assert!(LogGroup::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
