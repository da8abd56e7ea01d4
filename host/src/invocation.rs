//! One invocation, from what the caller asks to what came of it.
//!
//! Pure: knows nothing of HTTP, pools or wasmtime.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::function::{FunctionRef, MemorySize, Timeout, VersionNumber};
use crate::telemetry::{Report, Stages};

/// The most bytes a synchronous request's payload may have: Lambda's 6 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 6_291_456;
/// The most bytes an answer may have: Lambda's 6 MiB and 100 bytes.
pub const ANSWER_BYTES_MAX: usize = 6_291_556;
/// The most bytes the client context may have as JSON: Lambda's limit on its base64 form is 3,583.
pub const CLIENT_CONTEXT_BYTES_MAX: usize = 3583;
/// The most bytes the trace header may have.
pub const TRACE_ID_BYTES_MAX: usize = 1024;
/// The most bytes the tenant id may have.
pub const TENANT_ID_BYTES_MAX: usize = 256;

/// A request to run a function on one event, synchronously.
///
/// ```
/// let request = samovar::Invoke::new("hello:live".parse()?, r#"{"name":"Ada"}"#).with_log_tail();
/// assert_eq!(request.function.name.as_str(), "hello");
/// # Ok::<(), samovar::function::ReferenceError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Invoke {
    /// Which function, and which version or alias of it.
    pub function: FunctionRef,
    /// The event: JSON text, at most 6 MiB, passed on as it is. An empty payload is delivered as `{}`.
    pub payload: Bytes,
    /// The client context, as JSON text.
    pub client_context: Option<String>,
    /// The trace header: `Root=...;Parent=...;Sampled=...`.
    pub trace_id: Option<String>,
    /// The tenant the caller acts for.
    pub tenant_id: Option<String>,
    /// Whether the last 4 KiB of the invocation's log come with the outcome.
    pub log_tail: bool,
    /// Whether the outcome says how long each stage took.
    pub stages: bool,
}

impl Invoke {
    /// A request with that event and nothing else.
    pub fn new(function: FunctionRef, payload: impl Into<Bytes>) -> Self {
        Self {
            function,
            payload: payload.into(),
            client_context: None,
            trace_id: None,
            tenant_id: None,
            log_tail: false,
            stages: false,
        }
    }

    /// The same request, if its payload is JSON (or empty); one that comes from outside is checked so.
    ///
    /// # Errors
    /// [`InvokeError::PayloadNotJson`].
    pub fn checked(self) -> Result<Self, InvokeError> {
        if !self.payload.is_empty() {
            serde_json::from_slice::<serde::de::IgnoredAny>(&self.payload)
                .map_err(|error| InvokeError::PayloadNotJson { reason: error.to_string() })?;
        }
        Ok(self)
    }

    /// The same request, with the last 4 KiB of the log asked for.
    pub fn with_log_tail(self) -> Self {
        Self { log_tail: true, ..self }
    }

    /// The same request, with the time of each stage asked for.
    pub fn with_stages(self) -> Self {
        Self { stages: true, ..self }
    }
}

/// An admitted request: what an instance is run with.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) request_id: Arc<str>,
    pub(crate) payload: Bytes,
    pub(crate) invoked_function_arn: String,
    pub(crate) client_context: Option<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) timeout: Timeout,
    pub(crate) memory: MemorySize,
    pub(crate) log_tail: bool,
    pub(crate) stages: bool,
}

/// What a function ended with: its answer, or an error.
pub(crate) type Answer = Result<Bytes, FunctionError>;

/// What came of an invocation that was run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The id of the request: a UUID.
    pub request_id: Arc<str>,
    /// The version that ran: what an alias resolved to.
    pub executed_version: VersionNumber,
    /// The function's answer, or the error it ended with.
    pub answer: Result<Bytes, FunctionError>,
    /// Durations and memory, as the log's REPORT line has them.
    pub report: Report,
    /// The last 4 KiB of the invocation's log, if they were asked for.
    pub log_tail: Option<String>,
    /// How long each stage took, if that was asked for.
    pub stages: Option<Stages>,
}

