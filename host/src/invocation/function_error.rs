//! The errors functions end with, in Lambda's words.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

/// The most bytes of an error's type, and of a frame of its stack trace, that are kept.
const ERROR_TYPE_BYTES_MAX: usize = 1024;
/// The most bytes of an error's message that are kept: 256 KiB.
const ERROR_MESSAGE_BYTES_MAX: usize = 256 << 10;
/// The most frames of a stack trace that are kept.
const STACK_FRAMES_MAX: usize = 128;

/// What a function ended with: its answer, or an error.
pub(crate) type Answer = Result<Bytes, FunctionError>;

/// Whose doing a function error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FunctionErrorKind {
    /// The function reported it (or panicked, and its panic hook did).
    Reported,
    /// The guest trapped or exited.
    Exited,
    /// The guest used all its memory.
    OutOfMemory,
    /// The guest used all its time.
    TimedOut,
    /// The answer was larger than an answer may be.
    AnswerTooLarge,
    /// The event is none that the function's world takes.
    BadEvent,
    /// The function ended without an answer, or with one that its world does not have.
    BadAnswer,
}

/// An error a function ended with. To the caller it is an answer, not a failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FunctionError {
    /// Whose doing it is.
    #[serde(skip)]
    pub kind: FunctionErrorKind,
    /// The name of the kind of error, such as `Sandbox.Timedout` or what the function chose.
    pub error_type: String,
    /// What went wrong.
    pub error_message: String,
    /// Where it went wrong, innermost first; only errors that a function reports have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<Vec<String>>,
}

impl FunctionError {
    /// An error the function itself reported. What is too long is cut, and the type is made one line, because it
    /// stands in log lines and headers.
    pub(crate) fn reported(error_type: String, error_message: String, stack_trace: Vec<String>) -> Self {
        let one_line: String = error_type.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let frames = stack_trace.into_iter().take(STACK_FRAMES_MAX);
        Self {
            kind: FunctionErrorKind::Reported,
            error_type: cut(one_line, ERROR_TYPE_BYTES_MAX),
            error_message: cut(error_message, ERROR_MESSAGE_BYTES_MAX),
            stack_trace: Some(frames.map(|frame| cut(frame, ERROR_TYPE_BYTES_MAX)).collect()),
        }
    }

    /// The guest ended without an answer: a trap, or an exit.
    pub(crate) fn exited(request_id: &str, reason: &str) -> Self {
        let error_message = format!("RequestId: {request_id} Error: {reason}");
        Self::by_host(FunctionErrorKind::Exited, "Runtime.ExitError", error_message)
    }

    /// The guest wanted more memory than it may have, and ended for it.
    pub(crate) fn out_of_memory(request_id: &str, memory_mb: u32) -> Self {
        let error_message = format!(
            "RequestId: {request_id} Error: Runtime ran out of memory: the function's limit is {memory_mb} MB"
        );
        Self::by_host(FunctionErrorKind::OutOfMemory, "Runtime.OutOfMemory", error_message)
    }

    /// The guest took longer than it may.
    pub(crate) fn timed_out(request_id: &str, limit: Duration) -> Self {
        let seconds = limit.as_secs_f64();
        let error_message =
            format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
        Self::by_host(FunctionErrorKind::TimedOut, "Sandbox.Timedout", error_message)
    }

    /// The guest gave an answer of more bytes than that.
    pub(crate) fn answer_too_large(limit: usize) -> Self {
        let error_message =
            format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
        Self::by_host(FunctionErrorKind::AnswerTooLarge, "Function.ResponseSizeTooLarge", error_message)
    }

    /// The event cannot be given to a guest of this world.
    pub(crate) fn bad_event(reason: String) -> Self {
        Self::by_host(FunctionErrorKind::BadEvent, "Runtime.UnsupportedEvent", reason)
    }

    /// The guest ended well but gave no answer.
    pub(crate) fn no_answer(reason: String) -> Self {
        Self::by_host(FunctionErrorKind::BadAnswer, "Runtime.NoAnswer", reason)
    }

    /// The guest gave an answer that has no JSON form: Lambda's name for it.
    pub(crate) fn not_json(reason: String) -> Self {
        Self::by_host(FunctionErrorKind::BadAnswer, "Runtime.MarshalError", reason)
    }

    fn by_host(kind: FunctionErrorKind, error_type: &str, error_message: String) -> Self {
        let error_message = cut(error_message, ERROR_MESSAGE_BYTES_MAX);
        Self { kind, error_type: error_type.to_owned(), error_message, stack_trace: None }
    }

    /// The error as the JSON object that Lambda's API answers with.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts always have a JSON form")
    }
}

/// A text cut to so many bytes, at the end of a character.
fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_reports_is_bounded_and_its_type_is_one_line() {
        let frames = vec!["f".to_owned(); 1000];
        let error = FunctionError::reported("A\nREPORT\tB".to_owned(), "é".repeat(1 << 20), frames);
        assert_eq!(error.error_type, "A REPORT B");
        assert_eq!(error.error_message.len(), ERROR_MESSAGE_BYTES_MAX);
        assert_eq!(error.stack_trace.expect("it has one").len(), STACK_FRAMES_MAX);
    }
}
