//! Resource policies: who may do what with a function, in statements.
//!
//! Statements come one by one, from AddPermission, or all at once, from PutResourcePolicy; they are kept in one form, so each way
//! sees what the other has set.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// The most bytes that a policy may have, as text.
pub const POLICY_BYTES_MAX: usize = 20_480;

/// The version of the policy language.
const LANGUAGE: &str = "2012-10-17";
/// The one before, which policies may still be written in.
const LANGUAGE_BEFORE: &str = "2008-10-17";
/// The id of a policy that was made of single statements.
const DEFAULT_ID: &str = "default";

/// A policy: statements, of which those with an id have one of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ResourcePolicy {
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    statement: OneOrMany<PolicyStatement>,
}

/// A statement: whom it allows or denies what, and under which conditions. Of each of whom, what and with which resources it
/// says either those that it is about, or those that it is not about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyStatement {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: PolicyEffect,
    /// Whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<PolicyPrincipal>,
    /// Whom not: everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_principal: Option<PolicyPrincipal>,
    /// What: `lambda:InvokeFunction`, with `*` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<OneOrMany<String>>,
    /// What not: all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_action: Option<OneOrMany<String>>,
    /// With which resources: ARNs, with `*` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<OneOrMany<String>>,
    /// With which resources not: with all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_resource: Option<OneOrMany<String>>,
    /// Under which conditions: by operator and by key, the values of which one must match. Numbers and truth values are
    /// kept as their text, which means the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "conditions")]
    pub condition: BTreeMap<String, BTreeMap<String, OneOrMany<String>>>,
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyEffect {
    /// What matches is allowed.
    Allow,
    /// What matches is denied, whatever else allows it.
    Deny,
}

/// Whom a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PolicyPrincipal {
    /// Written `*`: everybody.
    Everybody(Everybody),
    /// By kind, `AWS` or `Service`, those of these ARNs, accounts or names.
    Of(BTreeMap<String, OneOrMany<String>>),
}

/// The text `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Everybody {
    /// Everybody.
    #[serde(rename = "*")]
    Any,
}

/// One value or a list of them: policies have both forms, which mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One, written as itself.
    One(T),
    /// A list.
    Many(Vec<T>),
}

/// A permission, as AddPermission gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct Permission {
    /// The id of its statement.
    pub statement_id: String,
    /// What is allowed.
    pub action: String,
    /// Whom: an account, the ARN of a user or role, the name of a service, or `*`.
    pub principal: String,
    /// On behalf of what: the ARN of a resource, with `*` for any.
    pub source_arn: Option<String>,
    /// On behalf of whose: the account of that resource.
    pub source_account: Option<String>,
    /// With which token, for Alexa's skills.
    pub event_source_token: Option<String>,
    /// How a function's URL authenticates those whom it serves.
    pub function_url_auth_type: Option<String>,
    /// Whether it must come through a function's URL.
    pub invoked_via_function_url: Option<bool>,
    /// Of which organization.
    #[serde(rename = "PrincipalOrgID")]
    pub principal_org_id: Option<String>,
}

/// Why a policy is not as was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is no policy.
    #[error("the policy is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The policy would be too long.
    #[error("the final policy size ({bytes}) is bigger than the limit ({POLICY_BYTES_MAX}).")]
    TooLong {
        /// How long it would be.
        bytes: usize,
    },
    /// There is a statement of that id.
    #[error(
        "the statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing \
         statement."
    )]
    StatementExists {
        /// The id.
        id: String,
    },
    /// There is no statement of that id.
    #[error("statement {id} is not found in resource policy.")]
    StatementNotFound {
        /// The id.
        id: String,
    },
    /// The principal is none.
    #[error("the provided principal was invalid. Please check the principal and try again.")]
    Principal,
}

