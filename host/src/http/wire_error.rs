//! Errors as Lambda's API writes them, and which of ours becomes which.
//!
//! The only place that knows: every error of the engine is matched here, exhaustively.

use std::fmt;

use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::function::{ConfigurationError, NameError, ReferenceError, Region, RoutingError};
use crate::{
    AliasError, ChangeError, CodeError, CodeStorageExceeded, CreateFunctionError, FunctionNotFound,
    FunctionPending, InvokeError, PackageError, PublishVersionError, RevisionMismatch, StoreError,
    UpdateFunctionError, UpdateInProgress,
};

use super::guard::Refused;

/// What names of functions look like, in the words of the API's model.
const FUNCTION_PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?";
const ALIAS_PATTERN: &str = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
const QUALIFIER_PATTERN: &str = "(|[a-zA-Z0-9$_-]+)";
/// The most characters of a client's own text that an error shows.
const SHOWN_CHARS_MAX: usize = 200;

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
enum Exception {
    AccessDenied,
    CodeStorageExceeded,
    IncompleteSignature,
    InvalidParameterValue,
    InvalidRequestContent,
    NotImplemented,
    PreconditionFailed,
    RequestEntityTooLarge,
    RequestTimeout,
    RequestTooLarge,
    ResourceConflict,
    ResourceNotFound,
    ResourceNotReady,
    Serialization,
    Service,
    TooManyRequests,
    Unavailable,
    UnknownPath,
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
    fn form(self) -> Form {
        let user = Some("User");
        let (status, name, key, fault) = match self {
            Self::AccessDenied => (StatusCode::FORBIDDEN, "AccessDeniedException", "Message", None),
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
            // Clients try again after a 500, which would not help.
            Self::NotImplemented => {
                (StatusCode::NOT_IMPLEMENTED, "ServiceException", "Message", Some("Service"))
            }
            Self::PreconditionFailed => {
                (StatusCode::PRECONDITION_FAILED, "PreconditionFailedException", "message", user)
            }
            Self::RequestEntityTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", "message", user)
            }
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", "message", user),
            Self::RequestTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", "message", user)
            }
            Self::ResourceConflict => (StatusCode::CONFLICT, "ResourceConflictException", "message", user),
            Self::ResourceNotFound => (StatusCode::NOT_FOUND, "ResourceNotFoundException", "Message", user),
            Self::ResourceNotReady => {
                (StatusCode::BAD_GATEWAY, "ResourceNotReadyException", "message", Some("Service"))
            }
            Self::Serialization => (StatusCode::BAD_REQUEST, "SerializationException", "message", user),
            Self::Service => {
                (StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", "Message", Some("Service"))
            }
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "message", user)
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceException", "Message", Some("Service"))
            }
            Self::UnknownPath => (StatusCode::NOT_FOUND, "UnknownOperationException", "message", None),
            Self::Validation => (StatusCode::BAD_REQUEST, "ValidationException", "message", None),
        };
        Form { status, name, key, fault }
    }
}

