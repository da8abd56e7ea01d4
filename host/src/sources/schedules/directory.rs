//! Which schedules there are, by their names.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::Schedule;
use super::name::ScheduleKey;
use crate::function::Region;

/// The schedules of a host: those that are there, and those that are being made.
#[derive(Debug, Default)]
pub(super) struct Directory(BTreeMap<(Region, Arc<str>), Arc<Schedule>>);

impl Directory {
    /// Whether there was none of that name, so that this one is there now.
    pub(super) fn insert(&mut self, schedule: Arc<Schedule>) -> bool {
        let vacant = !self.0.contains_key(&of(&schedule.key));
        if vacant {
            self.0.insert(of(&schedule.key), schedule);
        }
        vacant
    }

    pub(super) fn remove(&mut self, key: &ScheduleKey) {
        self.0.remove(&of(key));
    }

    pub(super) fn named(&self, key: &ScheduleKey) -> Option<&Arc<Schedule>> {
        self.0.get(&of(key))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The schedules of a region in the order of their names, from that text on.
    pub(super) fn named_from<'a>(
        &'a self,
        region: &'a Region,
        from: &str,
    ) -> impl Iterator<Item = &'a Arc<Schedule>> {
        let first = Bound::Included((region.clone(), Arc::from(from)));
        let rest = self.0.range((first, Bound::Unbounded));
        rest.take_while(move |((of, _), _)| of == region).map(|(_, schedule)| schedule)
    }
}

fn of(key: &ScheduleKey) -> (Region, Arc<str>) {
    (key.region.clone(), key.name.shared())
}