impl ResourcePolicy {
    /// Takes a whole policy, as PutResourcePolicy gives it.
    ///
    /// # Errors
    /// When it is no policy, too long, or two of its statements have the same id.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong { bytes: text.len() });
        }
        let malformed = |reason: String| PolicyError::Malformed { reason };
        let policy: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if ![LANGUAGE, LANGUAGE_BEFORE].contains(&policy.version.as_str()) {
            return Err(malformed(format!("its Version must be {LANGUAGE} or {LANGUAGE_BEFORE}")));
        }
        if policy.statements().is_empty() {
            return Err(malformed("it has no statement".to_owned()));
        }
        if let Some(reason) = policy.statements().iter().find_map(PolicyStatement::unclear) {
            return Err(malformed(reason));
        }
        let mut ids: Vec<&str> = policy.statements().iter().filter_map(PolicyStatement::id).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(malformed(format!("two of its statements have the id {}", twice[0])));
        }
        Ok(policy)
    }

    /// The statements.
    pub fn statements(&self) -> &[PolicyStatement] {
        self.statement.as_slice()
    }

    /// The policy that there is when one more statement comes to those that are there, if any are.
    ///
    /// # Errors
    /// When there is a statement of its id, or the policy would be too long.
    pub fn with(present: Option<&Self>, statement: PolicyStatement) -> Result<Self, PolicyError> {
        let statements = present.map_or(&[][..], Self::statements);
        if let Some(id) = statement.id()
            && statements.iter().any(|other| other.id() == Some(id))
        {
            return Err(PolicyError::StatementExists { id: id.to_owned() });
        }
        let id = present.map_or_else(|| Some(DEFAULT_ID.to_owned()), |present| present.id.clone());
        let statement = OneOrMany::Many(statements.iter().cloned().chain([statement]).collect());
        let version = present.map_or_else(|| LANGUAGE.to_owned(), |present| present.version.clone());
        let policy = Self { version, id, statement };
        match policy.to_json().len() {
            bytes if bytes > POLICY_BYTES_MAX => Err(PolicyError::TooLong { bytes }),
            _ => Ok(policy),
        }
    }

    /// The policy without the statement of that id; none, if it was the last.
    ///
    /// # Errors
    /// When there is no such statement.
    pub fn without(&self, id: &str) -> Result<Option<Self>, PolicyError> {
        let left: Vec<_> = self.statements().iter().filter(|other| other.id() != Some(id)).cloned().collect();
        if left.len() == self.statements().len() {
            return Err(PolicyError::StatementNotFound { id: id.to_owned() });
        }
        let without = |left| Self { statement: OneOrMany::Many(left), ..self.clone() };
        Ok((!left.is_empty()).then(|| without(left)))
    }

    /// The policy as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a policy is made of texts")
    }
}

impl PolicyStatement {
    /// Its id.
    pub fn id(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it says not at all, or twice.
    fn unclear(&self) -> Option<String> {
        let parts = [
            ("Principal", self.principal.is_some(), self.not_principal.is_some()),
            ("Action", self.action.is_some(), self.not_action.is_some()),
            ("Resource", self.resource.is_some(), self.not_resource.is_some()),
        ];
        let (part, ..) = parts.into_iter().find(|(_, is, is_not)| is == is_not)?;
        Some(format!("a statement must have either {part} or Not{part}"))
    }

    /// The statement as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a statement is made of texts")
    }
}

impl Permission {
    /// A permission without conditions.
    pub fn new(
        statement_id: impl Into<String>,
        action: impl Into<String>,
        principal: impl Into<String>,
    ) -> Self {
        Self {
            statement_id: statement_id.into(),
            action: action.into(),
            principal: principal.into(),
            source_arn: None,
            source_account: None,
            event_source_token: None,
            function_url_auth_type: None,
            invoked_via_function_url: None,
            principal_org_id: None,
        }
    }

    /// The statement that it is for a resource: the ARN of a function, with its qualifier if there is one.
    ///
    /// # Errors
    /// When its principal is none.
    pub fn statement(self, resource: &str) -> Result<PolicyStatement, PolicyError> {
        let via_url = self.invoked_via_function_url.map(|via_url| via_url.to_string());
        let conditions = [
            ("StringEquals", "AWS:SourceAccount", self.source_account),
            ("StringEquals", "aws:PrincipalOrgID", self.principal_org_id),
            ("StringEquals", "lambda:EventSourceToken", self.event_source_token),
            ("StringEquals", "lambda:FunctionUrlAuthType", self.function_url_auth_type),
            ("Bool", "lambda:InvokedViaFunctionUrl", via_url),
            ("ArnLike", "AWS:SourceArn", self.source_arn),
        ];
        let mut condition: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        for (operator, key, value) in conditions {
            if let Some(value) = value {
                let keys = condition.entry(operator.to_owned()).or_default();
                keys.insert(key.to_owned(), OneOrMany::One(value));
            }
        }
        Ok(PolicyStatement {
            sid: Some(self.statement_id),
            effect: PolicyEffect::Allow,
            principal: Some(PolicyPrincipal::parse(&self.principal)?),
            not_principal: None,
            action: Some(OneOrMany::One(self.action)),
            not_action: None,
            resource: Some(OneOrMany::One(resource.to_owned())),
            not_resource: None,
            condition,
        })
    }
}

