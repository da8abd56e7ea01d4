//! The queue of events as a function of what it was told: no clock, no file, no task.
//!
//! It is told what happened ([`Input`]) and when ([`Now`]), and says what is to be done ([`Effect`]). What an event is and how far
//! it has come is what its row in the journal says; an event changes when the write of its change is durable and never before,
//! and there is never more than one such write on its way. Everything in memory follows from the rows, so a start does nothing
//! but read them.

mod claim;
mod clock;
mod dead;
mod deliver;
mod effect;
mod lanes;
mod options;
mod recover;
mod results;
mod settle;
#[cfg(test)]
mod simulation;
mod suspects;
mod targets;
#[cfg(test)]
mod tests;
mod timers;
mod view;
mod write;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::event::{Ending, EventHeader, Facts, NewEvent, Progress, RequestId, Stamp};
use super::observation::Observation;
use super::settings::{EventSettings, Settings};
use super::status::Depth;
use crate::function::FunctionKey;
use crate::policy::retry::{Condition, Tries};
use crate::store::journal::{Change, RowId};

use self::clock::Clock;
pub(super) use self::clock::Now;
use self::dead::DeadTable;
use self::deliver::Delivery;
pub(crate) use self::effect::Refusal;
use self::effect::Ticket;
pub(super) use self::effect::{Ask, Claim, Effect, Input, RunEffect, Spare};
use self::lanes::Lanes;
pub(crate) use self::options::Options;
pub(crate) use self::recover::Recovery;
use self::results::Results;
use self::suspects::Suspects;
use self::targets::Targets;
use self::timers::{Timer, Timers};
use self::write::Write;

/// How many timers are served at once; then others have their turn.
const TIMERS_AT_ONCE_MAX: usize = 256;
/// With how many writes on their way no event is forgotten, so that a day's results do not go in one moment.
const FORGETTING_WRITES_MAX: usize = 512;

/// The queue of events.
#[derive(Debug)]
pub(crate) struct Core {
    options: Options,
    settings: Arc<dyn Settings>,
    clock: Clock,
    phase: Phase,
    /// Boxed: with a million of them, a table of the events themselves would be half a gigabyte of free places.
    events: HashMap<RowId, Box<Event>>,
    /// The rows of all events, those being accepted too.
    by_request: HashMap<RequestId, RowId>,
    deliveries: HashMap<RowId, Delivery>,
    dead: DeadTable,
    results: Results,
    depth: Depth,
    /// How many events of each function have not ended, or are in the dead table.
    shares: HashMap<FunctionKey, usize>,
    /// Events that have a place to run in, from before they are claimed until what came of it is durable.
    placed: BTreeSet<RowId>,
    suspects: Suspects,
    lanes: Lanes,
    targets: Targets,
    /// Messages on their way.
    sending: usize,
    timers: Timers,
    writes: HashMap<Ticket, Write>,
    /// How many of them forget an event.
    forgetting: usize,
    tickets: u64,
    /// No event is claimed before that time: the journal has refused a claim.
    claims_from: u64,
    /// Events that are being accepted.
    accepting: usize,
    out: Vec<Effect>,
    /// A mistake that is made on purpose, for the simulator to find.
    #[cfg(test)]
    bug: Option<Bug>,
}

/// Whether something may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// No event begins to run any more.
    Paused,
    /// Nothing begins any more.
    Draining,
    /// Nothing is waited for any more, either, but what is being written.
    Released,
}

/// An event in memory.
#[derive(Debug)]
struct Event {
    /// As its row has it; but one that ran when the last process ended is queued again, which its row says when it runs again.
    header: EventHeader,
    fence: u64,
    /// How many bytes are kept with it: its payload, or what came of it.
    body_bytes: u64,
    busy: Option<Busy>,
    /// When its timer is.
    timer: Option<u64>,
    /// Its deliveries that are not told of in its row.
    open: Vec<RowId>,
}

/// Why nothing else can be done with an event right now.
#[derive(Debug)]
enum Busy {
    /// Its row is being written.
    Writing,
    /// Its payload is being read, because it ends without a run.
    Fetching(End),
}

/// How an event is to end.
#[derive(Debug, Clone)]
struct End {
    condition: Condition,
    tries: Tries,
    failure: Option<super::event::Failure>,
    response: Option<super::outcome::Response>,
}

/// Mistakes that are made on purpose, for the simulator to find.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// An event is written as told before the message is durable.
    SettleBeforeDelivery,
    /// What came of a run counts although the claim is void.
    NoFencing,
    /// A retry has a request id of its own.
    NewRequestId,
    /// The timer of some retries is forgotten.
    LostTimer,
    /// What came of a run is written twice.
    DoubleSettle,
}

