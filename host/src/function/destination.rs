//! Where Lambda tells what came of an event.

use std::fmt;
use std::sync::Arc;

use super::queue_arn::{QueueArn, is_partition, service, shown};
use super::reference::FunctionRef;
use super::serialized::serialized_as_text;

/// What gets a record of an event that was handled, or could not be: Lambda's `Destination`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A standard SQS queue.
    Queue(QueueArn),
    /// A function, which gets the record as its event.
    Function(DestinationFunction),
}

/// A function that is named by its whole ARN, with or without a qualifier.
#[derive(Clone, PartialEq, Eq)]
pub struct DestinationFunction {
    arn: Arc<str>,
    function: FunctionRef,
}

/// Why something cannot be a destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// It is something that Lambda has and Samovar has not.
    #[error(
        "{what} as destinations are not supported by Samovar: {arn}. Name an SQS queue or a Lambda function."
    )]
    Unsupported {
        /// What it is, in the plural.
        what: &'static str,
        /// Its ARN.
        arn: String,
    },
    /// It is of a service that no destination is of.
    #[error("nothing of the service of {arn} can be a destination")]
    Service {
        /// Its ARN.
        arn: String,
    },
    /// It is not the ARN of a standard queue or a function.
    #[error("the destination ARN {arn} is invalid.")]
    Invalid {
        /// The text.
        arn: String,
    },
}

impl Destination {
    /// Takes the ARN of a standard SQS queue or of a function.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, DestinationError> {
        let invalid = || DestinationError::Invalid { arn: shown(text) };
        let unsupported = |what| DestinationError::Unsupported { what, arn: shown(text) };
        match service(text) {
            Some("sqs") => {
                let queue = QueueArn::parse(text).ok().filter(|queue| !queue.is_fifo());
                queue.map(Self::Queue).ok_or_else(invalid)
            }
            Some("lambda") => DestinationFunction::parse(text).map(Self::Function).ok_or_else(invalid),
            Some("sns") => Err(unsupported("SNS topics")),
            Some("s3") => Err(unsupported("S3 buckets")),
            Some("events") => Err(unsupported("EventBridge event buses")),
            Some(_) => Err(DestinationError::Service { arn: shown(text) }),
            None if text.starts_with("kafka://") => Err(unsupported("Kafka topics")),
            None => Err(invalid()),
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        match self {
            Self::Queue(queue) => queue.as_str(),
            Self::Function(function) => function.arn(),
        }
    }
}

impl DestinationFunction {
    /// Only the whole ARN will do, with a region and an account.
    fn parse(text: &str) -> Option<Self> {
        let partition = text.split(':').nth(1)?;
        let function = FunctionRef::parse(text).ok().filter(|_| is_partition(partition))?;
        Some(Self { arn: text.into(), function })
    }

    /// Its ARN, as it was given.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The function that it names, with its region and its account.
    pub fn function(&self) -> &FunctionRef {
        &self.function
    }
}

impl fmt::Debug for DestinationFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.arn, f)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.arn())
    }
}

impl std::str::FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        Self::parse(text)
    }
}

serialized_as_text!(Destination);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Qualifier;

    #[test]
    fn a_destination_is_a_queue_or_a_function() {
        let queue = "arn:aws:sqs:us-east-1:000000000000:done";
        assert!(matches!(Destination::parse(queue), Ok(Destination::Queue(arn)) if arn.name() == "done"));
        let function = "arn:aws:lambda:us-east-1:000000000000:function:f:live";
        let Ok(Destination::Function(parsed)) = Destination::parse(function) else { panic!("a function") };
        assert_eq!((parsed.arn(), parsed.function().name.as_str()), (function, "f"));
        assert!(matches!(parsed.function().qualifier, Some(Qualifier::Alias(_))));
        assert!(parsed.function().region.is_some() && parsed.function().account.is_some());
        for arn in [queue, function] {
            let destination = Destination::parse(arn).expect("a destination");
            let json = serde_json::to_string(&destination).expect("JSON");
            assert_eq!(json, format!("\"{arn}\""));
            assert_eq!(serde_json::from_str::<Destination>(&json).expect("a destination"), destination);
        }
    }

    #[test]
    fn what_lambda_has_and_samovar_has_not_is_refused_by_its_name() {
        for (arn, what) in [
            ("arn:aws:sns:us-east-1:000000000000:t", "SNS topics"),
            ("arn:aws:s3:::bucket", "S3 buckets"),
            ("arn:aws:events:us-east-1:000000000000:event-bus/b", "EventBridge event buses"),
            ("kafka://topic", "Kafka topics"),
        ] {
            let error = Destination::parse(arn).expect_err("refused").to_string();
            assert!(error.starts_with(&format!("{what} as destinations are not supported")), "{error}");
            assert!(error.contains(arn), "{error}");
        }
    }

    #[test]
    fn what_nothing_can_be_sent_to_is_refused() {
        for bad in [
            "",
            "f",
            "arn:aws:sqs:us-east-1:000000000000:q.fifo",
            "arn:aws:sqs:us-east-1:000000000000:a:b",
            "arn:aws:lambda:us-east-1:000000000000:layer:l",
            "arn:aws:lambda:us-east-1:000000000000:function:a b",
            "000000000000:function:f",
        ] {
            let error = Destination::parse(bad).expect_err("refused");
            assert_eq!(error.to_string(), format!("the destination ARN {bad} is invalid."));
        }
        let other = Destination::parse("arn:aws:iam:us-east-1:000000000000:function:f");
        assert!(matches!(other, Err(DestinationError::Service { .. })), "{other:?}");
    }
}
