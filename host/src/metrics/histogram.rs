//! Durations, counted in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The most buckets a histogram has, without the one for all that is longer.
const BOUNDS_MAX: usize = 16;

/// The upper bounds of a histogram's buckets, in microseconds.
pub(super) type Bounds = &'static [u64];

/// From a warm call that does nothing to the longest that may be: 10 microseconds to 15 minutes.
pub(super) const RUN_BOUNDS: Bounds = &[
    10,
    100,
    1_000,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    60_000_000,
    900_000_000,
];

/// From an instance of a small component to the usual limit of init: 100 microseconds to 10 seconds.
pub(super) const INIT_BOUNDS: Bounds = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// From a small component to one that takes all the time it may: 10 milliseconds to 5 minutes.
pub(super) const COMPILE_BOUNDS: Bounds = &[
    10_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    120_000_000,
    300_000_000,
];

/// From a disk that keeps what it is given in memory to one that hardly answers: 50 microseconds to 10 seconds.
pub(super) const FLUSH_BOUNDS: Bounds = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// From an event that runs at once to the oldest that one may usually become: a millisecond to 6 hours. First attempts, and those a
/// minute and three minutes later, are apart.
pub(super) const AGE_BOUNDS: Bounds = &[
    1_000,
    5_000,
    25_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    90_000_000,
    300_000_000,
    900_000_000,
    1_800_000_000,
    3_600_000_000,
    10_800_000_000,
    21_600_000_000,
];

const _: () = assert!(
    RUN_BOUNDS.len() <= BOUNDS_MAX
        && INIT_BOUNDS.len() <= BOUNDS_MAX
        && COMPILE_BOUNDS.len() <= BOUNDS_MAX
        && FLUSH_BOUNDS.len() <= BOUNDS_MAX
        && AGE_BOUNDS.len() <= BOUNDS_MAX
);

/// Durations being counted.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: Bounds,
    /// How many fell into each bucket, the last for what is beyond all bounds.
    counts: [AtomicU64; BOUNDS_MAX + 1],
    sum_nanos: AtomicU64,
}

/// Durations, counted in buckets: as many as were no longer than each bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DurationHistogram {
    /// Upper bounds, and how many durations were at most that long; each bucket counts those of the ones before it too.
    pub buckets: Vec<(Duration, u64)>,
    /// How many durations there were.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
}

impl Histogram {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; BOUNDS_MAX + 1], sum_nanos: AtomicU64::new(0) }
    }

    pub(super) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bounds.iter().take_while(|&&bound| nanos > bound * 1_000).count();
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How many there were: the sum of the buckets, so that it never differs from them.
    pub(super) fn read(&self) -> DurationHistogram {
        let mut count = 0;
        let mut up_to = |bucket: &AtomicU64| {
            count += bucket.load(Ordering::Relaxed);
            count
        };
        let bounds = self.bounds.iter().map(|&bound| Duration::from_micros(bound));
        let buckets = bounds.zip(&self.counts).map(|(bound, bucket)| (bound, up_to(bucket))).collect();
        let count = up_to(&self.counts[self.bounds.len()]);
        DurationHistogram {
            buckets,
            count,
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_bucket_of_the_first_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(&[10, 100]);
        for micros in [0, 10, 11, 100, 101, 1_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let read = histogram.read();
        let bounds = [10, 100].map(Duration::from_micros);
        assert_eq!(read.buckets, [(bounds[0], 2), (bounds[1], 4)]);
        assert_eq!((read.count, read.sum), (6, Duration::from_micros(1_000_222)));
    }

    #[test]
    fn bounds_rise() {
        for bounds in [RUN_BOUNDS, INIT_BOUNDS, COMPILE_BOUNDS, FLUSH_BOUNDS, AGE_BOUNDS] {
            assert!(bounds.is_sorted_by(|one, next| one < next), "{bounds:?}");
        }
    }
}
