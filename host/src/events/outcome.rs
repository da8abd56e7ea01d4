//! What runs functions, and what comes of a run.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::function::{FunctionKey, Qualifier, VersionNumber};
use crate::policy::retry::Attempt;

use super::event::{Failure, RequestId};

/// The most bytes of an error message that are kept: as much as a dead-letter queue is told.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// The status that stands for a function error: the invocation itself went well.
const FUNCTION_ERROR: u16 = 200;

/// A run that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct RunRequest {
    /// Which function.
    pub(crate) function: FunctionKey,
    /// Which version or alias of it; which version an alias means is decided now.
    pub(crate) qualifier: Option<Qualifier>,
    /// The event.
    pub(crate) payload: Bytes,
    /// The same at every attempt.
    pub(crate) request_id: RequestId,
    /// The trace header that the function is given, this run counted.
    pub(crate) trace: String,
}

/// Runs functions: what the host is to its events.
pub(crate) trait Run: fmt::Debug + Send + Sync {
    /// Runs a function once. Nothing else bounds how long it takes, but the lease of a run.
    fn run(&self, request: RunRequest) -> Pin<Box<dyn Future<Output = RunOutcome> + Send + '_>>;
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// The function answered.
    Answered { version: VersionNumber, payload: Bytes },
    /// The function ended with an error, whose JSON is the payload.
    FunctionError { version: VersionNumber, payload: Bytes, error_type: String },
    /// There are too many other invocations; or there may be none, by reservation.
    Throttled { reason: String, zero_reserved: bool },
    /// There is no such function, version or alias, for now.
    NotFound,
    /// The host could not run it.
    System { reason: String },
}

/// What a function answered with, as records tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) version: VersionNumber,
    pub(super) payload: Bytes,
    pub(super) is_error: bool,
}

impl RunOutcome {
    /// What it is to the rules of retries.
    pub(super) fn attempt(&self) -> Attempt {
        match self {
            Self::Answered { .. } => Attempt::Answered,
            Self::FunctionError { .. } => Attempt::FunctionError,
            Self::Throttled { zero_reserved: true, .. } => Attempt::ZeroReserved,
            Self::Throttled { .. } | Self::NotFound | Self::System { .. } => Attempt::NotRun,
        }
    }

    /// What went wrong, if something did.
    pub(super) fn failure(&self) -> Option<Failure> {
        let failure = |code: u16, message: &str| Some(Failure { code, message: cut(message) });
        match self {
            Self::Answered { .. } => None,
            Self::FunctionError { payload, error_type, .. } => {
                failure(FUNCTION_ERROR, &message(payload).unwrap_or_else(|| error_type.clone()))
            }
            Self::Throttled { reason, .. } => failure(429, reason),
            Self::NotFound => failure(404, "there is no such function, version or alias"),
            Self::System { reason } => failure(500, reason),
        }
    }

    /// What the function ended with, if it ran.
    pub(super) fn response(&self) -> Option<Response> {
        let (version, payload, is_error) = match self {
            Self::Answered { version, payload } => (version, payload, false),
            Self::FunctionError { version, payload, .. } => (version, payload, true),
            _ => return None,
        };
        Some(Response { version: *version, payload: payload.clone(), is_error })
    }
}

/// The message of an error as functions end with it; its JSON itself, if it has none.
fn message(payload: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(rename = "errorMessage")]
        error_message: String,
    }
    match serde_json::from_slice::<Message>(payload) {
        Ok(message) => Some(message.error_message),
        Err(_) => serde_json::from_slice::<&RawValue>(payload).ok().map(|json| json.get().to_owned()),
    }
}

/// A message without what is too much of it.
pub(super) fn cut(message: &str) -> Arc<str> {
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX.min(message.len()));
    message[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(payload: &str) -> Failure {
        let payload = payload.to_owned().into();
        let outcome =
            RunOutcome::FunctionError { version: VersionNumber::Latest, payload, error_type: "E".to_owned() };
        outcome.failure().expect("it failed")
    }

    #[test]
    fn a_function_error_is_told_by_its_message_or_as_it_is() {
        assert_eq!(&*error(r#"{"errorType":"E","errorMessage":"no \"luck\""}"#).message, "no \"luck\"");
        assert_eq!(&*error(r#"{"error":1}"#).message, r#"{"error":1}"#);
        assert_eq!(&*error("not JSON").message, "E");
        assert_eq!(error("null").code, 200);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let long = format!("a{}", "é".repeat(1_000));
        assert_eq!(cut(&long).len(), 1_023);
        assert_eq!(&*cut("short"), "short");
    }
}
