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
mod tests;
