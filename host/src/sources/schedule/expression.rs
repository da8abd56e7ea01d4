//! Schedule expressions: `rate(...)`, `at(...)` and `cron(...)`.

use std::fmt;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::at;
use super::cron::Cron;
use super::field::FieldError;
use super::rate::Rate;

/// The most characters that an expression may have: EventBridge Scheduler's limit.
pub const EXPRESSION_CHARACTERS_MAX: usize = 256;

/// When a schedule is due, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    text: Box<str>,
    kind: Kind,
}

/// What an expression says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Again and again, after the same time.
    Rate(Rate),
    /// Once, at this local time.
    At(DateTime),
    /// At these local times.
    Cron(Cron),
}

/// What an expression must not be. AWS says of all of them alike: `Invalid Schedule Expression {expression}.`
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It has too many characters.
    #[error("an expression has at most {EXPRESSION_CHARACTERS_MAX} characters")]
    TooLong,
    /// It is none of the three kinds.
    #[error("an expression is rate(...), at(...) or cron(...)")]
    Kind,
    /// There is no space between two parts of a rate, or there is one at an end.
    #[error("rate takes a value, a space and a unit")]
    RateParts,
    /// The value of a rate is no number, or none that can be.
    #[error("the value of a rate is a whole number from 1 to {}", u32::MAX)]
    RateValue,
    /// The unit of a rate is none.
    #[error("the unit of a rate is minute, minutes, hour, hours, day or days")]
    RateUnit,
    /// The one time has another form.
    #[error("at takes yyyy-mm-ddThh:mm:ss, with neither fractions of a second nor a zone")]
    AtForm,
    /// There is no such date or no such time of day.
    #[error("at names a date or a time of day that does not exist")]
    AtCalendar,
    /// There is another number of fields.
    #[error(
        "cron takes minutes, hours, day-of-month, month, day-of-week and year, of which the year may be left out; \
         there are {fields} fields"
    )]
    CronFields {
        /// How many there are.
        fields: usize,
    },
    /// Both fields for days are `?`.
    #[error("only one of day-of-month and day-of-week can be ?")]
    CronNoDays,
    /// Neither field for days is `?`.
    #[error("one of day-of-month and day-of-week must be ?")]
    CronTwoDays,
    /// A field does not hold what it may.
    #[error(transparent)]
    CronField(#[from] FieldError),
}

impl Expression {
    /// Takes `rate(value unit)`, `at(yyyy-mm-ddThh:mm:ss)` or
    /// `cron(minutes hours day-of-month month day-of-week year)`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.chars().nth(EXPRESSION_CHARACTERS_MAX).is_some() {
            return Err(ExpressionError::TooLong);
        }
        let inner = text.strip_suffix(')').and_then(|text| text.split_once('('));
        let kind = match inner {
            Some(("rate", inner)) => Kind::Rate(Rate::parse(inner)?),
            Some(("at", inner)) => Kind::At(at::parse(inner)?),
            Some(("cron", inner)) => Kind::Cron(Cron::parse(inner)?),
            _ => return Err(ExpressionError::Kind),
        };
        Ok(Self { text: text.into(), kind })
    }

    /// Whether it is for one time: `at(...)`.
    pub fn is_one_time(&self) -> bool {
        matches!(self.kind, Kind::At(_))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }
}

impl TryFrom<String> for Expression {
    type Error = ExpressionError;

    fn try_from(text: String) -> Result<Self, ExpressionError> {
        Self::parse(&text)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text.into()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
