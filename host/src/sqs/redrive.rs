//! Where messages go that were received too often, and which queues may send such messages to a queue.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::limits::{RECEIVES_MAX, REDRIVE_SOURCES_MAX};
use crate::function::QueueArn;

const TARGET: &str = "deadLetterTargetArn";
const RECEIVES: &str = "maxReceiveCount";
const PERMISSION: &str = "redrivePermission";
const SOURCES: &str = "sourceQueueArns";

/// A queue's `RedrivePolicy`: the dead-letter queue of its messages, and after how many receipts they go there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RedrivePolicy {
    pub(crate) target: QueueArn,
    /// How often a message is handed out at most.
    pub(crate) receives_max: u32,
}

/// A queue's `RedriveAllowPolicy`: whose dead-letter queue it may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RedriveAllowPolicy {
    /// That of every queue of its account and region.
    All,
    /// That of none.
    Nobody,
    /// That of these.
    Sources(Vec<QueueArn>),
}

/// Why that is no `RedrivePolicy`, or none for its queue; in SQS's words, where it has any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RedrivePolicyError {
    #[error("Redrive policy is not a valid JSON map.")]
    NoMap,
    #[error("Redrive policy does not contain mandatory attribute: {name}.")]
    Missing { name: &'static str },
    #[error("Only following attributes are supported: [{TARGET}, {RECEIVES}].")]
    Unknown,
    #[error(
        "Invalid value for {RECEIVES}: {value}, valid values are from {} to {} both inclusive.",
        RECEIVES_MAX.start(),
        RECEIVES_MAX.end()
    )]
    ReceivesMax { value: String },
    #[error("Only SQS queues are valid resources for {TARGET}.")]
    NoQueue,
    #[error("Dead-letter queue must be same type of queue as the source.")]
    OtherKind,
    #[error("Dead-letter target owner should be same as the source.")]
    OtherOwner,
    #[error("Dead-letter target should be in the same region as the source.")]
    OtherRegion,
    #[error("A queue cannot be the dead-letter queue of its own messages.")]
    Itself,
    #[error("Dead letter target does not exist.")]
    NoSuchTarget,
    #[error("The redrive allow policy of the dead-letter queue does not name the source.")]
    NotAllowed,
}

/// Why that is no `RedriveAllowPolicy`, in SQS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RedriveAllowPolicyError {
    #[error("Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format.")]
    Format,
    #[error(
        "Amazon SQS can't create the redrive allow policy. When you specify the byQueue permission type, you must also specify \
         one or more {SOURCES} values."
    )]
    NoSources,
    #[error(
        "Amazon SQS can't create the redrive allow policy. The maximum number of source queue ARNs you can specify is \
         {REDRIVE_SOURCES_MAX}."
    )]
    TooManySources,
    #[error(
        "Amazon SQS can't create the redrive allow policy. To specify one or more source queue ARNs, you must set {PERMISSION} \
         to byQueue."
    )]
    SourcesForOthers,
}

impl RedrivePolicy {
    /// The policy that a JSON text is.
    pub(crate) fn parse(text: &str) -> Result<Self, RedrivePolicyError> {
        let map: Map<String, Value> = serde_json::from_str(text).map_err(|_| RedrivePolicyError::NoMap)?;
        let receives = map.get(RECEIVES).ok_or(RedrivePolicyError::Missing { name: RECEIVES })?;
        let target = map.get(TARGET).ok_or(RedrivePolicyError::Missing { name: TARGET })?;
        if map.len() > 2 {
            return Err(RedrivePolicyError::Unknown);
        }
        let receives_max = number(receives).filter(|number| RECEIVES_MAX.contains(number));
        let receives_max =
            receives_max.ok_or_else(|| RedrivePolicyError::ReceivesMax { value: receives.to_string() })?;
        let target = target.as_str().and_then(|target| QueueArn::parse(target).ok());
        let target = target.ok_or(RedrivePolicyError::NoQueue)?.without_partition();
        Ok(Self { target, receives_max })
    }

    /// The policy as JSON text.
    pub(crate) fn text(&self) -> String {
        json!({ TARGET: self.target, RECEIVES: self.receives_max }).to_string()
    }

    /// Whether it can be that queue's, as far as the queues' ARNs tell.
    pub(super) fn check(&self, source: &QueueArn) -> Result<(), RedrivePolicyError> {
        let target = &self.target;
        if target.is_fifo() != source.is_fifo() {
            return Err(RedrivePolicyError::OtherKind);
        }
        if target.account() != source.account() {
            return Err(RedrivePolicyError::OtherOwner);
        }
        if target.region() != source.region() {
            return Err(RedrivePolicyError::OtherRegion);
        }
        if target == source {
            return Err(RedrivePolicyError::Itself);
        }
        Ok(())
    }
}

impl RedriveAllowPolicy {
    /// The policy that a JSON text is.
    pub(crate) fn parse(text: &str) -> Result<Self, RedriveAllowPolicyError> {
        let format = RedriveAllowPolicyError::Format;
        let map: Map<String, Value> = serde_json::from_str(text).map_err(|_| format.clone())?;
        let permission = map.get(PERMISSION).and_then(Value::as_str).ok_or(format.clone())?;
        let sources = map.get(SOURCES).map(arns);
        if map.len() > 1 + usize::from(sources.is_some()) {
            return Err(format);
        }
        match (permission, sources) {
            ("allowAll", None) => Ok(Self::All),
            ("denyAll", None) => Ok(Self::Nobody),
            ("allowAll" | "denyAll", Some(_)) => Err(RedriveAllowPolicyError::SourcesForOthers),
            ("byQueue", Some(None)) => Err(format),
            ("byQueue", Some(Some(sources))) if sources.len() > REDRIVE_SOURCES_MAX => {
                Err(RedriveAllowPolicyError::TooManySources)
            }
            ("byQueue", Some(Some(sources))) if !sources.is_empty() => Ok(Self::Sources(sources)),
            ("byQueue", _) => Err(RedriveAllowPolicyError::NoSources),
            _ => Err(format),
        }
    }

