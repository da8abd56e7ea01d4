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
    /// The function answered: see [`RunOutcome::answered`].
    Answered { version: VersionNumber, payload: Bytes, is_json: bool },
    /// The function ended with an error, whose JSON is the payload: see [`RunOutcome::function_error`].
    FunctionError { version: VersionNumber, payload: Bytes, message: Arc<str> },
    /// There are too many other invocations; or there may be none, by reservation.
    Throttled { reason: String, zero_reserved: bool },
    /// There is no such function, version or alias, for now.
    NotFound,
    /// The host could not run it.
    System { reason: String },
    /// The event could not be read.
    Unreadable { reason: String },
}

/// What a function answered with, as records tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) version: VersionNumber,
    pub(super) payload: Bytes,
    /// Whether it may stand in JSON as it is.
    pub(super) is_json: bool,
    pub(super) is_error: bool,
}

impl RunOutcome {
    /// An answer. It is looked through here, as nothing is to be done with it that takes as long as it is large where others wait.
    pub(crate) fn answered(version: VersionNumber, payload: Bytes) -> Self {
        let is_json = is_json(&payload);
        Self::Answered { version, payload, is_json }
    }

    /// An error of the function, and its type; the same goes for it.
    pub(crate) fn function_error(version: VersionNumber, payload: Bytes, error_type: &str) -> Self {
        let message = cut(message(&payload).as_deref().unwrap_or(error_type));
        Self::FunctionError { version, payload, message }
    }

    /// What it is to the rules of retries.
    pub(super) fn attempt(&self) -> Attempt {
        match self {
            Self::Answered { .. } => Attempt::Answered,
            Self::FunctionError { .. } => Attempt::FunctionError,
            Self::Throttled { zero_reserved: true, .. } => Attempt::ZeroReserved,
            Self::Throttled { .. } | Self::NotFound | Self::System { .. } | Self::Unreadable { .. } => {
                Attempt::NotRun
            }
        }
    }

    /// What went wrong, if something did.
    pub(super) fn failure(&self) -> Option<Failure> {
        let failure = |code: u16, message: &str| Some(Failure { code, message: cut(message) });
        match self {
            Self::Answered { .. } => None,
            Self::FunctionError { message, .. } => {
                Some(Failure { code: FUNCTION_ERROR, message: message.clone() })
            }
            Self::Throttled { reason, .. } => failure(429, reason),
            Self::NotFound => failure(404, "there is no such function, version or alias"),
            Self::System { reason } | Self::Unreadable { reason } => failure(500, reason),
        }
    }

    /// What the function ended with, if it ran.
    pub(super) fn response(&self) -> Option<Response> {
        let (version, payload, is_json, is_error) = match self {
            Self::Answered { version, payload, is_json } => (version, payload, *is_json, false),
            Self::FunctionError { version, payload, .. } => (version, payload, true, true),
            _ => return None,
        };
        Some(Response { version: *version, payload: payload.clone(), is_json, is_error })
    }
}

fn is_json(payload: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(payload).is_ok()
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
        let outcome = RunOutcome::function_error(VersionNumber::Latest, payload.to_owned().into(), "E");
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
