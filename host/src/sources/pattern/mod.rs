//! EventBridge's event patterns, which Lambda's event source mappings filter with.
//!
//! A [`Pattern`] is read once and says of any JSON event whether it matches; [`Filters`] apply several of them to an SQS
//! record. Nothing here knows of queues, mappings or HTTP.
//!
//! The facts are those of the EventBridge user guide (event patterns and their operators), of the Lambda developer guide
//! (event filtering), of `aws/event-ruler`, which is EventBridge's own matcher, and of answers recorded from EventBridge.
//! Where a message is deleted because it did not match, a guess is dear: what AWS takes but few people mean (a field that is
//! named twice) is refused instead.
//!
//! Matching takes time of at most the size of the pattern times that of the event, whatever is in them, and no recursion but
//! that of the pattern's own nesting. Known differences from EventBridge:
//! - A dot in a key is a character like others, not a step into an object.
//! - A string that is an IP address equals itself only, not other spellings of the address.
//! - Wildcards may be of any complexity, and numbers in events of any size.
//! - Where a condition selects an element of a list, `exists: false` asks of that element alone, in whatever order the keys
//!   are; and of alternatives that are all of them `exists: false`, each element may meet another one.
//! - Fields of a list's elements that are named beside `$or` as well as within it may come from different elements.

mod folded;
mod json;
mod numeric;
mod operator;
mod parse;
mod rule;
mod sqs;
#[cfg(test)]
mod tests;
mod wildcard;

use std::collections::BTreeMap;

use serde_json::Value;

pub use parse::PatternError;
use rule::Rule;
pub use sqs::{FILTERS_MAX, Filters, FiltersError};

/// How many characters a pattern has at most: Lambda's limit.
pub const PATTERN_CHARS_MAX: usize = 4_096;

/// What an event must be like.
#[derive(Debug, Clone)]
pub struct Pattern {
    root: Object,
}

/// Fields that must all match and, if there are any, alternatives of which one must match too.
#[derive(Debug, Clone)]
struct Object {
    fields: BTreeMap<String, Field>,
    /// What stands under `$or`.
    alternatives: Vec<Object>,
    /// How an event meets this in which none of the fields is.
    absence: Outcome,
}

/// What is asked of one field.
#[derive(Debug, Clone)]
enum Field {
    Object(Object),
    Leaf(Leaf),
}

/// Rules of which one must match.
#[derive(Debug, Clone)]
struct Leaf {
    rules: Vec<Rule>,
    absence: Outcome,
}

/// How an event meets a part of a pattern. Of alternatives the greatest counts.
///
/// A list in an event stands for any of its elements, but what is absent has to be absent from all of them, unless something
/// else selects the element. So it matters what a part was met by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Unmet,
    /// All that was asked for is that fields be absent, and they are.
    ByAbsence,
    ByValue,
}

impl Pattern {
    /// Takes a pattern as it stands in `FilterCriteria`.
    ///
    /// # Errors
    /// With the place and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        parse::root(text).map(|root| Self { root })
    }

    /// Whether the event matches. What is no object matches nothing.
    pub fn matches(&self, event: &Value) -> bool {
        let Value::Object(event) = event else { return false };
        self.root.outcome(&|name, field| field.outcome(event.get(name))) > Outcome::Unmet
    }
}

impl Object {
    fn new(fields: BTreeMap<String, Field>, alternatives: Vec<Object>) -> Self {
        let mut object = Self { fields, alternatives, absence: Outcome::Unmet };
        object.absence = object.outcome(&|_, field| field.outcome(None));
        object
    }

    /// How it is met where each of its fields is met as `met` says.
    fn outcome(&self, met: &dyn Fn(&str, &Field) -> Outcome) -> Outcome {
        let mut outcome = Outcome::ByAbsence;
        for (name, field) in &self.fields {
            match met(name, field) {
                Outcome::Unmet => return Outcome::Unmet,
                other => outcome = outcome.max(other),
            }
        }
        match self.alternatives.iter().map(|alternative| alternative.outcome(met)).max() {
            Some(Outcome::Unmet) => Outcome::Unmet,
            Some(other) => outcome.max(other),
            None => outcome,
        }
    }
}

impl Field {
    /// How it is met by the value; by none, where the event has no such field.
    fn outcome(&self, value: Option<&Value>) -> Outcome {
        match (self, value) {
            (_, Some(Value::Array(elements))) => self.outcome_among(elements),
            (Self::Object(object), Some(Value::Object(value))) => {
                object.outcome(&|name, field| field.outcome(value.get(name)))
            }
            (Self::Object(object), _) => object.absence,
            (Self::Leaf(leaf), None | Some(Value::Object(_))) => leaf.absence,
            (Self::Leaf(leaf), Some(value)) => match leaf.rules.iter().any(|rule| rule.matches(value)) {
                true => Outcome::ByValue,
                false => Outcome::Unmet,
            },
        }
    }

    /// How it is met by a list, in which other lists count as if their elements were its own.
    fn outcome_among(&self, elements: &[Value]) -> Outcome {
        let mut outcome = self.outcome(None);
        let mut open = vec![elements.iter()];
        while let Some(elements) = open.last_mut() {
            match elements.next() {
                Some(Value::Array(inner)) => open.push(inner.iter()),
                Some(element) => match self.outcome(Some(element)) {
                    Outcome::ByValue => return Outcome::ByValue,
                    other => outcome = outcome.min(other),
                },
                None => {
                    open.pop();
                }
            }
        }
        outcome
    }
}

impl Leaf {
    fn new(rules: Vec<Rule>) -> Self {
        let absence = match rules.iter().any(|rule| matches!(rule, Rule::Absent)) {
            true => Outcome::ByAbsence,
            false => Outcome::Unmet,
        };
        Self { rules, absence }
    }
}