impl Outcome {
    /// The body the caller gets: the answer, or the error in Lambda's JSON form.
    pub fn body(&self) -> Bytes {
        match &self.answer {
            Ok(answer) => answer.clone(),
            Err(error) => error.to_json().into(),
        }
    }
}

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
    /// An error the function itself reported.
    pub(crate) fn reported(error_type: String, error_message: String, stack_trace: Vec<String>) -> Self {
        Self { kind: FunctionErrorKind::Reported, error_type, error_message, stack_trace: Some(stack_trace) }
    }

    /// The guest ended without an answer: a trap, or an exit.
    pub(crate) fn exited(request_id: &str, reason: &str) -> Self {
        let error_message = format!("RequestId: {request_id} Error: {reason}");
        Self::by_host(FunctionErrorKind::Exited, "Runtime.ExitError", error_message)
    }

    /// The guest wanted more memory than it may have, and ended for it.
    pub(crate) fn out_of_memory(request_id: &str, memory_mb: u32) -> Self {
        let error_message =
            format!("RequestId: {request_id} Error: Runtime ran out of memory: the function's limit is {memory_mb} MB");
        Self::by_host(FunctionErrorKind::OutOfMemory, "Runtime.OutOfMemory", error_message)
    }

    /// The guest took longer than it may.
    pub(crate) fn timed_out(request_id: &str, limit: Duration) -> Self {
        let seconds = limit.as_secs_f64();
        let error_message = format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
        Self::by_host(FunctionErrorKind::TimedOut, "Sandbox.Timedout", error_message)
    }

    /// The guest gave an answer larger than [`ANSWER_BYTES_MAX`].
    pub(crate) fn answer_too_large() -> Self {
        let error_message =
            format!("Response payload size exceeded maximum allowed payload size ({ANSWER_BYTES_MAX} bytes).");
        Self::by_host(FunctionErrorKind::AnswerTooLarge, "Function.ResponseSizeTooLarge", error_message)
    }

    fn by_host(kind: FunctionErrorKind, error_type: &str, error_message: String) -> Self {
        Self { kind, error_type: error_type.to_owned(), error_message, stack_trace: None }
    }

    /// The error as the JSON object that Lambda's API answers with.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts always have a JSON form")
    }
}

/// Why a request was not run at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// There is no such function, version or alias.
    #[error("function not found: {arn}")]
    NotFound {
        /// The ARN that was asked for.
        arn: String,
    },
    /// The payload is too large.
    #[error("the payload has {bytes} bytes; at most {limit} are allowed")]
    PayloadTooLarge {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The payload is not JSON.
    #[error("could not parse request body into json: {reason}")]
    PayloadNotJson {
        /// What is wrong, and where.
        reason: String,
    },
    /// The client context or the trace header is too large, or is not what it should be.
    #[error("{what} {problem}")]
    BadContext {
        /// Which part of the request.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// As many invocations as may run at a time are running.
    #[error("{running} invocations are running; at most {limit} may run at a time on this host")]
    Throttled {
        /// How many are running.
        running: usize,
        /// How many may run.
        limit: usize,
    },
    /// The host holds as many instances as it can, and all of them are busy.
    #[error("this host holds {limit} instances, all of them busy: {reason}")]
    NoInstanceLeft {
        /// How many instances the host can hold.
        limit: u32,
        /// Which part of them ran out.
        reason: String,
    },
    /// The version's compiled code could not be loaded.
    #[error("the code of {version} could not be loaded: {reason}")]
    NotReady {
        /// The ARN of the version.
        version: String,
        /// What went wrong.
        reason: String,
    },
    /// The host is closing and takes no new requests.
    #[error("the host is closing")]
    Closing,
}