    /// The policy as JSON text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::All => json!({ PERMISSION: "allowAll" }),
            Self::Nobody => json!({ PERMISSION: "denyAll" }),
            Self::Sources(sources) => json!({ PERMISSION: "byQueue", SOURCES: sources }),
        }
        .to_string()
    }

    /// Whether the queue may be the dead-letter queue of that one.
    pub(super) fn allows(&self, source: &QueueArn) -> bool {
        match self {
            Self::All => true,
            Self::Nobody => false,
            Self::Sources(sources) => sources.contains(source),
        }
    }
}

/// A number, which clients also write as a text.
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => u32::try_from(value.as_u64()?).ok(),
    }
}

fn arns(value: &Value) -> Option<Vec<QueueArn>> {
    let parsed = value.as_array()?.iter().map(|arn| QueueArn::parse(arn.as_str()?).ok());
    parsed.map(|arn| arn.map(|arn| arn.without_partition())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:dead";

    fn arn(text: &str) -> QueueArn {
        text.parse().expect("an ARN")
    }

    #[test]
    fn a_redrive_policy_is_a_queue_and_a_number_from_1_to_1000() {
        for written in ["5", "\"5\""] {
            let text = format!("{{\"deadLetterTargetArn\":\"{ARN}\",\"maxReceiveCount\":{written}}}");
            let policy = RedrivePolicy::parse(&text).expect("a policy");
            assert_eq!(policy, RedrivePolicy { target: arn(ARN), receives_max: 5 });
            assert_eq!(policy.text(), format!("{{\"deadLetterTargetArn\":\"{ARN}\",\"maxReceiveCount\":5}}"));
        }
        for (text, reason) in [
            ("5".to_owned(), "Redrive policy is not a valid JSON map."),
            ("{}".to_owned(), "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
            (
                "{\"maxReceiveCount\":5}".to_owned(),
                "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
            ),
            (
                format!("{{\"deadLetterTargetArn\":\"{ARN}\",\"maxReceiveCount\":1001}}"),
                "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
            ),
            (
                "{\"deadLetterTargetArn\":\"arn:aws:sns:us-east-1:000000000000:t\",\"maxReceiveCount\":5}"
                    .to_owned(),
                "Only SQS queues are valid resources for deadLetterTargetArn.",
            ),
            (
                format!("{{\"deadLetterTargetArn\":\"{ARN}\",\"maxReceiveCount\":5,\"more\":1}}"),
                "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].",
            ),
        ] {
            assert_eq!(RedrivePolicy::parse(&text).expect_err(&text).to_string(), reason);
        }
    }

    #[test]
    fn a_dead_letter_queue_is_another_queue_of_the_same_kind_account_and_region() {
        let checked = |source: &str| RedrivePolicy { target: arn(ARN), receives_max: 1 }.check(&arn(source));
        assert_eq!(checked("arn:aws:sqs:us-east-1:000000000000:q"), Ok(()));
        for (source, error) in [
            (ARN, RedrivePolicyError::Itself),
            ("arn:aws:sqs:us-east-1:000000000000:q.fifo", RedrivePolicyError::OtherKind),
            ("arn:aws:sqs:us-east-1:000000000001:q", RedrivePolicyError::OtherOwner),
            ("arn:aws:sqs:eu-west-1:000000000000:q", RedrivePolicyError::OtherRegion),
        ] {
            assert_eq!(checked(source), Err(error));
        }
    }

    #[test]
    fn whose_dead_letter_queue_it_may_be_is_all_nobody_or_up_to_ten() {
        let parse = RedriveAllowPolicy::parse;
        for (text, policy) in [
            ("{\"redrivePermission\":\"allowAll\"}".to_owned(), RedriveAllowPolicy::All),
            ("{\"redrivePermission\":\"denyAll\"}".to_owned(), RedriveAllowPolicy::Nobody),
            (
                format!("{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"{ARN}\"]}}"),
                RedriveAllowPolicy::Sources(vec![arn(ARN)]),
            ),
        ] {
            assert_eq!((parse(&text), policy.text()), (Ok(policy), text));
        }
        let eleven = vec![ARN; 11];
        for (policy, error) in [
            (json!([]), RedriveAllowPolicyError::Format),
            (json!({}), RedriveAllowPolicyError::Format),
            (json!({ PERMISSION: "some" }), RedriveAllowPolicyError::Format),
            (json!({ PERMISSION: "allowAll", "more": 1 }), RedriveAllowPolicyError::Format),
            (json!({ PERMISSION: "byQueue", SOURCES: ["x"] }), RedriveAllowPolicyError::Format),
            (json!({ PERMISSION: "byQueue", SOURCES: [] }), RedriveAllowPolicyError::NoSources),
            (json!({ PERMISSION: "byQueue" }), RedriveAllowPolicyError::NoSources),
            (json!({ PERMISSION: "byQueue", SOURCES: eleven }), RedriveAllowPolicyError::TooManySources),
            (json!({ PERMISSION: "denyAll", SOURCES: [ARN] }), RedriveAllowPolicyError::SourcesForOthers),
        ] {
            assert_eq!(parse(&policy.to_string()), Err(error), "{policy}");
        }
    }
}
