//! Errors as SQS writes them.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::super::wire_error::{INTERNAL, WireError, sentence, shown};
use super::CONTENT;
use super::attributes::FIFO;
use crate::function::TagError;
use crate::sqs::{
    AccessPolicyError, CancelMoveError, ChangeQueueError, CreateQueueError, MESSAGE_BYTES_MAX, MessageError,
    POLICY, PermissionError, PurgeError, QueueError, QueueNameError, REDRIVE, REDRIVE_ALLOW, ReceiveError,
    RedriveAllowPolicyError, RedrivePolicyError, StartMoveError, THROUGHPUT, TagQueueError, VisibilityError,
};
use crate::store::StoreError;

/// What clients that still think in the protocol before JSON read: the old name of the error, and whose doing it is.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// An error, as it is written to a client.
#[derive(Debug, Clone)]
pub(in crate::http) struct SqsWireError {
    status: StatusCode,
    /// Its shape in the API's model.
    name: &'static str,
    /// Its name before there was JSON, which is what clients match.
    code: &'static str,
    message: String,
}

impl SqsWireError {
    pub(super) fn missing(parameter: &str) -> Self {
        let message = format!("The request must contain the parameter {parameter}.");
        Self::bad("MissingRequiredParameterException", "MissingParameter", message)
    }

    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValueException", "InvalidParameterValue", message)
    }

    /// A value of the request is not one that is allowed.
    pub(super) fn value(parameter: &str, value: &str, reason: &str) -> Self {
        let value = shown(value);
        Self::parameter(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    pub(super) fn serialization(error: &serde_json::Error) -> Self {
        Self::bad("SerializationException", "SerializationException", error.to_string())
    }

    pub(super) fn address(url: &str) -> Self {
        let message = format!("The address {} is not valid for this endpoint.", shown(url));
        Self { status: StatusCode::NOT_FOUND, ..Self::bad("InvalidAddress", "InvalidAddress", message) }
    }

    pub(super) fn no_such_queue() -> Self {
        let code = "AWS.SimpleQueueService.NonExistentQueue";
        Self::bad("QueueDoesNotExist", code, "The specified queue does not exist.")
    }

    /// The queue of that member is not there.
    pub(super) fn no_resource(member: &str) -> Self {
        Self::not_found(format!("The resource that you specified for the {member} parameter doesn't exist."))
    }

    fn not_found(message: impl Into<String>) -> Self {
        let error = Self::bad("ResourceNotFoundException", "ResourceNotFoundException", message);
        Self { status: StatusCode::NOT_FOUND, ..error }
    }

    pub(super) fn unknown_attribute(name: &str) -> Self {
        Self::attribute_name(format!("Unknown Attribute {}.", shown(name)))
    }

    /// An attribute that SQS knows and that has no meaning here.
    pub(super) fn attribute_never(name: &str) -> Self {
        Self::attribute_name(format!("The attribute {name} is not implemented by Samovar."))
    }

    pub(super) fn fifo_only(name: &str) -> Self {
        Self::attribute_name(format!("You can specify the {name} only when FifoQueue is set to true."))
    }

    fn attribute_name(message: String) -> Self {
        Self::bad("InvalidAttributeName", "InvalidAttributeName", message)
    }

    pub(super) fn attribute_value(name: &str) -> Self {
        let message = format!("Invalid value for the parameter {name}.");
        Self::bad("InvalidAttributeValue", "InvalidAttributeValue", message)
    }

    fn attribute_value_because(name: &str, reason: &str) -> Self {
        let message = format!("Invalid value for the parameter {name}. Reason: {reason}");
        Self::bad("InvalidAttributeValue", "InvalidAttributeValue", message)
    }

    /// A value that SQS takes and that has no meaning here.
    pub(super) fn attribute_value_never(name: &str, value: &str) -> Self {
        let reason = format!("{} is not implemented by Samovar.", shown(value));
        Self::attribute_value_because(name, &reason)
    }

    /// A queue stays of the kind it is.
    pub(super) fn other_kind() -> Self {
        Self::attribute_value_because(FIFO, "Modifying queue type is not supported.")
    }

    fn throughput() -> Self {
        let reason = "The value perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup.";
        Self::attribute_value_because(THROUGHPUT, reason)
    }

    pub(super) fn queue_name() -> Self {
        Self::parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    }

    pub(super) fn fifo_name() -> Self {
        Self::parameter(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix \
             and be 1 to 80 in length.",
        )
    }

    /// SQS does not show what is not even of the form.
    pub(super) fn redrive(text: &str, reason: &RedrivePolicyError) -> Self {
        match reason {
            RedrivePolicyError::NoMap => Self::attribute_value_because(REDRIVE, &reason.to_string()),
            reason => Self::value(REDRIVE, text, &reason.to_string()),
        }
    }

    pub(super) fn redrive_allow(text: &str, reason: &RedriveAllowPolicyError) -> Self {
        match reason {
            RedriveAllowPolicyError::Format => {
                Self::attribute_value_because(REDRIVE_ALLOW, &reason.to_string())
            }
            reason => Self::value(REDRIVE_ALLOW, text, &reason.to_string()),
        }
    }

    pub(super) fn policy(error: AccessPolicyError) -> Self {
        match error {
            AccessPolicyError::Format => Self::attribute_value(POLICY),
            error => Self::attribute_value_because(POLICY, &sentence(&error)),
        }
    }

    pub(super) fn permission(error: PermissionError, label: &str) -> Self {
        match error {
            PermissionError::Queue(error) => error.into(),
            PermissionError::Policy(AccessPolicyError::TooManyActions { .. }) => Self {
                status: StatusCode::FORBIDDEN,
                ..Self::bad("OverLimit", "OverLimit", error.to_string())
            },
            PermissionError::Policy(
                error @ (AccessPolicyError::LabelExists | AccessPolicyError::NoSuchLabel),
            ) => Self::value("Label", label, &error.to_string()),
            PermissionError::Policy(error) => Self::policy(error),
        }
    }

    pub(super) fn tag(error: TagError, queue: &str) -> Self {
        match error {
            TagError::TooMany { .. } => Self::parameter(format!("Too many tags added for queue {queue}.")),
            error => Self::parameter(sentence(&error)),
        }
    }

    pub(super) fn tag_queue(error: TagQueueError, queue: &str) -> Self {
        match error {
            TagQueueError::Queue(error) => error.into(),
            TagQueueError::Tag(error) => Self::tag(error, queue),
        }
    }

    pub(super) fn purge(error: PurgeError, queue: &str) -> Self {
        match error {
            PurgeError::Queue(error) => error.into(),
            PurgeError::InProgress => {
                let message =
                    format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds.");
                let code = "AWS.SimpleQueueService.PurgeQueueInProgress";
                let error = Self::bad("PurgeQueueInProgress", code, message);
                Self { status: StatusCode::FORBIDDEN, ..error }
            }
        }
    }

    pub(super) fn receipt_handle(text: &str) -> Self {
        let message = format!("The input receipt handle \"{}\" is not a valid receipt handle.", shown(text));
        let error = Self::bad("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", message);
        Self { status: StatusCode::NOT_FOUND, ..error }
    }

    /// A FIFO queue deletes nothing with a receipt whose time is over.
    pub(super) fn receipt_expired(text: &str) -> Self {
        Self::value("ReceiptHandle", text, "The receipt handle has expired.")
    }

    pub(super) fn batch(name: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self::bad(name, code, message)
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        let message = format!("SQS has no operation {}", shown(operation));
        Self::bad("UnknownOperationException", "InvalidAction", message)
    }

    pub(super) fn visibility(receipt: &str, error: VisibilityError, seconds: i64) -> Self {
        match error {
            VisibilityError::NotThere => {
                let reason = "Message does not exist or is not available for visibility timeout change.";
                Self::value("ReceiptHandle", receipt, reason)
            }
            VisibilityError::NotInFlight => {
                let code = "AWS.SimpleQueueService.MessageNotInflight";
                Self::bad("MessageNotInflight", code, "The message referred to is not in flight.")
            }
            VisibilityError::BeyondTotal => {
                let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
                Self::value("VisibilityTimeout", &seconds.to_string(), reason)
            }
        }
    }

    /// What a request gets that did not come as far as its operation. That messages are too large SQS says in words of their own.
    pub(in crate::http) fn refused(error: WireError, operation: &str) -> Self {
        match (error.status(), operation) {
            (StatusCode::PAYLOAD_TOO_LARGE, "SendMessage") => Self::message_too_long(MESSAGE_BYTES_MAX),
            (StatusCode::PAYLOAD_TOO_LARGE, "SendMessageBatch") => Self::batch_too_long(None),
            _ => error.into(),
        }
    }

    /// `bytes` is how many there were, if they were counted.
    pub(super) fn batch_too_long(bytes: Option<usize>) -> Self {
        let sent = bytes.map(|bytes| format!(" You have sent {bytes} bytes.")).unwrap_or_default();
        let message = format!("Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes.{sent}");
        Self::batch("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", message)
    }

    fn message_too_long(limit: usize) -> Self {
        let reason = format!("Reason: Message must be shorter than {limit} bytes.");
        Self::parameter(format!("One or more parameters are invalid. {reason}"))
    }

    fn throttled(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, ..Self::bad("RequestThrottled", "RequestThrottled", message) }
    }

    fn bad(name: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, name, code, message: message.into() }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The name that clients match.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Whether it is the client's doing.
    pub(super) fn is_senders(&self) -> bool {
        !self.status.is_server_error()
    }

    pub(in crate::http) fn into_response(self) -> Response {
        let kind = format!("com.amazonaws.sqs#{}", self.name);
        let body = json!({ "__type": kind, "message": self.message }).to_string();
        let fault = if self.is_senders() { "Sender" } else { "Receiver" };
        let headers = [(CONTENT_TYPE, CONTENT.to_owned()), (QUERY_ERROR, format!("{};{fault}", self.code))];
        (self.status, headers, body).into_response()
    }
}

