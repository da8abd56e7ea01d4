//! How many pollers a mapping has: as Lambda, five in the beginning, more as long as there are more messages than they take, and two when it
//! is quiet.

use std::time::Duration;

use tokio::time::Instant;

/// How many pollers a mapping begins with.
const POLLERS_FIRST: usize = 5;
/// How many wait for messages when none come.
const POLLERS_QUIET: usize = 2;
/// How many pollers a mapping has at most that has no limit of its own.
pub(super) const POLLERS_MAX: usize = 100;
/// How long after one poller the next may come: Lambda's 300 in a minute.
const GROWTH_PERIOD: Duration = Duration::from_millis(200);

/// How many pollers a mapping is to have.
#[derive(Debug)]
pub(super) struct Scale {
    wanted: usize,
    max: usize,
    grown: Option<Instant>,
}

impl Scale {
    /// The scale of a mapping that lets so many batches run at a time, if it has a limit.
    pub(super) fn new(maximum_concurrency: Option<u32>) -> Self {
        let max = maximum_concurrency.map_or(POLLERS_MAX, |batches| batches as usize);
        Self { wanted: POLLERS_FIRST.min(max), max, grown: None }
    }

    /// How many there are to be.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// There are more messages than they take: there is to be one more, unless one came just now.
    pub(super) fn there_are_more(&mut self, now: Instant) {
        let is_time = self.grown.is_none_or(|grown| now.saturating_duration_since(grown) >= GROWTH_PERIOD);
        if is_time && self.wanted < self.max {
            self.wanted += 1;
            self.grown = Some(now);
        }
    }

    /// One of them found nothing for a while. Whether it is to go.
    pub(super) fn one_found_nothing(&mut self) -> bool {
        let is_surplus = self.wanted > POLLERS_QUIET.min(self.max);
        self.wanted -= usize::from(is_surplus);
        is_surplus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn there_are_five_more_by_need_and_two_when_it_is_quiet() {
        let mut scale = Scale::new(None);
        assert_eq!(scale.wanted(), 5);
        for _ in 0..3_000 {
            scale.there_are_more(Instant::now());
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert_eq!(scale.wanted(), POLLERS_MAX, "half a minute is enough for 150");
        let gone = (0..200).filter(|_| scale.one_found_nothing()).count();
        assert_eq!((gone, scale.wanted()), (98, 2));
        scale.there_are_more(Instant::now());
        assert_eq!(scale.wanted(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_come_at_once_than_five_in_a_second() {
        let mut scale = Scale::new(None);
        for _ in 0..1_000 {
            scale.there_are_more(Instant::now());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(scale.wanted(), 10);
    }

    #[test]
    fn a_mapping_has_no_more_than_it_may_run_batches() {
        let mut scale = Scale::new(Some(3));
        scale.there_are_more(Instant::now());
        assert_eq!(scale.wanted(), 3);
        assert!(scale.one_found_nothing() && !scale.one_found_nothing());
    }
}
