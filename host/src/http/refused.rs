//! Members of requests that are not taken.

use serde::Deserialize;
use serde_json::Value;

use super::wire_error::WireError;

/// A member that changes what a function does and that Samovar does not have. Leaving it out without a word would
/// give the client another function than it asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Refused(Option<Value>);

impl Refused {
    /// Whether there is something in it: clients also send empty lists and structures.
    pub(super) fn is_given(&self) -> bool {
        self.0.as_ref().is_some_and(is_given)
    }

    /// Refuses the request if there is something in the member of that name.
    pub(super) fn check(&self, name: &str) -> Result<(), WireError> {
        match self.is_given() {
            true => Err(WireError::parameter(format!("{name} is not implemented by Samovar yet."))),
            false => Ok(()),
        }
    }
}

fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_given),
        Value::Object(members) => members.values().any(is_given),
    }
}