impl From<QueueError> for SqsWireError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NoSuchQueue => Self::no_such_queue(),
            QueueError::TooManyMessages { .. } => Self::throttled(format!("Rate Exceeded: {error}.")),
            QueueError::Store(StoreError::Busy) => Self::throttled("Rate Exceeded."),
            QueueError::Store(StoreError::Full) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                ..Self::bad("ServiceUnavailable", "ServiceUnavailable", "The disk is full.")
            },
            QueueError::Store(StoreError::Closed) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                ..Self::bad("ServiceUnavailable", "ServiceUnavailable", "The host is closing.")
            },
            // The client does not learn which file it was, the log does.
            QueueError::Store(error) => {
                tracing::error!("a request to a queue failed: {error}");
                Self {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    ..Self::bad("InternalFailure", "InternalFailure", INTERNAL)
                }
            }
        }
    }
}

impl From<CreateQueueError> for SqsWireError {
    fn from(error: CreateQueueError) -> Self {
        match error {
            CreateQueueError::Settings(error) => error.into(),
            CreateQueueError::Exists { attribute } => {
                let message = format!(
                    "A queue already exists with the same name and a different value for attribute {attribute}"
                );
                Self::bad("QueueNameExists", "QueueAlreadyExists", message)
            }
            CreateQueueError::TooMany { limit } => {
                Self::throttled(format!("There are {limit} queues, which is the most there can be."))
            }
        }
    }
}

