//! The core's time: it goes on evenly while the process runs, whatever becomes of the clock on the wall, and over restarts.

use crate::policy::retry::BACKOFF_MS_MAX;

use super::super::event::Stamp;

/// The most that the time between two processes counts for, in milliseconds. A clock that was set cannot be told from a host that
/// was down for long, and would let every event be too old at once. This is the longest that anything waits, so that all that came
/// due meanwhile is due, and no event grows older by more.
const AWAY_MS_MAX: u64 = BACKOFF_MS_MAX;

/// The time, as two clocks have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Milliseconds of a clock that nobody sets, since any moment of this process.
    pub(crate) mono_ms: u64,
    /// Milliseconds since 1970.
    pub(crate) wall_ms: u64,
}

/// What makes the core's time of that of the process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The core's time at the start.
    base: u64,
    /// The process's time at the start.
    mono: u64,
}

impl Clock {
    /// A clock that goes on from the last stamp that was written, or from the clock on the wall, if none was.
    pub(super) fn after(last: Option<Stamp>, now: Now) -> Self {
        let base = last.map_or(now.wall_ms, |last| {
            last.at.saturating_add(now.wall_ms.saturating_sub(last.wall).min(AWAY_MS_MAX))
        });
        Self { base, mono: now.mono_ms }
    }

    /// Now, in both times.
    pub(super) fn stamp(&self, now: Now) -> Stamp {
        Stamp { at: self.base + now.mono_ms.saturating_sub(self.mono), wall: now.wall_ms }
    }

    /// When that time of the core is, in the process's.
    pub(super) fn mono(&self, at: u64) -> u64 {
        at.saturating_sub(self.base) + self.mono
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn a_clock_that_is_set_changes_nothing_while_the_process_runs() {
        let clock = Clock::after(None, Now { mono_ms: 5, wall_ms: 10 * DAY_MS });
        for wall_ms in [0, 9 * DAY_MS, 11 * DAY_MS] {
            let at = clock.stamp(Now { mono_ms: 1_005, wall_ms }).at;
            assert_eq!((at, clock.mono(at)), (10 * DAY_MS + 1_000, 1_005));
        }
    }

    #[test]
    fn the_time_between_two_processes_counts_up_to_the_longest_wait() {
        let last = Some(Stamp { at: 1_000_000, wall: 10 * DAY_MS });
        let at = |wall_ms| {
            let now = Now { mono_ms: 7, wall_ms };
            Clock::after(last, now).stamp(now).at
        };
        assert_eq!(at(10 * DAY_MS + 2_000), 1_002_000);
        assert_eq!(at(11 * DAY_MS), 1_000_000 + AWAY_MS_MAX);
        assert_eq!(at(9 * DAY_MS), 1_000_000, "time does not go back");
    }
}
