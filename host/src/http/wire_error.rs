//! Errors as Lambda's API writes them, and those of requests that never become a question to the host.

use std::fmt;

use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ThrottleReason;
use crate::function::{NameError, ReferenceError, Region};

use super::guard::Refused;
use super::model::{InputError, NotText, constraint_text};

/// What names of functions look like, in the words of the API's model.
const FUNCTION_PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
const ALIAS_PATTERN: &str = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
const QUALIFIER_PATTERN: &str = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";
/// The most characters of a client's own text that an error shows.
const SHOWN_CHARS_MAX: usize = 200;

/// What a client is told of something that the host's log has.
pub(super) const INTERNAL: &str = "An internal error occurred; the host's log says more";

/// An error, as it is written to a client.
#[derive(Debug)]
pub(super) struct WireError {
    exception: Exception,
    message: String,
}

/// A member of a request's shape, as errors name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member(pub(super) &'static str);

/// The errors of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exception {
    AccessDenied,
    AliasLimitExceeded,
    /// Too many requests of another kind than invocations come at a time.
    CallerRateLimit,
    CodeStorageExceeded,
    IncompleteSignature,
    InvalidParameterValue,
    InvalidRequestContent,
    NotImplemented,
    PolicyLengthExceeded,
    PreconditionFailed,
    ProvisionedConcurrencyConfigNotFound,
    RecursiveInvocation,
    RequestEntityTooLarge,
    RequestTimeout,
    RequestTooLarge,
    ResourceConflict,
    ResourceInUse,
    ResourceNotFound,
    ResourceNotReady,
    Serialization,
    Service,
    /// Too many invocations run, or come.
    TooManyRequests(ThrottleReason),
    Unavailable,
    UnknownOperation,
    Validation,
}

/// How an error is written. The key of the message differs from error to error, and clients read the modelled one.
struct Form {
    status: StatusCode,
    name: &'static str,
    key: &'static str,
    /// Whose doing it is; errors that are not in the model do not say.
    fault: Option<&'static str>,
}

impl Exception {
    #[cfg(test)]
    const ALL: [Self; 25] = [
        Self::AccessDenied,
        Self::AliasLimitExceeded,
        Self::CallerRateLimit,
        Self::CodeStorageExceeded,
        Self::IncompleteSignature,
        Self::InvalidParameterValue,
        Self::InvalidRequestContent,
        Self::NotImplemented,
        Self::PolicyLengthExceeded,
        Self::PreconditionFailed,
        Self::ProvisionedConcurrencyConfigNotFound,
        Self::RecursiveInvocation,
        Self::RequestEntityTooLarge,
        Self::RequestTimeout,
        Self::RequestTooLarge,
        Self::ResourceConflict,
        Self::ResourceInUse,
        Self::ResourceNotFound,
        Self::ResourceNotReady,
        Self::Serialization,
        Self::Service,
        Self::TooManyRequests(ThrottleReason::Concurrency),
        Self::Unavailable,
        Self::UnknownOperation,
        Self::Validation,
    ];