impl From<ChangeQueueError> for SqsWireError {
    fn from(error: ChangeQueueError) -> Self {
        match error {
            ChangeQueueError::Queue(error) => error.into(),
            ChangeQueueError::Throughput => Self::throughput(),
            ChangeQueueError::Redrive { policy, reason } => Self::redrive(&policy.text(), &reason),
        }
    }
}

impl From<StartMoveError> for SqsWireError {
    fn from(error: StartMoveError) -> Self {
        match error {
            StartMoveError::Queue(QueueError::NoSuchQueue) => Self::no_resource("SourceArn"),
            StartMoveError::Queue(error) => error.into(),
            StartMoveError::NoDestination => Self::no_resource("DestinationArn"),
            StartMoveError::NoDeadLetters => {
                Self::parameter("Source queue must be configured as a Dead Letter Queue.")
            }
            StartMoveError::SameQueue => {
                Self::parameter("Source queue arn and destination queue arn cannot be the same.")
            }
            StartMoveError::OtherKind => {
                Self::parameter("The source queue and destination queue must be of the same queue type.")
            }
            StartMoveError::Running => Self::parameter(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ),
        }
    }
}

impl From<CancelMoveError> for SqsWireError {
    fn from(error: CancelMoveError) -> Self {
        match error {
            CancelMoveError::Queue(QueueError::NoSuchQueue) => Self::no_resource("SourceArn"),
            CancelMoveError::Queue(error) => error.into(),
            CancelMoveError::NoSuchTask => Self::not_found("Task does not exist."),
            CancelMoveError::Ended => Self::parameter("Only active tasks can be cancelled."),
        }
    }
}