impl IntoResponse for WireError {
    fn into_response(self) -> Response {
        let Form { status, name, key, fault } = self.exception.form();
        let mut body = json!({ key: self.message });
        if let Some(fault) = fault {
            body["Type"] = fault.into();
        }
        if self.exception == Exception::TooManyRequests {
            body["Reason"] = "ConcurrentInvocationLimitExceeded".into();
        }
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
        if self.exception == Exception::TooManyRequests {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Errors of requests that never become a question to the host.
impl WireError {
    /// A value of the request is one that Lambda's service refuses.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(Exception::InvalidParameterValue, message)
    }

    /// A value of the request is outside what the API's model allows.
    pub(super) fn constraint(Member(member): Member, value: &str, constraint: &str) -> Self {
        let value = shown(value);
        let text = format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        );
        Self::new(Exception::Validation, text)
    }

    /// A member that the API's model requires is absent.
    pub(super) fn missing(Member(member): Member) -> Self {
        let text = format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        );
        Self::new(Exception::Validation, text)
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
            ReferenceError::Name(error) => Self::name(Member("functionName"), text, FUNCTION_PATTERN, error),
            ReferenceError::Form { text } => Self::pattern(Member("functionName"), &text, FUNCTION_PATTERN),
            ReferenceError::QualifiersDiffer => Self::parameter(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ),
        }
    }

    pub(super) fn alias_name(text: &str, error: NameError) -> Self {
        Self::name(Member("name"), text, ALIAS_PATTERN, error)
    }

    pub(super) fn qualifier(text: &str, error: NameError) -> Self {
        Self::name(Member("qualifier"), text, QUALIFIER_PATTERN, error)
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

    pub(super) fn payload_too_large(limit: usize) -> Self {
        let text = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        Self::new(Exception::RequestTooLarge, text)
    }

    pub(super) fn control_request_too_large(limit: usize) -> Self {
        Self::new(Exception::RequestEntityTooLarge, format!("Request must be smaller than {limit} bytes"))
    }

    pub(super) fn request_timed_out() -> Self {
        Self::new(Exception::RequestTimeout, "The body of the request did not come in in time")
    }

    pub(super) fn no_room_for_body() -> Self {
        Self::new(Exception::TooManyRequests, "Rate Exceeded: too many large requests are coming in.")
    }

    pub(super) fn broken_body(error: &axum::Error) -> Self {
        Self::request_content(format!("Could not read the request body: {error}"))
    }

    pub(super) fn header_not_text(name: &str) -> Self {
        Self::request_content(format!("The header {name} must be visible ASCII"))
    }

    pub(super) fn path_not_text(text: &str) -> Self {
        Self::new(Exception::Validation, format!("'{}' is not UTF-8 once it is decoded", shown(text)))
    }

    pub(super) fn no_package() -> Self {
        Self::new(Exception::ResourceNotFound, "There is no such package")
    }

    pub(super) fn not_implemented(method: &Method, path: &str) -> Self {
        Self::new(
            Exception::NotImplemented,
            format!("{method} {} is not implemented by Samovar yet", shown(path)),
        )
    }

    pub(super) fn unknown_path(method: &Method, path: &str) -> Self {
        Self::new(Exception::UnknownPath, format!("There is nothing at {method} {}", shown(path)))
    }

    /// Something went wrong that is nobody's request's doing. The client does not learn what, the log does.
    pub(super) fn internal(error: &dyn fmt::Display) -> Self {
        tracing::error!("a request failed: {error}");
        Self::new(Exception::Service, "An internal error occurred; the host's log says more")
    }

    fn closing() -> Self {
        Self::new(Exception::Service, "The host is closing")
    }

    fn pattern(member: Member, value: &str, pattern: &str) -> Self {
        Self::constraint(member, value, &format!("Member must satisfy regular expression pattern: {pattern}"))
    }

    fn name(member: Member, value: &str, pattern: &str, error: NameError) -> Self {
        match error {
            NameError::TooLong { .. } => Self::parameter(sentence(&error)),
            NameError::Empty { .. } | NameError::Character { .. } | NameError::AliasAllDigits { .. } => {
                Self::pattern(member, value, pattern)
            }
        }
    }

    fn new(exception: Exception, message: impl Into<String>) -> Self {
        Self { exception, message: message.into() }
    }
}

impl From<InvokeError> for WireError {
    fn from(error: InvokeError) -> Self {
        match error {
            InvokeError::NotFound { arn } => FunctionNotFound { arn }.into(),
            InvokeError::PayloadTooLarge { limit, .. } => Self::payload_too_large(limit),
            InvokeError::PayloadNotJson { .. } | InvokeError::BadContext { .. } => {
                Self::request_content(sentence(&error))
            }
            InvokeError::Throttled { .. } => Self::new(Exception::TooManyRequests, "Rate Exceeded."),
            InvokeError::NoInstanceLeft { .. } => {
                Self::new(Exception::TooManyRequests, format!("Rate Exceeded: {error}"))
            }
            InvokeError::NotActive { .. } => Self::new(Exception::ResourceConflict, sentence(&error)),
            InvokeError::NotReady { .. } => Self::new(Exception::ResourceNotReady, sentence(&error)),
            InvokeError::Closing => Self::closing(),
        }
    }
}

impl From<FunctionNotFound> for WireError {
    fn from(FunctionNotFound { arn }: FunctionNotFound) -> Self {
        Self::new(Exception::ResourceNotFound, format!("Function not found: {arn}"))
    }
}

impl From<RevisionMismatch> for WireError {
    fn from(RevisionMismatch: RevisionMismatch) -> Self {
        let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to \
                    retrieve the latest Revision Id";
        Self::new(Exception::PreconditionFailed, text)
    }
}

