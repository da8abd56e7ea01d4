//! Attributes of messages: values with a type, beside the body.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::limits::ATTRIBUTE_NAME_CHARS_MAX;

/// The most bytes of a number's text; SQS keeps 38 digits of it.
const NUMBER_BYTES_MAX: usize = 256;

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageAttribute {
    /// `String`, `Number` or `Binary`, and behind a dot whatever its sender likes.
    pub(crate) data_type: String,
    pub(crate) value: AttributeValue,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttributeValue {
    Text(String),
    Binary(Bytes),
}

/// Why an attribute is refused, in SQS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AttributeError {
    #[error("Message (user) attribute names must be shorter than {ATTRIBUTE_NAME_CHARS_MAX} Bytes")]
    NameTooLong,
    #[error(
        "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and underscores. "
    )]
    NameCharacters,
    #[error(
        "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use. \
         Additionally, they cannot start or end with '.'."
    )]
    NameReserved,
    #[error("Message (user) attribute types must be shorter than {ATTRIBUTE_NAME_CHARS_MAX} Bytes")]
    TypeTooLong,
    #[error(
        "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, \
         Number, and String."
    )]
    Type { name: String },
    #[error("Message (user) attribute '{name}' must contain a non-empty value of type '{wanted}'.")]
    Empty { name: String, wanted: &'static str },
    #[error("Can't cast the value of message (user) attribute '{name}' to a number.")]
    Number { name: String },
    #[error("Invalid characters found in the value of message (user) attribute '{name}'.")]
    Characters { name: String },
}

impl MessageAttribute {
    /// A text.
    pub(crate) fn string(text: impl Into<String>) -> Self {
        Self { data_type: "String".to_owned(), value: AttributeValue::Text(text.into()) }
    }

    /// A number.
    pub(crate) fn number(number: impl fmt::Display) -> Self {
        Self { data_type: "Number".to_owned(), value: AttributeValue::Text(number.to_string()) }
    }

    /// How many bytes of its message it takes under that name.
    pub(crate) fn bytes(&self, name: &str) -> usize {
        let value = match &self.value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Binary(bytes) => bytes.len(),
        };
        name.len() + self.data_type.len() + value
    }

    /// Checks it and its name as SQS does.
    pub(crate) fn check(&self, name: &str) -> Result<(), AttributeError> {
        check_name(name)?;
        if self.data_type.len() > ATTRIBUTE_NAME_CHARS_MAX {
            return Err(AttributeError::TypeTooLong);
        }
        let named = || name.to_owned();
        let (base, suffix) = match self.data_type.split_once('.') {
            Some((base, suffix)) => (base, Some(suffix)),
            None => (&*self.data_type, None),
        };
        let empty = |wanted| AttributeError::Empty { name: named(), wanted };
        match (base, &self.value) {
            _ if suffix == Some("") => Err(AttributeError::Type { name: named() }),
            ("Binary", AttributeValue::Binary(value)) if !value.is_empty() => Ok(()),
            ("Binary", _) => Err(empty("Binary")),
            ("String", AttributeValue::Text(text)) if !text.is_empty() => match is_content(text) {
                true => Ok(()),
                false => Err(AttributeError::Characters { name: named() }),
            },
            ("String", _) => Err(empty("String")),
            ("Number", AttributeValue::Text(text)) if !text.is_empty() => match is_number(text) {
                true => Ok(()),
                false => Err(AttributeError::Number { name: named() }),
            },
            ("Number", _) => Err(empty("Number")),
            _ => Err(AttributeError::Type { name: named() }),
        }
    }
}

fn check_name(name: &str) -> Result<(), AttributeError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.len() > ATTRIBUTE_NAME_CHARS_MAX {
        return Err(AttributeError::NameTooLong);
    }
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(AttributeError::NameCharacters);
    }
    let begins =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
    let reserved = begins("AWS.") || begins("Amazon.");
    match reserved || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        true => Err(AttributeError::NameReserved),
        false => Ok(()),
    }
}

fn is_number(text: &str) -> bool {
    text.len() <= NUMBER_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a text has only characters that messages may have.
pub(crate) fn is_content(text: &str) -> bool {
    !text.contains(is_refused)
}

/// The text with U+FFFD for every character that messages may not have.
pub(crate) fn as_content(text: &str) -> Cow<'_, str> {
    match is_content(text) {
        true => text.into(),
        false => text.replace(is_refused, "\u{fffd}").into(),
    }
}

fn is_refused(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(data_type: &str, value: &str) -> Result<(), AttributeError> {
        let value = AttributeValue::Text(value.to_owned());
        MessageAttribute { data_type: data_type.to_owned(), value }.check("name")
    }

    #[test]
    fn a_type_is_one_of_three_with_a_suffix_of_ones_own() {
        for (data_type, value) in
            [("String", "x"), ("String.json", "{}"), ("Number", "-1.5e3"), ("Number.int", "200")]
        {
            assert_eq!(checked(data_type, value), Ok(()), "{data_type}");
        }
        let binary = MessageAttribute {
            data_type: "Binary.png".to_owned(),
            value: AttributeValue::Binary(Bytes::from_static(&[0, 255])),
        };
        assert_eq!(binary.check("image"), Ok(()));
        for data_type in ["", "string", "Text", "String.", "StringX", "Number;"] {
            assert!(matches!(checked(data_type, "1"), Err(AttributeError::Type { .. })), "{data_type}");
        }
        assert_eq!(checked(&format!("String.{}", "x".repeat(250)), "1"), Err(AttributeError::TypeTooLong));
    }

    #[test]
    fn a_value_is_of_its_type_and_not_empty() {
        for (data_type, value) in [("String", ""), ("Number", ""), ("Binary", "text")] {
            assert!(matches!(checked(data_type, value), Err(AttributeError::Empty { .. })), "{data_type}");
        }
        for number in ["one", "0x10", "nan", "inf", "1e999", "1,5", " 1"] {
            assert!(matches!(checked("Number", number), Err(AttributeError::Number { .. })), "{number}");
        }
        assert!(matches!(checked("String", "\u{1}"), Err(AttributeError::Characters { .. })));
    }

    #[test]
    fn a_text_is_made_content_character_by_character() {
        assert_eq!(
            as_content("\0a\u{1b}[31m\t\r\n\u{ffff}\u{7f}"),
            "\u{fffd}a\u{fffd}[31m\t\r\n\u{fffd}\u{7f}"
        );
        let good = "tea \u{1f375}\u{fffd}";
        assert!(matches!(as_content(good), Cow::Borrowed(text) if text == good));
    }

    #[test]
    fn names_are_words_with_dots_and_none_of_awss_own() {
        for good in ["RequestID", "a.b-c_d", "awsome", "AWS"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for reserved in ["AWS.x", "amazon.y", ".a", "a.", "a..b"] {
            assert_eq!(check_name(reserved), Err(AttributeError::NameReserved), "{reserved}");
        }
        assert_eq!(check_name("a b"), Err(AttributeError::NameCharacters));
        assert_eq!(check_name(""), Err(AttributeError::NameCharacters));
        assert_eq!(check_name(&"n".repeat(257)), Err(AttributeError::NameTooLong));
    }
}
