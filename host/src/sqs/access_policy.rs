//! Who may use a queue, as its owner says: kept and told, and nothing else is done with it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::limits::{PERMISSION_ACTIONS_MAX, POLICY_BYTES_MAX, POLICY_STATEMENTS_MAX};
use crate::function::{AccountId, QueueArn};

const STATEMENT: &str = "Statement";
const LABEL: &str = "Sid";

/// A queue's `Policy`: JSON text of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AccessPolicy(String);

/// What `AddPermission` adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) label: String,
    pub(crate) accounts: Vec<AccountId>,
    /// Names of operations of SQS, or an asterisk.
    pub(crate) actions: Vec<String>,
}

/// Why that is no policy, or cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AccessPolicyError {
    #[error("it is no JSON object")]
    Format,
    #[error("{count} statements were found in the submitted policy, max allowed is {POLICY_STATEMENTS_MAX}")]
    TooManyStatements { count: usize },
    #[error("the policy has {bytes} bytes; at most {POLICY_BYTES_MAX} are allowed")]
    TooLarge { bytes: usize },
    #[error("{count} Actions were found, maximum allowed is {PERMISSION_ACTIONS_MAX}.")]
    TooManyActions { count: usize },
    #[error("Already exists.")]
    LabelExists,
    #[error("can't find label.")]
    NoSuchLabel,
}

impl AccessPolicy {
    /// The policy that a JSON text is.
    pub(crate) fn parse(text: &str) -> Result<Self, AccessPolicyError> {
        let policy: Map<String, Value> = serde_json::from_str(text).map_err(|_| AccessPolicyError::Format)?;
        let count = statements(&policy).len();
        if count > POLICY_STATEMENTS_MAX {
            return Err(AccessPolicyError::TooManyStatements { count });
        }
        if text.len() > POLICY_BYTES_MAX {
            return Err(AccessPolicyError::TooLarge { bytes: text.len() });
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// A queue's policy with one more permission.
    pub(super) fn with(
        policy: Option<&Self>,
        queue: &QueueArn,
        permission: &Permission,
    ) -> Result<Self, AccessPolicyError> {
        let count = permission.actions.len();
        if count > PERMISSION_ACTIONS_MAX {
            return Err(AccessPolicyError::TooManyActions { count });
        }
        let mut map = match policy {
            Some(policy) => policy.map(),
            None => new_policy(queue),
        };
        let mut list = statements(&map);
        if list.iter().any(|statement| is_labelled(statement, &permission.label)) {
            return Err(AccessPolicyError::LabelExists);
        }
        list.push(permission.statement(queue));
        map.insert(STATEMENT.to_owned(), Value::Array(list));
        Self::parse(&Value::Object(map).to_string())
    }

    /// The policy without that permission; none, if it was the only one.
    pub(super) fn without(policy: Option<&Self>, label: &str) -> Result<Option<Self>, AccessPolicyError> {
        let mut map = policy.ok_or(AccessPolicyError::NoSuchLabel)?.map();
        let mut list = statements(&map);
        let before = list.len();
        list.retain(|statement| !is_labelled(statement, label));
        if list.len() == before {
            return Err(AccessPolicyError::NoSuchLabel);
        }
        if list.is_empty() {
            return Ok(None);
        }
        map.insert(STATEMENT.to_owned(), Value::Array(list));
        Ok(Some(Self(Value::Object(map).to_string())))
    }

    fn map(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).expect("it was parsed when it came")
    }
}

impl Permission {
    fn statement(&self, queue: &QueueArn) -> Value {
        let principals = self.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root"));
        let actions = self.actions.iter().map(|action| format!("SQS:{action}"));
        json!({
            LABEL: self.label,
            "Effect": "Allow",
            "Principal": { "AWS": one_or_more(principals.collect()) },
            "Action": one_or_more(actions.collect()),
            "Resource": queue,
        })
    }
}

fn new_policy(queue: &QueueArn) -> Map<String, Value> {
    let id = format!("{queue}/SQSDefaultPolicy");
    [("Version", "2008-10-17".to_owned()), ("Id", id)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect()
}

/// As policies have it: one alone stands without a list.
fn one_or_more(mut texts: Vec<String>) -> Value {
    match texts.pop() {
        Some(text) if texts.is_empty() => Value::String(text),
        Some(text) => texts.into_iter().chain([text]).map(Value::String).collect(),
        None => Value::Array(Vec::new()),
    }
}

fn statements(policy: &Map<String, Value>) -> Vec<Value> {
    match policy.get(STATEMENT) {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    }
}

fn is_labelled(statement: &Value, label: &str) -> bool {
    statement.get(LABEL).and_then(Value::as_str) == Some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(label: &str) -> Permission {
        let account = |digit: &str| AccountId::parse(&digit.repeat(12)).expect("an account");
        Permission {
            label: label.to_owned(),
            accounts: vec![account("1"), account("2")],
            actions: vec!["SendMessage".to_owned()],
        }
    }

    #[test]
    fn permissions_come_and_go_by_their_labels() {
        let queue: QueueArn = "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("an ARN");
        let one = AccessPolicy::with(None, &queue, &permission("a")).expect("a policy");
        let read: Value = serde_json::from_str(one.text()).expect("JSON");
        let statement = json!({
            "Sid": "a", "Effect": "Allow", "Action": "SQS:SendMessage", "Resource": queue,
            "Principal": { "AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"] },
        });
        let id = format!("{queue}/SQSDefaultPolicy");
        assert_eq!(read, json!({ "Version": "2008-10-17", "Id": id, "Statement": [statement] }));
        let again = AccessPolicy::with(Some(&one), &queue, &permission("a"));
        assert_eq!(again, Err(AccessPolicyError::LabelExists));
        let two = AccessPolicy::with(Some(&one), &queue, &permission("b")).expect("a policy");
        assert_eq!(AccessPolicy::without(Some(&two), "b"), Ok(Some(one.clone())));
        assert_eq!(AccessPolicy::without(Some(&one), "a"), Ok(None));
        assert_eq!(AccessPolicy::without(Some(&one), "b"), Err(AccessPolicyError::NoSuchLabel));
        assert_eq!(AccessPolicy::without(None, "b"), Err(AccessPolicyError::NoSuchLabel));
    }

    #[test]
    fn a_policy_is_an_object_of_bounded_size() {
        for bad in ["", "[]", "5", "{"] {
            assert_eq!(AccessPolicy::parse(bad), Err(AccessPolicyError::Format), "{bad}");
        }
        let many = json!({ STATEMENT: vec![json!({}); 21] }).to_string();
        assert_eq!(AccessPolicy::parse(&many), Err(AccessPolicyError::TooManyStatements { count: 21 }));
        let large = json!({ "Id": "x".repeat(POLICY_BYTES_MAX) }).to_string();
        assert!(matches!(AccessPolicy::parse(&large), Err(AccessPolicyError::TooLarge { .. })));
        let actions = vec!["SendMessage".to_owned(); 8];
        let queue: QueueArn = "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("an ARN");
        let many = AccessPolicy::with(None, &queue, &Permission { actions, ..permission("a") });
        assert_eq!(many, Err(AccessPolicyError::TooManyActions { count: 8 }));
    }
}
