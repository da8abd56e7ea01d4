//! The types of the model: what a member of a request may hold.

use serde_json::Value;

use super::pattern::Pattern;

/// The type of a member.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// What a value of it must satisfy, in the order in which AWS names it.
    pub(super) constraints: Vec<Constraint>,
    /// Whether errors must not show its values.
    pub(super) sensitive: bool,
}

/// What JSON a value is.
#[derive(Debug)]
pub(super) enum Kind {
    String,
    Integer,
    Double,
    Boolean,
    /// Bytes in base64.
    Blob,
    List {
        of: &'static str,
    },
    Map {
        key: &'static str,
        value: &'static str,
    },
    Structure(Vec<Member>),
}

/// A member of a structure or of a request.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) place: Place,
    /// Under which name it is at that place.
    pub(super) wire: &'static str,
    pub(super) shape: &'static str,
}

/// Where in a request a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Body,
}

/// What a value must satisfy.
#[derive(Debug)]
pub(super) enum Constraint {
    /// Of a text in characters, of a list or map in members.
    LengthMax(usize),
    /// Of a text that is an ARN; others may be longer.
    ArnLengthMax(usize),
    LengthMin(usize),
    /// With its text, as 1 and 1.0 are written differently.
    ValueMax(f64, &'static str),
    ValueMin(f64, &'static str),
    Pattern(Pattern),
    Enum(Vec<&'static str>),
}

impl Shape {
    /// The names of the shapes that this one is made of.
    #[cfg(test)]
    pub(super) fn parts(&self) -> Vec<&'static str> {
        match &self.kind {
            Kind::String | Kind::Integer | Kind::Double | Kind::Boolean | Kind::Blob => Vec::new(),
            Kind::List { of } => vec![of],
            Kind::Map { key, value } => vec![key, value],
            Kind::Structure(members) => members.iter().map(|member| member.shape).collect(),
        }
    }

    /// Whether a value is one thing, and neither a collection nor a structure.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self.kind, Kind::List { .. } | Kind::Map { .. } | Kind::Structure(_))
    }

    /// The constraints that a value does not satisfy.
    pub(super) fn failed_by<'a>(&'a self, value: &'a Value) -> impl Iterator<Item = &'a Constraint> {
        self.constraints.iter().filter(|constraint| !constraint.holds_for(value))
    }
}

impl Kind {
    /// What a value should be, in an error.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::String => "a String",
            Self::Integer => "an Integer",
            Self::Double => "a Double",
            Self::Boolean => "a Boolean",
            Self::Blob => "a Blob",
            Self::List { .. } => "a List",
            Self::Map { .. } => "a Map",
            Self::Structure(_) => "a Structure",
        }
    }
}

impl Constraint {
    fn holds_for(&self, value: &Value) -> bool {
        match self {
            Self::LengthMax(max) => length(value) <= *max,
            Self::ArnLengthMax(max) => {
                length(value) <= *max || !value.as_str().is_some_and(|text| text.starts_with("arn:"))
            }
            Self::LengthMin(min) => length(value) >= *min,
            Self::ValueMax(max, _) => value.as_f64().is_some_and(|number| number <= *max),
            Self::ValueMin(min, _) => value.as_f64().is_some_and(|number| number >= *min),
            Self::Pattern(pattern) => value.as_str().is_some_and(|text| pattern.matches(text)),
            Self::Enum(values) => value.as_str().is_some_and(|text| values.contains(&text)),
        }
    }

    /// The constraint in AWS's words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::LengthMax(max) | Self::ArnLengthMax(max) => {
                format!("Member must have length less than or equal to {max}")
            }
            Self::LengthMin(min) => format!("Member must have length greater than or equal to {min}"),
            Self::ValueMax(_, max) => format!("Member must have value less than or equal to {max}"),
            Self::ValueMin(_, min) => format!("Member must have value greater than or equal to {min}"),
            Self::Pattern(pattern) => {
                format!("Member must satisfy regular expression pattern: {}", pattern.as_str())
            }
            Self::Enum(values) => format!("Member must satisfy enum value set: [{}]", values.join(", ")),
        }
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}
