//! Invoking functions asynchronously: an event is accepted now and handled later.

use std::sync::Arc;

use super::Host;
use super::admission::{check_size, request_id};
use super::errors::FunctionNotFound;
use crate::events::{AcceptError, NewEvent, Refusal};
use crate::function::Limits;
use crate::invocation::{Invoke, InvokeError, TENANT_ID_BYTES_MAX, TRACE_ID_BYTES_MAX};
use crate::store::StoreError;

/// An event that is going to be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedEvent {
    /// The id of its request, which is the same however often it is tried: a UUID.
    pub request_id: Arc<str>,
}

/// Why an event was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeAsyncError {
    /// There is no such function, version or alias.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// The payload is too large for an event that is queued.
    #[error("{bytes} byte payload is too large for the Event invocation type (limit {limit} bytes)")]
    PayloadTooLarge {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The payload is not JSON, or the request is otherwise malformed.
    #[error(transparent)]
    Request(InvokeError),
    /// The host is closing and takes no new events.
    #[error("the host is closing")]
    Closing,
    /// As many events wait as may, or as many of the function.
    #[error("as many events wait to be written or to run as may")]
    QueueFull,
    /// It could not be written to the disk, so it may not count as accepted.
    #[error("the event could not be kept: {reason}")]
    NotKept {
        /// Why not.
        reason: String,
    },
}

impl From<InvokeError> for InvokeAsyncError {
    fn from(error: InvokeError) -> Self {
        match error {
            InvokeError::NotFound { arn } => Self::NotFound(FunctionNotFound { arn }),
            InvokeError::Closing => Self::Closing,
            error => Self::Request(error),
        }
    }
}

/// An event that may be queued: its function is there, and its payload is JSON within its limit.
#[derive(Debug)]
struct AdmittedEvent {
    request_id: Arc<str>,
    /// Its version is resolved when it is run.
    request: Invoke,
}

impl Host {
    /// Accepts an event for a function, which is handled later. Of the request only the function, the payload and the trace header
    /// count: what comes of it is told to [destinations](Self::put_event_invoke_config), and the client context goes to
    /// functions that are invoked synchronously.
    ///
    /// # Errors
    /// When there is no such function, version or alias, the payload is no JSON or has more bytes than
    /// [it may](crate::Limits::async_payload_bytes), or the event cannot be kept.
    pub async fn invoke_async(&self, request: Invoke) -> Result<AcceptedEvent, InvokeAsyncError> {
        let event = self.admit_event(request).await?;
        self.accept_event(event).await
    }

    async fn admit_event(&self, request: Invoke) -> Result<AdmittedEvent, InvokeAsyncError> {
        self.check_open().map_err(|_| InvokeAsyncError::Closing)?;
        self.resolve(&request.function)?;
        check(&request, self.limits())?;
        let request = self.checked(request).await?;
        Ok(AdmittedEvent { request_id: request_id(), request })
    }

    async fn accept_event(&self, event: AdmittedEvent) -> Result<AcceptedEvent, InvokeAsyncError> {
        let AdmittedEvent { request_id, request: Invoke { function, payload, trace_id, .. } } = event;
        let key = self.key(&function).ok_or_else(|| self.not_found(&function))?;
        let event =
            NewEvent { request_id, function: key, qualifier: function.qualifier, payload, trace: trace_id };
        let request_id = self.events().accept(event).await?;
        Ok(AcceptedEvent { request_id })
    }
}

impl From<AcceptError> for InvokeAsyncError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Refused(Refusal::Draining) => Self::Closing,
            AcceptError::Refused(
                Refusal::QueueFull { .. } | Refusal::ShareFull { .. } | Refusal::Store(StoreError::Busy),
            ) => Self::QueueFull,
            AcceptError::Refused(Refusal::Store(StoreError::Closed)) => Self::Closing,
            AcceptError::Refused(refusal) => Self::NotKept { reason: refusal.to_string() },
            AcceptError::Ended => Self::NotKept { reason: error.to_string() },
        }
    }
}

fn check(request: &Invoke, limits: &Limits) -> Result<(), InvokeAsyncError> {
    let (bytes, limit) = (request.payload.len(), limits.event_bytes());
    if bytes > limit {
        return Err(InvokeAsyncError::PayloadTooLarge { bytes, limit });
    }
    check_size("trace header", request.trace_id.as_deref(), TRACE_ID_BYTES_MAX)?;
    check_size("tenant id", request.tenant_id.as_deref(), TENANT_ID_BYTES_MAX)?;
    Ok(())
}
