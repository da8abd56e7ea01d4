//! A reference to a function, in any of the forms Lambda's API takes.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::name::{AccountId, FunctionName, NameError, Region};
use super::qualifier::Qualifier;

/// How many parts the longest form has, between colons.
const PARTS_MAX: usize = 8;

/// Why a text is not a reference to a function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// A part of it is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It has neither the form of a name nor that of an ARN.
    #[error(
        "{text:?} is not a function: write NAME, NAME:QUALIFIER, ACCOUNT:function:NAME or \
         arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]"
    )]
    Form {
        /// The text.
        text: String,
    },
    /// The name carries one qualifier and the request another.
    #[error("the derived qualifier from the function name does not match the specified qualifier")]
    QualifiersDiffer,
}

/// A function as a caller names it: a name or an ARN, perhaps with a qualifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRef {
    /// The region, where an ARN gave one.
    pub region: Option<Region>,
    /// The account, where an ARN gave one.
    pub account: Option<AccountId>,
    /// The name.
    pub name: FunctionName,
    /// The version or alias, where one was given; `$LATEST` is meant otherwise.
    pub qualifier: Option<Qualifier>,
}

impl FunctionRef {
    /// Takes a name, a partial ARN (`[REGION:][ACCOUNT:][function:]NAME`) or a full ARN, each with an optional
    /// `:QUALIFIER`. What stands before a name is a region only if an account follows it, or it has the form of AWS's and
    /// `function:` follows.
    ///
    /// # Errors
    /// When the text has none of these forms, or a part of it is not a name.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let form = || ReferenceError::Form { text: shortened(text) };
        let parts: Vec<&str> = text.splitn(PARTS_MAX + 1, ':').collect();
        let (region, account, own) = match parts.as_slice() {
            // Other resources of Lambda have ARNs too, so a full one names a function by all of its parts.
            ["arn", partition, "lambda", region, account, "function", own @ ..]
                if is_partition(partition) =>
            {
                (Some(*region), Some(*account), own)
            }
            ["arn", _, _, ..] => return Err(form()),
            parts => partial(parts),
        };
        let (name, qualifier) = match own {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => return Err(form()),
        };
        Ok(Self {
            region: region.map(Region::parse).transpose()?,
            account: account.map(AccountId::parse).transpose()?,
            name: FunctionName::parse(name)?,
            qualifier: qualifier.map(Qualifier::parse).transpose()?,
        })
    }

    /// The same reference with the qualifier that came beside the name (`?Qualifier=`).
    ///
    /// # Errors
    /// When the name carries another qualifier already.
    pub fn qualified(mut self, qualifier: Option<Qualifier>) -> Result<Self, ReferenceError> {
        match (&self.qualifier, qualifier) {
            (Some(own), Some(other)) if *own != other => return Err(ReferenceError::QualifiersDiffer),
            (None, Some(other)) => self.qualifier = Some(other),
            _ => {}
        }
        Ok(self)
    }
}

impl std::str::FromStr for FunctionRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}

impl From<FunctionName> for FunctionRef {
    fn from(name: FunctionName) -> Self {
        Self { region: None, account: None, name, qualifier: None }
    }
}

/// What identifies a function within a host: its region and its name. Copies cost nothing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionKey(Arc<str>);

impl FunctionKey {
    /// The key of the function of that name in that region.
    pub fn new(region: &Region, name: &FunctionName) -> Self {
        // No region and no name holds a colon, so no two functions share a key.
        let (region, name) = (region.as_str(), name.as_str());
        let mut key = String::with_capacity(region.len() + 1 + name.len());
        key.push_str(region);
        key.push(':');
        key.push_str(name);
        Self(key.into())
    }

    /// The key as text: the region, a colon and the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the text of a key, without a copy of its parts: a start reads a million of them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (region, name) = text.split_once(':')?;
        (Region::check(region).is_ok() && FunctionName::check(name).is_ok()).then(|| Self(text.into()))
    }

    /// What stands before the keys of all functions of a region.
    pub(crate) fn first_of(region: &Region) -> Self {
        Self(format!("{region}:").into())
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.0.split_once(':').expect("a key is made with a colon").0
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        self.0.split_once(':').expect("a key is made with a colon").1
    }
}

