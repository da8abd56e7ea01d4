//! What is fired, over restarts and with clocks that are set.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

use super::super::{AGE_S_DEFAULT, DUE_MAX, Timetable, Watch, Window};
use super::{moment, timetable};

/// Fires all that is to be fired at that moment, and tells the scheduled times.
fn fire(watch: &mut Watch, timetable: &Timetable, now: &str) -> Vec<Timestamp> {
    let look = watch.look(timetable, moment(now), AGE_S_DEFAULT);
    look.due.iter().for_each(|due| watch.done(*due));
    look.due.into_iter().map(|due| due.scheduled).collect()
}

#[test]
fn a_due_time_is_fired_when_it_has_come() {
    let hourly = timetable("cron(0 * * * ? *)", "UTC");
    let mut watch = Watch::new(moment("2026-05-01T09:30"));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T09:59:59"), []);
    let again = watch.look(&hourly, moment("2026-05-01T09:59:59"), AGE_S_DEFAULT).again;
    assert_eq!(again, Some(moment("2026-05-01T10:00")));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T10:00"), [moment("2026-05-01T10:00")]);
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T10:00"), []);
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T10:59"), []);
}

#[test]
fn a_rate_without_a_start_is_due_at_once() {
    let mut rate = timetable("rate(5 minutes)", "UTC");
    for (created, first) in
        [("2026-05-01T10:01:02Z", "2026-05-01T10:01:02"), ("2026-05-01T10:01:02.003Z", "2026-05-01T10:01:03")]
    {
        rate.created = created.parse().expect("a moment");
        let mut watch = Watch::new(rate.created);
        assert_eq!(fire(&mut watch, &rate, first), [moment(first)]);
        assert_eq!(fire(&mut watch, &rate, "2026-05-01T10:06"), []);
        assert_eq!(fire(&mut watch, &rate, "2026-05-01T10:06:03").len(), 1);
    }
}

#[test]
fn what_was_before_the_schedule_is_not_missed() {
    let minutely = timetable("cron(* * * * ? *)", "UTC");
    let mut watch = Watch::new(moment("2026-05-01T10:00"));
    assert_eq!(fire(&mut watch, &minutely, "2026-05-01T10:00:30"), [moment("2026-05-01T10:00")]);
    let mut later = Watch::new("2026-05-01T10:00:00.001Z".parse().expect("a moment"));
    assert_eq!(fire(&mut later, &minutely, "2026-05-01T10:00:30"), []);
    let once = timetable("at(2026-05-01T10:00:00)", "UTC");
    let look = later.look(&once, moment("2026-05-01T10:00:30"), AGE_S_DEFAULT);
    assert_eq!((look.due, look.again), (vec![], None));
}

#[test]
fn what_was_missed_is_fired_once_each_unless_it_is_too_old() {
    let hourly = timetable("cron(0 * * * ? *)", "UTC");
    let mut watch = Watch::new(moment("2026-05-01T00:30"));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T06:10").len(), 6);
    // Ten days later only the last day's are, the oldest of which is just not too old.
    let fired = fire(&mut watch, &hourly, "2026-05-11T06:00");
    assert_eq!(fired.len(), 25);
    assert_eq!((fired[0], fired[24]), (moment("2026-05-10T06:00"), moment("2026-05-11T06:00")));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-11T06:59:59"), []);
    // A second later that one is too old.
    let mut watch = Watch::new(moment("2026-05-01T00:30"));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-11T06:00:01")[0], moment("2026-05-10T07:00"));
    // How old they may become is said for each schedule.
    let watch = Watch::new(moment("2026-05-01T00:30"));
    assert_eq!(watch.look(&hourly, moment("2026-05-11T06:30"), 60).due, []);
    assert_eq!(watch.look(&hourly, moment("2026-05-11T06:00:30"), 60).due.len(), 1);
    assert_eq!(watch.look(&hourly, moment("2026-05-11T06:30"), u32::MAX).due.len(), 246);
}

