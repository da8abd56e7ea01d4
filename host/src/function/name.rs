//! Names: of functions, aliases, regions and accounts.

use std::fmt;
use std::sync::Arc;

use super::serialized::serialized_as_text;

/// The longest name of a function, in characters.
const FUNCTION_NAME_CHARS_MAX: usize = 64;
/// The longest name of an alias, in characters.
const ALIAS_NAME_CHARS_MAX: usize = 128;
/// The longest name of a region, in characters; AWS's own are far shorter.
const REGION_CHARS_MAX: usize = 32;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// What it was to name.
        what: &'static str,
    },
    /// The text is longer than such a name may be.
    #[error("{what} has {chars} characters; at most {limit} are allowed")]
    TooLong {
        /// What it was to name.
        what: &'static str,
        /// How many characters it has.
        chars: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The text holds a character that such a name may not hold.
    #[error("{what} {value:?} may hold only {allowed}")]
    Character {
        /// What it was to name.
        what: &'static str,
        /// The text.
        value: String,
        /// The characters that are allowed.
        allowed: &'static str,
    },
    /// An alias consists of digits alone, which is the form of a version number.
    #[error("alias name {value:?} is all digits, which is the form of a version number")]
    AliasAllDigits {
        /// The text.
        value: String,
    },
}

/// The name of a function: 1 to 64 ASCII letters, digits, hyphens and underscores.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionName(Arc<str>);

/// The name of an alias: 1 to 128 ASCII letters, digits, hyphens and underscores, not digits alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasName(Arc<str>);

/// The name of a region, such as `us-east-1`. It is a part of a function's identity, as on AWS.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(Arc<str>);

/// A twelve-digit account id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Arc<str>);

impl FunctionName {
    /// Takes a text as the name of a function.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters, or holds other than letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Whether [`FunctionName::parse`] takes that.
    pub(super) fn check(text: &str) -> Result<(), NameError> {
        check_word("function name", text, FUNCTION_NAME_CHARS_MAX)
    }
}

impl AliasName {
    /// Takes a text as the name of an alias.
    ///
    /// # Errors
    /// When it is empty, longer than 128 characters, all digits, or holds other than letters, digits,
    /// `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_word("alias name", text, ALIAS_NAME_CHARS_MAX)?;
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NameError::AliasAllDigits { value: text.to_owned() });
        }
        Ok(Self(text.into()))
    }
}

impl Region {
    /// Takes a text as the name of a region.
    ///
    /// # Errors
    /// When it is empty, longer than 32 characters, or holds other than lower-case letters, digits and `-`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Whether [`Region::parse`] takes that.
    pub(super) fn check(text: &str) -> Result<(), NameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        check_chars("region", text, REGION_CHARS_MAX, allowed, "lower-case letters, digits and hyphens")
    }
}

impl AccountId {
    /// Takes a text as an account id.
    ///
    /// # Errors
    /// When it is not twelve digits.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_chars("account id", text, 12, |byte| byte.is_ascii_digit(), "twelve digits")?;
        if text.len() != 12 {
            return Err(NameError::Character {
                what: "account id",
                value: text.to_owned(),
                allowed: "twelve digits",
            });
        }
        Ok(Self(text.into()))
    }
}

fn check_word(what: &'static str, text: &str, chars_max: usize) -> Result<(), NameError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    check_chars(what, text, chars_max, allowed, "letters, digits, hyphens and underscores")
}

fn check_chars(
    what: &'static str,
    text: &str,
    chars_max: usize,
    allowed: impl Fn(u8) -> bool,
    allowed_words: &'static str,
) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(NameError::TooLong { what, chars, limit: chars_max });
    }
    if !text.bytes().all(allowed) {
        return Err(NameError::Character { what, value: text.to_owned(), allowed: allowed_words });
    }
    Ok(())
}

macro_rules! text_form {
    ($($name:ident),*) => {$(
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }
    )*};
}

text_form!(FunctionName, AliasName, Region, AccountId);
serialized_as_text!(FunctionName, AliasName, Region, AccountId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_name_is_letters_digits_hyphens_and_underscores() {
        assert!(FunctionName::parse("Order-service_2").is_ok());
        for bad in ["", "a b", "a.b", "a/b", "é", "a\0b", "../up", "a:b"] {
            assert!(FunctionName::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_name_of_64_characters_is_the_longest() {
        assert!(FunctionName::parse(&"f".repeat(64)).is_ok());
        let error = FunctionName::parse(&"f".repeat(65)).unwrap_err();
        assert_eq!(error.to_string(), "function name has 65 characters; at most 64 are allowed");
    }

    #[test]
    fn an_alias_of_digits_alone_would_be_a_version_number() {
        assert!(AliasName::parse("v1").is_ok());
        assert!(matches!(AliasName::parse("17"), Err(NameError::AliasAllDigits { .. })));
    }
}
