//! A year of schedules, in which the host is killed and started again, in the middle of firings and between them, and the clock
//! jumps: each due time is fired once.

use std::collections::BTreeMap;

use super::super::super::schedule::time_zone;
use super::*;

const SEED: u64 = 11;
const DAYS: u64 = 366;
const HOUR_S: u64 = 3_600;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// By name, all of which are made at the beginning.
fn given() -> BTreeMap<&'static str, ScheduleSettings> {
    let local = |expression: &str, zone: &str| {
        let mut settings = settings(expression);
        settings.time_zone = time_zone(zone).expect("a zone");
        settings
    };
    let mut windowed = local("cron(15 0/6 * * ? *)", "America/New_York");
    windowed.window_minutes = Some(90);
    let mut once = settings("at(2027-07-01T12:00:00)");
    once.after_completion = ActionAfterCompletion::Delete;
    BTreeMap::from([
        ("hourly", settings("rate(1 hour)")),
        // At a time that is not there one night, and twice another.
        ("nightly", local("cron(30 2 * * ? *)", "Europe/Berlin")),
        ("often", local("cron(0/20 1-3 * * ? *)", "Europe/Berlin")),
        ("windowed", windowed),
        ("once", once),
    ])
}

async fn a_year(seed: u64) {
    let scene = Scene::at("2027-01-01T00:00:10Z");
    let mut dice = Dice(seed);
    let mut life = scene.start();
    for (name, settings) in given() {
        life.create(name, settings).await.expect("it is made");
    }
    let created = scene.wall.now();
    let end = created + Duration::from_secs(DAYS * 24 * HOUR_S);
    // How far it is ahead of where it would be without jumps: it never goes far, and forth again.
    let (mut ahead, mut kills) = (0, 0);
    while scene.wall.now() < end {
        pass(Duration::from_secs(dice.below(40 * HOUR_S))).await;
        match dice.below(4) {
            0 => {
                let jump = if ahead > 0 { -ahead } else { dice.below(10 * HOUR_S).cast_signed() };
                ahead += jump;
                scene.wall.jump(jump);
            }
            1 => {
                // With the next firing, before or after it is written, or in between.
                let deaths = [Death::BeforeWrite, Death::AfterWrite, Death::Over];
                *scene.journal.dying() = Some(deaths[dice.below(3) as usize]);
                pass(Duration::from_secs(2 * HOUR_S)).await;
                life.kill();
                kills += 1;
                pass(Duration::from_secs(dice.below(8 * HOUR_S))).await;
                life = scene.start();
            }
            _ => {}
        }
    }
    scene.wall.jump((-ahead).max(0));
    pass(Duration::from_secs(60 * HOUR_S)).await;
    // What is due while the test looks may be on its way.
    let until = scene.wall.now() - Duration::from_secs(2 * HOUR_S);
    assert!(kills > 20, "{kills}");
    assert_eq!(life.schedules.figures().dropped, 0);
    for (name, settings) in given() {
        let record = ScheduleRecord::new(&key(name), settings, created, None);
        let timetable = record.timetable();
        let next = |after: &Timestamp| timetable.next_after(*after).map(|due| due.scheduled);
        let before = created - Duration::from_secs(1);
        let due: Vec<String> = std::iter::successors(next(&before), next)
            .take_while(|due| *due <= until)
            .map(|due| due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .collect();
        let mut fired = scene.times(name);
        fired.truncate(fired.len().min(due.len()));
        assert_eq!(fired, due, "{name}, seed {seed}");
        let mut all = scene.times(name);
        all.dedup();
        assert_eq!(all.len(), scene.times(name).len(), "{name}, seed {seed}");
    }
    assert_eq!(scene.journal.schedules(), given().len() - 1);
}

#[tokio::test(start_paused = true)]
async fn in_a_year_of_kills_and_jumps_each_due_time_is_fired_once() {
    a_year(SEED).await;
}
