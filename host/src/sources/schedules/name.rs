//! Names of schedules.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::function::{AccountId, Region};

/// The longest name of a schedule, in characters.
const NAME_CHARS_MAX: usize = 64;
/// The one group that schedules are in.
pub const GROUP: &str = "default";

/// The name of a schedule: 1 to 64 letters, digits, hyphens, underscores and full stops.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScheduleName(Arc<str>);

/// A text that is not the name of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a schedule's name has 1 to {NAME_CHARS_MAX} letters, digits, hyphens, underscores and full stops")]
pub struct ScheduleNameError;

/// What identifies a schedule within a host. Those of a region are in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ScheduleKey {
    pub(crate) region: Region,
    pub(crate) name: ScheduleName,
}

impl ScheduleName {
    /// Takes a text as the name of a schedule.
    ///
    /// # Errors
    /// When no schedule can have that name.
    pub fn parse(text: &str) -> Result<Self, ScheduleNameError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        match (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_allowed) {
            true => Ok(Self(text.into())),
            false => Err(ScheduleNameError),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl ScheduleKey {
    /// The ARN of the schedule.
    pub(crate) fn arn(&self, account: &AccountId) -> String {
        format!("arn:aws:scheduler:{}:{account}:schedule/{GROUP}/{}", self.region, self.name)
    }
}

impl TryFrom<String> for ScheduleName {
    type Error = ScheduleNameError;

    fn try_from(text: String) -> Result<Self, ScheduleNameError> {
        Self::parse(&text)
    }
}

impl From<ScheduleName> for String {
    fn from(name: ScheduleName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl std::str::FromStr for ScheduleName {
    type Err = ScheduleNameError;

    fn from_str(text: &str) -> Result<Self, ScheduleNameError> {
        Self::parse(text)
    }
}

impl fmt::Display for ScheduleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ScheduleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ScheduleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schedule {} in {}", self.name, self.region)
    }
}