    fn form(self) -> Form {
        let user = Some("User");
        let (status, name, key, fault) = match self {
            Self::AccessDenied => (StatusCode::FORBIDDEN, "AccessDeniedException", "Message", None),
            Self::AliasLimitExceeded => {
                (StatusCode::BAD_REQUEST, "AliasLimitExceededException", "message", user)
            }
            Self::CodeStorageExceeded => {
                (StatusCode::BAD_REQUEST, "CodeStorageExceededException", "message", user)
            }
            Self::IncompleteSignature => {
                (StatusCode::FORBIDDEN, "IncompleteSignatureException", "message", None)
            }
            Self::InvalidParameterValue => {
                (StatusCode::BAD_REQUEST, "InvalidParameterValueException", "message", user)
            }
            Self::InvalidRequestContent => {
                (StatusCode::BAD_REQUEST, "InvalidRequestContentException", "message", user)
            }
            Self::NotImplemented => {
                (StatusCode::NOT_IMPLEMENTED, "ServiceException", "Message", Some("Service"))
            }
            Self::PolicyLengthExceeded => {
                (StatusCode::BAD_REQUEST, "PolicyLengthExceededException", "message", user)
            }
            Self::PreconditionFailed => {
                (StatusCode::PRECONDITION_FAILED, "PreconditionFailedException", "message", user)
            }
            Self::ProvisionedConcurrencyConfigNotFound => {
                (StatusCode::NOT_FOUND, "ProvisionedConcurrencyConfigNotFoundException", "message", user)
            }
            Self::RecursiveInvocation => {
                (StatusCode::BAD_REQUEST, "RecursiveInvocationException", "Message", user)
            }
            Self::RequestEntityTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", "message", user)
            }
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", "message", user),
            Self::RequestTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", "message", user)
            }
            Self::ResourceConflict => (StatusCode::CONFLICT, "ResourceConflictException", "message", user),
            Self::ResourceInUse => (StatusCode::BAD_REQUEST, "ResourceInUseException", "Message", user),
            Self::ResourceNotFound => (StatusCode::NOT_FOUND, "ResourceNotFoundException", "Message", user),
            Self::ResourceNotReady => {
                (StatusCode::BAD_GATEWAY, "ResourceNotReadyException", "message", Some("Service"))
            }
            Self::Serialization => (StatusCode::BAD_REQUEST, "SerializationException", "message", user),
            Self::Service => {
                (StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", "Message", Some("Service"))
            }
            Self::TooManyRequests(_) | Self::CallerRateLimit => {
                (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "message", user)
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceException", "Message", Some("Service"))
            }
            Self::UnknownOperation => (StatusCode::NOT_FOUND, "UnknownOperationException", "message", None),
            Self::Validation => (StatusCode::BAD_REQUEST, "ValidationException", "message", None),
        };
        Form { status, name, key, fault }
    }

    /// Which limit was reached, if that is what is wrong.
    fn throttling_reason(self) -> Option<&'static str> {
        match self {
            Self::TooManyRequests(reason) => Some(reason.as_str()),
            Self::CallerRateLimit => Some("CallerRateLimitExceeded"),
            _ => None,
        }
    }
}

impl IntoResponse for WireError {
    fn into_response(self) -> Response {
        let Form { status, name, .. } = self.exception.form();
        let mut response = (status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
        if self.exception.throttling_reason().is_some() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // What is left of the body would be taken for the next request.
        if status == StatusCode::REQUEST_TIMEOUT {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<InputError> for WireError {
    fn from(error: InputError) -> Self {
        match error {
            InputError::NotText(text) => NotText(&text).into(),
            InputError::Json(error) => Self::json(&error),
            InputError::Mistyped(text) => Self::new(Exception::Serialization, text),
            InputError::Invalid(text) => Self::new(Exception::Validation, text),
        }
    }
}

impl From<NotText<'_>> for WireError {
    fn from(NotText(text): NotText<'_>) -> Self {
        Self::new(Exception::Validation, format!("'{}' is not UTF-8 once it is decoded", shown(text)))
    }
}

/// Errors of requests that never become a question to the host.
impl WireError {
    /// The name of the exception.
    pub(super) fn name(&self) -> &'static str {
        self.exception.form().name
    }

    /// The status of its answer.
    pub(super) fn status(&self) -> StatusCode {
        self.exception.form().status
    }

    /// The body in Lambda's form.
    fn body(&self) -> String {
        let Form { key, fault, .. } = self.exception.form();
        let mut body = json!({ key: self.message });
        if let Some(fault) = fault {
            body["Type"] = fault.into();
        }
        if let Some(reason) = self.exception.throttling_reason() {
            body["Reason"] = reason.into();
        }
        body.to_string()
    }

    /// The whole answer as it is written to a connection that is then closed, whose requests nobody reads.
    pub(super) fn as_http(&self) -> Vec<u8> {
        let Form { status, name, .. } = self.exception.form();
        let (body, id) = (self.body(), uuid::Uuid::new_v4());
        let reason = status.canonical_reason().unwrap_or_default();
        format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\nx-amzn-errortype: {name}\r\nx-amzn-requestid: {id}\r\n\
             retry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            status.as_u16(),
            body.len()
        )
        .into_bytes()
    }

    /// What it says.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// A value of the request is one that Lambda's service refuses.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(Exception::InvalidParameterValue, message)
    }

