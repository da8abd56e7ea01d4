//! Events that have ended and need nobody's attention, in the order of their ends: what is kept of them is bounded.

use std::collections::BTreeMap;

use crate::store::journal::RowId;

/// When each ended, and how many bytes are kept of it.
#[derive(Debug, Default)]
pub(super) struct Results {
    kept: BTreeMap<(u64, RowId), u64>,
    bytes: u64,
}

impl Results {
    pub(super) fn insert(&mut self, at: u64, row: RowId, bytes: u64) {
        self.remove(at, row);
        self.kept.insert((at, row), bytes);
        self.bytes += bytes;
    }

    pub(super) fn remove(&mut self, at: u64, row: RowId) {
        if let Some(bytes) = self.kept.remove(&(at, row)) {
            self.bytes -= bytes;
        }
    }

    /// Takes out the one that ended first, if there are more than so many, or more bytes of them.
    pub(super) fn excess(&mut self, results_max: usize, bytes_max: u64) -> Option<RowId> {
        if self.kept.len() <= results_max && self.bytes <= bytes_max {
            return None;
        }
        let ((_, row), bytes) = self.kept.pop_first()?;
        self.bytes -= bytes;
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_ended_first_give_way() {
        let mut results = Results::default();
        for (at, row, bytes) in [(3, 1, 10), (1, 2, 20), (2, 3, 30)] {
            results.insert(at, RowId(row), bytes);
        }
        assert_eq!(results.excess(3, 60), None);
        assert_eq!(results.excess(3, 59), Some(RowId(2)));
        assert_eq!(results.excess(3, 59), None);
        assert_eq!(results.excess(1, 59), Some(RowId(3)));
        results.remove(3, RowId(1));
        assert_eq!((results.bytes, results.excess(0, 0)), (0, None));
    }
}
