//! Weighted fair queueing: who of those that wait comes next. Pure: has no clock, and is told what was used.
//!
//! Everybody has a virtual time, which goes on as it uses a processor: the slower, the greater its weight. The least comes
//! first, so that all virtual times go on together, and what each uses is as its weight. It is start-time fair queueing
//! (Goyal, Vin and Cheng 1996) with several servers: the queue's own virtual time is the greatest at which anybody was begun.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much virtual time a nanosecond is to a weight of one.
const SCALE: u64 = 10_240;
/// How much processor time somebody that had a processor all the time may lag behind the queue. It does so when its weight
/// would give it more than one processor; without a bound it would later take all that it could never have had.
const LAG_MAX: Duration = Duration::from_millis(16);

/// Where somebody stands among the others: kept while it runs and while it waits.
#[derive(Debug)]
pub(super) struct Standing<I> {
    weight: u32,
    virtual_time: u64,
    /// When it is to be taken before all others.
    urgent: Option<Urgent<I>>,
    /// Where it waits, if it does.
    place: Option<Place>,
}

/// Since when somebody comes before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgent<I> {
    Always,
    From(I),
}

/// Virtual time, and the order in which those of the same virtual time came.
type Place = (u64, u64);

/// Those that wait.
#[derive(Debug)]
pub(super) struct Queue<T, I> {
    virtual_time: u64,
    arrivals: u64,
    waiting: BTreeMap<Place, (T, Option<Urgent<I>>)>,
    urgent: BTreeSet<(Urgent<I>, Place)>,
}

impl<I: Copy> Standing<I> {
    pub(super) fn new(weight: u32, deadline: Option<I>) -> Self {
        let urgent = deadline.map(Urgent::From);
        Self { weight: weight.max(1), virtual_time: 0, urgent, place: None }
    }

    /// Counts processor time that was used.
    pub(super) fn charge(&mut self, used: Duration) {
        self.virtual_time = self.virtual_time.saturating_add(self.virtually(used));
    }

    /// From when on it comes before all others; heeded when it waits the next time.
    pub(super) fn set_deadline(&mut self, deadline: Option<I>) {
        if !matches!(self.urgent, Some(Urgent::Always)) {
            self.urgent = deadline.map(Urgent::From);
        }
    }

    fn virtually(&self, time: Duration) -> u64 {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        nanoseconds.saturating_mul(SCALE) / u64::from(self.weight)
    }
}

impl<T, I: Ord + Copy> Queue<T, I> {
    pub(super) fn new() -> Self {
        Self { virtual_time: 0, arrivals: 0, waiting: BTreeMap::new(), urgent: BTreeSet::new() }
    }

    /// Takes in somebody that is new or had nothing to do. It starts no earlier than those that are being served: time
    /// in which it wanted nothing is no credit.
    pub(super) fn arrive(&mut self, standing: &mut Standing<I>, item: T) {
        standing.virtual_time = standing.virtual_time.max(self.virtual_time);
        self.insert(standing, item);
    }

    /// Takes in somebody that had a processor until now and goes on as soon as it can.
    pub(super) fn come_back(&mut self, standing: &mut Standing<I>, item: T) {
        self.bound_lag(standing);
        self.insert(standing, item);
    }

    /// Whether somebody that has a processor may keep it, as nobody waits for one.
    pub(super) fn goes_on(&mut self, standing: &mut Standing<I>) -> bool {
        let alone = self.waiting.is_empty();
        if alone {
            self.bound_lag(standing);
            self.virtual_time = self.virtual_time.max(standing.virtual_time);
        }
        alone
    }

    /// Who comes next: anybody whose deadline has passed, or else whose virtual time is the least.
    pub(super) fn take(&mut self, now: I) -> Option<T> {
        if let Some(&(urgent, place)) = self.urgent.first()
            && urgent <= Urgent::From(now)
        {
            return self.remove(place).map(|(item, _)| item);
        }
        let (place, _) = self.waiting.first_key_value()?;
        let place = *place;
        self.virtual_time = self.virtual_time.max(place.0);
        self.remove(place).map(|(item, _)| item)
    }

    /// Lets somebody come before all others from now on, whether it waits or not.
    pub(super) fn hasten(&mut self, standing: &mut Standing<I>) {
        standing.urgent = Some(Urgent::Always);
        // It may have left that place, which nobody else ever has.
        if let Some((item, _)) = standing.place.and_then(|place| self.remove(place)) {
            self.insert(standing, item);
        }
    }

    /// Everybody leaves.
    pub(super) fn clear(&mut self) -> Vec<T> {
        self.urgent.clear();
        std::mem::take(&mut self.waiting).into_values().map(|(item, _)| item).collect()
    }

    fn bound_lag(&self, standing: &mut Standing<I>) {
        let least = self.virtual_time.saturating_sub(standing.virtually(LAG_MAX));
        standing.virtual_time = standing.virtual_time.max(least);
    }

    fn insert(&mut self, standing: &mut Standing<I>, item: T) {
        let place = (standing.virtual_time, self.arrivals);
        self.arrivals += 1;
        standing.place = Some(place);
        self.waiting.insert(place, (item, standing.urgent));
        if let Some(urgent) = standing.urgent {
            self.urgent.insert((urgent, place));
        }
    }

    fn remove(&mut self, place: Place) -> Option<(T, Option<Urgent<I>>)> {
        let removed = self.waiting.remove(&place)?;
        if let Some(urgent) = removed.1 {
            self.urgent.remove(&(urgent, place));
        }
        Some(removed)
    }
}

#[cfg(test)]
mod tests;
