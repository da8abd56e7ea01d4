//! ARNs of functions.

use std::sync::Arc;

/// The ARN of a function, to which a qualifier can be added.
#[derive(Debug, Clone)]
pub(crate) struct FunctionArn(Arc<str>);

impl FunctionArn {
    pub(crate) fn new(account_id: &str, region: &str, name: &str) -> Self {
        Self(format!("arn:aws:lambda:{region}:{account_id}:function:{name}").into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn qualified(&self, qualifier: impl std::fmt::Display) -> String {
        format!("{}:{qualifier}", self.0)
    }
}
