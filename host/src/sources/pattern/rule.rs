//! What one value must be like.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::folded::Folded;
use super::numeric::{Number, Range};
use super::wildcard::Wildcard;

/// What one value, neither an object nor a list, must be like.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// There must be none.
    Absent,
    /// There must be one.
    Present,
    /// It must be `null`.
    Null,
    /// It must be this one of `true` and `false`.
    Boolean(bool),
    /// It must be a number of this value, however it is written.
    Number(Number),
    /// It must be a number within the range.
    Numeric(Range),
    /// It must be a string like this.
    Text(TextRule),
    /// It must be a string that is an address of the network.
    Cidr(IpNet),
    /// It must be something else than a string like these.
    ButTexts(Vec<TextRule>),
    /// It must be something else than these numbers.
    ButNumbers(Vec<Number>),
}

/// What a string must be like.
#[derive(Debug, Clone)]
pub(super) enum TextRule {
    /// It must be this one, character by character.
    Equal(String),
    /// It must be this one, apart from upper and lower case.
    EqualIgnoringCase(Folded),
    /// It must begin so.
    Prefix(String),
    /// It must begin so, apart from upper and lower case.
    PrefixIgnoringCase(Folded),
    /// It must end so.
    Suffix(String),
    /// It must end so, apart from upper and lower case.
    SuffixIgnoringCase(Folded),
    /// It must be this one with anything in place of the stars.
    Wildcard(Wildcard),
}

impl Rule {
    /// Whether the value, which is neither an object nor a list, is like that.
    pub(super) fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Present, _) | (Self::Null, Value::Null) => true,
            (Self::Boolean(wanted), Value::Bool(found)) => wanted == found,
            (Self::Number(wanted), Value::Number(found)) => *wanted == Number::of(found),
            (Self::Numeric(range), Value::Number(found)) => range.contains(Number::of(found)),
            (Self::Text(rule), Value::String(text)) => rule.matches(text),
            (Self::Cidr(network), Value::String(text)) => {
                text.parse().is_ok_and(|address: IpAddr| network.contains(&address.to_canonical()))
            }
            (Self::ButTexts(rules), Value::String(text)) => !rules.iter().any(|rule| rule.matches(text)),
            (Self::ButNumbers(others), Value::Number(found)) => !others.contains(&Number::of(found)),
            (Self::ButTexts(_) | Self::ButNumbers(_), _) => true,
            _ => false,
        }
    }
}

impl TextRule {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equal(wanted) => text == wanted,
            Self::EqualIgnoringCase(wanted) => wanted.equals(text),
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::PrefixIgnoringCase(prefix) => prefix.begins(text),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::SuffixIgnoringCase(suffix) => suffix.ends(text),
            Self::Wildcard(wildcard) => wildcard.matches(text),
        }
    }
}
