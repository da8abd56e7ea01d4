//! Names of queues, and their ARNs.

use std::fmt;
use std::sync::Arc;

use super::name::{AccountId, Region};
use super::serialized::serialized_as_text;

/// The longest name of a queue, in characters.
const QUEUE_NAME_CHARS_MAX: usize = 80;
/// What ends the name of a queue that keeps an order.
const FIFO_SUFFIX: &str = ".fifo";

/// The partition of AWS that is meant where none is named.
const PARTITION: &str = "aws";

/// The name of an SQS queue: 1 to 80 letters, digits, hyphens and underscores, the last five `.fifo` if it keeps an order.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueName(Arc<str>);

/// A text that is not the name of an SQS queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not the name of a queue: 1 to {QUEUE_NAME_CHARS_MAX} letters, digits, hyphens and underscores"
)]
pub struct QueueNameError {
    /// The text.
    pub text: String,
}

/// The ARN of an SQS queue: `arn:aws:sqs:REGION:ACCOUNT:NAME`. Those of one region and account are in the order of their names.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueArn {
    text: Arc<str>,
    region: Region,
    account: AccountId,
}

/// A text that is not the ARN of an SQS queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the ARN of an SQS queue: write arn:aws:sqs:REGION:ACCOUNT:NAME")]
pub struct QueueArnError {
    /// The text.
    pub text: String,
}

impl QueueName {
    /// Takes a text as the name of a queue.
    ///
    /// # Errors
    /// When no queue can have that name.
    pub fn parse(text: &str) -> Result<Self, QueueNameError> {
        match is_queue_name(text) {
            true => Ok(Self(text.into())),
            false => Err(QueueNameError { text: shown(text) }),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the queue keeps an order.
    pub fn is_fifo(&self) -> bool {
        is_fifo(&self.0)
    }
}

impl QueueArn {
    /// Takes a text as the ARN of a queue.
    ///
    /// # Errors
    /// When it is not of that form, or a part of it is not a name.
    pub fn parse(text: &str) -> Result<Self, QueueArnError> {
        parts(text).ok_or_else(|| QueueArnError { text: shown(text) })
    }

    /// The ARN of the queue of that name.
    pub fn new(region: Region, account: AccountId, name: &QueueName) -> Self {
        let text = format!("arn:{PARTITION}:sqs:{region}:{account}:{name}").into();
        Self { text, region, account }
    }

    /// The queue of that name, account and region, whose ARN names the partition `aws`: those that are built in have no other.
    pub(crate) fn without_partition(&self) -> Self {
        Self::new(self.region.clone(), self.account.clone(), &QueueName(self.name().into()))
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The queue's region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The account whose queue it is.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        self.text.rsplit_once(':').map_or("", |(_, name)| name)
    }

    /// Whether the queue keeps an order: Lambda sends events to none of those.
    pub fn is_fifo(&self) -> bool {
        is_fifo(&self.text)
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
        f.write_str(&self.text)
    }
}

impl fmt::Debug for QueueArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl std::str::FromStr for QueueArn {
    type Err = QueueArnError;

    fn from_str(text: &str) -> Result<Self, QueueArnError> {
        Self::parse(text)
    }
}

serialized_as_text!(QueueArn);

/// The service that an ARN is of: its third part.
pub(super) fn service(text: &str) -> Option<&str> {
    let mut parts = text.split(':');
    let partition = (parts.next()? == "arn").then(|| parts.next())??;
    is_partition(partition).then(|| parts.next())?
}

/// A client's own text, which may be as long as a request, cut to what an error should show of it.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 400;
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// Whether that is a partition of AWS: `aws`, `aws-cn` and the like.
pub(super) fn is_partition(text: &str) -> bool {
    text.strip_prefix("aws")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'))
}

fn parts(text: &str) -> Option<QueueArn> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    let [arn, partition, service, region, account, name] =
        [next()?, next()?, next()?, next()?, next()?, next()?];
    let is_queue = arn == "arn" && is_partition(partition) && service == "sqs" && is_queue_name(name);
    is_queue.then_some(())?;
    let (region, account) = (Region::parse(region).ok()?, AccountId::parse(account).ok()?);
    Some(QueueArn { text: text.into(), region, account })
}

fn is_fifo(name: &str) -> bool {
    name.ends_with(FIFO_SUFFIX)
}

fn is_queue_name(name: &str) -> bool {
    let word = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !word.is_empty() && name.len() <= QUEUE_NAME_CHARS_MAX && word.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_of_a_queue_has_a_region_an_account_and_a_name() {
        let arn = QueueArn::parse("arn:aws-cn:sqs:local:000000000000:Failed_events-1").expect("an ARN");
        let parts = (arn.region().as_str(), arn.account().as_str(), arn.name());
        assert_eq!(parts, ("local", "000000000000", "Failed_events-1"));
        assert_eq!(arn.to_string(), "arn:aws-cn:sqs:local:000000000000:Failed_events-1");
        assert!(!arn.is_fifo());
        let name = QueueName::parse("q.fifo").expect("a name");
        let made = QueueArn::new(arn.region().clone(), arn.account().clone(), &name);
        assert_eq!((made.as_str(), made.is_fifo()), ("arn:aws:sqs:local:000000000000:q.fifo", true));
        assert_eq!(QueueArn::parse(made.as_str()), Ok(made.clone()));
        let inside = arn.without_partition();
        assert_eq!(inside.as_str(), "arn:aws:sqs:local:000000000000:Failed_events-1");
        assert_eq!((inside.without_partition(), inside < made), (inside.clone(), true));
    }

    #[test]
    fn a_queues_name_is_letters_digits_hyphens_and_underscores() {
        for good in ["Dead-letters_2", &"q".repeat(80), "orders.fifo"] {
            let name = QueueName::parse(good).expect("a name");
            assert_eq!((name.as_str(), name.is_fifo()), (good, good.ends_with(".fifo")));
        }
        for bad in ["", "a b", "a.b", "a/b", "é", "a:b", &"q".repeat(81), ".fifo"] {
            assert!(QueueName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_not_the_arn_of_a_queue_is_refused() {
        let long = format!("arn:aws:sqs:us-east-1:000000000000:{}", "q".repeat(81));
        for bad in [
            "",
            "q",
            "arn:aws:sqs:us-east-1:000000000000",
            "arn:aws:sqs:us-east-1:000000000000:",
            "arn:aws:sqs:us-east-1:000000000000:.fifo",
            "arn:aws:sqs:us-east-1:000000000000:a:b",
            "arn:aws:sqs:us-east-1:000000000000:a.b",
            "arn:aws:sqs:us-east-1:1:q",
            "arn:aws:sqs::000000000000:q",
            "arn:aws:sns:us-east-1:000000000000:q",
            "arn:other:sqs:us-east-1:000000000000:q",
            &long,
        ] {
            assert!(QueueArn::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn it_is_kept_as_its_text() {
        let arn = QueueArn::parse("arn:aws:sqs:us-east-1:000000000000:q").expect("an ARN");
        let json = serde_json::to_string(&arn).expect("JSON");
        assert_eq!(json, "\"arn:aws:sqs:us-east-1:000000000000:q\"");
        assert_eq!(serde_json::from_str::<QueueArn>(&json).expect("an ARN"), arn);
        assert!(serde_json::from_str::<QueueArn>("\"q\"").is_err());
    }
}
