//! Whose turn it is: an event is claimed, which is durable before it runs, or it ends without a run.

use crate::function::RecursiveLoop;
use crate::policy::recursion;
use crate::policy::retry::{self, Attempt, CRASHES_MAX, Condition, Next, Tries};
use crate::store::journal::RowId;

use super::super::event::{Facts, Failure, Progress, Stamp};
use super::super::observation::Observation;
use super::effect::{Claim, Effect, RunEffect};
use super::timers::Timer;
use super::write::{Step, WhenRefused};
use super::{Busy, Core, End, Phase};

/// How many turns are taken at once; then others have theirs.
const TURNS_AT_ONCE_MAX: usize = 256;

impl Core {
    /// Takes turns as long as there are places.
    pub(super) fn take_turns(&mut self, stamp: Stamp) {
        if stamp.at < self.claims_from {
            self.timers.set(self.claims_from, Timer::Turns);
            return;
        }
        for _ in 0..TURNS_AT_ONCE_MAX {
            if self.phase != Phase::Serving {
                return;
            }
            let Some((function, row)) = self.lanes.next() else { return };
            self.placed.insert(row);
            if !self.take_turn(row, stamp) {
                // It waits for another suspect; or somebody else wrote its row, and it is gone from here.
                self.leave_place(row, &function);
            }
        }
        self.timers.set(stamp.at, Timer::Turns);
    }

    /// Whether the event takes its turn.
    fn take_turn(&mut self, row: RowId, stamp: Stamp) -> bool {
        let Some(event) = self.events.get(&row) else { return false };
        let Progress::Queued { tries, last, .. } = &event.header.progress else { return false };
        if event.busy.is_some() {
            return false;
        }
        let (tries, last, facts) = (*tries, last.clone(), &event.header.facts);
        let settings = self.settings_of(facts);
        let age_ms = stamp.at.saturating_sub(facts.accepted.at);
        if let Some(condition) = retry::before(tries, age_ms, settings.retry()) {
            self.end_without_run(row, condition, tries, last, stamp);
        } else if trace(facts, settings.recursion).is_err() {
            self.end_without_run(row, Condition::RecursiveInvocation, tries, None, stamp);
        } else if tries.crashes + 1 >= CRASHES_MAX && !self.suspects.enter(row, stamp.at) {
            return false;
        } else {
            let running = Progress::Running { since: stamp, tries, last };
            let header = event.header.with(running, stamp);
            self.step(Step { when_refused: WhenRefused::GiveUp, ..Step::to(row, header) });
        }
        true
    }

    /// The claim is durable: the run begins, or, if nothing is to begin any more, the claim is given back.
    pub(super) fn begin(&mut self, row: RowId, stamp: Stamp) {
        let event = &self.events[&row];
        let facts = &event.header.facts;
        if self.phase != Phase::Serving {
            self.give_back(row, stamp);
            return;
        }
        if let Some(until) = self.suspects.begun(row, stamp.at) {
            self.timers.set(until, Timer::Suspects);
        }
        let trace = trace(facts, RecursiveLoop::Allow).expect("loops are allowed here");
        let function = facts.function.clone();
        let ms = stamp.at.saturating_sub(facts.accepted.at);
        let run = RunEffect {
            claim: Claim { row, fence: event.fence },
            request_id: facts.request_id.clone(),
            function: function.clone(),
            qualifier: facts.qualifier.clone(),
            trace,
        };
        self.out.push(Effect::Run(run));
        self.observe(&function, Observation::Age { ms });
    }

    /// The lease of a run is over: nobody knows what became of it, and whatever it says from now on counts no more.
    pub(super) fn lease_over(&mut self, row: RowId, stamp: Stamp) {
        let event = &self.events[&row];
        let Progress::Running { tries, last, .. } = &event.header.progress else { return };
        let (mut tries, last) = (*tries, last.clone());
        let policy = self.settings_of(&event.header.facts).retry();
        match retry::after(Attempt::Crashed, &mut tries, 0, policy) {
            Next::Again { .. } => {
                let queued = Progress::Queued { due: stamp.at, tries, last };
                self.step(Step::to(row, event.header.with(queued, stamp)));
            }
            Next::End(condition) => self.end_without_run(row, condition, tries, last, stamp),
        }
    }

    /// What still runs is given up, and not counted against the events: the next process runs them.
    pub(super) fn release(&mut self, stamp: Stamp) {
        self.phase = Phase::Released;
        for row in self.placed.clone() {
            let Some(event) = self.events.get_mut(&row) else { continue };
            match (&event.busy, &event.header.progress) {
                (None, Progress::Running { .. }) => self.give_back(row, stamp),
                (Some(Busy::Fetching(_)), _) => {
                    event.busy = None;
                    let function = event.header.facts.function.clone();
                    self.leave_place(row, &function);
                }
                _ => {}
            }
        }
    }

    fn give_back(&mut self, row: RowId, stamp: Stamp) {
        let event = &self.events[&row];
        let Progress::Running { tries, last, .. } = &event.header.progress else { return };
        let queued = Progress::Queued { due: stamp.at, tries: *tries, last: last.clone() };
        self.step(Step::to(row, event.header.with(queued, stamp)));
    }

    /// Ends an event that is not run; its payload is read first if somebody is to be told.
    fn end_without_run(
        &mut self,
        row: RowId,
        condition: Condition,
        tries: Tries,
        last: Option<Failure>,
        stamp: Stamp,
    ) {
        let end = End { condition, tries, failure: last, response: None };
        let event = &self.events[&row];
        let is_to_be_told = !Self::places(condition, &self.settings_of(&event.header.facts)).is_empty();
        if is_to_be_told {
            self.out.push(Effect::Fetch(Claim { row, fence: event.fence }));
            self.events.get_mut(&row).expect("it was just read").busy = Some(Busy::Fetching(end));
        } else {
            self.finish(row, end, None, None, stamp);
        }
    }
}

/// The trace header of an event's run.
pub(super) fn trace(facts: &Facts, setting: RecursiveLoop) -> Result<String, recursion::Recursive> {
    let root = || recursion::root(facts.accepted.wall, &facts.request_id);
    recursion::hop(facts.trace.as_deref(), &facts.function, setting, root)
}
