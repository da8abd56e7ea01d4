//! How the operators are read: objects with one key, in the lists of a pattern.

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::folded::Folded;
use super::numeric::{Number, Range};
use super::parse::{PatternError, kind};
use super::rule::{Rule, TextRule};
use super::wildcard::Wildcard;

/// All operators that may stand in the list of a field.
pub(super) const OPERATORS: [&str; 9] = [
    "anything-but",
    "cidr",
    "equals-ignore-case",
    EXACTLY,
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
];
/// An operator that is not in AWS's guides but in `aws/event-ruler`: the same as the string alone.
const EXACTLY: &str = "exactly";

/// Takes an operator.
pub(super) fn operator(entries: &Map<String, Value>) -> Result<Rule, PatternError> {
    let (name, value) = only(entries)?;
    let rule = match name {
        EXACTLY => string(value).map(|text| Rule::Text(TextRule::Equal(text.to_owned()))),
        "equals-ignore-case" => {
            string(value).map(|text| Rule::Text(TextRule::EqualIgnoringCase(Folded::new(text))))
        }
        "prefix" => affix(value, TextRule::Prefix, TextRule::PrefixIgnoringCase).map(Rule::Text),
        "suffix" => affix(value, TextRule::Suffix, TextRule::SuffixIgnoringCase).map(Rule::Text),
        "wildcard" => wildcard(value).map(Rule::Text),
        "numeric" => numeric(value),
        "cidr" => cidr(value),
        "exists" => exists(value),
        "anything-but" => anything_but(value),
        _ => {
            let message =
                format!("has an unknown operator, {name:?}; the known ones are {}", OPERATORS.join(", "));
            return Err(PatternError::new(message));
        }
    };
    rule.map_err(|error| error.under(name))
}

/// The key and the value of an object that has one.
fn only(entries: &Map<String, Value>) -> Result<(&str, &Value), PatternError> {
    let mut each = entries.iter();
    match (each.next(), each.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(PatternError::new(format!("must have one operator, not {}", entries.len()))),
    }
}

fn string(value: &Value) -> Result<&str, PatternError> {
    value.as_str().ok_or_else(|| PatternError::new(format!("must be a string, not {}", kind(value))))
}

/// A beginning or an end: a string, or an object that says that case is not to matter.
fn affix(
    value: &Value,
    exact: fn(String) -> TextRule,
    ignoring_case: fn(Folded) -> TextRule,
) -> Result<TextRule, PatternError> {
    match value {
        Value::String(text) => Ok(exact(text.clone())),
        Value::Object(entries) => match only(entries)? {
            (name @ "equals-ignore-case", value) => {
                string(value).map(|text| ignoring_case(Folded::new(text))).map_err(|error| error.under(name))
            }
            (name, _) => Err(PatternError::new(format!("takes \"equals-ignore-case\" only, not {name:?}"))),
        },
        _ => Err(PatternError::new(format!(
            "must be a string or {{\"equals-ignore-case\": \"...\"}}, not {}",
            kind(value)
        ))),
    }
}

fn wildcard(value: &Value) -> Result<TextRule, PatternError> {
    Wildcard::parse(string(value)?).map(TextRule::Wildcard)
}

fn numeric(value: &Value) -> Result<Rule, PatternError> {
    match value {
        Value::Array(items) => Range::parse(items).map(Rule::Numeric),
        _ => Err(PatternError::new(format!(
            "must be a list such as [\">\", 0, \"<=\", 5], not {}",
            kind(value)
        ))),
    }
}

/// A network; `aws/event-ruler` refuses one of a single address.
fn cidr(value: &Value) -> Result<Rule, PatternError> {
    let text = string(value)?;
    match text.parse::<IpNet>() {
        Ok(network) if network.prefix_len() < network.max_prefix_len() => Ok(Rule::Cidr(network)),
        Ok(network) => Err(PatternError::new(format!(
            "must be a network of several addresses; for one, write [\"{}\"] instead of {text:?}",
            network.addr()
        ))),
        Err(_) => Err(PatternError::new(format!(
            "must be an address, a slash and a number of bits, such as \"10.0.0.0/8\", not {text:?}"
        ))),
    }
}

fn exists(value: &Value) -> Result<Rule, PatternError> {
    match value {
        Value::Bool(true) => Ok(Rule::Present),
        Value::Bool(false) => Ok(Rule::Absent),
        _ => Err(PatternError::new(format!("must be true or false, not {}", kind(value)))),
    }
}

fn anything_but(value: &Value) -> Result<Rule, PatternError> {
    let Value::Object(entries) = value else { return but_values(value) };
    let (name, value) = only(entries)?;
    let read: fn(&Value) -> Result<TextRule, PatternError> = match name {
        "prefix" => |value| not_empty(value).map(TextRule::Prefix),
        "suffix" => |value| not_empty(value).map(TextRule::Suffix),
        "equals-ignore-case" => {
            |value| string(value).map(|text| TextRule::EqualIgnoringCase(Folded::new(text)))
        }
        "wildcard" => wildcard,
        _ => {
            let message = format!(
                "takes \"prefix\", \"suffix\", \"equals-ignore-case\" and \"wildcard\" only, not {name:?}"
            );
            return Err(PatternError::new(message));
        }
    };
    let rules = match value {
        Value::Array(items) if !items.is_empty() => each(items, read),
        Value::Array(_) => Err(PatternError::new("must not be an empty list")),
        value => read(value).map(|rule| vec![rule]),
    };
    rules.map(Rule::ButTexts).map_err(|error| error.under(name))
}

/// A string, a number, or a list of either.
fn but_values(value: &Value) -> Result<Rule, PatternError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        value => std::slice::from_ref(value),
    };
    let refused = |found: &str| {
        Err(PatternError::new(format!(
            "must be a string, a number, or a list of strings or of numbers alone, not {found}"
        )))
    };
    match items {
        [] => refused("an empty list"),
        [Value::String(_), ..] if items.iter().all(Value::is_string) => {
            each(items, |item| string(item).map(|text| TextRule::Equal(text.to_owned()))).map(Rule::ButTexts)
        }
        [Value::Number(_), ..] => match items.iter().map(|item| item.as_number().map(Number::of)).collect() {
            Some(numbers) => Ok(Rule::ButNumbers(numbers)),
            None => refused("a list with others among them"),
        },
        _ if value.is_array() => refused("a list with others among them"),
        _ => refused(kind(value)),
    }
}

fn each<T>(
    items: &[Value],
    read: impl Fn(&Value) -> Result<T, PatternError>,
) -> Result<Vec<T>, PatternError> {
    items.iter().enumerate().map(|(index, item)| read(item).map_err(|error| error.at(index))).collect()
}

fn not_empty(value: &Value) -> Result<String, PatternError> {
    match string(value)? {
        "" => Err(PatternError::new("must not be empty: nothing would be left to match")),
        text => Ok(text.to_owned()),
    }
}