#[test]
fn age_is_counted_from_when_it_was_to_be_fired() {
    let mut daily = timetable("cron(0 0 * * ? *)", "UTC");
    daily.window = Window::flexible(1_440, 5).expect("a window");
    let due = daily.next_after(moment("2026-05-01T12:00")).expect("it is due");
    assert!(due.fires > due.scheduled + SignedDuration::from_mins(10), "the seed makes it wait: {due:?}");
    let watch = Watch::new(moment("2026-05-01T12:00"));
    assert_eq!(watch.look(&daily, due.fires - SignedDuration::from_secs(1), 60).due, []);
    let late = due.fires + SignedDuration::from_secs(60);
    assert_eq!(watch.look(&daily, late, 60).due, [due]);
    assert_eq!(watch.look(&daily, late + SignedDuration::from_secs(1), 60).due, []);
}

#[test]
fn a_clock_that_goes_back_fires_nothing_twice() {
    let hourly = timetable("cron(0 * * * ? *)", "UTC");
    let mut watch = Watch::new(moment("2026-05-01T09:30"));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T12:00").len(), 3);
    for now in ["2026-05-01T11:00", "2026-04-30T12:00", "2026-05-01T10:00", "2026-05-01T12:00"] {
        assert_eq!(fire(&mut watch, &hourly, now), [], "{now}");
        let again = watch.look(&hourly, moment(now), AGE_S_DEFAULT).again;
        assert_eq!(again, Some(moment("2026-05-01T13:00")));
    }
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T13:00"), [moment("2026-05-01T13:00")]);
}

#[test]
fn one_look_finds_a_thousand_and_the_next_goes_on() {
    let minutely = timetable("cron(* * * * ? *)", "UTC");
    let mut watch = Watch::new(moment("2026-05-01T00:00"));
    let now = moment("2026-05-01T23:59");
    let look = watch.look(&minutely, now, AGE_S_DEFAULT);
    assert_eq!((look.due.len(), look.again), (DUE_MAX, Some(now)));
    look.due.iter().for_each(|due| watch.done(*due));
    let look = watch.look(&minutely, now, AGE_S_DEFAULT);
    assert_eq!((look.due.len(), look.again), (440, Some(moment("2026-05-02T00:00"))));
    // As many as that and no more.
    let watch = Watch::new(moment("2026-05-01T00:00"));
    let look = watch.look(&minutely, moment("2026-05-01T16:39"), AGE_S_DEFAULT);
    assert_eq!((look.due.len(), look.again), (DUE_MAX, Some(moment("2026-05-01T16:40"))));
}

#[test]
fn a_schedule_that_is_resumed_does_not_make_up_for_the_time_between() {
    let hourly = timetable("cron(0 * * * ? *)", "UTC");
    let mut watch = Watch::new(moment("2026-05-01T00:30"));
    watch.resume(moment("2026-05-01T05:00"));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T05:00"), [moment("2026-05-01T05:00")]);
    // Nor does it fire twice.
    watch.resume(moment("2026-05-01T05:00"));
    watch.resume(moment("2026-05-01T04:00"));
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T05:30"), []);
}

#[test]
fn what_was_done_stays_done() {
    let hourly = timetable("cron(0 * * * ? *)", "UTC");
    let mut watch = Watch::new(moment("2026-05-01T00:30"));
    let due = watch.look(&hourly, moment("2026-05-01T03:00"), AGE_S_DEFAULT).due;
    watch.done(due[2]);
    watch.done(due[0]);
    assert_eq!(fire(&mut watch, &hourly, "2026-05-01T03:30"), []);
}

/// Writes a watch as serde has it.
struct Written(Watch);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

#[test]
fn a_watch_is_kept_as_one_number() {
    let watch = Watch::new(moment("2026-05-01T00:30"));
    assert_eq!(Written(watch).to_string(), "1777595399");
    for number in [i64::MIN, -1, 0, 1_777_595_399, i64::MAX] {
        let read = Watch::deserialize(IntoDeserializer::<Error>::into_deserializer(number)).expect("a watch");
        assert_eq!(Written(read).to_string(), number.to_string());
        let look = read.look(&timetable("rate(1 minute)", "UTC"), moment("2026-05-01T00:00"), u32::MAX);
        assert_eq!(look.due.is_empty(), number >= 1_777_595_399);
    }
}
