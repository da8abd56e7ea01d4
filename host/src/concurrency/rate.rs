//! How many requests may come in a second.

use crate::sync::atomic::{AtomicU64, Ordering};

const SECOND_NANOS: u64 = 1_000_000_000;

/// Lets so many requests through in a second, after a rest as many at once as come in one: the generic cell rate algorithm,
/// whose whole state is the time at which all that was let through would have come at an even pace.
#[derive(Debug, Default)]
pub(super) struct Rate {
    even_nanos: AtomicU64,
}

impl Rate {
    /// Whether one more may pass now, in nanoseconds of any clock that does not go back.
    pub(super) fn admit(&self, now_nanos: u64, per_second: u64) -> bool {
        let Some(pause_nanos) = SECOND_NANOS.checked_div(per_second) else { return false };
        let later = |even_nanos: u64| {
            let next = even_nanos.max(now_nanos) + pause_nanos;
            (next <= now_nanos + SECOND_NANOS).then_some(next)
        };
        // Nothing is handed over from one thread to another by this word.
        self.even_nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(rate: &Rate, now_nanos: u64, tries: usize) -> usize {
        (0..tries).filter(|_| rate.admit(now_nanos, 50)).count()
    }

    #[test]
    fn a_seconds_worth_passes_at_once_and_then_what_a_second_brings() {
        let rate = Rate::default();
        assert_eq!(admitted(&rate, 0, 1000), 50);
        assert_eq!(admitted(&rate, SECOND_NANOS / 10, 1000), 5);
        assert_eq!(admitted(&rate, 100 * SECOND_NANOS, 1000), 50, "rest is not saved up");
    }

    #[test]
    fn nothing_passes_at_no_rate_at_all() {
        assert!(!Rate::default().admit(SECOND_NANOS, 0));
    }
}