    /// A value of the request is outside what the API's model allows.
    pub(super) fn constraint(Member(member): Member, value: &str, constraint: &str) -> Self {
        Self::new(Exception::Validation, constraint_text(value, member, constraint))
    }

    pub(super) fn request_content(message: String) -> Self {
        Self::new(Exception::InvalidRequestContent, message)
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::new(Exception::Serialization, error.to_string()),
            _ => Self::request_content(format!("Could not parse request body into json: {error}")),
        }
    }

    pub(super) fn reference(text: &str, error: ReferenceError) -> Self {
        match error {
            // In the words of a ValidationException, but it is none: so on AWS.
            ReferenceError::Name(NameError::TooLong { what: "function name", limit, .. }) => {
                Self::parameter(constraint_text(text, "functionName", &length_max(limit)))
            }
            ReferenceError::Name(_) => Self::pattern(Member("functionName"), text, FUNCTION_PATTERN),
            ReferenceError::Form { text } => Self::pattern(Member("functionName"), &text, FUNCTION_PATTERN),
            ReferenceError::QualifiersDiffer => Self::parameter(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ),
        }
    }

    pub(super) fn alias_name(text: &str, error: NameError) -> Self {
        Self::bad_name(Member("name"), text, ALIAS_PATTERN, error)
    }

    pub(super) fn qualifier(text: &str, error: NameError) -> Self {
        Self::bad_name(Member("qualifier"), text, QUALIFIER_PATTERN, error)
    }

    /// A function's name was given that belongs to another region than the request.
    pub(super) fn foreign_region(own: &Region, asked: &Region) -> Self {
        Self::new(
            Exception::ResourceNotFound,
            format!("Functions from '{own}' are not reachable in this region ('{asked}')"),
        )
    }

    pub(super) fn refused(refused: &Refused) -> Self {
        Self::new(Exception::AccessDenied, refused.to_string())
    }

    pub(super) fn incomplete_signature(scope: &str) -> Self {
        let scope = shown(scope);
        let text =
            format!("Credential must be of the form KEY/DATE/REGION/lambda/aws4_request, not '{scope}'");
        Self::new(Exception::IncompleteSignature, text)
    }

    /// A function's name was given that belongs to another account than this host's.
    pub(super) fn foreign_account(arn: &str) -> Self {
        Self::new(Exception::AccessDenied, format!("{arn} is not of this account"))
    }

    /// A request is larger than that operation takes.
    pub(super) fn too_large(exception: Exception, limit: usize, operation: &str) -> Self {
        let text = format!("Request must be smaller than {limit} bytes for the {operation} operation");
        Self::new(exception, text)
    }

    pub(super) fn payload_too_large(limit: usize) -> Self {
        Self::too_large(Exception::RequestTooLarge, limit, "InvokeFunction")
    }

    pub(super) fn request_timed_out() -> Self {
        Self::new(Exception::RequestTimeout, "The body of the request did not come in in time")
    }

    pub(super) fn no_room_for_body(limit: usize) -> Self {
        let text = format!(
            "Rate Exceeded: large requests take all {limit} bytes that they may have together (bodies_bytes_max)."
        );
        Self::new(Exception::CallerRateLimit, text)
    }

    pub(super) fn broken_body(error: &axum::Error) -> Self {
        Self::request_content(format!("Could not read the request body: {error}"))
    }

    pub(super) fn header_not_text(name: &str) -> Self {
        Self::request_content(format!("The header {name} must be visible ASCII"))
    }

    /// A function's version or alias was given where only a function is taken.
    pub(super) fn function_only() -> Self {
        Self::parameter(
            "This operation is permitted on Lambda functions only. Versions and aliases do not support this operation. \
             Please specify either a function name or an unqualified function ARN.",
        )
    }

    /// A function invokes itself in a circle.
    pub(super) fn recursive() -> Self {
        Self::new(
            Exception::RecursiveInvocation,
            "Lambda has detected your function being invoked in a recursive loop with other resources.",
        )
    }

    pub(super) fn not_found(message: String) -> Self {
        Self::new(Exception::ResourceNotFound, message)
    }

    pub(super) fn no_resource() -> Self {
        Self::new(Exception::ResourceNotFound, "The resource you requested does not exist.")
    }

    pub(super) fn no_policy_for(arn: &str) -> Self {
        Self::new(Exception::ResourceNotFound, format!("No policy found for: {arn}"))
    }

    pub(super) fn no_package() -> Self {
        Self::new(Exception::ResourceNotFound, "There is no such package")
    }

    /// Lambda has that operation, Samovar does not. Clients do not try again, as they would after a 500.
    pub(super) fn not_implemented(operation: &str) -> Self {
        Self::new(Exception::NotImplemented, format!("{operation} is not implemented by Samovar yet"))
    }

    /// Lambda has no operation there either.
    pub(super) fn unknown_path(method: &Method, path: &str) -> Self {
        Self::new(Exception::UnknownOperation, format!("There is nothing at {method} {}", shown(path)))
    }

    /// Something went wrong that is nobody's request's doing. The client does not learn what, the log does.
    pub(super) fn internal(error: &dyn fmt::Display) -> Self {
        tracing::error!("a request failed: {error}");
        Self::new(Exception::Service, INTERNAL)
    }

    pub(super) fn closing() -> Self {
        Self::new(Exception::Service, "The host is closing")
    }

    fn pattern(member: Member, value: &str, pattern: &str) -> Self {
        Self::constraint(member, value, &format!("Member must satisfy regular expression pattern: {pattern}"))
    }

    fn bad_name(member: Member, value: &str, pattern: &str, error: NameError) -> Self {
        match error {
            NameError::TooLong { limit, .. } => Self::constraint(member, value, &length_max(limit)),
            NameError::Empty { .. } | NameError::Character { .. } | NameError::AliasAllDigits { .. } => {
                Self::pattern(member, value, pattern)
            }
        }
    }

    pub(super) fn new(exception: Exception, message: impl Into<String>) -> Self {
        Self { exception, message: message.into() }
    }
}

