//! What all runs of one kind have in common: how much of the processors is theirs, and how long they lately computed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Runs that lately computed for so long begin on the processors straight away: many at a time would fill the threads of
/// their callers before the first tick comes.
const HEAVY: Duration = Duration::from_micros(250);
/// Runs that lately computed for so long begin there while several of the same kind are there already, as what one of them
/// takes is nothing but what dozens take is not: they would all stand in their callers' queues, before whoever comes next.
const MEDIUM: Duration = Duration::from_micros(40);
/// So many are several: fewer need not wait for each other on any machine with two cores.
const SEVERAL: u32 = 2;
/// And every so many of them begins there in any case, since it cannot be seen from outside how many stand in such queues.
/// Where the machine has other work, such a run may wait for milliseconds: so they are few.
const SCOUT_EVERY: u32 = 256;
/// A longer run counts as one of this length, so that a few short ones make up for it.
const COUNTED_MAX: Duration = Duration::from_millis(1);
/// And so does one whose time was looked at on the clock alone: the system may have interrupted it, which one or two at a
/// time must not make heavy.
const COUNTED_BY_CLOCK_MAX: Duration = Duration::from_micros(500);

/// The weight of some kind of runs, and how long they lately computed.
#[derive(Debug)]
pub(crate) struct Share {
    weight: u32,
    /// The average of the last few, in microseconds; each counts three quarters of the one after it.
    recent_us: AtomicU32,
    /// How many of them are on the processors.
    present: AtomicU32,
    /// How many of medium length were begun.
    medium: AtomicU32,
}

/// One run is on the processors while this lives.
#[derive(Debug)]
pub(super) struct Present<'a>(&'a Share);

impl Share {
    /// Runs whose share, when processors are short, is to those of others as the weights are.
    pub(crate) fn new(weight: u32) -> Self {
        Self {
            weight: weight.max(1),
            recent_us: AtomicU32::new(0),
            present: AtomicU32::new(0),
            medium: AtomicU32::new(0),
        }
    }

    pub(super) fn weight(&self) -> u32 {
        self.weight
    }

    /// Whether the next run begins on the processors.
    pub(super) fn begins_there(&self) -> bool {
        let recent = Duration::from_micros(self.recent_us.load(Ordering::Relaxed).into());
        let is_scout = || self.medium.fetch_add(1, Ordering::Relaxed) % SCOUT_EVERY == SCOUT_EVERY - 1;
        let with_others = || self.present.load(Ordering::Relaxed) >= SEVERAL;
        recent >= HEAVY || (recent >= MEDIUM && (with_others() || is_scout()))
    }

    /// Counts a run that is on the processors from now on.
    pub(super) fn arrive(&self) -> Present<'_> {
        self.present.fetch_add(1, Ordering::Relaxed);
        Present(self)
    }

    /// Takes a run into account that computed for so long at most: it was not interrupted by a guest, but may have been by
    /// others.
    pub(super) fn count_by_clock(&self, took: Duration) {
        self.count(took.min(COUNTED_BY_CLOCK_MAX));
    }

    /// Takes a run into account that used so much of a processor's time.
    pub(super) fn count(&self, computed: Duration) {
        let computed_us = computed.min(COUNTED_MAX).as_micros() as u32;
        let recent_us = self.recent_us.load(Ordering::Relaxed);
        let next_us = recent_us - recent_us / 4 + computed_us / 4;
        // Runs that are all alike do not write, so that their threads need not pass the value to and fro. What is lost
        // when two write at a time is one of many.
        if next_us != recent_us {
            self.recent_us.store(next_us, Ordering::Relaxed);
        }
    }

    /// Takes a run into account that computes for long, before it has ended.
    pub(super) fn count_long(&self) {
        self.recent_us.store(COUNTED_MAX.as_micros() as u32, Ordering::Relaxed);
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.present.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_make_it_heavy_and_a_few_short_ones_light_again() {
        let share = Share::new(128);
        assert!(!share.begins_there(), "nothing is known of it");
        share.count_long();
        assert!(share.begins_there());
        for _ in 0..6 {
            share.count(Duration::from_micros(3));
        }
        assert!(!share.begins_there());
    }

    #[test]
    fn one_or_two_runs_that_the_system_interrupted_do_not_make_it_heavy() {
        let share = Share::new(128);
        for number in 0..100 {
            share.count_by_clock(Duration::from_micros(if number % 50 >= 48 { 20_000 } else { 3 }));
            assert!(!share.begins_there());
        }
    }

    #[test]
    fn runs_of_medium_length_stay_together_once_several_of_them_are_there() {
        let share = Share::new(128);
        for _ in 0..50 {
            share.count_by_clock(Duration::from_micros(60));
        }
        let begun_there = |runs: u32| (0..runs).filter(|_| share.begins_there()).count();
        assert_eq!(begun_there(10 * SCOUT_EVERY), 10, "the scouts");
        let first = share.arrive();
        assert_eq!(begun_there(10 * SCOUT_EVERY), 10);
        let second = share.arrive();
        assert_eq!(begun_there(10 * SCOUT_EVERY), 10 * SCOUT_EVERY as usize);
        drop((first, second));
        assert_eq!(begun_there(10 * SCOUT_EVERY), 10);
    }

    #[test]
    fn short_runs_never_begin_there() {
        let share = Share::new(128);
        let _present = [share.arrive(), share.arrive(), share.arrive()];
        for _ in 0..100 {
            share.count_by_clock(Duration::from_micros(20));
            assert!(!share.begins_there());
        }
    }

    #[test]
    fn runs_just_above_the_bound_are_heavy() {
        let share = Share::new(128);
        for _ in 0..50 {
            share.count_by_clock(Duration::from_micros(260));
        }
        assert!(share.begins_there());
    }
}
