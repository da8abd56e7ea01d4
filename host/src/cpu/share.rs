//! What all runs of one kind have in common: how much of the processors is theirs, and how long they lately computed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Runs that lately computed for so long begin on the processors straight away: many at a time would fill the threads of
/// their callers before the first tick comes.
const HEAVY: Duration = Duration::from_micros(250);
/// A longer run counts as one of this length, so that a few short ones make up for it.
const COUNTED_MAX: Duration = Duration::from_millis(1);

/// The weight of some kind of runs, and how long they lately computed.
#[derive(Debug)]
pub(crate) struct Share {
    weight: u32,
    /// The average of the last few, in microseconds; each counts three quarters of the one after it.
    recent_us: AtomicU32,
}

impl Share {
    /// Runs whose share, when processors are short, is to those of others as the weights are.
    pub(crate) fn new(weight: u32) -> Self {
        Self { weight: weight.max(1), recent_us: AtomicU32::new(0) }
    }

    pub(super) fn weight(&self) -> u32 {
        self.weight
    }

    pub(super) fn is_heavy(&self) -> bool {
        u128::from(self.recent_us.load(Ordering::Relaxed)) >= HEAVY.as_micros()
    }

    /// Takes a run into account that computed for so long.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_make_it_heavy_and_a_few_short_ones_light_again() {
        let share = Share::new(128);
        assert!(!share.is_heavy(), "nothing is known of it");
        share.count_long();
        assert!(share.is_heavy());
        for _ in 0..6 {
            share.count(Duration::from_micros(3));
        }
        assert!(!share.is_heavy());
    }

    #[test]
    fn one_long_run_among_many_short_ones_does_not_make_it_heavy() {
        let share = Share::new(128);
        for number in 0..100 {
            share.count(Duration::from_micros(if number % 50 == 49 { 900 } else { 3 }));
            assert!(!share.is_heavy());
        }
    }

    #[test]
    fn runs_just_above_the_bound_are_heavy() {
        let share = Share::new(128);
        for _ in 0..50 {
            share.count(Duration::from_micros(260));
        }
        assert!(share.is_heavy());
    }
}