fn length_max(limit: usize) -> String {
    format!("Member must have length less than or equal to {limit}")
}

/// The error with a capital letter, as the API's texts begin.
pub(super) fn sentence(error: &dyn fmt::Display) -> String {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// A client's own text, which may be as long as a request, cut to what an error should show of it.
pub(super) fn shown(text: &str) -> &str {
    text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::http) async fn written(error: impl Into<WireError>) -> (u16, String, serde_json::Value) {
        let response = error.into().into_response();
        let kind = response.headers()["x-amzn-errortype"].to_str().expect("ASCII").to_owned();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.expect("a body");
        (status, kind, serde_json::from_slice(&body).expect("JSON"))
    }

    #[test]
    fn every_exception_of_the_model_has_the_models_form() {
        let table = include_str!("model/lambda.txt");
        let modelled: std::collections::HashMap<&str, (&str, &str)> = table
            .lines()
            .filter_map(|line| line.strip_prefix("error "))
            .map(|line| {
                let (name, form) = line.split_once(' ').expect("a name");
                (name, form.split_once(' ').expect("a status and a key"))
            })
            .collect();
        let mut seen = 0;
        for exception in Exception::ALL {
            let Form { status, name, key, fault } = exception.form();
            let Some((modelled_status, modelled_key)) =
                name.strip_suffix("Exception").and_then(|name| modelled.get(name))
            else {
                continue;
            };
            seen += 1;
            // What is not implemented, or not now, is a ServiceException whose status tells clients whether to try again.
            if ![Exception::NotImplemented, Exception::Unavailable].contains(&exception) {
                assert_eq!(status.as_str(), *modelled_status, "{name}");
            }
            assert_eq!(key, *modelled_key, "{name}");
            let expected = if status.is_server_error() { "Service" } else { "User" };
            assert_eq!(fault, Some(expected), "{name}");
        }
        assert!(seen > 9, "{seen}");
    }
}
