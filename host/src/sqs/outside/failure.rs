//! What errors of the SDK and of SQS mean for a message.

use std::error::Error;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

use crate::sqs::{MESSAGE_BYTES_MAX, SendError};

/// The most characters of a reason; some servers answer with pages.
const REASON_CHARS_MAX: usize = 500;

/// Why a request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The sender may not do that.
    Forbidden { reason: String },
    /// The queue takes messages of so many bytes only.
    TooLarge { limit: usize },
    /// Everything else means to a message what it says.
    Of(SendError),
}

/// A refusal that a server has put into words.
#[derive(Debug, Clone, Copy)]
struct Refusal<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
}

impl Failure {
    /// Reads an error of the SDK.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(refused) => Refusal {
                status: refused.raw().status().as_u16(),
                code: refused.err().code().unwrap_or_default(),
                message: refused.err().message().unwrap_or_default(),
            }
            .meaning(),
            // Nothing came, or nothing that could be read, or there are no credentials to ask with: all of that may change.
            other => Self::Of(SendError::Unreachable { reason: shortened(&with_causes(other)) }),
        }
    }

    /// What it means for a message of so many bytes. That the sender may not send is no fault of the message: it waits until
    /// somebody has given the right.
    pub(super) fn for_message(self, bytes: usize) -> SendError {
        match self {
            Self::Forbidden { reason } => SendError::Unreachable { reason },
            Self::TooLarge { limit } => SendError::TooLarge { bytes, limit },
            Self::Of(error) => error,
        }
    }
}

impl Refusal<'_> {
    fn meaning(self) -> Failure {
        let reason = self.reason();
        Failure::Of(match self.name() {
            "QueueDoesNotExist" | "NonExistentQueue" | "QueueDeletedRecently" => SendError::NoSuchQueue,
            "RequestThrottled"
            | "Throttling"
            | "ThrottledRequest"
            | "TooManyRequests"
            | "KmsThrottled"
            | "OverLimit"
            | "RequestLimitExceeded"
            | "SlowDown" => SendError::Throttled,
            _ if self.status == 429 => SendError::Throttled,
            _ if self.is_too_large() => return Failure::TooLarge { limit: self.bytes_max() },
            name if self.status == 401 || self.status == 403 || is_about_the_sender(name) => {
                return Failure::Forbidden { reason };
            }
            name if self.status == 400 && is_code(name) => SendError::Refused { reason },
            // Of the queue it says nothing: something before the server answered instead, or the server itself cannot now.
            _ => SendError::Unreachable { reason },
        })
    }

    /// The code without what some say before it and others behind it: `AWS.SimpleQueueService.NonExistentQueue`,
    /// `InvalidParameterValueException`.
    fn name(&self) -> &str {
        let name = self.code.rsplit(['.', '#']).next().unwrap_or_default();
        name.strip_suffix("Exception").or(name.strip_suffix("Error")).unwrap_or(name)
    }

    /// There is no code for it, only words: `Message must be shorter than 1048576 bytes.`
    fn is_too_large(&self) -> bool {
        self.status == 413
            || matches!(self.name(), "MessageTooLong" | "RequestEntityTooLarge")
            || (self.name() == "InvalidParameterValue" && self.message.contains("must be shorter than"))
    }

    /// The number in those words.
    fn bytes_max(&self) -> usize {
        let after = self.message.split("shorter than ").nth(1).unwrap_or_default();
        let digits = after.split(|character: char| !character.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().unwrap_or(MESSAGE_BYTES_MAX)
    }

    fn reason(&self) -> String {
        match (self.code, self.message) {
            ("", "") => format!("it answered with HTTP status {}", self.status),
            ("", said) => shortened(&format!("it answered with HTTP status {}: {said}", self.status)),
            (code, "") => shortened(code),
            (code, said) => shortened(&format!("{code}: {said}")),
        }
    }
}

/// Errors that come with status 400 although the message has no part in them: of keys, of signatures, of clocks, and of what the
/// queue encrypts with.
fn is_about_the_sender(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        "AccessDenied",
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidToken",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClient",
        "InvalidAddress",
    ];
    NAMES.contains(&name) || name.starts_with("Kms")
}

/// Whether a server that speaks SQS could have said it: one word, as `InvalidMessageContents`.
fn is_code(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// An error and what lies behind it, each once: the SDK's own words say little (`dispatch failure`).
fn with_causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !said.contains(&words) {
            said.push_str(": ");
            said.push_str(&words);
        }
        if said.len() > 4 * REASON_CHARS_MAX {
            break;
        }
        next = cause.source();
    }
    said
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(status: u16, code: &str, message: &str) -> SendError {
        Refusal { status, code, message }.meaning().for_message(2_000)
    }

    #[test]
    fn a_queue_that_is_not_there_is_known_by_either_name() {
        for code in [
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
            "com.amazonaws.sqs#QueueDoesNotExist",
        ] {
            assert_eq!(
                meaning(400, code, "The specified queue does not exist."),
                SendError::NoSuchQueue,
                "{code}"
            );
        }
    }

    #[test]
    fn throttling_is_known_in_all_its_words() {
        for code in
            ["RequestThrottled", "ThrottlingException", "Throttling", "KMS.ThrottlingException", "OverLimit"]
        {
            assert_eq!(meaning(400, code, ""), SendError::Throttled, "{code}");
        }
        assert_eq!(meaning(429, "", ""), SendError::Throttled);
    }

    #[test]
    fn a_message_is_refused_for_its_own_faults_only() {
        let contents = meaning(400, "InvalidMessageContents", "Invalid characters");
        assert_eq!(
            contents,
            SendError::Refused { reason: "InvalidMessageContents: Invalid characters".to_owned() }
        );
        let long = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.";
        let too_large = |limit| SendError::TooLarge { bytes: 2_000, limit };
        assert_eq!(meaning(400, "InvalidParameterValue", long), too_large(1024));
        assert_eq!(meaning(413, "", ""), too_large(MESSAGE_BYTES_MAX));
        for (status, code) in [
            (403, "AccessDenied"),
            (403, "InvalidClientTokenId"),
            (400, "AccessDeniedException"),
            (400, "KmsDisabled"),
            (400, "RequestExpired"),
            (500, "InternalError"),
            (503, "ServiceUnavailable"),
        ] {
            assert!(matches!(meaning(status, code, ""), SendError::Unreachable { .. }), "{code}");
        }
    }

    /// A proxy whose backend is away answers in words of its own; what was sent then was given up for good.
    #[test]
    fn what_is_no_answer_of_sqs_is_asked_again() {
        for (status, code) in [
            (404, ""),
            (302, ""),
            (405, ""),
            (400, ""),
            (400, "bad gateway"),
            (400, "404"),
            (404, "NotFound"),
            (404, "InvalidMessageContents"),
            (200, "Odd"),
        ] {
            assert!(matches!(meaning(status, code, ""), SendError::Unreachable { .. }), "{status} {code}");
        }
        assert!(matches!(meaning(400, "UnsupportedOperation", ""), SendError::Refused { .. }));
        assert_eq!(meaning(404, "QueueDoesNotExist", ""), SendError::NoSuchQueue);
    }

    #[test]
    fn a_reason_is_in_words_and_not_a_page() {
        assert_eq!(
            meaning(502, "", ""),
            SendError::Unreachable { reason: "it answered with HTTP status 502".to_owned() }
        );
        let SendError::Refused { reason } = meaning(400, "Odd", &"é".repeat(9_999)) else {
            panic!("refused")
        };
        assert!(reason.starts_with("Odd: é") && reason.chars().count() == REASON_CHARS_MAX + 3, "{reason}");
    }
}
