//! What holds of all expressions.

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Expression, Timetable, Watch, Window};
use super::{model, moment, timetable};

const ZONES: &[&str] = &[
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Tehran",
    "Pacific/Chatham",
];

/// One value, range or step of numbers.
fn part(least: u16, most: u16, steps: bool) -> BoxedStrategy<String> {
    let value = least..=most;
    let range = (value.clone(), value.clone()).prop_map(|(from, to)| format!("{from}-{to}"));
    let simple = prop_oneof![value.prop_map(|value| value.to_string()), range, Just("*".to_owned())];
    match steps {
        true => (simple, proptest::option::of(1..=7_u16))
            .prop_map(|(part, step)| step.map_or(part.clone(), |step| format!("{part}/{step}")))
            .boxed(),
        false => simple.boxed(),
    }
}

fn list(least: u16, most: u16, steps: bool) -> impl Strategy<Value = String> {
    vec(part(least, most, steps), 1..4).prop_map(|parts| parts.join(","))
}

fn days() -> impl Strategy<Value = (String, String)> {
    let of_month = prop_oneof![
        3 => list(1, 31, true),
        1 => Just("L".to_owned()),
        1 => Just("LW".to_owned()),
        1 => (1..=31_u8).prop_map(|day| format!("{day}W")),
    ];
    let of_week = prop_oneof![
        3 => list(1, 7, false),
        1 => Just("L".to_owned()),
        1 => "(SUN|mon|Tue|WED|thu|FRI|SAT)(-(SUN|MON|FRI))?",
        1 => (1..=7_u8).prop_map(|day| format!("{day}L")),
        1 => (1..=7_u8, 1..=5_u8).prop_map(|(day, nth)| format!("{day}#{nth}")),
    ];
    prop_oneof![
        of_month.prop_map(|days| (days, "?".to_owned())),
        of_week.prop_map(|days| ("?".to_owned(), days)),
    ]
}

fn cron() -> impl Strategy<Value = String> {
    let month = prop_oneof![4 => Just("*".to_owned()), 1 => list(1, 12, true)];
    let year =
        prop_oneof![4 => Just("*".to_owned()), 1 => (2010..2030_u16).prop_map(|year| format!("{year}-2030"))];
    (list(0, 59, true), list(0, 23, true), days(), month, year).prop_map(
        |(minutes, hours, (of_month, of_week), month, year)| {
            format!("cron({minutes} {hours} {of_month} {month} {of_week} {year})")
        },
    )
}

/// Any of the three kinds.
fn expression() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => cron(),
        1 => (1..=u32::MAX, "(minute|hour|day)s?").prop_map(|(value, unit)| format!("rate({value} {unit})")),
        1 => (1..=3_000_u32, "(minute|hour|day)s?").prop_map(|(value, unit)| format!("rate({value} {unit})")),
        1 => "at\\((19[7-9]|20[0-9])[0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\)",
    ]
}

fn table() -> impl Strategy<Value = Timetable> {
    let window = prop_oneof![Just(0_u16), 1..=1_440_u16];
    let bound = proptest::option::weighted(0.2, 0..2_000_000_000_i64);
    (expression(), 0..ZONES.len(), bound.clone(), bound, window, any::<u64>()).prop_map(
        |(expression, zone, start, end, window, seed)| Timetable {
            start: start.and_then(|second| Timestamp::from_second(second).ok()),
            end: end.and_then(|second| Timestamp::from_second(second).ok()),
            window: Window::flexible(window, seed).unwrap_or(Window::OFF),
            ..timetable(&expression, ZONES[zone])
        },
    )
}

