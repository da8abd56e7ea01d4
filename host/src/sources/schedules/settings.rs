//! What a schedule is: when it is due, and what is handed to whom then.

use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::super::schedule::{AGE_S_DEFAULT, Expression, Window, WindowError};
use crate::function::{FunctionKey, FunctionRef, Qualifier, QueueArn};

/// How old a due time may become before it is not fired any more, in seconds.
pub const EVENT_AGE_S: RangeInclusive<u32> = 60..=AGE_S_DEFAULT;
/// How often it is tried again at most to fire a due time, and by default.
pub const RETRIES_MAX: u32 = 185;
/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 512;

/// What a schedule is, as CreateSchedule and UpdateSchedule say it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScheduleSettings {
    /// When it is due.
    pub expression: Expression,
    /// Where the local times of `at` and `cron` are local; UTC by default.
    #[serde(with = "zone")]
    pub time_zone: TimeZone,
    /// A recurring schedule is not due before.
    #[serde(with = "moment", default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// A recurring schedule is not due after.
    #[serde(with = "moment", default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Within how many minutes after it is due it is fired, if it has a flexible time window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_minutes: Option<u16>,
    /// Whether it is fired; by default it is.
    pub state: ScheduleState,
    /// What people say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What becomes of it when it is not due again.
    pub after_completion: ActionAfterCompletion,
    /// What is handed to whom.
    pub target: ScheduleTarget,
}

/// What is handed to whom when a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScheduleTarget {
    /// The function.
    pub function: TargetFunction,
    /// The role that EventBridge Scheduler would take: it is kept, and means nothing.
    pub role_arn: String,
    /// The event as JSON, in which the context attributes of EventBridge Scheduler stand for their values. Without one, its
    /// `Scheduled Event`. It lies apart from the rest.
    #[serde(skip)]
    pub input: Option<String>,
    /// How old a due time may become before it is not fired any more, in [seconds](EVENT_AGE_S).
    pub event_age_s: u32,
    /// How often it is tried again to hand the event to the function's queue, at most [`RETRIES_MAX`].
    pub retries: u32,
    /// A queue for events that could not be handed over: it is kept, and means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<QueueArn>,
}

/// A function that is named by its whole ARN, with or without a qualifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetFunction {
    arn: Arc<str>,
    function: FunctionRef,
    key: FunctionKey,
}

/// A text that is not the ARN of a function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a schedule's target is a Lambda function: arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]")]
pub struct ScheduleTargetError;

/// Whether a schedule is fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ScheduleState {
    /// It is.
    Enabled,
    /// It is not; what is due meanwhile is not made up for.
    Disabled,
}

/// What becomes of a schedule when it is not due again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ActionAfterCompletion {
    /// It stays.
    None,
    /// It is deleted.
    Delete,
}

/// Why something cannot be a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleSettingsError {
    /// The flexible window has another length than it may.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// A due time may become older than it may here.
    #[error("the maximum age of an event is {min} to {max} seconds", min = EVENT_AGE_S.start(), max = EVENT_AGE_S.end())]
    EventAge,
    /// It would be tried again more often than it may.
    #[error("there are 0 to {RETRIES_MAX} retries")]
    Retries,
    /// The description is too long.
    #[error("a description has at most {DESCRIPTION_CHARS_MAX} characters")]
    Description,
    /// It would end before it starts.
    #[error("the start date must be before the end date")]
    StartAfterEnd,
}

impl ScheduleSettings {
    /// Whether it is due when the other is.
    pub(super) fn has_times_of(&self, other: &Self) -> bool {
        let times =
            |of: &Self| (of.expression.clone(), of.time_zone.clone(), of.start, of.end, of.window_minutes);
        times(self) == times(other)
    }

    /// A schedule with all else at its default.
    pub fn new(expression: Expression, function: TargetFunction, role_arn: impl Into<String>) -> Self {
        let target = ScheduleTarget {
            function,
            role_arn: role_arn.into(),
            input: None,
            event_age_s: AGE_S_DEFAULT,
            retries: RETRIES_MAX,
            dead_letter: None,
        };
        Self {
            expression,
            time_zone: TimeZone::UTC,
            start: None,
            end: None,
            window_minutes: None,
            state: ScheduleState::Enabled,
            description: None,
            after_completion: ActionAfterCompletion::None,
            target,
        }
    }

    /// Checks what the types of its parts leave open.
    ///
    /// # Errors
    /// When a number is outside its range, the description is too long, or it ends before it starts.
    pub fn check(&self) -> Result<(), ScheduleSettingsError> {
        self.window(0)?;
        if !EVENT_AGE_S.contains(&self.target.event_age_s) {
            return Err(ScheduleSettingsError::EventAge);
        }
        if self.target.retries > RETRIES_MAX {
            return Err(ScheduleSettingsError::Retries);
        }
        let description = self.description.as_deref().unwrap_or_default();
        if description.chars().nth(DESCRIPTION_CHARS_MAX).is_some() {
            return Err(ScheduleSettingsError::Description);
        }
        match (self.start, self.end) {
            (Some(start), Some(end)) if start >= end => Err(ScheduleSettingsError::StartAfterEnd),
            _ => Ok(()),
        }
    }

    pub(super) fn window(&self, seed: u64) -> Result<Window, WindowError> {
        self.window_minutes.map_or(Ok(Window::OFF), |minutes| Window::flexible(minutes, seed))
    }
}

impl TargetFunction {
    /// Takes the ARN of a function, with or without a qualifier.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, ScheduleTargetError> {
        let function = FunctionRef::parse(text).map_err(|_| ScheduleTargetError)?;
        let region = function.region.as_ref().filter(|_| text.starts_with("arn:"));
        let key = FunctionKey::new(region.ok_or(ScheduleTargetError)?, &function.name);
        Ok(Self { arn: text.into(), function, key })
    }

    /// Its ARN, as it was given.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The function that it names, with its region and its account.
    pub fn function(&self) -> &FunctionRef {
        &self.function
    }

    pub(super) fn key(&self) -> &FunctionKey {
        &self.key
    }

    pub(super) fn qualifier(&self) -> Option<&Qualifier> {
        self.function.qualifier.as_ref()
    }
}

impl TryFrom<String> for TargetFunction {
    type Error = ScheduleTargetError;

    fn try_from(text: String) -> Result<Self, ScheduleTargetError> {
        Self::parse(&text)
    }
}

impl From<TargetFunction> for String {
    fn from(target: TargetFunction) -> Self {
        target.arn.as_ref().to_owned()
    }
}

/// Time zones as their names.
mod zone {
    use jiff::tz::TimeZone;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error};

    use super::super::super::schedule::time_zone;

    pub(super) fn serialize<S: Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.iana_name().unwrap_or("UTC"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
        time_zone(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Moments as milliseconds since 1970.
mod moment {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "so serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        moment: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        moment.map(Timestamp::as_millisecond).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let ms = <Option<i64>>::deserialize(deserializer)?;
        ms.map(Timestamp::from_millisecond).transpose().map_err(D::Error::custom)
    }
}
