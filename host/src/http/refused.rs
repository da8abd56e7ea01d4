//! Members of requests that are not taken.

use serde::Deserialize;
use serde_json::Value;

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