impl From<ReceiveError> for SqsWireError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Queue(error) => error.into(),
            ReceiveError::OverLimit => Self {
                status: StatusCode::FORBIDDEN,
                ..Self::bad("OverLimit", "OverLimit", "Too many messages of the queue are in flight.")
            },
        }
    }
}

impl From<QueueNameError> for SqsWireError {
    fn from(_: QueueNameError) -> Self {
        Self::queue_name()
    }
}

impl From<MessageError> for SqsWireError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Empty => Self::missing("MessageBody"),
            MessageError::TooLarge { limit, .. } => Self::message_too_long(limit),
            MessageError::TooManyAttributes { count } => Self::parameter(format!(
                "Number of message attributes [{count}] exceeds the allowed maximum [10]."
            )),
            MessageError::TraceHeaderTooLong { .. } => Self::parameter(sentence(&error)),
            MessageError::Id { parameter, ref value } | MessageError::OtherKind { parameter, ref value } => {
                Self::value(parameter, value, &error.to_string())
            }
            MessageError::Missing { parameter } => Self::missing(parameter),
            MessageError::NoDeduplication => Self::parameter(error.to_string()),
            MessageError::Attribute(error) => Self::parameter(error.to_string()),
            MessageError::Characters => {
                Self::bad("InvalidMessageContents", "InvalidMessageContents", error.to_string())
            }
        }
    }
}

/// What happens to requests of this service as to all others, in its own form.
impl From<WireError> for SqsWireError {
    fn from(error: WireError) -> Self {
        let name = match error.name() {
            "TooManyRequestsException" => "RequestThrottled",
            name => name,
        };
        let code = name.strip_suffix("Exception").unwrap_or(name);
        Self { status: error.status(), name, code, message: error.message().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_has_its_name_of_the_model_and_its_name_of_before() {
        let response = SqsWireError::no_such_queue().into_response();
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), "application/x-amz-json-1.0");
        assert_eq!(header("x-amzn-query-error"), "AWS.SimpleQueueService.NonExistentQueue;Sender");
        assert_eq!(response.status().as_u16(), 400);
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let wanted = json!({
            "__type": "com.amazonaws.sqs#QueueDoesNotExist",
            "message": "The specified queue does not exist."
        });
        assert_eq!(body, wanted);
    }

    #[test]
    fn a_client_does_not_learn_what_is_wrong_on_the_disk() {
        let failed = StoreError::Failed { file: "/secret/queue.db".to_owned(), reason: "I/O".to_owned() };
        let error = SqsWireError::from(QueueError::Store(failed));
        assert_eq!((error.status.as_u16(), error.code, error.is_senders()), (500, "InternalFailure", false));
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}
