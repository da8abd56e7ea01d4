//! A year of time zones under a clock of its own: with restarts, crashes and a clock that is set forward and back, everything is
//! fired, once, in order.

use jiff::{SignedDuration, Timestamp};

use super::super::{Timetable, Watch, Window};
use super::model::{self, Minute};
use super::{Random, moment, time_zone, timetable};

/// Time zones, each with a year in which it has something of its own.
const ZONES: &[(&str, i16)] = &[
    ("UTC", 2026),
    ("America/New_York", 2026),
    ("Europe/Berlin", 2026),
    // Half an hour.
    ("Australia/Lord_Howe", 2026),
    // Three quarters.
    ("Asia/Kathmandu", 2026),
    ("America/Sao_Paulo", 2026),
    // Clocks went forward and back at midnight.
    ("America/Sao_Paulo", 2018),
    // A day was left out.
    ("Pacific/Apia", 2011),
    // Back for a month.
    ("Africa/Casablanca", 2026),
];

/// Expressions, and the windows within which they are fired, in minutes; 0 is none.
const EXPRESSIONS: &[(&str, u16)] = &[
    ("cron(0/15 * * * ? *)", 0),
    ("cron(0/15 * * * ? *)", 60),
    ("cron(30 2 * * ? *)", 0),
    ("cron(0 0 * * ? *)", 0),
    ("cron(0,30,45 0-3 * * ? *)", 0),
    ("cron(59 23 L * ? *)", 0),
    ("cron(15 1 ? * SUN *)", 0),
    ("cron(15 1 ? * SUN *)", 1_440),
    ("cron(0 9 LW * ? *)", 0),
    ("cron(0 9 15W * ? *)", 90),
    ("cron(0 22-2 ? * FRI-MON *)", 0),
    ("cron(5 4 ? * 1#2 *)", 0),
    ("cron(5 4 ? MAR-NOV 6L *)", 0),
    ("cron(20-50/15 */5 29-2 * ? *)", 0),
];

/// The longest that anything is late here, in seconds: a clock that is set a day forward, and some crashes in a row.
const AGE_S: u32 = 4 * 86_400;

/// Hosts that run, crash and start again until the end of the year by the clock, which is set now and then.
struct Life<'a> {
    timetable: &'a Timetable,
    random: Random,
    wall: Timestamp,
    highest: Timestamp,
    watch: Watch,
    fired: Vec<Timestamp>,
}

impl Life<'_> {
    fn run(&mut self, end: Timestamp) {
        while self.wall < end {
            let again = self.look(true);
            let wait_s = match self.random.below(100) {
                // The host is down.
                0..8 => self.random.below(6 * 3_600) as i64,
                8 => 3_600,
                9 => -3_600,
                10 => 86_400,
                11 => -86_400,
                // It looks for another reason.
                12..20 => self.random.below(600) as i64,
                _ => {
                    let sleep = again.map_or(86_400, |again| again.as_second() - self.wall.as_second());
                    sleep.clamp(0, 86_400) + self.random.below(3) as i64
                }
            };
            self.wall += SignedDuration::from_secs(wait_s);
            self.highest = self.highest.max(self.wall);
        }
        // What a crash left.
        self.wall = self.highest;
        while self.look(false).is_some_and(|again| again <= self.wall) {}
    }

    /// Fires what is to be fired. In a crash some of it is left; what was done was kept with it.
    fn look(&mut self, crashes: bool) -> Option<Timestamp> {
        let mut look = self.watch.look(self.timetable, self.wall, AGE_S);
        if crashes && look.due.len() > 1 && self.random.below(10) == 0 {
            look.due.truncate(1 + self.random.below(look.due.len() as u64 - 1) as usize);
        }
        for due in look.due {
            assert!(due.fires <= self.wall && due.fires >= due.scheduled);
            self.watch.done(due);
            self.fired.push(due.scheduled);
        }
        look.again
    }
}

/// Lives the year once, and compares what was fired with all that should have been.
fn live(timetable: &Timetable, due: &[Timestamp], seed: u64, end: Timestamp) {
    let mut life = Life {
        timetable,
        random: Random(seed),
        wall: timetable.created,
        highest: timetable.created,
        watch: Watch::new(timetable.created),
        fired: Vec::new(),
    };
    life.run(end);
    let window = SignedDuration::from_secs(timetable.window.length_s());
    let least = due.iter().filter(|due| **due <= life.highest - window).count();
    let most = due.iter().filter(|due| **due <= life.highest).count();
    let context = format!("{} in {:?}, seed {seed}", timetable.expression, timetable.time_zone.iana_name());
    assert!((least..=most).contains(&life.fired.len()), "{context}: {} of {most}", life.fired.len());
    assert_eq!(life.fired, due[..life.fired.len()], "{context}");
}

fn year(zone: &str, year: i16) -> (Timestamp, Timestamp, Vec<Minute>) {
    let (from, to) = (moment(&format!("{year}-01-01T00:00")), moment(&format!("{}-01-01T00:00", year + 1)));
    // The clock can be a day ahead at the end.
    let minutes =
        model::minutes(&time_zone(zone).expect("a time zone"), from, to + SignedDuration::from_hours(72));
    (from, to, minutes)
}

#[test]
fn in_a_year_everything_is_fired_once() {
    for (number, (zone, of)) in ZONES.iter().enumerate() {
        let (from, to, minutes) = year(zone, *of);
        for (expression, window) in EXPRESSIONS {
            let mut timetable = timetable(expression, zone);
            timetable.created = from;
            timetable.window = Window::flexible(*window, 11).unwrap_or(Window::OFF);
            let due = model::due(expression, &minutes);
            assert!(!due.is_empty(), "{expression} is due in {zone}");
            for seed in 0..3 {
                live(&timetable, &due, 1 + seed + 100 * number as u64, to);
            }
        }
    }
}

#[test]
fn in_a_year_each_minute_is_fired_once() {
    let (from, to, minutes) = year("America/New_York", 2026);
    let mut timetable = timetable("cron(* * * * ? *)", "America/New_York");
    timetable.created = from;
    live(&timetable, &model::due("cron(* * * * ? *)", &minutes), 5, to);
}

#[test]
fn in_a_year_a_rate_is_fired_as_often_as_it_fits() {
    let (from, to, minutes) = year("UTC", 2026);
    for every in [1_u16, 7, 60, 1_440] {
        let mut timetable = timetable(&format!("rate({every} minutes)"), "America/New_York");
        timetable.created = from;
        let due: Vec<_> = minutes.iter().step_by(usize::from(every)).map(|minute| minute.moment).collect();
        live(&timetable, &due, u64::from(every), to);
    }
}
