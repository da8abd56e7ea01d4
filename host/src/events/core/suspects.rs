//! Events that have their last chance, as the host crashed at each of their runs before: one after the other begins to run.
//!
//! Whatever runs beside an event that ends the host is as suspect as that event. With its last chance it begins alone among the
//! suspects, so what ends the host then is told from those that were only there. What has not ended the host for a while is
//! left to itself, so that no function that runs long keeps the events of others waiting.

use std::collections::VecDeque;

use crate::store::journal::RowId;

/// For how long a suspect runs alone, in milliseconds.
pub(super) const ALONE_MS: u64 = 5_000;

/// Who of them runs alone, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Which one, and until when; for ever, if it has not begun yet.
    alone: Option<(RowId, u64)>,
    waiting: VecDeque<RowId>,
}

impl Suspects {
    /// Whether the event may run now. If it may not it waits, until [`Suspects::left`] or [`Suspects::over`] names it.
    pub(super) fn enter(&mut self, row: RowId, now: u64) -> bool {
        match self.alone {
            Some((alone, until)) if alone != row && now < until => {
                self.waiting.push_back(row);
                false
            }
            _ => {
                self.alone = Some((row, u64::MAX));
                true
            }
        }
    }

    /// The run of an event begins. When its time alone is over, if it is the suspect.
    pub(super) fn begun(&mut self, row: RowId, now: u64) -> Option<u64> {
        let (_, until) = self.alone.as_mut().filter(|(alone, _)| *alone == row)?;
        *until = now.saturating_add(ALONE_MS);
        Some(*until)
    }

    /// An event has left its place; if it was alone, these are those who waited: their turn comes again.
    pub(super) fn left(&mut self, row: RowId) -> VecDeque<RowId> {
        match self.alone {
            Some((alone, _)) if alone == row => self.let_go(),
            _ => VecDeque::new(),
        }
    }

    /// Time has passed; the same, if one has been alone for long enough.
    pub(super) fn over(&mut self, now: u64) -> VecDeque<RowId> {
        match self.alone {
            Some((_, until)) if now >= until => self.let_go(),
            _ => VecDeque::new(),
        }
    }

    fn let_go(&mut self) -> VecDeque<RowId> {
        self.alone = None;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_and_the_others_wait_for_it() {
        let mut suspects = Suspects::default();
        assert!(suspects.enter(RowId(1), 0));
        assert!(suspects.enter(RowId(1), 0), "it runs already");
        assert!(!suspects.enter(RowId(2), 1));
        assert!(!suspects.enter(RowId(3), 2));
        assert_eq!(suspects.left(RowId(4)), [], "that was another");
        assert_eq!(suspects.left(RowId(1)), [RowId(2), RowId(3)]);
        assert_eq!(suspects.left(RowId(1)), []);
        assert!(suspects.enter(RowId(3), 3));
    }

    #[test]
    fn one_that_runs_long_keeps_nobody_waiting_for_long() {
        let mut suspects = Suspects::default();
        assert!(suspects.enter(RowId(1), 0) && !suspects.enter(RowId(2), 1));
        assert_eq!(suspects.over(10 * ALONE_MS), [], "it has not begun");
        assert_eq!(suspects.begun(RowId(2), 3), None);
        assert_eq!(suspects.begun(RowId(1), 3), Some(ALONE_MS + 3));
        assert_eq!(suspects.over(ALONE_MS + 2), []);
        assert_eq!(suspects.over(ALONE_MS + 3), [RowId(2)]);
        assert!(suspects.enter(RowId(2), ALONE_MS + 3));
        assert_eq!(suspects.left(RowId(1)), [], "the other one is alone now");
    }
}
