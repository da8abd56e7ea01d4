//! Names of queues, and their ARNs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::limits::QUEUE_NAME_CHARS_MAX;
use crate::function::{AccountId, Region};

/// The ending of the names of queues that keep an order, which there are none of here.
const FIFO_SUFFIX: &str = ".fifo";

/// Why a text is no name of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum QueueNameError {
    /// It is empty, too long, or holds other characters.
    #[error("a queue's name has 1 to {QUEUE_NAME_CHARS_MAX} letters, digits, hyphens and underscores")]
    Form,
    /// It is the name of a FIFO queue.
    #[error("FIFO queues are not there yet")]
    Fifo,
}

/// Why a text is no ARN of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not of the form arn:aws:sqs:REGION:ACCOUNT:NAME")]
pub(crate) struct QueueArnError {
    /// The text.
    pub(crate) text: String,
}

/// The name of a queue: 1 to 80 letters, digits, hyphens and underscores.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QueueName(Arc<str>);

/// Which queue: `arn:aws:sqs:REGION:ACCOUNT:NAME`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QueueArn {
    pub(crate) region: Region,
    pub(crate) account: AccountId,
    pub(crate) name: QueueName,
}

impl QueueName {
    /// Takes a text as the name of a queue.
    ///
    /// # Errors
    /// When it is empty, longer than 80 characters, holds other characters, or ends in `.fifo`.
    pub(crate) fn parse(text: &str) -> Result<Self, QueueNameError> {
        let is_word = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !text.is_empty() && text.bytes().all(allowed)
        };
        match text.strip_suffix(FIFO_SUFFIX) {
            Some(rest) if is_word(rest) => Err(QueueNameError::Fifo),
            None if is_word(text) && text.len() <= QUEUE_NAME_CHARS_MAX => Ok(Self(text.into())),
            _ => Err(QueueNameError::Form),
        }
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl QueueArn {
    /// Takes a text as the ARN of a queue.
    ///
    /// # Errors
    /// When it has not that form.
    pub(crate) fn parse(text: &str) -> Result<Self, QueueArnError> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", "aws", "sqs", region, account, name] = parts[..] else { return Err(Self::error(text)) };
        match (Region::parse(region), AccountId::parse(account), QueueName::parse(name)) {
            (Ok(region), Ok(account), Ok(name)) => Ok(Self { region, account, name }),
            _ => Err(Self::error(text)),
        }
    }

    fn error(text: &str) -> QueueArnError {
        QueueArnError { text: text.chars().take(200).collect() }
    }

    /// The queue's URL at a server of that host and port.
    pub(crate) fn url(&self, authority: &str) -> String {
        format!("http://{authority}/{}/{}", self.account, self.name)
    }
}

/// The queue that a function is configured with. Of another partition than `aws` the name is kept and the partition is not.
impl From<&crate::function::QueueArn> for QueueArn {
    fn from(arn: &crate::function::QueueArn) -> Self {
        Self {
            region: arn.region().clone(),
            account: arn.account().clone(),
            name: QueueName(arn.name().into()),
        }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:sqs:{}:{}:{}", self.region, self.account, self.name)
    }
}

impl fmt::Debug for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for QueueArn {
    type Err = QueueArnError;

    fn from_str(text: &str) -> Result<Self, QueueArnError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queues_name_is_letters_digits_hyphens_and_underscores() {
        assert!(QueueName::parse("Dead-letters_2").is_ok() && QueueName::parse(&"q".repeat(80)).is_ok());
        for bad in ["", "a b", "a.b", "a/b", "é", "a:b", &"q".repeat(81), ".fifo"] {
            assert_eq!(QueueName::parse(bad), Err(QueueNameError::Form), "{bad:?}");
        }
        assert_eq!(QueueName::parse("orders.fifo"), Err(QueueNameError::Fifo));
    }

    #[test]
    fn an_arn_is_read_as_it_is_written() {
        let text = "arn:aws:sqs:eu-west-1:123456789012:orders";
        let arn = QueueArn::parse(text).expect("an ARN");
        assert_eq!((arn.to_string(), arn.name.as_str()), (text.to_owned(), "orders"));
        assert_eq!(arn.url("localhost:9000"), "http://localhost:9000/123456789012/orders");
        for bad in [
            "",
            "orders",
            "arn:aws:sqs:eu-west-1:123456789012",
            "arn:aws:sqs:eu-west-1:123456789012:orders:x",
            "arn:aws:sqs:eu-west-1:12345678901:orders",
            "arn:aws:sns:eu-west-1:123456789012:orders",
            "arn:aws:sqs:EU:123456789012:orders",
        ] {
            assert!(QueueArn::parse(bad).is_err(), "{bad}");
        }
    }
}
