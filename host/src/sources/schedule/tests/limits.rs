//! Start, end, flexible window and time zone.

use jiff::{SignedDuration, Timestamp};

use super::super::{Due, TimeZoneError, Window, time_zone};
use super::{moment, next, timetable};

#[test]
fn a_schedule_can_be_due_at_its_start_and_at_its_end() {
    let mut hourly = timetable("cron(0 * * * ? *)", "UTC");
    hourly.start = Some(moment("2026-05-01T10:00"));
    hourly.end = Some(moment("2026-05-01T12:00"));
    let due = ["2026-05-01T10:00", "2026-05-01T11:00", "2026-05-01T12:00"].map(moment);
    assert_eq!(next(&hourly, moment("2026-01-01T00:00"), 9), due);
    // A little later, and a little earlier.
    hourly.start = Some("2026-05-01T10:00:00.000000001Z".parse().expect("a moment"));
    hourly.end = Some("2026-05-01T11:59:59.999999999Z".parse().expect("a moment"));
    assert_eq!(next(&hourly, moment("2026-01-01T00:00"), 9), due[1..2]);
    // Nothing is between them.
    hourly.end = hourly.start;
    assert_eq!(hourly.next_after(moment("2026-01-01T00:00")), None);
}

#[test]
fn a_rate_counts_from_its_start_and_ends_like_others() {
    let mut rate = timetable("rate(7 minutes)", "UTC");
    rate.start = Some(moment("2026-05-01T10:00"));
    rate.end = Some(moment("2026-05-01T10:14"));
    let due = ["2026-05-01T10:00", "2026-05-01T10:07", "2026-05-01T10:14"].map(moment);
    assert_eq!(next(&rate, moment("2026-01-01T00:00"), 9), due);
    assert_eq!(next(&rate, moment("2026-05-01T10:01"), 9), due[1..]);
    // From within a second, it counts from the next.
    rate.start = Some("2026-05-01T10:00:00.25Z".parse().expect("a moment"));
    assert_eq!(next(&rate, moment("2026-01-01T00:00"), 1), [moment("2026-05-01T10:00:01")]);
}

#[test]
fn a_one_time_schedule_ignores_start_and_end() {
    let mut once = timetable("at(2026-05-01T10:00:00)", "UTC");
    once.start = Some(moment("2027-01-01T00:00"));
    once.end = Some(moment("2025-01-01T00:00"));
    once.window = Window::flexible(60, 1).expect("a window");
    let due = once.next_after(moment("2026-01-01T00:00")).expect("it is due");
    assert_eq!(due.scheduled, moment("2026-05-01T10:00"));
    assert!(due.fires > due.scheduled, "its window is not shortened");
}

#[test]
fn moments_within_a_second_are_before_the_next_and_after_the_last() {
    let minutely = timetable("cron(* * * * ? *)", "UTC");
    let due = |after: &str| next(&minutely, after.parse().expect("a moment"), 1);
    assert_eq!(due("1969-12-31T23:59:59.5Z"), [moment("1970-01-01T00:00")]);
    assert_eq!(due("1970-01-01T00:00:00.5Z"), [moment("1970-01-01T00:01")]);
    assert_eq!(due("2026-05-01T09:59:59.999999999Z"), [moment("2026-05-01T10:00")]);
    assert_eq!(due("2026-05-01T10:00:00.000000001Z"), [moment("2026-05-01T10:01")]);
}

#[test]
fn moments_far_away_are_no_harm() {
    for expression in ["rate(1 minute)", "rate(3 days)", "cron(* * * * ? *)", "at(2026-01-01T00:00:00)"] {
        for zone in ["UTC", "Pacific/Kiritimati", "America/New_York"] {
            let mut timetable = timetable(expression, zone);
            assert_eq!(timetable.next_after(Timestamp::MAX), None, "{expression}");
            assert!(timetable.next_after(Timestamp::MIN).is_some(), "{expression}");
            timetable.created = moment("0001-01-01T00:00");
            timetable.window = Window::flexible(1_440, 7).expect("a window");
            assert!(timetable.next_after(moment("2025-06-01T00:00")).is_some(), "{expression}");
            timetable.start = Some(Timestamp::MAX);
            timetable.end = Some(Timestamp::MIN);
            assert_eq!(timetable.next_after(Timestamp::MIN).is_some(), expression.starts_with("at"));
        }
    }
}

