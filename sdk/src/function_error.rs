//! An error as it leaves the function.

use crate::Diagnostic;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An error as it leaves the function: the `function-error` of the WIT package.
///
/// Handlers return a [`Diagnostic`], or what converts into one; this is what
/// [`testing`](crate::testing) shows.
#[derive(Debug, Clone, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// The kind of error: what a caller would match on.
    pub error_type: String,
    /// What went wrong, for a person.
    pub error_message: String,
    /// Where it went wrong, innermost frame first. Only a panic knows: for other errors it is
    /// empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack_trace: Vec<String>,
}

impl FunctionError {
    /// The payload is not what the handler takes.
    pub(crate) const UNMARSHAL: &'static str = "Runtime.UnmarshalError";
    /// The answer cannot be written as JSON.
    pub(crate) const MARSHAL: &'static str = "Runtime.MarshalError";
    /// `main` never gave a handler to `run`.
    #[cfg(target_family = "wasm")]
    pub(crate) const HANDLER_NOT_FOUND: &'static str = "Runtime.HandlerNotFound";
    /// The function panicked.
    pub(crate) const PANIC: &'static str = "Runtime.Panic";

    pub(crate) fn new(error_type: &str, error_message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.to_owned(),
            error_message: error_message.into(),
            stack_trace: Vec::new(),
        }
    }
}

impl From<Diagnostic> for FunctionError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            error_type: diagnostic.error_type,
            error_message: diagnostic.error_message,
            stack_trace: Vec::new(),
        }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl std::error::Error for FunctionError {}