/// A moment from 1970 on, until 2033.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    (0..2_000_000_000_i64, 0..1_000_000_000_i32)
        .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).expect("a moment"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_a_panic(text in "\\PC{0,300}") {
        let _ = Expression::parse(&text).map_err(|error| error.to_string());
        let _ = Expression::parse(&format!("cron({text})")).map_err(|error| error.to_string());
        let _ = Expression::parse(&format!("rate({text})")).map_err(|error| error.to_string());
        let _ = Expression::parse(&format!("at({text})")).map_err(|error| error.to_string());
    }

    #[test]
    fn nothing_that_looks_like_one_is_a_panic(
        text in "(cron|rate|at)\\([-0-9*,/?LW# TJANMONFRIhours:é\t]{0,40}\\)",
        after in any_moment(),
    ) {
        if let Ok(expression) = Expression::parse(&text) {
            let timetable = Timetable { expression, ..timetable("rate(1 day)", "Europe/Berlin") };
            let _ = timetable.next_after(after);
        }
    }

    #[test]
    fn fields_of_any_kind_are_no_panic(
        fields in vec("[-0-9*,/?LW#]{1,6}|\\*|\\?|[0-9]{1,4}|(JAN|mon)[-/#L]?[0-9A-Z]{0,3}", 5..=6),
        after in any_moment(),
    ) {
        if let Ok(expression) = Expression::parse(&format!("cron({})", fields.join(" "))) {
            let timetable = Timetable { expression, ..timetable("rate(1 day)", "America/New_York") };
            let _ = timetable.next_after(after);
        }
    }

    #[test]
    fn what_is_written_is_read_again(text in expression()) {
        let read = Expression::parse(&text).expect("an expression");
        prop_assert_eq!(Expression::parse(&read.to_string()), Ok(read.clone()));
        prop_assert_eq!(String::from(read), text);
    }

    #[test]
    fn due_times_go_on_and_on(timetable in table(), after in any_moment()) {
        let mut before = after;
        let mut fires = Timestamp::MIN;
        for _ in 0..20 {
            let Some(due) = timetable.next_after(before) else { break };
            prop_assert_eq!(timetable.next_after(before), Some(due), "it is the same whenever it is asked");
            prop_assert!(due.scheduled > before && due.fires >= due.scheduled);
            prop_assert!(due.fires > fires, "firings are in order");
            let late_s = due.fires.as_second() - due.scheduled.as_second();
            prop_assert!(late_s < timetable.window.length_s().max(1));
            prop_assert_eq!(due.scheduled.subsec_nanosecond(), 0);
            if !timetable.expression.is_one_time() {
                prop_assert!(timetable.start.is_none_or(|start| due.scheduled >= start));
                prop_assert!(timetable.end.is_none_or(|end| due.fires <= end));
            }
            // From anywhere between, the next is the same.
            let middle_s = before.as_second().midpoint(due.scheduled.as_second());
            let middle = Timestamp::from_second(middle_s).expect("a moment");
            if middle >= before && middle < due.scheduled {
                prop_assert_eq!(timetable.next_after(middle), Some(due));
            }
            (before, fires) = (due.scheduled, due.fires);
        }
    }

    #[test]
    fn a_watch_fires_nothing_twice_and_nothing_early(
        timetable in table(),
        created in any_moment(),
        clock in vec((-100_000..200_000_i64, 0..90_000_u32, 0..10_usize), 1..20),
    ) {
        let mut watch = Watch::new(created);
        let mut now = created;
        let mut last = None;
        for (step_s, age_s_max, crash) in clock {
            now += SignedDuration::from_secs(step_s);
            let look = watch.look(&timetable, now, age_s_max);
            for due in look.due.into_iter().take(if crash == 0 { 1 } else { usize::MAX }) {
                prop_assert!(due.scheduled >= created && due.fires <= now);
                prop_assert!(due.fires >= now - SignedDuration::from_secs(i64::from(age_s_max)));
                prop_assert!(last < Some(due.scheduled), "{:?} then {:?}", last, due);
                last = Some(due.scheduled);
                watch.done(due);
            }
            prop_assert!(look.again.is_none_or(|again| again >= now));
        }
    }
}

/// Around these moments clocks are set in one of the zones.
const CHANGES: &[&str] = &[
    "2026-03-08T07:00",
    "2026-11-01T06:00",
    "2026-03-29T01:00",
    "2026-10-25T01:00",
    "2026-04-04T15:00",
    "2026-10-03T15:30",
    "2018-11-04T03:00",
    "2018-02-18T02:00",
    "2026-02-15T02:00",
    "2026-03-22T02:00",
    "2027-05-01T12:00",
    "2028-02-29T12:00",
    "2026-12-31T23:00",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_next_due_time_is_the_one_that_looking_at_each_minute_finds(
        expression in cron(),
        zone in 0..ZONES.len(),
        change in 0..CHANGES.len(),
        ahead_min in 0..2_880_i64,
        within_s in 0..60_i64,
    ) {
        let timetable = timetable(&expression, ZONES[zone]);
        let from = moment(CHANGES[change]) - SignedDuration::from_mins(ahead_min);
        let after = from + SignedDuration::from_secs(within_s);
        let minutes = model::minutes(&timetable.time_zone, from, from + SignedDuration::from_hours(96));
        let expected: Vec<_> = model::due(&expression, &minutes).into_iter().filter(|due| *due > after).collect();
        let mut before = after;
        for due in &expected {
            let next = timetable.next_after(before).map(|due| due.scheduled);
            prop_assert_eq!(next, Some(*due), "after {} in {}", before, ZONES[zone]);
            before = *due;
        }
        let beyond = timetable.next_after(before).map(|due| due.scheduled);
        prop_assert!(beyond.is_none_or(|due| due >= from + SignedDuration::from_hours(96)));
    }
}