impl Core {
    /// Takes what happened, and says what is to be done.
    pub(super) fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let stamp = self.clock.stamp(now);
        match input {
            Input::Accept { ask, row, event, beside } => self.accept(ask, row, event, beside, stamp),
            Input::Written { ticket, result } => self.written(ticket, result, stamp),
            Input::Ended { claim, outcome, payload, spare } => {
                self.ended(claim, outcome, payload, spare, stamp);
            }
            Input::Fetched { claim, payload, spare } => self.fetched(claim, payload, spare, stamp),
            Input::Sent { delivery, result } => self.sent(delivery, result, stamp),
            Input::Tick => {}
            Input::Redrive { ask, request_id } => self.redrive(ask, &request_id, stamp),
            Input::Purge { ask, request_id } => self.purge(ask, &request_id),
            Input::Pause => self.phase = self.phase.max(Phase::Paused),
            Input::Drain => self.phase = self.phase.max(Phase::Draining),
            Input::Release => self.release(stamp),
        }
        self.go_on(stamp);
        std::mem::take(&mut self.out)
    }

    /// When [`Input::Tick`] is to come, in the process's time; never, if nothing waits.
    pub(super) fn wake_ms(&self) -> Option<u64> {
        self.timers.next().map(|at| self.clock.mono(at))
    }

    /// Whether nothing begins any more and everything has ended.
    pub(super) fn is_drained(&self) -> bool {
        let is_sent = self.sending == 0 || self.phase == Phase::Released;
        self.phase >= Phase::Draining && self.placed.is_empty() && self.writes.is_empty() && is_sent
    }

    /// Serves what is due, and whose turn it is.
    fn go_on(&mut self, stamp: Stamp) {
        for _ in 0..TIMERS_AT_ONCE_MAX {
            match self.timers.pop(stamp.at) {
                None => break,
                Some(Timer::Event(row)) => self.event_due(row, stamp),
                Some(Timer::Write(ticket)) => self.write_again(ticket),
                Some(Timer::Lane(function)) => self.lanes.resume(&function),
                Some(Timer::Target(target)) => {
                    self.targets.resume(&target);
                    self.send(&target);
                }
                Some(Timer::Suspects) => {
                    let waited = self.suspects.over(stamp.at);
                    self.turn_to(waited);
                }
                Some(Timer::Turns) => {}
            }
        }
        self.forget_excess();
        self.take_turns(stamp);
    }

    /// Forgets the oldest results where there are more than are kept.
    fn forget_excess(&mut self) {
        let Options { results_max, results_bytes_max, .. } = self.options;
        while self.forgetting < FORGETTING_WRITES_MAX
            && let Some(row) = self.results.excess(results_max, results_bytes_max)
        {
            match self.events.get(&row) {
                Some(event) if event.busy.is_none() => self.forget_durably(row, None),
                _ => {}
            }
        }
    }

    fn accept(&mut self, ask: Ask, row: RowId, event: NewEvent, beside: Vec<Change>, stamp: Stamp) {
        let (limit, share) = (self.options.events_max, self.options.events_per_function_max);
        let Depth { queued, running, delivering, dead, .. } = self.depth;
        let there = queued + running + delivering + dead + self.accepting;
        let refusal = if self.phase >= Phase::Draining {
            Some(Refusal::Draining)
        } else if self.by_request.contains_key(&event.request_id) {
            Some(Refusal::Duplicate)
        } else if there >= limit {
            Some(Refusal::QueueFull { limit })
        } else if self.shares.get(&event.function).is_some_and(|there| *there >= share) {
            Some(Refusal::ShareFull { limit: share })
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.out.push(Effect::Answer { ask, result: Err(refusal) });
            return;
        }
        let NewEvent { request_id, function, qualifier, payload, trace } = event;
        let payload_bytes = payload.len() as u64;
        let facts =
            Facts { request_id, function, qualifier, accepted: stamp, trace, payload_bytes, redrives: 0 };
        self.by_request.insert(facts.request_id.clone(), row);
        self.accepting += 1;
        self.write_accepted(ask, row, EventHeader::queued(facts, stamp), payload, beside);
    }

    /// What is to be done when the time of an event has come.
    fn event_due(&mut self, row: RowId, stamp: Stamp) {
        let Some(event) = self.events.get_mut(&row) else { return };
        event.timer = None;
        if event.busy.is_some() {
            self.set_timer(row, stamp.at + write::AGAIN_MS);
            return;
        }
        match &event.header.progress {
            Progress::Queued { .. } => self.lanes.push(&event.header.facts.function, row),
            Progress::Running { .. } => self.lease_over(row, stamp),
            Progress::Delivering { .. } => {}
            Progress::Finished { .. } if self.forgetting < FORGETTING_WRITES_MAX => {
                self.forget_durably(row, None);
            }
            // Others come first: nobody waits for this.
            Progress::Finished { .. } => self.set_timer(row, stamp.at + write::AGAIN_MS),
        }
    }

    /// Puts an event where what its row says wants it: an event that was just written or read.
    fn place(&mut self, row: RowId, stamp: Stamp) {
        let Some(event) = self.events.get(&row) else { return };
        match &event.header.progress {
            Progress::Queued { due, .. } if *due <= stamp.at => {
                self.lanes.push(&event.header.facts.function, row);
            }
            Progress::Queued { due, tries, .. } => {
                if !(self.has_bug_lost_timer() && tries.attempts == 2) {
                    let due = *due;
                    self.set_timer(row, due);
                }
            }
            Progress::Running { .. } => {
                // From when it begins, not from when it was claimed: what lies between is the journal's time, not the run's.
                self.set_timer(row, stamp.at + self.options.lease_ms);
                self.begin(row, stamp);
            }
            Progress::Delivering { .. } => {}
            Progress::Finished { ending, .. } if ending.is_dead_letter() => {
                self.dead.insert(&event.header.facts.function, ending.at.at, row);
            }
            Progress::Finished { ending, until } => {
                let until = *until;
                self.results.insert(ending.at.at, row, event.body_bytes);
                self.set_timer(row, until);
            }
        }
    }

    fn set_timer(&mut self, row: RowId, at: u64) {
        let Some(event) = self.events.get_mut(&row) else { return };
        if let Some(before) = event.timer.replace(at) {
            self.timers.unset(before, Timer::Event(row));
        }
        self.timers.set(at, Timer::Event(row));
    }

    /// Takes an event out of all that is in memory.
    fn forget(&mut self, row: RowId) {
        let Some(event) = self.events.remove(&row) else { return };
        self.count(&event.header, false);
        if let Some(at) = event.timer {
            self.timers.unset(at, Timer::Event(row));
        }
        if let Progress::Finished { ending, .. } = &event.header.progress {
            self.dead.remove(&event.header.facts.function, ending.at.at, row);
            self.results.remove(ending.at.at, row);
        }
        self.leave_place(row, &event.header.facts.function);
        self.by_request.remove(&event.header.facts.request_id);
    }

    /// Gives back the place that an event may have.
    fn leave_place(&mut self, row: RowId, function: &FunctionKey) {
        if !self.placed.remove(&row) {
            return;
        }
        self.lanes.done(function);
        let waited = self.suspects.left(row);
        self.turn_to(waited);
    }

    /// Puts suspects that have waited for another back among the events that are ready.
    fn turn_to(&mut self, suspects: VecDeque<RowId>) {
        for row in suspects {
            if let Some(event) = self.events.get(&row) {
                self.lanes.push(&event.header.facts.function, row);
            }
        }
    }

    /// Counts an event in or out of the state it is in.
    fn count(&mut self, header: &EventHeader, is_in: bool) {
        if header.counts() {
            let function = &header.facts.function;
            let share = self.shares.entry(function.clone()).or_default();
            if is_in {
                *share += 1
            } else {
                *share -= 1
            }
            if *share == 0 {
                self.shares.remove(function);
            }
        }
        let depth = &mut self.depth;
        let counter = match &header.progress {
            Progress::Queued { .. } => &mut depth.queued,
            Progress::Running { .. } => &mut depth.running,
            Progress::Delivering { .. } => &mut depth.delivering,
            Progress::Finished { ending, .. } if ending.is_dead_letter() => &mut depth.dead,
            Progress::Finished { .. } => &mut depth.finished,
        };
        if is_in { *counter += 1 } else { *counter -= 1 }
    }

    fn observe(&mut self, function: &FunctionKey, observation: Observation) {
        self.out.push(Effect::Count { function: function.clone(), observation });
    }

    fn settings_of(&self, facts: &Facts) -> EventSettings {
        self.settings.settings(&facts.function, facts.qualifier.as_ref(), None)
    }

    #[cfg(test)]
    fn has_bug_lost_timer(&self) -> bool {
        self.bug == Some(Bug::LostTimer)
    }

    #[cfg(not(test))]
    fn has_bug_lost_timer(&self) -> bool {
        false
    }
}

impl Event {
    /// An event as its row has it.
    fn of(header: EventHeader, fence: u64, body_bytes: u64) -> Box<Self> {
        Box::new(Self { header, fence, body_bytes, busy: None, timer: None, open: Vec::new() })
    }
}

impl EventHeader {
    /// An event that was just accepted.
    fn queued(facts: Facts, stamp: Stamp) -> Self {
        let progress = Progress::Queued { due: stamp.at, tries: Tries::default(), last: None };
        Self { facts, progress, written: stamp }
    }

    /// The same event, further on.
    fn with(&self, progress: Progress, stamp: Stamp) -> Self {
        Self { facts: self.facts.clone(), progress, written: stamp }
    }

    /// Whether it counts against how many events there may be.
    fn counts(&self) -> bool {
        match &self.progress {
            Progress::Queued { .. } | Progress::Running { .. } | Progress::Delivering { .. } => true,
            Progress::Finished { ending, .. } => ending.is_dead_letter(),
        }
    }

    /// How it ended, if it has.
    fn ending(&self) -> Option<&Ending> {
        match &self.progress {
            Progress::Delivering { ending } | Progress::Finished { ending, .. } => Some(ending),
            Progress::Queued { .. } | Progress::Running { .. } => None,
        }
    }
}
