//! Errors as CloudWatch Logs writes them.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::super::wire_error::{INTERNAL, WireError};
use super::CONTENT;
use crate::LogsError;

/// An error, as it is written to a client.
#[derive(Debug)]
pub(in crate::http) struct LogsWireError {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl LogsWireError {
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterException", message)
    }

    /// A value is outside what the API's model allows.
    pub(super) fn constraint(member: &str, value: &str, constraint: &str) -> Self {
        let value: String = value.chars().take(200).collect();
        Self::parameter(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    pub(super) fn token() -> Self {
        Self::parameter("The specified nextToken is invalid.")
    }

    pub(super) fn serialization(error: &serde_json::Error) -> Self {
        Self::bad("SerializationException", error.to_string())
    }

    pub(super) fn no_group() -> Self {
        Self::bad("ResourceNotFoundException", "The specified log group does not exist.")
    }

    pub(super) fn not_implemented(operation: &str) -> Self {
        let operation: String = operation.chars().take(200).collect();
        Self::bad("UnknownOperationException", format!("{operation} of CloudWatch Logs is not implemented"))
    }

    fn bad(name: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, name, message: message.into() }
    }

    pub(in crate::http) fn into_response(self) -> Response {
        let body = json!({ "__type": self.name, "message": self.message }).to_string();
        let headers = [(CONTENT_TYPE, CONTENT), (HeaderName::from_static("x-amzn-errortype"), self.name)];
        (self.status, headers, body).into_response()
    }
}

impl From<LogsError> for LogsWireError {
    fn from(error: LogsError) -> Self {
        match error {
            // Where nothing is kept there is no group.
            LogsError::GroupNotFound { .. } | LogsError::NotKept => Self::no_group(),
            LogsError::StreamNotFound { .. } => {
                Self::bad("ResourceNotFoundException", "The specified log stream does not exist.")
            }
            // The client does not learn which file it was, the log does.
            LogsError::Read(_) => {
                tracing::error!("a request for logs failed: {error}");
                Self {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    name: "ServiceUnavailableException",
                    message: INTERNAL.to_owned(),
                }
            }
        }
    }
}

/// What happens to requests of this service as to all others, in its own form.
impl From<WireError> for LogsWireError {
    fn from(error: WireError) -> Self {
        let name = match error.name() {
            "TooManyRequestsException" => "ThrottlingException",
            name => name,
        };
        Self { status: error.status(), name, message: error.message().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_does_not_learn_what_is_wrong_on_the_disk() {
        let failed = std::io::Error::other("/secret/samovar-logs: I/O error");
        let error = LogsWireError::from(LogsError::Read(failed));
        assert_eq!((error.status.as_u16(), error.name), (500, "ServiceUnavailableException"));
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}