/// How many seconds after its due times a schedule of that window is fired.
fn offsets(expression: &str, window: Window, times: usize) -> Vec<i64> {
    let timetable = super::Timetable { window, ..timetable(expression, "UTC") };
    let first = timetable.next_after(moment("2026-01-01T00:00"));
    let all = std::iter::successors(first, |due| timetable.next_after(due.scheduled));
    let offset = |due: Due| due.fires.as_second() - due.scheduled.as_second();
    all.take(times).map(offset).collect()
}

#[test]
fn a_window_spreads_firings_over_all_of_it_and_no_further() {
    let window = Window::flexible(15, 42).expect("a window");
    let seconds = offsets("rate(1 hour)", window, 9_000);
    assert!(seconds.iter().all(|offset| (0..900).contains(offset)));
    // In each of ten equal parts is a tenth, but for chance.
    for part in 0..10 {
        let within = seconds.iter().filter(|offset| **offset / 90 == part).count();
        assert!((810..990).contains(&within), "part {part} has {within}");
    }
    assert_eq!(seconds, offsets("rate(1 hour)", window, 9_000), "it is always the same");
    let others = offsets("rate(1 hour)", Window::flexible(15, 43).expect("a window"), 9_000);
    let same = seconds.iter().zip(&others).filter(|(one, other)| one == other).count();
    assert!(same < 50, "another seed chooses otherwise, but for chance: {same}");
    // A host of another version must choose the same.
    assert_eq!(seconds[..4], [257, 186, 77, 202]);
}

#[test]
fn a_window_ends_before_the_next_due_time_and_with_the_end() {
    let day = Window::flexible(1_440, 3).expect("a window");
    let seconds = offsets("rate(5 minutes)", day, 1_000);
    assert!(seconds.iter().all(|offset| (0..300).contains(offset)));
    assert!(seconds.iter().any(|offset| *offset > 240));
    let mut ending = timetable("rate(1 hour)", "UTC");
    for (end_s, seed) in (0..4).flat_map(|end_s| (0..50).map(move |seed| (end_s, seed))) {
        ending.window = Window::flexible(1_440, seed).expect("a window");
        ending.end = Some(moment("2026-01-01T05:00") + SignedDuration::from_secs(end_s));
        let last = ending.next_after(moment("2026-01-01T04:30")).expect("the last");
        assert!(last.fires >= last.scheduled && Some(last.fires) <= ending.end, "{last:?}");
    }
    assert_eq!(offsets("rate(1 hour)", Window::OFF, 9), [0; 9]);
}

#[test]
fn a_window_has_at_most_a_day() {
    for minutes in [1, 15, 1_440] {
        assert!(Window::flexible(minutes, 0).is_ok());
    }
    for minutes in [0, 1_441, u16::MAX] {
        let error = Window::flexible(minutes, 0).expect_err("no window").to_string();
        assert_eq!(error, format!("a flexible window has 1 to 1440 minutes, not {minutes}"));
    }
}

#[test]
fn time_zones_are_those_of_the_database() {
    for name in [
        "UTC",
        "Etc/UTC",
        "America/New_York",
        "Asia/Kathmandu",
        "America/Argentina/ComodRivadavia",
        "EST5EDT",
    ] {
        assert!(time_zone(name).is_ok(), "{name}");
    }
    for name in
        ["", "local", "Mars/Olympus", "+01:00", "EST5EDT,M3.2.0,M11.1.0", "Etc/Unknown", "../../etc/passwd"]
    {
        let error = time_zone(name).expect_err(name);
        assert_eq!(error, TimeZoneError { name: name.to_owned() });
    }
    let long = time_zone(&"x".repeat(1_000_000)).expect_err("too long");
    assert_eq!(long.name.len(), 50);
}