impl Borrow<str> for FunctionKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FunctionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The region and the account of a partial ARN, if it has them, and what follows them and `function:`.
fn partial<'a, 'b>(parts: &'b [&'a str]) -> (Option<&'a str>, Option<&'a str>, &'b [&'a str]) {
    let is_account = |text: &str| AccountId::parse(text).is_ok();
    // `NAME:QUALIFIER` has no region, although a region may be any word here.
    let (region, parts) = match parts {
        [region, rest @ ..]
            if !is_account(region)
                && matches!(rest, [next, _, ..] if is_account(next) || *next == "function" && is_regional(region)) =>
        {
            (Some(*region), rest)
        }
        parts => (None, parts),
    };
    let (account, parts) = match parts {
        [account, rest @ ..] if is_account(account) && !rest.is_empty() => (Some(*account), rest),
        parts => (None, parts),
    };
    match parts {
        ["function", own @ ..] if !own.is_empty() => (region, account, own),
        own => (region, account, own),
    }
}

/// Whether that has the form of AWS's regions, such as `us-east-1` and `us-gov-west-1`.
fn is_regional(text: &str) -> bool {
    let Some((place, number)) = text.rsplit_once('-') else { return false };
    number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && place.contains('-')
        && place.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Whether that is a partition of AWS: `aws`, `aws-cn` and the like, or nothing.
fn is_partition(text: &str) -> bool {
    let rest = text.strip_prefix("aws").unwrap_or(if text.is_empty() { text } else { "?" });
    rest.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

/// A text that may be as long as a request, cut to what an error message should show of it.
fn shortened(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 160;
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Option<String>, Option<String>, String, Option<String>) {
        let reference = FunctionRef::parse(text).expect("a reference");
        (
            reference.region.map(|region| region.to_string()),
            reference.account.map(|account| account.to_string()),
            reference.name.to_string(),
            reference.qualifier.map(|qualifier| qualifier.to_string()),
        )
    }

    #[test]
    fn every_form_of_lambda_is_understood() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parse("hello"), (None, None, "hello".to_owned(), None));
        assert_eq!(parse("hello:live"), (None, None, "hello".to_owned(), some("live")));
        assert_eq!(
            parse("000000000000:function:hello"),
            (None, some("000000000000"), "hello".to_owned(), None)
        );
        for partial in ["function:hello", "hello", "us-east-1:function:hello"] {
            assert_eq!(parse(partial).2, "hello", "{partial}");
            assert_eq!(parse(&format!("{partial}:live")).3, some("live"), "{partial}");
        }
        let (region, account) = (some("us-east-1"), some("000000000000"));
        for partial in ["us-east-1:000000000000:function:f", "us-east-1:000000000000:f"] {
            assert_eq!(parse(partial), (region.clone(), account.clone(), "f".to_owned(), None), "{partial}");
        }
        assert_eq!(parse("000000000000:f:live"), (None, account, "f".to_owned(), some("live")));
        // Names that look like the parts before a name.
        assert_eq!(parse("function"), (None, None, "function".to_owned(), None));
        assert_eq!(parse("f:function"), (None, None, "f".to_owned(), some("function")));
        assert_eq!(parse("my-app-1:live"), (None, None, "my-app-1".to_owned(), some("live")));
        assert_eq!(parse("function:function:live"), (None, None, "function".to_owned(), some("live")));
        assert_eq!(
            parse("arn:aws:lambda:eu-west-1:000000000000:function:hello:$LATEST"),
            (some("eu-west-1"), some("000000000000"), "hello".to_owned(), some("$LATEST"))
        );
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            "",
            ":",
            "a:b:c",
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:us-east-1:000000000000:layer:x",
            "arn:aws:lambda:us-east-1:000000000000:function",
            "arn:aws:lambda:us-east-1:12:function:f",
            "arn:aws:lambda:us-east-1:000000000000:function:f:1:2",
            "000000000000:function:",
            "function:",
            "invalid-account:function:f",
            "arn:amz:lambda:us-east-1:000000000000:function:f",
            "us-east-1:000000000000:function:f:1:2",
            "No Region:000000000000:function:f",
        ] {
            assert!(FunctionRef::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn two_qualifiers_must_agree() {
        let live = || Some(Qualifier::parse("live").expect("an alias"));
        let reference = FunctionRef::parse("hello:live").expect("a reference");
        assert!(reference.clone().qualified(live()).is_ok());
        let two = Some(Qualifier::parse("2").expect("a version"));
        assert_eq!(reference.qualified(two), Err(ReferenceError::QualifiersDiffer));
    }
}
