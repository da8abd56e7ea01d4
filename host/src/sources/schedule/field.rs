//! One field of a cron expression: its values, their names, and what may stand in it.

use std::ops::RangeInclusive;

use super::set::Set;

/// What one of the six fields may hold.
#[derive(Debug)]
pub(super) struct Field {
    /// As AWS names it.
    name: &'static str,
    /// What may stand in it, as AWS's documentation has it.
    allowed: &'static str,
    /// The smallest value.
    least: u16,
    /// The largest value.
    most: u16,
    /// Names of the values, from the smallest; none, if they have none.
    names: &'static [&'static str],
    /// Whether a range may run over the largest value on to the smallest.
    cyclic: bool,
}

/// Minutes of the hour.
pub(super) const MINUTES: Field = Field::new("minutes", "0-59 and the wildcards , - * /", 0..=59);

/// Hours of the day.
pub(super) const HOURS: Field = Field::new("hours", "0-23 and the wildcards , - * /", 0..=23);

/// Days of the month.
pub(super) const DAY_OF_MONTH: Field =
    Field::new("day-of-month", "1-31 and the wildcards , - * ? / L W", 1..=31);

/// Months of the year.
pub(super) const MONTH: Field = Field {
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    ..Field::new("month", "1-12 or JAN-DEC and the wildcards , - * /", 1..=12)
};

/// Days of the week, which begins with Sunday.
pub(super) const DAY_OF_WEEK: Field = Field {
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    ..Field::new("day-of-week", "1-7 or SUN-SAT and the wildcards , - * ? L #", 1..=7)
};

/// Years, which do not begin anew.
pub(super) const YEAR: Field =
    Field { cyclic: false, ..Field::new("year", "1970-2199 and the wildcards , - * /", 1970..=2199) };

/// A field that does not hold what it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} cannot be {part:?}: {problem}; allowed are {allowed}")]
pub struct FieldError {
    /// The field.
    pub field: &'static str,
    /// The part of it that is wrong.
    pub part: String,
    /// What is wrong with it.
    pub problem: Problem,
    /// What may stand in the field.
    pub allowed: &'static str,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is no value of the field.
    #[error("it is not a value of this field")]
    Value,
    /// What follows the slash is no step.
    #[error("a step is a number from 1 to {most}")]
    Step {
        /// The largest step.
        most: u16,
    },
    /// Days of the week have no steps.
    #[error("there are no steps (/) here")]
    NoSteps,
    /// A range of years ends before it begins.
    #[error("the range ends before it begins")]
    Backwards,
    /// `L`, `W` or `#` beside something else.
    #[error("a wildcard L, W or # stands with one value at most, and not in a list")]
    Alone,
    /// What follows the `#` is no number of a week.
    #[error("# takes one day and a number from 1 to 5")]
    Nth,
}

impl Field {
    const fn new(name: &'static str, allowed: &'static str, values: RangeInclusive<u16>) -> Self {
        Self { name, allowed, least: *values.start(), most: *values.end(), names: &[], cyclic: true }
    }

    /// Takes a list of values, ranges and steps as the set of values that it names, each counted from the smallest one.
    pub(super) fn set(&self, text: &str) -> Result<Set, FieldError> {
        let mut set = Set::default();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(self.step(step)?)),
                None => (part, None),
            };
            let last = self.most - self.least;
            let (from, to) = match range.split_once('-') {
                Some((from, to)) => (self.value(from)?, self.value(to)?),
                None if range == "*" => (0, last),
                None if step.is_some() => (self.value(range)?, last),
                None => (self.value(range)?, self.value(range)?),
            };
            if from > to && !self.cyclic {
                return Err(self.error(part, Problem::Backwards));
            }
            let values = last + 1;
            let length = (to + values - from) % values;
            for ahead in (0..=length).step_by(usize::from(step.unwrap_or(1))) {
                set.insert(((from + ahead) % values) as u8);
            }
        }
        Ok(set)
    }

    /// Takes a number or a name as a value, counted from the smallest one.
    pub(super) fn value(&self, text: &str) -> Result<u16, FieldError> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(place) => Some(place as u16),
            None => number(text).filter(|n| (self.least..=self.most).contains(n)).map(|n| n - self.least),
        };
        value.ok_or_else(|| self.error(text, Problem::Value))
    }

    fn step(&self, text: &str) -> Result<u16, FieldError> {
        // As many as there are values, but never more than the largest: `*/60` is no step of minutes to AWS.
        let most = self.most.min(self.most - self.least + 1);
        let step = number(text).filter(|step| (1..=most).contains(step));
        step.ok_or_else(|| self.error(text, Problem::Step { most }))
    }

    /// The error that a part of this field is.
    pub(super) fn error(&self, part: &str, problem: Problem) -> FieldError {
        FieldError { field: self.name, part: part.to_owned(), problem, allowed: self.allowed }
    }
}

/// Takes digits, and nothing else, as a number.
pub(super) fn number(text: &str) -> Option<u16> {
    // `parse` alone would let a sign pass.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
