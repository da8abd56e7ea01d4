//! Where the events go that a function could not handle: Lambda's `DeadLetterConfig`.

use std::fmt;

use super::queue_arn::{QueueArn, service, shown};
use super::serialized::serialized_as_text;

/// The queue that gets the events a version could not handle. A version is locked with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeadLetterTarget(QueueArn);

/// Why something cannot get a function's dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeadLetterError {
    /// It is a topic of SNS, which Lambda has and Samovar has not.
    #[error(
        "invalid dead letter queue ARN: SNS topics are not supported by Samovar: {arn}. Name an SQS queue."
    )]
    Topic {
        /// Its ARN.
        arn: String,
    },
    /// It is of another service, which no dead letter goes to.
    #[error(
        "invalid dead letter queue ARN: The service specified by the TargetArn is not supported for dead letter configuration."
    )]
    Service,
    /// It keeps an order.
    #[error("invalid dead letter queue ARN: FIFO SQS queue is not supported for dead letter configuration")]
    Fifo,
    /// It is not the ARN of a queue.
    #[error("invalid dead letter queue ARN: {arn}")]
    Malformed {
        /// The text.
        arn: String,
    },
}

impl DeadLetterTarget {
    /// Takes the ARN of a standard SQS queue.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self, DeadLetterError> {
        match service(text) {
            Some("sqs") => {}
            Some("sns") => return Err(DeadLetterError::Topic { arn: shown(text) }),
            Some(_) => return Err(DeadLetterError::Service),
            None => return Err(DeadLetterError::Malformed { arn: shown(text) }),
        }
        let queue = QueueArn::parse(text).map_err(|error| DeadLetterError::Malformed { arn: error.text })?;
        if queue.is_fifo() { Err(DeadLetterError::Fifo) } else { Ok(Self(queue)) }
    }

    /// The queue.
    pub fn queue(&self) -> &QueueArn {
        &self.0
    }
}

impl fmt::Display for DeadLetterTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for DeadLetterTarget {
    type Err = DeadLetterError;

    fn from_str(text: &str) -> Result<Self, DeadLetterError> {
        Self::parse(text)
    }
}

serialized_as_text!(DeadLetterTarget);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_go_to_a_standard_queue() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:failed";
        let target = DeadLetterTarget::parse(arn).expect("a target");
        assert_eq!((target.to_string().as_str(), target.queue().name()), (arn, "failed"));
    }

    #[test]
    fn what_gets_no_dead_letters_is_told_apart() {
        let error = |arn: &str| DeadLetterTarget::parse(arn).expect_err("refused").to_string();
        let topic = error("arn:aws:sns:us-east-1:000000000000:t");
        assert!(topic.contains("SNS topics are not supported") && topic.contains(":t. Name"), "{topic}");
        assert!(error("arn:aws:lambda:us-east-1:000000000000:function:f").contains("The service specified"));
        assert!(error("arn:aws:sqs:us-east-1:000000000000:q.fifo").contains("FIFO SQS queue"));
        for malformed in ["q", "", "arn:aws", "arn:aws:sqs:us-east-1:000000000000:a b"] {
            assert_eq!(error(malformed), format!("invalid dead letter queue ARN: {malformed}"));
        }
    }
}
