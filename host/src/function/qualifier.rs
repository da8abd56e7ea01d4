//! Which version of a function is meant.

use std::fmt;

use super::name::{AliasName, NameError};
use super::serialized::serialized_as_text;

/// The number of a version: `$LATEST`, which can change, or a published number, which cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VersionNumber {
    /// The version under development.
    Latest,
    /// A published, immutable version, counted from 1.
    Published(u64),
}

/// What stands behind the function's name in a reference: a version or an alias.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// One version.
    Version(VersionNumber),
    /// Whatever the alias points at.
    Alias(AliasName),
}

impl VersionNumber {
    /// Takes `$LATEST` or a number of 1 or more as a version number.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "$LATEST" {
            return Some(Self::Latest);
        }
        let number: u64 = text.parse().ok()?;
        (number > 0 && !text.starts_with(['0', '+'])).then_some(Self::Published(number))
    }
}

/// A text that is not the number of a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the number of a version")]
pub struct VersionNumberError {
    /// The text.
    pub text: String,
}

impl std::str::FromStr for VersionNumber {
    type Err = VersionNumberError;

    fn from_str(text: &str) -> Result<Self, VersionNumberError> {
        Self::parse(text).ok_or_else(|| VersionNumberError { text: text.to_owned() })
    }
}

serialized_as_text!(VersionNumber);

impl Qualifier {
    /// Takes `$LATEST`, a version number or the name of an alias as a qualifier.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match VersionNumber::parse(text) {
            Some(version) => Ok(Self::Version(version)),
            None => AliasName::parse(text).map(Self::Alias),
        }
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("$LATEST"),
            Self::Published(number) => write!(f, "{number}"),
        }
    }
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Alias(alias) => alias.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qualifier_is_latest_a_number_or_an_alias() {
        let parse = |text| Qualifier::parse(text).expect("a qualifier");
        assert_eq!(parse("$LATEST"), Qualifier::Version(VersionNumber::Latest));
        assert_eq!(parse("7"), Qualifier::Version(VersionNumber::Published(7)));
        assert_eq!(parse("live"), Qualifier::Alias(AliasName::parse("live").expect("a name")));
    }

    #[test]
    fn numbers_no_version_can_have_are_refused() {
        for bad in ["0", "007", "99999999999999999999999", "", "$latest", "+1"] {
            assert!(Qualifier::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
