//! Tags: what people say of a function in keys and values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most tags that a function may have.
pub const TAGS_MAX: usize = 50;
/// The most characters that the key of a tag may have.
pub const TAG_KEY_CHARS_MAX: usize = 128;
/// The most characters that the value of a tag may have.
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// The tags of a function, at most 50.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Tags(BTreeMap<String, String>);

/// Why tags are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// There would be too many.
    #[error("number of tags exceeds resource tag limit.")]
    TooMany {
        /// How many there would be.
        tags: usize,
    },
    /// A key is empty, too long, or one of AWS's own.
    #[error("the tag key {key:?} must have 1 to {TAG_KEY_CHARS_MAX} characters and not begin with aws:")]
    Key {
        /// The key.
        key: String,
    },
    /// A value is too long.
    #[error("the value of tag {key:?} has more than {TAG_VALUE_CHARS_MAX} characters")]
    Value {
        /// The key.
        key: String,
    },
}

impl Tags {
    /// Takes keys and values as tags.
    ///
    /// # Errors
    /// When there are too many, or a key or value is not one.
    pub fn new(tags: BTreeMap<String, String>) -> Result<Self, TagError> {
        if tags.len() > TAGS_MAX {
            return Err(TagError::TooMany { tags: tags.len() });
        }
        for (key, value) in &tags {
            let own = key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
            if key.is_empty() || key.chars().count() > TAG_KEY_CHARS_MAX || own {
                return Err(TagError::Key { key: key.chars().take(TAG_KEY_CHARS_MAX).collect() });
            }
            if value.chars().count() > TAG_VALUE_CHARS_MAX {
                return Err(TagError::Value { key: key.clone() });
            }
        }
        Ok(Self(tags))
    }

    /// The tags, by key.
    pub fn by_key(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// These tags and more, which come in place of those with the same keys.
    ///
    /// # Errors
    /// When there would be too many.
    pub fn with(&self, more: Self) -> Result<Self, TagError> {
        let mut tags = self.0.clone();
        tags.extend(more.0);
        Self::new(tags)
    }

    /// These tags but for those with such keys.
    #[must_use]
    pub fn without(&self, keys: &[String]) -> Self {
        let mut tags = self.0.clone();
        tags.retain(|key, _| !keys.contains(key));
        Self(tags)
    }
}

impl TryFrom<BTreeMap<String, String>> for Tags {
    type Error = TagError;

    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, TagError> {
        Self::new(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(count: usize) -> BTreeMap<String, String> {
        (0..count).map(|number| (format!("key-{number}"), String::new())).collect()
    }

    #[test]
    fn a_function_has_at_most_fifty_tags() {
        let fifty = Tags::new(tags(50)).expect("fifty");
        assert_eq!(Tags::new(tags(51)), Err(TagError::TooMany { tags: 51 }));
        let same = Tags::new(tags(3)).expect("three");
        assert_eq!(fifty.with(same).expect("the same keys"), fifty);
        let other = Tags::new(BTreeMap::from([("other".to_owned(), "x".to_owned())])).expect("one");
        assert!(fifty.with(other).is_err());
        assert_eq!(fifty.without(&["key-7".to_owned(), "none".to_owned()]).by_key().len(), 49);
    }

    #[test]
    fn keys_of_awss_own_and_long_ones_are_refused() {
        let one = |key: &str, value: &str| Tags::new(BTreeMap::from([(key.to_owned(), value.to_owned())]));
        assert!(one("team", "чай").is_ok() && one(&"k".repeat(128), &"v".repeat(256)).is_ok());
        for (key, value) in
            [("", ""), ("aws:x", ""), ("AWS:x", ""), (&"k".repeat(129), ""), ("k", &"v".repeat(257))]
        {
            assert!(one(key, value).is_err(), "{key}");
        }
    }
}