impl From<ConfigurationError> for WireError {
    fn from(error: ConfigurationError) -> Self {
        let range = |member, value: u32, minimum: u32, maximum: u32| {
            let (bound, limit) = if value < minimum { ("greater", minimum) } else { ("less", maximum) };
            let constraint = format!("Member must have value {bound} than or equal to {limit}");
            Self::constraint(Member(member), &value.to_string(), &constraint)
        };
        match error {
            ConfigurationError::MemorySize { megabytes } => range("memorySize", megabytes, 128, 10_240),
            ConfigurationError::EphemeralStorage { megabytes } => {
                range("ephemeralStorage.size", megabytes, 512, 10_240)
            }
            ConfigurationError::Timeout { seconds } => range("timeout", seconds, 1, 900),
            ConfigurationError::Description { chars } => Self::constraint(
                Member("description"),
                &format!("of {chars} characters"),
                "Member must have length less than or equal to 256",
            ),
            ConfigurationError::EnvironmentKey { key } => Self::constraint(
                Member("environment.variables"),
                &key,
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: \
                 [a-zA-Z]([a-zA-Z0-9_])+]",
            ),
            ConfigurationError::EnvironmentReserved { .. }
            | ConfigurationError::EnvironmentValue { .. }
            | ConfigurationError::EnvironmentSize { .. } => Self::parameter(sentence(&error)),
        }
    }
}

impl From<FunctionPending> for WireError {
    fn from(error: FunctionPending) -> Self {
        Self::new(Exception::ResourceConflict, sentence(&error))
    }
}

impl From<UpdateInProgress> for WireError {
    fn from(error: UpdateInProgress) -> Self {
        Self::new(Exception::ResourceConflict, sentence(&error))
    }
}

impl From<CodeStorageExceeded> for WireError {
    fn from(CodeStorageExceeded { .. }: CodeStorageExceeded) -> Self {
        Self::new(Exception::CodeStorageExceeded, "Code storage limit exceeded.")
    }
}

impl From<ChangeError> for WireError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Closing => Self::closing(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for WireError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(Exception::ResourceConflict, sentence(&error)),
            StoreError::Busy => Self::new(Exception::TooManyRequests, format!("Rate Exceeded: {error}")),
            StoreError::Full => Self::new(Exception::Unavailable, sentence(&error)),
            StoreError::Damaged { .. } | StoreError::Newer { .. } | StoreError::Failed { .. } => {
                Self::internal(&error)
            }
        }
    }
}

impl From<CodeError> for WireError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::TooLarge { .. } => {
                let limit = crate::PACKAGE_BYTES_MAX;
                Self::new(
                    Exception::RequestEntityTooLarge,
                    format!("Zipped size must be smaller than {limit} bytes"),
                )
            }
            CodeError::Package(PackageError::Unzipped { .. }) => {
                let limit = crate::UNZIPPED_BYTES_MAX;
                Self::parameter(format!("Unzipped size must be smaller than {limit} bytes"))
            }
            CodeError::Package(
                error @ (PackageError::NoComponent { .. } | PackageError::WhichComponent { .. }),
            ) => Self::parameter(sentence(&error)),
            CodeError::Package(error) => {
                Self::parameter(format!("Could not unzip uploaded file. Please check your file: {error}"))
            }
            CodeError::Assets(error) => {
                Self::parameter(format!("Could not unzip uploaded file. Please check your file: {error}"))
            }
            CodeError::Refused { reason } => Self::parameter(reason),
            CodeError::Program(error) => Self::parameter(format!("The code cannot be run: {error}")),
            CodeError::CompileTime { .. }
            | CodeError::CompileMemory { .. }
            | CodeError::ArtifactTooLarge { .. }
            | CodeError::Compiler { .. } => Self::parameter(format!("The code cannot be compiled: {error}")),
            CodeError::Busy { .. } => {
                Self::new(Exception::TooManyRequests, format!("Rate Exceeded: {error}"))
            }
            CodeError::Worker { .. } => Self::internal(&error),
            CodeError::Io(error) => Self::internal(&error),
            CodeError::Closing => Self::closing(),
        }
    }
}

impl From<CreateFunctionError> for WireError {
    fn from(error: CreateFunctionError) -> Self {
        match error {
            CreateFunctionError::Exists { name } => {
                Self::new(Exception::ResourceConflict, format!("Function already exist: {name}"))
            }
            CreateFunctionError::Reference(_) => Self::parameter(sentence(&error)),
            CreateFunctionError::Configuration(error) => error.into(),
            CreateFunctionError::Code(error) => error.into(),
            CreateFunctionError::Tags(error) => Self::parameter(sentence(&error)),
            CreateFunctionError::CodeStorage(error) => error.into(),
            CreateFunctionError::Change(error) => error.into(),
        }
    }
}

