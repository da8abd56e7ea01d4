//! Events that have their last chance, as the host crashed at each of their runs before: one of them runs at a time.
//!
//! Whatever runs beside an event that ends the host is as suspect as that event. With its last chance it runs beside no other
//! suspect, so what ends the host then is told from those that were only there.

use std::collections::VecDeque;

use crate::store::journal::RowId;

/// Who of them runs, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    running: Option<RowId>,
    waiting: VecDeque<RowId>,
}

impl Suspects {
    /// Whether the event may run now. If it may not it waits, until [`Suspects::left`] names it.
    pub(super) fn enter(&mut self, row: RowId) -> bool {
        if self.running.is_some_and(|running| running != row) {
            self.waiting.push_back(row);
            return false;
        }
        self.running = Some(row);
        true
    }

    /// An event has left its place; if it was the suspect, these are those who waited: their turn comes again.
    pub(super) fn left(&mut self, row: RowId) -> VecDeque<RowId> {
        if self.running != Some(row) {
            return VecDeque::new();
        }
        self.running = None;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_and_the_others_wait_for_it() {
        let mut suspects = Suspects::default();
        assert!(suspects.enter(RowId(1)));
        assert!(suspects.enter(RowId(1)), "it runs already");
        assert!(!suspects.enter(RowId(2)));
        assert!(!suspects.enter(RowId(3)));
        assert_eq!(suspects.left(RowId(4)), [], "that was another");
        assert!(!suspects.enter(RowId(5)));
        assert_eq!(suspects.left(RowId(1)), [RowId(2), RowId(3), RowId(5)]);
        assert_eq!(suspects.left(RowId(1)), []);
        assert!(suspects.enter(RowId(3)));
    }
}
