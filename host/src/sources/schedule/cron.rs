//! Cron expressions in AWS's dialect: six fields, of which one of the two for days is left open.

use jiff::civil::{Date, DateTime, Time};

use super::days::Days;
use super::expression::ExpressionError;
use super::field::{HOURS, MINUTES, MONTH, YEAR};
use super::set::Set;

/// The first year that an expression can name.
const YEAR_MIN: i16 = 1970;

/// Local times, each a whole minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Set,
    hours: Set,
    days: Days,
    /// Counted from 0.
    months: Set,
    /// Counted from [`YEAR_MIN`].
    years: Set,
}

impl Cron {
    /// Takes what stands between the parentheses.
    pub(super) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let fields: Vec<&str> = text.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
        let (minutes, hours, of_month, month, of_week, year) = match fields[..] {
            [minutes, hours, of_month, month, of_week] => (minutes, hours, of_month, month, of_week, "*"),
            [minutes, hours, of_month, month, of_week, year] => {
                (minutes, hours, of_month, month, of_week, year)
            }
            _ => return Err(ExpressionError::CronFields { fields: fields.len() }),
        };
        Ok(Self {
            minutes: MINUTES.set(minutes)?,
            hours: HOURS.set(hours)?,
            days: Days::parse(of_month, of_week)?,
            months: MONTH.set(month)?,
            years: YEAR.set(year)?,
        })
    }

    /// The first of its times that is not before the minute of `from`. It is found, or found to be none, within the months up to
    /// 2199.
    pub(super) fn at_or_after(&self, from: DateTime) -> Option<DateTime> {
        // All of a day's times are later than midnight, so that the second date is the last to be looked at.
        self.dates(from.date()).find_map(|date| {
            let least = if date == from.date() { from.time() } else { Time::midnight() };
            Some(date.to_datetime(self.time(least)?))
        })
    }

    /// Its dates that are not before `from`, in order.
    fn dates(&self, from: Date) -> impl Iterator<Item = Date> {
        let from = from.max(Date::constant(YEAR_MIN, 1, 1));
        // What a year past 255 of them names is nothing, either.
        let least = u8::try_from(from.year() - YEAR_MIN).unwrap_or(u8::MAX);
        let months = self.years.from(least).flat_map(move |year| {
            let year = YEAR_MIN + i16::from(year);
            let least = if year == from.year() { from.month() as u8 - 1 } else { 0 };
            self.months.from(least).map(move |month| (year, month as i8 + 1))
        });
        months.flat_map(move |(year, month)| {
            let least = if (year, month) == (from.year(), from.month()) { from.day() as u8 } else { 1 };
            self.days.of(year, month, least)
        })
    }

    /// The first of a day's times that is not before `least`, in whole minutes.
    fn time(&self, least: Time) -> Option<Time> {
        let (least_hour, least_minute) = (least.hour() as u8, least.minute() as u8);
        self.hours.from(least_hour).find_map(|hour| {
            let least = if hour == least_hour { least_minute } else { 0 };
            let minute = self.minutes.from(least).next()?;
            Time::new(hour as i8, minute as i8, 0, 0).ok()
        })
    }
}
