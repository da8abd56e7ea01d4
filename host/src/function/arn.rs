//! ARNs of functions.

use std::sync::Arc;

use super::qualifier::Qualifier;

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

    pub(crate) fn qualified(&self, qualifier: &Qualifier) -> String {
        // Made for every invocation through an alias, so without the machinery of formatting.
        let number;
        let qualifier = match qualifier {
            Qualifier::Alias(name) => name.as_str(),
            Qualifier::Version(version) => {
                number = version.to_string();
                &number
            }
        };
        let mut arn = String::with_capacity(self.0.len() + 1 + qualifier.len());
        arn.push_str(&self.0);
        arn.push(':');
        arn.push_str(qualifier);
        arn
    }
}