impl From<UpdateFunctionError> for WireError {
    fn from(error: UpdateFunctionError) -> Self {
        match error {
            UpdateFunctionError::NotFound(error) => error.into(),
            UpdateFunctionError::Revision(error) => error.into(),
            UpdateFunctionError::Pending(error) => error.into(),
            UpdateFunctionError::InProgress(error) => error.into(),
            UpdateFunctionError::Configuration(error) => error.into(),
            UpdateFunctionError::Code(error) => error.into(),
            UpdateFunctionError::CodeStorage(error) => error.into(),
            UpdateFunctionError::Change(error) => error.into(),
        }
    }
}

impl From<PublishVersionError> for WireError {
    fn from(error: PublishVersionError) -> Self {
        match error {
            PublishVersionError::NotFound(error) => error.into(),
            PublishVersionError::Revision(error) => error.into(),
            PublishVersionError::Pending(error) => error.into(),
            PublishVersionError::Configuration(error) => error.into(),
            PublishVersionError::CodeDiffers { .. } => Self::parameter(error.to_string()),
            PublishVersionError::InProgress(error) => error.into(),
            PublishVersionError::CodeStorage(error) => error.into(),
            PublishVersionError::Change(error) => error.into(),
        }
    }
}

impl From<AliasError> for WireError {
    fn from(error: AliasError) -> Self {
        match error {
            AliasError::NotFound(error) => error.into(),
            AliasError::AliasNotFound { .. } => Self::new(Exception::ResourceNotFound, sentence(&error)),
            AliasError::Exists { .. } => Self::new(Exception::ResourceConflict, sentence(&error)),
            AliasError::Revision(error) => error.into(),
            AliasError::Routing(error) => error.into(),
            AliasError::Pending(error) => error.into(),
            AliasError::NotReady { .. } | AliasError::NothingBefore { .. } => {
                Self::new(Exception::ResourceConflict, sentence(&error))
            }
            AliasError::Change(error) => error.into(),
            AliasError::Configuration(error) => error.into(),
        }
    }
}

impl From<RoutingError> for WireError {
    fn from(error: RoutingError) -> Self {
        match error {
            RoutingError::Weight { weight } => {
                let constraint = "Map values must satisfy constraint: [Member must have value less than or equal to 1.0, \
                                  Member must have value greater than or equal to 0.0]";
                let member = Member("routingConfig.additionalVersionWeights");
                Self::constraint(member, &weight.to_string(), constraint)
            }
            RoutingError::SameVersion { version } => Self::parameter(format!(
                "Invalid function version {version}. Function version {version} is already included in routing configuration."
            )),
            RoutingError::Latest => Self::parameter(sentence(&error)),
        }
    }
}

/// The error with a capital letter, as the API's texts begin.
fn sentence(error: &dyn fmt::Display) -> String {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// A client's own text, which may be as long as a request, cut to what an error should show of it.
fn shown(text: &str) -> &str {
    text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn written(error: impl Into<WireError>) -> (u16, String, serde_json::Value) {
        let response = error.into().into_response();
        let kind = response.headers()["x-amzn-errortype"].to_str().expect("ASCII").to_owned();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.expect("a body");
        (status, kind, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn the_key_of_the_message_is_the_modelled_one() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned();
        let body = json!({ "Type": "User", "Message": format!("Function not found: {arn}") });
        assert_eq!(
            written(FunctionNotFound { arn }).await,
            (404, "ResourceNotFoundException".to_owned(), body)
        );

        let name = crate::function::FunctionName::parse("f").expect("a name");
        let body = json!({ "Type": "User", "message": "Function already exist: f" });
        let written = written(CreateFunctionError::Exists { name }).await;
        assert_eq!(written, (409, "ResourceConflictException".to_owned(), body));
    }

    #[tokio::test]
    async fn a_throttled_client_learns_why_and_when_to_come_again() {
        let error = WireError::from(InvokeError::Throttled { running: 1, limit: 1 });
        assert_eq!(error.exception, Exception::TooManyRequests);
        let response = error.into_response();
        assert_eq!(response.headers()["retry-after"], "1");
        let (status, _, body) = written(InvokeError::Throttled { running: 1, limit: 1 }).await;
        let expected = json!({ "Type": "User", "message": "Rate Exceeded.", "Reason": "ConcurrentInvocationLimitExceeded" });
        assert_eq!((status, body), (429, expected));
    }

    #[tokio::test]
    async fn a_value_outside_the_model_is_a_validation_error_without_a_type() {
        let (status, kind, body) = written(ConfigurationError::MemorySize { megabytes: 64 }).await;
        let text = "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: Member must \
                    have value greater than or equal to 128";
        assert_eq!((status, kind.as_str(), body), (400, "ValidationException", json!({ "message": text })));
    }
}
