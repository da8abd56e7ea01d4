//! Patterns for the records of an SQS queue, whose body is a string that may be JSON.
//!
//! What Lambda does, as its developer guide has it in a table (properly filtering Amazon SQS messages):
//!
//! | body of the message | pattern for `body` | what decides |
//! | --- | --- | --- |
//! | plain string | plain string: rules | the rules, on the text |
//! | plain string | JSON: an object | nothing; the message does not match |
//! | plain string | none | the other fields |
//! | JSON | plain string: rules | nothing; the message does not match |
//! | JSON | JSON: an object | the pattern, within the body |
//! | JSON | none | the other fields |
//!
//! The guide's latest edition adds that only `body` is filtered on; here the other fields are, too, as in its table.
//!
//! It does not say what JSON is. Here that is an object or a list: a text that happens to be a number, `true`, `null` or
//! a string in quotes is a plain string still, and so is what no JSON parser takes.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::fmt;

use serde_json::Value;

use super::{Field, Outcome, Pattern, PatternError};

/// How many patterns a mapping may have: Lambda's default.
pub const FILTERS_MAX: usize = 5;
/// The field of a record that is a message's body.
const BODY: &str = "body";

/// The patterns of a mapping, of which a record must match one to pass. If there are none, every record passes.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    patterns: Vec<Pattern>,
}

/// Texts are no filters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FiltersError {
    /// There are more than [`FILTERS_MAX`].
    TooMany,
    /// One of them is no pattern.
    Pattern {
        /// Which one, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: PatternError,
    },
}

impl Filters {
    /// Takes the patterns of a mapping as texts.
    ///
    /// # Errors
    /// When there are too many, or one is no pattern.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, FiltersError> {
        let mut patterns = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            if index == FILTERS_MAX {
                return Err(FiltersError::TooMany);
            }
            patterns.push(Pattern::parse(text).map_err(|error| FiltersError::Pattern { index, error })?);
        }
        Ok(Self { patterns })
    }

    /// Whether there are none, so that every record passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a record, with its body as a string, passes. The body is parsed once at most, and only for a pattern that
    /// asks for it.
    pub fn pass(&self, record: &Value) -> bool {
        let body = LazyCell::new(|| Body::of(record.get(BODY)));
        let met = |name: &str, field: &Field| match name {
            BODY => body.outcome(field),
            _ => field.outcome(record.get(name)),
        };
        let matches = |pattern: &Pattern| pattern.root.outcome(&met) > Outcome::Unmet;
        self.patterns.is_empty() || self.patterns.iter().any(matches)
    }
}

impl fmt::Display for FiltersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "there must be at most {FILTERS_MAX} filters"),
            Self::Pattern { index, error } => write!(f, "filter {}: {error}", index + 1),
        }
    }
}

impl std::error::Error for FiltersError {}

/// What a record has as its body.
enum Body<'r> {
    Missing,
    Plain(&'r Value),
    Json(Cow<'r, Value>),
}

impl<'r> Body<'r> {
    fn of(value: Option<&'r Value>) -> Self {
        match value {
            None => Self::Missing,
            Some(json @ (Value::Object(_) | Value::Array(_))) => Self::Json(Cow::Borrowed(json)),
            Some(value) => match value.as_str().and_then(json) {
                Some(json) => Self::Json(Cow::Owned(json)),
                None => Self::Plain(value),
            },
        }
    }

    fn outcome(&self, field: &Field) -> Outcome {
        match (self, field) {
            (Self::Missing, field) => field.outcome(None),
            (Self::Plain(value), Field::Leaf(_)) => field.outcome(Some(value)),
            (Self::Json(json), Field::Object(_)) => field.outcome(Some(json)),
            (Self::Plain(_), Field::Object(_)) | (Self::Json(_), Field::Leaf(_)) => Outcome::Unmet,
        }
    }
}

/// The object or list that the text is. Most texts that are neither show it by their first character.
fn json(text: &str) -> Option<Value> {
    let begins_so = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with(['{', '[']);
    begins_so.then(|| serde_json::from_str(text).ok()).flatten()
}
