//! When each schedule is to be looked at next.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::Schedule;
use crate::store::journal::RowId;

/// The schedules that will be due, the next one first. One that is being looked at is not in it.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    order: BTreeMap<(Timestamp, RowId), Arc<Schedule>>,
    at: HashMap<RowId, Timestamp>,
}

impl Agenda {
    /// Puts a schedule at that time, wherever it was before. Says whether it is the first now.
    pub(super) fn set(&mut self, schedule: &Arc<Schedule>, at: Timestamp) -> bool {
        self.remove(schedule.row);
        let first = self.next();
        self.at.insert(schedule.row, at);
        self.order.insert((at, schedule.row), schedule.clone());
        first.is_none_or(|first| at < first)
    }

    pub(super) fn remove(&mut self, row: RowId) {
        if let Some(before) = self.at.remove(&row) {
            self.order.remove(&(before, row));
        }
    }

    /// When the next one is to be looked at.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.order.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes out one whose time has come.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Arc<Schedule>> {
        let entry = self.order.first_entry().filter(|entry| entry.key().0 <= now)?;
        let schedule = entry.remove();
        self.at.remove(&schedule.row);
        Some(schedule)
    }
}
