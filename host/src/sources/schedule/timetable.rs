//! An expression with all that its times depend on.

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::cron::Cron;
use super::expression::{Expression, Kind};
use super::window::Window;

/// The most characters that the name of a time zone may have: EventBridge Scheduler's limit.
pub const TIME_ZONE_CHARACTERS_MAX: usize = 50;

/// All the times at which a schedule is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    /// When it is due.
    pub expression: Expression,
    /// Where the local times of `at` and `cron` are local.
    pub time_zone: TimeZone,
    /// When the schedule was made: a rate without a start counts from here.
    pub created: Timestamp,
    /// It is not due before; a rate counts from here. A one-time schedule ignores it.
    pub start: Option<Timestamp>,
    /// It is not due after. A one-time schedule ignores it.
    pub end: Option<Timestamp>,
    /// How long after a due time it is fired.
    pub window: Window,
}

/// A time at which a schedule is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The time that the expression names, in whole seconds. No two due times of a schedule share it.
    pub scheduled: Timestamp,
    /// The moment at which it is to be fired: later by less than the window, and before the next due time.
    pub fires: Timestamp,
}

/// A text that names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a time zone of the IANA database")]
pub struct TimeZoneError {
    /// The text.
    pub name: String,
}

/// The time zone of that name in the IANA database: `America/New_York`, `UTC`.
///
/// # Errors
/// When there is none.
pub fn time_zone(name: &str) -> Result<TimeZone, TimeZoneError> {
    let known = match name.chars().nth(TIME_ZONE_CHARACTERS_MAX) {
        None => TimeZone::get(name).ok().filter(|zone| !zone.is_unknown()),
        Some(_) => None,
    };
    known.ok_or_else(|| TimeZoneError { name: name.chars().take(TIME_ZONE_CHARACTERS_MAX).collect() })
}

impl Timetable {
    /// The first due time that is scheduled after that moment; none, if it is never due again.
    pub fn next_after(&self, after: Timestamp) -> Option<Due> {
        let scheduled_s = self.scheduled_after(floor_s(after))?;
        let fires_s = scheduled_s.checked_add(self.offset_s(scheduled_s))?;
        let scheduled = Timestamp::from_second(scheduled_s).ok()?;
        Some(Due { scheduled, fires: Timestamp::from_second(fires_s).ok()? })
    }

    /// The first scheduled time after that one, in seconds since 1970.
    fn scheduled_after(&self, after_s: i64) -> Option<i64> {
        let recurring_after_s = match self.start {
            Some(start) => after_s.max(ceil_s(start) - 1),
            None => after_s,
        };
        let next_s = match self.expression.kind() {
            Kind::At(local) => {
                let at_s = floor_s(self.time_zone.to_timestamp(*local).ok()?);
                return (at_s > after_s).then_some(at_s);
            }
            Kind::Rate(rate) => {
                rate.next_after(ceil_s(self.start.unwrap_or(self.created)), recurring_after_s)?
            }
            Kind::Cron(cron) => self.local_after(cron, recurring_after_s)?,
        };
        self.end.is_none_or(|end| next_s <= floor_s(end)).then_some(next_s)
    }

    /// The first of the local times that is after that one: of those that exist, and the first time that they do.
    ///
    /// If of two local times one is earlier, its first time is, too. So the search can begin with the local time of `after_s`. It
    /// ends: each turn is for a later local time, and none is later than 2199. Passed by are only minutes in gaps and, if it began
    /// in an hour that is there again, what is left of that hour. The longest search there is, for minutes that are in a gap every
    /// year, passes some ten thousand by, in less than ten milliseconds.
    fn local_after(&self, cron: &Cron, after_s: i64) -> Option<i64> {
        let after = Timestamp::from_second(after_s.max(Timestamp::MIN.as_second())).ok()?;
        let mut from = self.time_zone.to_datetime(after);
        loop {
            let local = cron.at_or_after(from)?;
            let moment = self.time_zone.to_ambiguous_timestamp(local);
            if !matches!(moment.offset(), AmbiguousOffset::Gap { .. }) {
                let moment_s = floor_s(moment.compatible().ok()?);
                if moment_s > after_s {
                    return Some(moment_s);
                }
            }
            from = local.checked_add(1.minute()).ok()?;
        }
    }

    /// How long after that scheduled time it is fired, in seconds.
    fn offset_s(&self, scheduled_s: i64) -> i64 {
        if self.window == Window::OFF {
            return 0;
        }
        let until_next_s = self.scheduled_after(scheduled_s).map_or(i64::MAX, |next_s| next_s - scheduled_s);
        let until_end_s = match self.end {
            Some(end) if !self.expression.is_one_time() => floor_s(end) - scheduled_s + 1,
            _ => i64::MAX,
        };
        self.window.offset_s(scheduled_s, until_next_s.min(until_end_s))
    }
}

/// The last whole second that is not after the moment.
pub(super) fn floor_s(moment: Timestamp) -> i64 {
    moment.as_second() - i64::from(moment.subsec_nanosecond() < 0)
}

/// The first whole second that is not before the moment.
pub(super) fn ceil_s(moment: Timestamp) -> i64 {
    moment.as_second() + i64::from(moment.subsec_nanosecond() > 0)
}
