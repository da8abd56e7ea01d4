//! A request to run a function, and why it may be refused.

use std::sync::Arc;

use bytes::Bytes;

use super::throttle::Throttled;
use crate::function::{FunctionRef, FunctionState, MemorySize, Timeout};

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
    /// The event: JSON text, at most 6 MiB unless the host's [limit](crate::Limits::payload_bytes) is another, passed on as it is. An empty payload is delivered as `{}`.
    pub payload: Bytes,
    /// The id of the request: a new one, unless it is given.
    pub request_id: Option<Arc<str>>,
    /// The client context, as JSON text.
    pub client_context: Option<String>,
    /// The trace header: `Root=...;Parent=...;Sampled=...`.
    pub trace_id: Option<String>,
    /// The tenant the caller acts for, as the function is told. It keeps no instances apart: tenants that must not share
    /// one need a function each, or [fresh isolation](crate::function::Isolation::Fresh).
    pub tenant_id: Option<String>,
    /// Whether the last 4 KiB of the invocation's log come with the outcome.
    pub log_tail: bool,
    /// Whether the outcome says how long each stage took.
    pub stages: bool,
    /// Whether a warm instance will do.
    pub start: Start,
}

/// Which instances will do for a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// A warm one, or a new one if none is idle.
    #[default]
    Any,
    /// Only a new one, which is dropped afterwards: for whoever wants to measure cold starts.
    Cold,
}

impl Invoke {
    /// A request with that event and nothing else.
    pub fn new(function: FunctionRef, payload: impl Into<Bytes>) -> Self {
        Self {
            function,
            payload: payload.into(),
            request_id: None,
            client_context: None,
            trace_id: None,
            tenant_id: None,
            log_tail: false,
            stages: false,
            start: Start::default(),
        }
    }

    /// The same request, if its payload is JSON (or empty); one that comes from outside is checked so.
    ///
    /// # Errors
    /// [`InvokeError::PayloadNotJson`].
    pub fn checked(self) -> Result<Self, InvokeError> {
        let not_json = |reason: String| InvokeError::PayloadNotJson { reason };
        if !self.payload.is_empty() {
            let text = std::str::from_utf8(&self.payload).map_err(|error| not_json(error.to_string()))?;
            serde_json::from_str::<serde::de::IgnoredAny>(text)
                .map_err(|error| not_json(error.to_string()))?;
        }
        Ok(self)
    }

    /// The same request, with the last 4 KiB of the log asked for.
    pub fn with_log_tail(self) -> Self {
        Self { log_tail: true, ..self }
    }

    /// The same request, to be served by an instance of its own.
    pub fn with_cold_start(self) -> Self {
        Self { start: Start::Cold, ..self }
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
    pub(crate) start: Start,
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
    /// There are too many other invocations or requests.
    #[error("{0}")]
    Throttled(Throttled),
    /// The host holds as many instances as it can, and all of them are busy.
    #[error("this host holds {limit} instances, all of them busy: {reason}")]
    NoInstanceLeft {
        /// How many instances the host can hold.
        limit: u32,
        /// Which part of them ran out.
        reason: String,
    },
    /// The system gives the host no more memory, memory maps or files for an instance; those that were idle are gone already.
    #[error("this host is out of resources: {reason}")]
    OutOfResources {
        /// Which of them ran out.
        reason: String,
    },
    /// The version's code is still being compiled, or was refused.
    #[error(
        "the operation cannot be performed at this time. The function is currently in the following state: {state}"
    )]
    NotActive {
        /// The version: its function's name, a colon and its number.
        version: String,
        /// The state it is in.
        state: FunctionState,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_json_in_utf8_or_nothing() {
        let checked = |payload: &[u8]| {
            let function = "f".parse().expect("a reference");
            Invoke::new(function, payload.to_vec()).checked().map(drop)
        };
        for good in [&b""[..], b"{}", b" [1, 2] ", b"null", "\"\u{10ffff}\"".as_bytes()] {
            assert!(checked(good).is_ok(), "{good:?}");
        }
        for bad in [&b"{"[..], b"{} {}", b"\"\xff\"", b"'a'", b"\xef\xbb\xbf{}"] {
            assert!(matches!(checked(bad), Err(InvokeError::PayloadNotJson { .. })), "{bad:?}");
        }
    }
}
