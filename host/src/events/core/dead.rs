//! The dead table: events that ended without success and that nobody was told of, and those whose places could not be told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::function::FunctionKey;
use crate::policy::retry::{Condition, Tries};
use crate::store::StoreError;
use crate::store::journal::RowId;

use super::super::event::{EventHeader, Facts, Progress, RequestId, Stamp};
use super::super::status::{DeadCursor, DeadFilter, EventStatus};
use super::effect::{Ask, Effect, Refusal};
use super::write::{Step, WhenRefused};
use super::{Core, Now, Phase};

/// How many dead letters are looked at for one page. A page of rare ones may so be short, or empty, and not the last.
const LOOKED_AT_MAX: usize = 10_000;

/// Dead letters in the order of their ends, all and those of each function.
#[derive(Debug, Default)]
pub(super) struct DeadTable {
    all: BTreeSet<DeadCursor>,
    by_function: BTreeMap<FunctionKey, BTreeSet<DeadCursor>>,
}

impl DeadTable {
    pub(super) fn insert(&mut self, function: &FunctionKey, at: u64, row: RowId) {
        let place = DeadCursor { at, row };
        self.all.insert(place);
        self.by_function.entry(function.clone()).or_default().insert(place);
    }

    pub(super) fn remove(&mut self, function: &FunctionKey, at: u64, row: RowId) {
        let place = DeadCursor { at, row };
        self.all.remove(&place);
        if let Some(own) = self.by_function.get_mut(function) {
            own.remove(&place);
            if own.is_empty() {
                self.by_function.remove(function);
            }
        }
    }

    /// Those behind that place, the one that ended first at the beginning.
    fn after<'a>(
        &'a self,
        function: Option<&FunctionKey>,
        after: Option<DeadCursor>,
    ) -> Box<dyn Iterator<Item = DeadCursor> + 'a> {
        let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
        let table = match function {
            None => Some(&self.all),
            Some(function) => self.by_function.get(function),
        };
        Box::new(table.into_iter().flat_map(move |table| table.range((bound, Bound::Unbounded)).copied()))
    }
}

impl Core {
    /// A page of the dead letters that fit, and where the next one begins, if there may be more.
    pub(crate) fn dead_letters(
        &self,
        filter: &DeadFilter,
        after: Option<DeadCursor>,
        limit: usize,
        now: Now,
    ) -> (Vec<EventStatus>, Option<DeadCursor>) {
        let stamp = self.clock.stamp(now);
        let mut page = Vec::new();
        let mut places = self.dead.after(filter.function.as_ref(), after);
        let mut last = None;
        for place in places.by_ref().take(LOOKED_AT_MAX) {
            if page.len() == limit {
                return (page, last);
            }
            last = Some(place);
            let Some(event) = self.events.get(&place.row) else { continue };
            let Some(ending) = event.header.ending() else { continue };
            // By the time that is shown, which is not the core's: that stands still while the host is down.
            let is_younger = |age_ms| ending.at.wall.saturating_add(age_ms) > stamp.wall;
            let is_meant = filter.condition.is_none_or(|condition| condition == ending.condition)
                && !filter.older_than_ms.is_some_and(is_younger);
            if is_meant {
                page.push(self.status(place.row, event, stamp));
            }
        }
        (page, places.next().and(last))
    }

    /// Puts a dead letter back into the queue: the same event under the same request id, as if it had just been accepted.
    pub(super) fn redrive(&mut self, ask: Ask, request_id: &RequestId, stamp: Stamp) {
        let row = match self.dead_letter(request_id) {
            Ok(row) => row,
            Err(refusal) => return self.out.push(Effect::Answer { ask, result: Err(refusal) }),
        };
        let header = &self.events[&row].header;
        if header.ending().is_some_and(|ending| ending.condition == Condition::Success) {
            return self.out.push(Effect::Answer { ask, result: Err(Refusal::NotDead) });
        }
        let facts = Facts { accepted: stamp, redrives: header.facts.redrives + 1, ..header.facts.clone() };
        let progress = Progress::Queued { due: stamp.at, tries: Tries::default(), last: None };
        let header = EventHeader { facts, progress, written: stamp };
        self.step(Step { ask: Some(ask), when_refused: WhenRefused::GiveUp, ..Step::to(row, header) });
    }

    /// Removes a dead letter.
    pub(super) fn purge(&mut self, ask: Ask, request_id: &RequestId) {
        match self.dead_letter(request_id) {
            Ok(row) => self.forget_durably(row, Some(ask)),
            Err(refusal) => self.out.push(Effect::Answer { ask, result: Err(refusal) }),
        }
    }

    /// The row of a dead letter that something can be done with now.
    fn dead_letter(&self, request_id: &RequestId) -> Result<RowId, Refusal> {
        if self.phase >= Phase::Draining {
            return Err(Refusal::Draining);
        }
        let row = *self.by_request.get(request_id).ok_or(Refusal::NotFound)?;
        let event = self.events.get(&row).ok_or(Refusal::NotFound)?;
        match &event.header.progress {
            Progress::Finished { ending, .. } if ending.is_dead_letter() => {}
            _ => return Err(Refusal::NotDead),
        }
        match event.busy {
            Some(_) => Err(Refusal::Store(StoreError::Busy)),
            None => Ok(row),
        }
    }
}
