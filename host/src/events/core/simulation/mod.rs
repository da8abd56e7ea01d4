//! The whole queue under a seed: time is virtual, the journal refuses, forgets to answer and crashes, functions fail, hang and
//! are throttled, queues refuse, throttle and hang, and clocks are set. Every durable change and every run is checked as it
//! happens, and in the end every event that was accepted must have had one fate.

mod check;
mod complete;
mod faults;
mod functions;
mod rows;
mod tally;
mod world;

use super::Bug;
use tally::Tally;
use world::World;

const SEEDS: u64 = 200;
const STEPS: u32 = 10_000;
/// How often each kind of fault and of fate is to have happened over all seeds.
const EACH_MIN: u64 = 100;

/// What a check found.
type Violation = String;

fn simulate(seed: u64, steps: u32, bug: Option<Bug>) -> Result<Tally, Violation> {
    let mut world = World::new(seed, bug);
    for step in 0..steps {
        world.step().map_err(|violation| format!("seed {seed}, step {step}: {violation}"))?;
    }
    world.finish().map_err(|violation| format!("seed {seed}, at the end: {violation}"))
}

#[test]
fn every_event_has_one_fate_whatever_fails() {
    let mut total = Tally::default();
    for seed in 0..SEEDS {
        match simulate(seed, STEPS, None) {
            Ok(tally) => total.add(&tally),
            Err(violation) => panic!("{violation}"),
        }
    }
    let rare = total.below(EACH_MIN);
    assert!(rare.is_empty(), "these happened too seldom to prove anything: {rare:?}");
}

#[test]
fn a_seed_is_always_the_same_story() {
    let story = || simulate(7, 2_000, None).expect("it goes well");
    assert_eq!(story(), story());
}

#[test]
fn each_mistake_made_on_purpose_is_found() {
    for bug in
        [Bug::SettleBeforeDelivery, Bug::NoFencing, Bug::NewRequestId, Bug::LostTimer, Bug::DoubleSettle]
    {
        let found = (0..10).find_map(|seed| simulate(seed, STEPS, Some(bug)).err());
        let violation = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        assert!(
            bug.signs().iter().any(|sign| violation.contains(sign)),
            "{bug:?} was found, but not for what it is: {violation}"
        );
    }
}

impl Bug {
    /// What a check may say of it.
    fn signs(self) -> &'static [&'static str] {
        match self {
            Self::SettleBeforeDelivery => &["was not told"],
            Self::NoFencing => &["void claim"],
            Self::NewRequestId => &["request id"],
            Self::LostTimer => &["has no fate"],
            Self::DoubleSettle => &["second fate"],
        }
    }
}