impl PolicyPrincipal {
    /// Takes a principal in the short form of AddPermission: an account, an ARN, a service or `*`.
    fn parse(text: &str) -> Result<Self, PolicyError> {
        let of =
            |kind: &str, name: String| Self::Of(BTreeMap::from([(kind.to_owned(), OneOrMany::One(name))]));
        let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_service = text.contains('.')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
        match text {
            "*" => Ok(Self::Everybody(Everybody::Any)),
            account if is_account => Ok(of("AWS", format!("arn:aws:iam::{account}:root"))),
            arn if is_principal_arn(arn) => Ok(of("AWS", arn.to_owned())),
            service if is_service => Ok(of("Service", service.to_owned())),
            _ => Err(PolicyError::Principal),
        }
    }
}

/// Whether a text is the ARN of a user, a role or the like: `arn:aws:iam::000000000000:role/r`.
fn is_principal_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam" | "sts", "", account, rest] => {
            partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && !rest.is_empty()
        }
        _ => false,
    }
}

/// A value of a condition, as policies write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Boolean(bool),
    Number(serde_json::Number),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Boolean(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

type Conditions<T> = BTreeMap<String, BTreeMap<String, OneOrMany<T>>>;

fn conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Conditions<String>, D::Error> {
    let of_keys = |keys: BTreeMap<String, OneOrMany<Scalar>>| {
        keys.into_iter().map(|(key, values)| (key, values.map(Scalar::into_text))).collect()
    };
    let conditions = Conditions::<Scalar>::deserialize(deserializer)?;
    Ok(conditions.into_iter().map(|(operator, keys)| (operator, of_keys(keys))).collect())
}

impl<T> OneOrMany<T> {
    fn map<U>(self, mut f: impl FnMut(T) -> U) -> OneOrMany<U> {
        match self {
            Self::One(one) => OneOrMany::One(f(one)),
            Self::Many(many) => OneOrMany::Many(many.into_iter().map(f).collect()),
        }
    }

    /// All values.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

    fn statement(permission: Permission) -> Value {
        serde_json::from_str(&permission.statement(ARN).expect("a statement").to_json()).expect("JSON")
    }

    fn permission(id: &str) -> PolicyStatement {
        let permission = Permission::new(id, "lambda:InvokeFunction", "s3.amazonaws.com");
        permission.statement(ARN).expect("a statement")
    }

    #[test]
    fn a_permission_becomes_the_statement_that_lambda_writes() {
        let permission = Permission {
            source_arn: Some("arn:aws:s3:::bucket".to_owned()),
            source_account: Some("123456789012".to_owned()),
            ..Permission::new("s3", "lambda:InvokeFunction", "s3.amazonaws.com")
        };
        let expected = json!({
            "Sid": "s3", "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" },
            "Action": "lambda:InvokeFunction", "Resource": ARN,
            "Condition": {
                "StringEquals": { "AWS:SourceAccount": "123456789012" },
                "ArnLike": { "AWS:SourceArn": "arn:aws:s3:::bucket" },
            },
        });
        assert_eq!(statement(permission), expected);
        let url = Permission {
            function_url_auth_type: Some("NONE".to_owned()),
            invoked_via_function_url: Some(true),
            event_source_token: Some("t".to_owned()),
            principal_org_id: Some("o-0123456789".to_owned()),
            ..Permission::new("url", "lambda:InvokeFunctionUrl", "*")
        };
        let expected = json!({
            "Sid": "url", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": ARN,
            "Condition": {
                "Bool": { "lambda:InvokedViaFunctionUrl": "true" },
                "StringEquals": {
                    "aws:PrincipalOrgID": "o-0123456789", "lambda:EventSourceToken": "t",
                    "lambda:FunctionUrlAuthType": "NONE",
                },
            },
        });
        assert_eq!(statement(url), expected);
    }

    #[test]
    fn a_principal_is_an_account_an_arn_a_service_or_everybody() {
        let principal = |text: &str| {
            let permission = Permission::new("s", "lambda:*", text);
            permission
                .statement(ARN)
                .map(|statement| serde_json::to_value(statement.principal).expect("JSON"))
        };
        assert_eq!(principal("123456789012"), Ok(json!({ "AWS": "arn:aws:iam::123456789012:root" })));
        let role = "arn:aws:iam::123456789012:role/r";
        assert_eq!(principal(role), Ok(json!({ "AWS": role })));
        assert_eq!(principal("events.amazonaws.com"), Ok(json!({ "Service": "events.amazonaws.com" })));
        assert_eq!(principal("*"), Ok(json!("*")));
        for bad in ["", "1234", "somebody", "arn:aws:s3:::bucket", "arn:aws:iam::1:root", "a b.c"] {
            assert_eq!(principal(bad), Err(PolicyError::Principal), "{bad:?}");
        }
    }

    #[test]
    fn statements_come_and_go_by_their_ids() {
        let one = ResourcePolicy::with(None, permission("one")).expect("a policy");
        let text = one.to_json();
        assert!(
            text.starts_with(r#"{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"one","#),
            "{text}"
        );
        let exists = PolicyError::StatementExists { id: "one".to_owned() };
        assert_eq!(ResourcePolicy::with(Some(&one), permission("one")), Err(exists));
        let two = ResourcePolicy::with(Some(&one), permission("two")).expect("a policy");
        assert_eq!(two.without("two").expect("it was there"), Some(one.clone()));
        assert_eq!(one.without("two"), Err(PolicyError::StatementNotFound { id: "two".to_owned() }));
        assert_eq!(one.without("one").expect("it was there"), None);
    }

    #[test]
    fn single_statements_join_those_of_a_whole_policy() {
        let text = json!({
            "Version": "2012-10-17",
            "Statement": {
                "Sid": "put", "Effect": "Deny", "Principal": { "AWS": ["123456789012"] }, "Action": ["lambda:*"],
                "Resource": ARN, "Condition": { "StringLike": { "aws:UserAgent": ["a*", "b*"] } },
            },
        });
        let put = ResourcePolicy::parse(&text.to_string()).expect("a policy");
        let round: Value = serde_json::from_str(&put.to_json()).expect("JSON");
        assert_eq!(round, text, "what was put is what is got");
        let both = ResourcePolicy::with(Some(&put), permission("added")).expect("a policy");
        assert_eq!(
            both.statements().iter().filter_map(PolicyStatement::id).collect::<Vec<_>>(),
            ["put", "added"]
        );
        assert!(ResourcePolicy::with(Some(&put), permission("put")).is_err());
    }

    #[test]
    fn all_that_the_language_has_is_taken() {
        let text = json!({
            "Version": "2008-10-17",
            "Statement": [{
                "Effect": "Deny", "NotPrincipal": { "AWS": "123456789012" }, "NotAction": "lambda:GetFunction",
                "NotResource": [ARN],
                "Condition": {
                    "Bool": { "aws:SecureTransport": false }, "NumericLessThan": { "aws:MultiFactorAuthAge": [5, "1.5"] },
                },
            }],
        });
        let policy = ResourcePolicy::parse(&text.to_string()).expect("a policy");
        let mut kept = text.clone();
        kept["Statement"][0]["Condition"] = json!({
            "Bool": { "aws:SecureTransport": "false" }, "NumericLessThan": { "aws:MultiFactorAuthAge": ["5", "1.5"] },
        });
        assert_eq!(serde_json::from_str::<Value>(&policy.to_json()).expect("JSON"), kept);
        let longer = ResourcePolicy::with(Some(&policy), permission("s")).expect("a policy").to_json();
        assert!(longer.contains("2008-10-17"), "{longer}");
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let statement = serde_json::to_value(permission("s")).expect("JSON");
        let unknown =
            json!({ "Effect": "Allow", "Nobody": "*", "Principal": "*", "Action": "*", "Resource": "*" });
        let nobody = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let both = json!({
            "Effect": "Allow", "Principal": "*", "Action": "*", "NotAction": "lambda:*", "Resource": "*",
        });
        for bad in [
            json!("text"),
            json!({}),
            json!({ "Version": "2015-03-31", "Statement": [statement] }),
            json!({ "Version": "2012-10-17", "Statement": [nobody] }),
            json!({ "Version": "2012-10-17", "Statement": [both] }),
            json!({ "Version": "2012-10-17", "Statement": [] }),
            json!({ "Version": "2012-10-17", "Statement": [statement, statement] }),
            json!({ "Version": "2012-10-17", "Statement": [unknown] }),
        ] {
            let refused = ResourcePolicy::parse(&bad.to_string());
            assert!(matches!(refused, Err(PolicyError::Malformed { .. })), "{bad}");
        }
    }

    #[test]
    fn a_policy_has_at_most_20480_bytes() {
        let mut policy = None;
        let refused = (0..1000).find_map(|number| {
            match ResourcePolicy::with(policy.as_ref(), permission(&format!("statement-{number}"))) {
                Ok(longer) => {
                    policy = Some(longer);
                    None
                }
                Err(error) => Some(error),
            }
        });
        let Some(PolicyError::TooLong { bytes }) = refused else { panic!("{refused:?}") };
        let length = policy.expect("a policy").to_json().len();
        assert!(length <= POLICY_BYTES_MAX && bytes > POLICY_BYTES_MAX);
        let text = " ".repeat(POLICY_BYTES_MAX + 1);
        assert_eq!(ResourcePolicy::parse(&text), Err(PolicyError::TooLong { bytes: text.len() }));
    }
}
