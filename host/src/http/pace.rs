//! How slowly a body may come in: whoever sends a byte now and then would hold a connection for as long as it likes.

use std::time::Duration;

use tokio::time::Instant;

use super::settings::HttpSettings;

/// How slowly a body may come in. No time is longer than the settings take, so points in time can be reckoned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    time_max: Duration,
    pause_max: Duration,
    grace: Duration,
    bytes_per_second_min: u32,
}

impl Pace {
    pub(super) fn of(settings: &HttpSettings) -> Self {
        Self {
            time_max: settings.body_time_max,
            pause_max: settings.body_pause_max,
            grace: settings.body_grace,
            bytes_per_second_min: settings.body_bytes_per_second_min,
        }
    }

    /// Until when the next bytes must come of a body that is read since `started`, whose last bytes came at `last` and which
    /// has brought so many by then. Those that came quickly leave time for others.
    pub(super) fn deadline(&self, started: Instant, last: Instant, received_bytes: u64) -> Instant {
        let bound = (started + self.time_max).min(last + self.pause_max);
        if self.bytes_per_second_min == 0 {
            return bound;
        }
        let milliseconds = received_bytes.saturating_mul(1000) / u64::from(self.bytes_per_second_min);
        // No later than the body may take in all, so that nothing overflows.
        let earned = Duration::from_millis(milliseconds).min(self.time_max);
        bound.min(started + self.grace + earned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a body is given up that brings so many bytes every second, if it is.
    fn ends_after(bytes_per_second: u64, seconds: u64) -> Option<u64> {
        let pace = Pace::of(&HttpSettings::default());
        let started = Instant::now();
        (1..=seconds).find(|second| {
            let last = started + Duration::from_secs(second - 1);
            let deadline = pace.deadline(started, last, bytes_per_second * (second - 1));
            deadline < started + Duration::from_secs(*second)
        })
    }

    #[tokio::test]
    async fn a_byte_a_second_ends_soon_and_a_slow_link_never() {
        assert_eq!(ends_after(1, 300), Some(11));
        assert_eq!(ends_after(512, 300), Some(20), "half the rate takes twice the time for granted");
        assert_eq!(ends_after(1024, 299), None);
        assert_eq!(ends_after(100_000, 301), Some(301), "but no body takes longer than all may");
    }

    #[tokio::test]
    async fn what_came_quickly_leaves_time_for_a_pause_and_no_more_than_a_pause_may_take() {
        let pace = Pace::of(&HttpSettings::default());
        let started = Instant::now();
        let second = |count| started + Duration::from_secs(count);
        assert_eq!(pace.deadline(started, second(1), 100 << 20), second(21));
        assert_eq!(pace.deadline(started, second(1), 5 << 10), second(15));
        assert_eq!(pace.deadline(started, second(1), 0), second(10));
    }
}
