//! Errors as EventBridge Scheduler writes them.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::super::wire_error::{INTERNAL, WireError, shown};
use crate::StoreError;
use crate::sources::schedules::{GROUP, ScheduleError};

/// An error, as it is written to a client.
#[derive(Debug)]
pub(in crate::http) struct SchedulerWireError {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl SchedulerWireError {
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationException", message)
    }

    pub(super) fn serialization(error: &serde_json::Error) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SerializationException", error.to_string())
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ConflictException", message)
    }

    pub(super) fn no_group(group: &str) -> Self {
        Self::not_found(format!("Schedule group {} does not exist.", shown(group)))
    }

    pub(super) fn quota(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYMENT_REQUIRED, "ServiceQuotaExceededException", message)
    }

    pub(super) fn unknown_operation() -> Self {
        let message = "EventBridge Scheduler has no operation of that method and path";
        Self::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }

    pub(super) fn not_implemented(operation: &str) -> Self {
        let message = format!("{operation} of EventBridge Scheduler is not implemented");
        Self::new(StatusCode::NOT_IMPLEMENTED, "UnknownOperationException", message)
    }

    /// What came of an operation on the schedule of that name.
    pub(super) fn of(error: ScheduleError, name: &str) -> Self {
        match error {
            ScheduleError::NotFound => Self::not_found(format!("Schedule {name} does not exist.")),
            ScheduleError::Exists => Self::conflict(format!("Schedule {name} already exists.")),
            ScheduleError::TooMany { limit } => Self::quota(format!(
                "There are {limit} schedules in the group {GROUP}, which is the most there may be"
            )),
            ScheduleError::StartIsOver => {
                Self::validation("The StartDate you specify cannot be earlier than 5 minutes ago.")
            }
            ScheduleError::Settings(_) | ScheduleError::Input(_) | ScheduleError::Account { .. } => {
                Self::validation(error.to_string())
            }
            ScheduleError::Closing => Self::unavailable(error.to_string()),
            ScheduleError::Store(error) => Self::store(&error),
        }
    }

    fn store(error: &StoreError) -> Self {
        match error {
            StoreError::Busy => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "ThrottlingException",
                format!("Rate exceeded: {error}"),
            ),
            StoreError::Full | StoreError::Closed => Self::unavailable(error.to_string()),
            error => {
                tracing::error!("a schedule could not be written or read: {error}");
                Self::unavailable(INTERNAL)
            }
        }
    }

    fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException", message)
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into() }
    }

    pub(in crate::http) fn into_response(self) -> Response {
        let body = json!({ "Message": self.message }).to_string();
        let error_type = (HeaderName::from_static("x-amzn-errortype"), self.name);
        let mut response =
            (self.status, [(CONTENT_TYPE, "application/json"), error_type], body).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("1"));
        }
        response
    }
}

/// What happens to requests of this service as to all others, in its own form.
impl From<WireError> for SchedulerWireError {
    fn from(error: WireError) -> Self {
        let name = match error.name() {
            "TooManyRequestsException" => "ThrottlingException",
            "InvalidRequestContentException" => "SerializationException",
            name => name,
        };
        Self::new(error.status(), name, error.message())
    }
}
