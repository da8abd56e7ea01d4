//! What all these tests share. The times of the tables were worked out by hand and by a calculation that shares nothing with the
//! code, and are AWS's where AWS documents them.

mod daylight;
mod expressions;
mod limits;
mod malformed;
mod model;
mod properties;
mod watching;
mod year;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Expression, Timetable, Window, time_zone};

/// A moment: `2026-01-01T00:00`, or with seconds, in UTC.
fn moment(text: &str) -> Timestamp {
    let local: DateTime = text.parse().expect("a date and a time");
    TimeZone::UTC.to_timestamp(local).expect("a moment")
}

/// A schedule that was made as 2026 began.
fn timetable(expression: &str, zone: &str) -> Timetable {
    Timetable {
        expression: Expression::parse(expression).expect("an expression"),
        time_zone: time_zone(zone).expect("a time zone"),
        created: moment("2026-01-01T00:00"),
        start: None,
        end: None,
        window: Window::OFF,
    }
}

/// The first scheduled times after that moment.
fn next(timetable: &Timetable, after: Timestamp, times: usize) -> Vec<Timestamp> {
    let first = timetable.next_after(after);
    let all = std::iter::successors(first, |due| timetable.next_after(due.scheduled));
    all.take(times).map(|due| due.scheduled).collect()
}

/// Random numbers that are the same in each run.
struct Random(u64);

impl Random {
    /// A number below `most`.
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}
