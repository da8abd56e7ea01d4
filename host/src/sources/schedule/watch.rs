//! What of a schedule is to be fired now: each due time at most once, whatever restarts and clocks do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::timetable::{Due, Timetable, ceil_s};

/// How old a due time may become before it is passed over, if nothing else is said, in seconds; also the most that may be said:
/// the `MaximumEventAgeInSeconds` of EventBridge Scheduler.
pub const AGE_S_DEFAULT: u32 = 86_400;
/// The most due times that one look finds; further ones are found by the next.
pub const DUE_MAX: usize = 1_000;

/// How far a schedule has come. It is all that has to be kept of it, as the number of a second.
///
/// Due times are fired in their order. So all up to this second are done with: they were fired, or passed over, or were before
/// the schedule was made. None of them is fired again, even if the clock goes back. What was missed, for the host was down or the
/// clock went forward, is fired once each, unless it has become too old meanwhile.
///
/// A clock that goes far ahead and back again leaves this behind there: nothing is fired until the clock is there again, or the
/// schedule is made anew. That is the price of never firing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watch {
    /// In seconds since 1970.
    done_s: i64,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What is to be fired now, in this order: at most [`DUE_MAX`] due times.
    pub due: Vec<Due>,
    /// When to look again, if nobody sets the clock: now, if there is more to be fired now; never, if it is never due again.
    pub again: Option<Timestamp>,
}

impl Watch {
    /// For a schedule that was made at that moment. Whatever is due from then on is not missed.
    pub fn new(created: Timestamp) -> Self {
        Self { done_s: ceil_s(created) - 1 }
    }

    /// For a schedule that was changed, or enabled again, at that moment. What was missed until then is not made up for, nor is
    /// what still waited within its window.
    pub fn resume(&mut self, at: Timestamp) {
        self.done_s = self.done_s.max(Self::new(at).done_s);
    }

    /// What is to be fired now. What should have been fired more than `age_s_max` seconds ago is passed over.
    pub fn look(&self, timetable: &Timetable, now: Timestamp, age_s_max: u32) -> Look {
        let oldest_s = oldest_s(now, age_s_max);
        let mut after = moment(self.done_s.max(too_old_s(timetable, oldest_s)));
        let mut due = Vec::new();
        while let Some(next) = timetable.next_after(after) {
            if next.fires > now {
                return Look { due, again: Some(next.fires) };
            }
            if due.len() == DUE_MAX {
                return Look { due, again: Some(now) };
            }
            if next.fires.as_second() >= oldest_s {
                due.push(next);
            }
            after = next.scheduled;
        }
        Look { due, again: None }
    }

    /// Takes down that what a look has passed over is done with, and says how many due times these are. Of many it counts the
    /// first [`DUE_MAX`].
    pub fn pass_over(&mut self, timetable: &Timetable, now: Timestamp, age_s_max: u32, look: &Look) -> usize {
        let oldest_s = oldest_s(now, age_s_max);
        let first = look.due.first().map(|due| due.scheduled);
        let is_passed = |next: &Due| {
            next.fires.as_second() < oldest_s && first.is_none_or(|first| next.scheduled < first)
        };
        let (mut passed, mut after) = (0, moment(self.done_s));
        while passed < DUE_MAX
            && let Some(next) = timetable.next_after(after).filter(is_passed)
        {
            (passed, after) = (passed + 1, next.scheduled);
        }
        let done_s = match first {
            _ if passed == 0 => return 0,
            _ if passed < DUE_MAX => after.as_second(),
            Some(first) => first.as_second() - 1,
            None => after.as_second().max(too_old_s(timetable, oldest_s)),
        };
        self.done_s = self.done_s.max(done_s);
        passed
    }

    /// Takes down that this one, and all before it, are done with.
    ///
    /// Kept before the firing, or together with it, no due time is fired twice; kept after it, none is lost by a crash.
    pub fn done(&mut self, due: Due) {
        self.done_s = self.done_s.max(due.scheduled.as_second());
    }
}

/// The second of the oldest firing that is not too old.
fn oldest_s(now: Timestamp, age_s_max: u32) -> i64 {
    ceil_s(now).saturating_sub(i64::from(age_s_max))
}

/// What is scheduled no later was to be fired before the oldest that is fired still, so that a long time of being down costs
/// nothing. What is scheduled later is within a window, of at most as many due times as it has minutes.
fn too_old_s(timetable: &Timetable, oldest_s: i64) -> i64 {
    oldest_s.saturating_sub(timetable.window.length_s()).saturating_sub(1)
}

/// The second as a moment; the first or the last of all moments, if it is before or after all.
fn moment(second: i64) -> Timestamp {
    let nearest = if second < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(second).unwrap_or(nearest)
}
