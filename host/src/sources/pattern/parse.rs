//! How a pattern is read: objects within objects, `$or`, and lists of rules at the ends.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::numeric::Number;
use super::operator::{OPERATORS, operator};
use super::rule::{Rule, TextRule};
use super::{Field, Leaf, Object, PATTERN_CHARS_MAX, json};

/// The key under which alternatives stand.
const OR: &str = "$or";
/// Into how many combinations of one alternative each the `$or`s of a pattern may multiply. Matching does not slow down with
/// them; but EventBridge writes out each.
pub(super) const COMBINATIONS_MAX: u64 = 1_000;
/// Keys, besides the operators, that no field may have within `$or`: `aws/event-ruler` keeps them for operators to come.
const KEPT: [&str; 15] = [
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// A text is no pattern: where that shows, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// The way from the top, such as `body.state[0].prefix`; empty at the top.
    place: String,
    /// What is wrong there, as the rest of a sentence about it.
    problem: String,
}

/// Which keys a field may have.
#[derive(Clone, Copy)]
enum Keys {
    Any,
    /// Within `$or`, a key that could be an operator's is taken for a mistake.
    NoOperators,
}

impl PatternError {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { place: String::new(), problem: problem.into() }
    }

    /// The same, seen from the object in which it is under that key.
    pub(super) fn under(self, key: &str) -> Self {
        let plain = |letter: char| letter.is_alphanumeric() || "$-_=<>".contains(letter);
        self.after(match !key.is_empty() && key.chars().all(plain) {
            true => key.to_owned(),
            false => format!("[{key:?}]"),
        })
    }

    /// The same, seen from the list in which it is at that index.
    pub(super) fn at(self, index: usize) -> Self {
        self.after(format!("[{index}]"))
    }

    fn after(self, step: String) -> Self {
        let dot = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        Self { place: [&step, dot, &self.place].concat(), ..self }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, problem } = self;
        match place.is_empty() {
            true => write!(f, "the pattern {problem}"),
            false => write!(f, "{place} {problem}"),
        }
    }
}

impl std::error::Error for PatternError {}

/// Takes a whole pattern.
pub(super) fn root(text: &str) -> Result<Object, PatternError> {
    let characters = text.chars().count();
    if characters > PATTERN_CHARS_MAX {
        let message = format!("must have at most {PATTERN_CHARS_MAX} characters, not {characters}");
        return Err(PatternError::new(message));
    }
    let value = json::read(text).map_err(|error| PatternError::new(format!("cannot be read: {error}")))?;
    let Value::Object(fields) = &value else {
        return Err(PatternError::new(format!("must be an object, not {}", kind(&value))));
    };
    let root = object(fields, Keys::Any)?;
    match combinations(&root) {
        ..=COMBINATIONS_MAX => Ok(root),
        _ => Err(PatternError::new(format!(
            "must not have \"$or\"s that multiply into more than {COMBINATIONS_MAX} combinations"
        ))),
    }
}

/// What kind of JSON a value is, with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn object(entries: &Map<String, Value>, keys: Keys) -> Result<Object, PatternError> {
    if entries.is_empty() {
        return Err(PatternError::new("must not be an empty object"));
    }
    let (mut fields, mut alternatives) = (BTreeMap::new(), Vec::new());
    for (key, value) in entries {
        if key == OR {
            alternatives = self::alternatives(value).map_err(|error| error.under(OR))?;
        } else {
            fields.insert(key.clone(), field(key, value, keys).map_err(|error| error.under(key))?);
        }
    }
    let beside = Object::new(fields, Vec::new());
    for (index, alternative) in alternatives.iter().enumerate() {
        if let Some(path) = in_both(&beside, alternative) {
            let message = format!("must not have rules for {path}, which has rules beside \"$or\" too");
            return Err(PatternError::new(message).at(index).under(OR));
        }
    }
    Ok(Object::new(beside.fields, alternatives))
}

fn alternatives(value: &Value) -> Result<Vec<Object>, PatternError> {
    let Value::Array(items) = value else {
        return Err(PatternError::new(format!("must be a list of objects, not {}", kind(value))));
    };
    if items.len() < 2 {
        return Err(PatternError::new(format!("must have at least 2 objects, not {}", items.len())));
    }
    let alternative = |(index, item): (usize, &Value)| match item {
        Value::Object(entries) => object(entries, Keys::NoOperators).map_err(|error| error.at(index)),
        _ => Err(PatternError::new(format!("must be an object, not {}", kind(item))).at(index)),
    };
    items.iter().enumerate().map(alternative).collect()
}

fn field(key: &str, value: &Value, keys: Keys) -> Result<Field, PatternError> {
    let operator = OPERATORS.contains(&key);
    match (keys, value) {
        (Keys::NoOperators, _) if operator || KEPT.contains(&key) => {
            let message =
                "must not stand there: within \"$or\" are fields, and this is the name of an operator";
            Err(PatternError::new(message))
        }
        (_, Value::Object(entries)) => object(entries, keys).map(Field::Object),
        (_, Value::Array(items)) => leaf(items).map(Field::Leaf),
        _ if operator => {
            let message = format!(
                "must be a list or an object, as for any field; as an operator it must stand in a list: [{{{key:?}: ...}}]"
            );
            Err(PatternError::new(message))
        }
        _ => Err(PatternError::new(format!("must be a list or an object, not {}", kind(value)))),
    }
}

fn leaf(items: &[Value]) -> Result<Leaf, PatternError> {
    if items.is_empty() {
        return Err(PatternError::new("must not be an empty list"));
    }
    let rule = |(index, item): (usize, &Value)| match item {
        Value::Null => Ok(Rule::Null),
        Value::Bool(value) => Ok(Rule::Boolean(*value)),
        Value::Number(value) => Ok(Rule::Number(Number::of(value))),
        Value::String(value) => Ok(Rule::Text(TextRule::Equal(value.clone()))),
        Value::Object(entries) => operator(entries).map_err(|error| error.at(index)),
        Value::Array(_) => Err(PatternError::new("must be a value or an operator, not a list").at(index)),
    };
    items.iter().enumerate().map(rule).collect::<Result<_, _>>().map(Leaf::new)
}

/// How many ways there are to choose one alternative of each `$or` that is asked at all.
fn combinations(object: &Object) -> u64 {
    let inner = |field: &Field| match field {
        Field::Object(object) => combinations(object),
        Field::Leaf(_) => 1,
    };
    let fields = object.fields.values().map(inner).fold(1, u64::saturating_mul);
    match &*object.alternatives {
        [] => fields,
        alternatives => {
            fields.saturating_mul(alternatives.iter().map(combinations).fold(0, u64::saturating_add))
        }
    }
}

/// The path of a field that both of two objects, which have to match together, have rules for. EventBridge would ask one of
/// the two only, which nobody can want.
fn in_both(one: &Object, other: &Object) -> Option<String> {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    same_level(one, &mut ones);
    same_level(other, &mut others);
    let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
    pairs
        .flat_map(|(one, other)| one.fields.iter().map(|(key, field)| (key, field, other.fields.get(key))))
        .find_map(|(key, field, other)| match (field, other?) {
            (Field::Leaf(_), Field::Leaf(_)) => Some(key.clone()),
            (Field::Object(one), Field::Object(other)) => {
                in_both(one, other).map(|path| format!("{key}.{path}"))
            }
            _ => None,
        })
}

/// The object and all alternatives in it, and in them, whose fields are fields of the same thing.
fn same_level<'o>(object: &'o Object, found: &mut Vec<&'o Object>) {
    found.push(object);
    for alternative in &object.alternatives {
        same_level(alternative, found);
    }
}
