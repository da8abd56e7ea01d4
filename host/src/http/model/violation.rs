//! What is wrong with the values of a request, in the words of AWS's ValidationException.

use std::fmt;

use serde_json::Value;

use crate::http::wire_error::shown;

/// How many violations one error lists; it counts all of them.
const VIOLATIONS_SHOWN_MAX: usize = 10;

/// Where a value is in a request: `environment.variables`.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'a> {
    Request,
    Member(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
    Key(&'a At<'a>, &'a str),
}

/// All violations of a request, of which the first are kept.
#[derive(Debug, Default)]
pub(super) struct Violations {
    count: usize,
    shown: Vec<String>,
}

impl Violations {
    /// A required value is absent.
    pub(super) fn missing(&mut self, at: &At<'_>) {
        self.add(|| format!("Value null at '{at}' failed to satisfy constraint: Member must not be null"));
    }

    /// A value does not satisfy a constraint; `None` for a value that must not be shown.
    pub(super) fn value(&mut self, at: &At<'_>, value: Option<&Value>, constraint: &str) {
        self.add(|| match value {
            Some(value) => failed(&plain(value), at, constraint),
            None => format!("Value at '{at}' failed to satisfy constraint: {constraint}"),
        });
    }

    /// The text of the error; none if nothing is wrong.
    pub(super) fn into_text(self) -> Option<String> {
        let noun = if self.count == 1 { "error" } else { "errors" };
        (self.count > 0)
            .then(|| format!("{} validation {noun} detected: {}", self.count, self.shown.join("; ")))
    }

    fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.shown.len() < VIOLATIONS_SHOWN_MAX {
            self.shown.push(text());
        }
    }
}

/// The text of the error when one value does not satisfy one constraint.
pub(in crate::http) fn constraint_text(value: &str, member: &str, constraint: &str) -> String {
    format!("1 validation error detected: {}", failed(value, &At::Member(&At::Request, member), constraint))
}

fn failed(value: &str, at: &At<'_>, constraint: &str) -> String {
    format!("Value '{}' at '{at}' failed to satisfy constraint: {constraint}", shown(value))
}

/// A value as AWS shows it: `[a, b]`, `{key=value}`.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text).to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let pairs = members.iter().map(|(key, value)| format!("{}={}", shown(key), plain(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

impl fmt::Display for At<'_> {
    /// Members begin with a small letter, as AWS writes them, and items are counted from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = match self {
            At::Request => return Ok(()),
            At::Member(above, _) | At::Item(above, _) | At::Key(above, _) => above,
        };
        above.fmt(f)?;
        if !matches!(above, At::Request) {
            f.write_str(".")?;
        }
        match self {
            At::Request => Ok(()),
            At::Member(_, name) => {
                let (first, rest) = name.split_at(1);
                write!(f, "{}{rest}", first.to_ascii_lowercase())
            }
            At::Item(_, index) => write!(f, "{}.member", index + 1),
            At::Key(_, key) => f.write_str(shown(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_violation_and_several_are_told_as_aws_tells_them() {
        let mut violations = Violations::default();
        assert_eq!(Violations::default().into_text(), None);
        let (logging, list) = (At::Member(&At::Request, "LoggingConfig"), At::Member(&At::Request, "List"));
        violations.value(&At::Member(&logging, "LogFormat"), Some(&json!("XML")), "C");
        let one = "Value 'XML' at 'loggingConfig.logFormat' failed to satisfy constraint: C";
        violations.missing(&At::Member(&At::Item(&list, 0), "Arn"));
        let two = "Value null at 'list.1.member.arn' failed to satisfy constraint: Member must not be null";
        assert_eq!(violations.into_text(), Some(format!("2 validation errors detected: {one}; {two}")));
    }

    #[test]
    fn collections_are_shown_in_short() {
        let mut violations = Violations::default();
        let at = At::Member(&At::Request, "Values");
        violations.value(&at, Some(&json!({ "2": 1.5, "key": ["a", null] })), "C");
        violations.value(&at, Some(&json!("x".repeat(1000))), "C");
        violations.value(&at, None, "C");
        let text = violations.into_text().expect("violations");
        assert!(text.contains("Value '{2=1.5, key=[a, null]}' at 'values'"), "{text}");
        assert!(text.contains(&"x".repeat(200)) && !text.contains(&"x".repeat(201)), "{text}");
        assert!(text.ends_with("; Value at 'values' failed to satisfy constraint: C"), "{text}");
    }

    #[test]
    fn all_violations_count_but_only_the_first_are_listed() {
        let mut violations = Violations::default();
        for _ in 0..1000 {
            violations.missing(&At::Member(&At::Request, "Key"));
        }
        let text = violations.into_text().expect("violations");
        assert!(text.starts_with("1000 validation errors detected: "), "{text}");
        assert_eq!(text.matches("'key'").count(), VIOLATIONS_SHOWN_MAX);
    }
}
