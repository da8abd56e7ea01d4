//! Due times by another way: every minute is looked at, and the expression's text is asked about each. It shares nothing with the
//! code but the time zones, and these it uses only to tell the local time of a moment.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One minute of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Minute {
    /// When it begins.
    pub(super) moment: Timestamp,
    /// What clocks say then.
    local: DateTime,
    /// Whether they said it before.
    repeated: bool,
}

/// All minutes from one moment, a whole minute, to another, as clocks go there.
pub(super) fn minutes(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Minute> {
    // Two days before, so that an hour that is repeated is known to be.
    let mut latest = DateTime::MIN;
    let mut minutes = Vec::new();
    for second in (from.as_second() - 2 * 86_400..to.as_second()).step_by(60) {
        let moment = Timestamp::from_second(second).expect("a moment");
        let local = zone.to_datetime(moment);
        minutes.push(Minute { moment, local, repeated: local <= latest });
        latest = latest.max(local);
    }
    minutes.drain(..2 * 1_440);
    minutes
}

/// Those of the minutes at which the cron expression is due.
pub(super) fn due(expression: &str, minutes: &[Minute]) -> Vec<Timestamp> {
    let fields: Vec<&str> = expression.trim_start_matches("cron(").trim_end_matches(')').split(' ').collect();
    let minute: Vec<bool> = (0..60).map(|value| named(fields[0], value, 0, 59, &[])).collect();
    let hour: Vec<bool> = (0..24).map(|value| named(fields[1], value, 0, 23, &[])).collect();
    let mut day = (Date::MIN, false);
    let mut due = Vec::new();
    for at in minutes.iter().filter(|minute| !minute.repeated) {
        if day.0 != at.local.date() {
            day = (at.local.date(), on(&fields, at.local.date()));
        }
        if day.1 && hour[at.local.hour() as usize] && minute[at.local.minute() as usize] {
            due.push(at.moment);
        }
    }
    due
}

/// Whether it is due on this day.
fn on(fields: &[&str], date: Date) -> bool {
    named(fields[3], i32::from(date.month()), 1, 12, MONTHS)
        && named(fields[5], i32::from(date.year()), 1970, 2199, &[])
        && match fields[2] {
            "?" => on_day_of_week(fields[4], date),
            of_month => on_day_of_month(of_month, date),
        }
}

fn on_day_of_month(field: &str, date: Date) -> bool {
    let working = |date: &Date| date.weekday().to_monday_zero_offset() < 5;
    let same_month = |other: &Date| other.month() == date.month();
    match field {
        "L" => !same_month(&(date + 1.day())),
        "LW" => {
            working(&date) && !(1..4).map(|ahead| date + ahead.days()).any(|d| same_month(&d) && working(&d))
        }
        _ => match field.strip_suffix('W') {
            Some(to) => {
                let to = date.with().day(to.parse().expect("a day")).build();
                // The nearer first; of two that are as near, the one on the other side of Sunday is a Friday or a Monday.
                let around = |to: Date| [0, -1, 1, -2, 2].map(|days| to + days.days());
                to.is_ok_and(|to| around(to).into_iter().find(|d| same_month(d) && working(d)) == Some(date))
            }
            None => named(field, i32::from(date.day()), 1, 31, &[]),
        },
    }
}

fn on_day_of_week(field: &str, date: Date) -> bool {
    let day = i32::from(date.weekday().to_sunday_one_offset());
    if field == "L" {
        return day == 7;
    }
    if let Some((of_week, nth)) = field.split_once('#') {
        let before = (0..5).filter(|weeks| (date - (*weeks).weeks()).month() == date.month()).count();
        return named(of_week, day, 1, 7, DAYS) && before == nth.parse::<usize>().expect("a number");
    }
    match field.strip_suffix('L') {
        Some(of_week) => named(of_week, day, 1, 7, DAYS) && (date + 1.week()).month() != date.month(),
        None => named(field, day, 1, 7, DAYS),
    }
}

/// Whether the list names the value.
fn named(list: &str, value: i32, least: i32, most: i32, names: &[&str]) -> bool {
    let number = |text: &str| match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        Some(place) => place as i32 + least,
        None => text.parse().expect("a number"),
    };
    list.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, ""));
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => (number(from), number(to)),
            _ if step.is_empty() => (number(range), number(range)),
            _ => (number(range), most),
        };
        // What lies before the begin of a range is a turn further.
        let value = if value < from { value + most - least + 1 } else { value };
        let to = if to < from { to + most - least + 1 } else { to };
        value <= to && (value - from) % step.parse().unwrap_or(1) == 0
    })
}
