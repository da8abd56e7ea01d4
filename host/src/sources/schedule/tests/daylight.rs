//! Clocks that go forward and back.

use super::{moment, next, timetable};

#[test]
fn a_one_time_schedule_in_a_gap_is_due_as_long_after_it() {
    // New York: 2026-03-08, from 02:00 on it is 03:00.
    let due = |expression, zone| next(&timetable(expression, zone), moment("2011-01-01T00:00"), 2);
    assert_eq!(due("at(2026-03-08T01:59:59)", "America/New_York"), [moment("2026-03-08T06:59:59")]);
    assert_eq!(due("at(2026-03-08T02:30:00)", "America/New_York"), [moment("2026-03-08T07:30")]);
    assert_eq!(due("at(2026-03-08T03:00:00)", "America/New_York"), [moment("2026-03-08T07:00")]);
    // Lord Howe: 2026-10-04, from 02:00 on it is 02:30.
    assert_eq!(due("at(2026-10-04T02:15:00)", "Australia/Lord_Howe"), [moment("2026-10-03T15:45")]);
    // Samoa had no 2011-12-30 at all.
    assert_eq!(due("at(2011-12-30T12:00:00)", "Pacific/Apia"), [moment("2011-12-30T22:00")]);
}

#[test]
fn a_one_time_schedule_whose_time_is_twice_is_due_the_first_time() {
    let due = |expression, zone| next(&timetable(expression, zone), moment("2026-01-01T00:00"), 2);
    assert_eq!(due("at(2026-11-01T01:30:00)", "America/New_York"), [moment("2026-11-01T05:30")]);
    assert_eq!(due("at(2026-04-05T01:45:00)", "Australia/Lord_Howe"), [moment("2026-04-04T14:45")]);
}

#[test]
fn each_local_time_is_due_once_even_if_each_minute_is() {
    let every_minute = timetable("cron(* * * * ? *)", "America/New_York");
    // 2026-11-01: after 01:59 it is 01:00 again, and nothing is due until 02:00.
    assert_eq!(
        next(&every_minute, moment("2026-11-01T05:58"), 2),
        [moment("2026-11-01T05:59"), moment("2026-11-01T07:00")]
    );
    // So it is from within the repeated hour.
    assert_eq!(next(&every_minute, moment("2026-11-01T06:30"), 1), [moment("2026-11-01T07:00")]);
    // The day has as many due times as one without a change; that on which clocks go forward has sixty fewer.
    let day = |from, to| {
        let all = next(&every_minute, moment(from), 2_000);
        all.into_iter().filter(|due| *due <= moment(to)).count()
    };
    assert_eq!(day("2026-11-01T03:59", "2026-11-02T04:59"), 1_440);
    assert_eq!(day("2026-03-08T04:59", "2026-03-09T03:59"), 1_380);
}

#[test]
fn a_day_of_a_rate_has_24_hours_whatever_clocks_do() {
    // 2026-03-08 has 23 hours in New York and 2026-11-01 has 25: noon of a rate moves to 13:00, and back.
    let mut daily = timetable("rate(1 day)", "America/New_York");
    daily.start = Some(moment("2026-03-07T17:00"));
    assert_eq!(
        next(&daily, moment("2026-03-07T00:00"), 3),
        [moment("2026-03-07T17:00"), moment("2026-03-08T17:00"), moment("2026-03-09T17:00")]
    );
}

#[test]
fn an_offset_that_is_not_of_whole_minutes_is_no_hindrance() {
    // Monrovia was 44 minutes and 30 seconds behind until 1972-01-07.
    let hourly = timetable("cron(0 * * * ? 1971-1972)", "Africa/Monrovia");
    assert_eq!(
        next(&hourly, moment("1971-01-01T00:00"), 2),
        [moment("1971-01-01T00:44:30"), moment("1971-01-01T01:44:30")]
    );
    assert_eq!(next(&hourly, moment("1972-01-08T00:30"), 1), [moment("1972-01-08T01:00")]);
}
