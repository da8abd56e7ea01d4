//! The days that a cron expression names: by their place in the month, or by their place in the week.

use jiff::civil::Date;

use super::expression::ExpressionError;
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, FieldError, Problem, number};
use super::set::Set;

/// Sunday, as days of the week are counted here.
const SUNDAY: u8 = 0;
/// Saturday, as days of the week are counted here.
const SATURDAY: u8 = 6;

/// Days of a month. Days of the week are counted from Sunday, 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// By their place in the month: 0 is the first.
    OfMonth(Set),
    /// `L`: the last one.
    Last,
    /// `LW`: the last from Monday to Friday.
    LastWeekday,
    /// `15W`: the one from Monday to Friday that is nearest to this one, in the same month. A month that has no such day has no
    /// such weekday.
    NearestWeekday(u8),
    /// By their place in the week.
    OfWeek(Set),
    /// `6L`: the last such day of the week.
    LastOfWeek(u8),
    /// `6#3`: the third such day of the week.
    NthOfWeek(u8, u8),
}

/// What the days of a month depend on.
#[derive(Debug, Clone, Copy)]
struct Month {
    /// Which day of the week its first day is.
    first: u8,
    /// How many days it has.
    length: u8,
}

impl Days {
    /// Takes the two fields for days, one of which must be `?`.
    pub(super) fn parse(of_month: &str, of_week: &str) -> Result<Self, ExpressionError> {
        match (of_month, of_week) {
            ("?", "?") => Err(ExpressionError::CronNoDays),
            (of_month, "?") => Ok(Self::of_month(&of_month.to_ascii_uppercase())?),
            ("?", of_week) => Ok(Self::of_week(&of_week.to_ascii_uppercase())?),
            _ => Err(ExpressionError::CronTwoDays),
        }
    }

    fn of_month(text: &str) -> Result<Self, FieldError> {
        match text {
            "L" => return Ok(Self::Last),
            "LW" => return Ok(Self::LastWeekday),
            _ => {}
        }
        match text.strip_suffix('W') {
            Some(day) if number(day).is_some() => {
                Ok(Self::NearestWeekday(DAY_OF_MONTH.value(day)? as u8 + 1))
            }
            _ if text.contains(['L', 'W']) => Err(DAY_OF_MONTH.error(text, Problem::Alone)),
            _ => Ok(Self::OfMonth(DAY_OF_MONTH.set(text)?)),
        }
    }

    fn of_week(text: &str) -> Result<Self, FieldError> {
        if let Some((day, nth)) = text.split_once('#') {
            let nth = number(nth).filter(|nth| (1..=5).contains(nth));
            let nth = nth.ok_or_else(|| DAY_OF_WEEK.error(text, Problem::Nth))?;
            return Ok(Self::NthOfWeek(DAY_OF_WEEK.value(day)? as u8, nth as u8));
        }
        match text.strip_suffix('L') {
            // The last day of the week: every Saturday.
            Some("") => Ok(Self::OfWeek(DAY_OF_WEEK.set("SAT")?)),
            Some(day) if !day.contains([',', '-', 'L']) => {
                Ok(Self::LastOfWeek(DAY_OF_WEEK.value(day)? as u8))
            }
            _ if text.contains('L') => Err(DAY_OF_WEEK.error(text, Problem::Alone)),
            _ if text.contains('/') => Err(DAY_OF_WEEK.error(text, Problem::NoSteps)),
            _ => Ok(Self::OfWeek(DAY_OF_WEEK.set(text)?)),
        }
    }

    /// Those of the month that are not before the day `least`, in order.
    pub(super) fn of(self, year: i16, month: i8, least: u8) -> impl Iterator<Item = Date> {
        let first = Date::new(year, month, 1).ok();
        first.into_iter().flat_map(move |first| {
            let month = Month {
                first: first.weekday().to_sunday_zero_offset() as u8,
                length: first.days_in_month() as u8,
            };
            let days = (least..=month.length).filter(move |day| self.include(*day, month));
            days.filter_map(move |day| first.with().day(day as i8).build().ok())
        })
    }

    fn include(self, day: u8, month: Month) -> bool {
        match self {
            Self::OfMonth(days) => days.contains(day - 1),
            Self::Last => day == month.length,
            Self::LastWeekday => day == month.nearest_weekday(month.length),
            Self::NearestWeekday(to) => to <= month.length && day == month.nearest_weekday(to),
            Self::OfWeek(days) => days.contains(month.day_of_week(day)),
            Self::LastOfWeek(of_week) => month.day_of_week(day) == of_week && day + 7 > month.length,
            Self::NthOfWeek(of_week, nth) => month.day_of_week(day) == of_week && day.div_ceil(7) == nth,
        }
    }
}

impl Month {
    fn day_of_week(self, day: u8) -> u8 {
        (self.first + day - 1) % 7
    }

    fn nearest_weekday(self, day: u8) -> u8 {
        match self.day_of_week(day) {
            SATURDAY if day == 1 => 3,
            SATURDAY => day - 1,
            SUNDAY if day == self.length => day - 2,
            SUNDAY => day + 1,
            _ => day,
        }
    }
}
