//! What is being written, and what follows when it is durable or was refused.

use bytes::Bytes;

use crate::policy::retry::backoff_ms;
use crate::store::StoreError;
use crate::store::journal::{BodyChange, Change, RowId};

use super::super::delivery::{DELIVERY, DeliveryHeader};
use super::super::event::{EVENT, EventHeader, Progress, Stamp};
use super::super::observation::Observation;
use super::effect::{Ask, Effect, Refusal, Ticket};
use super::timers::Timer;
use super::{Busy, Core, Event};

/// How soon something is tried again that could not be written, at first.
pub(super) const AGAIN_MS: u64 = 100;

/// A write on its way.
#[derive(Debug)]
pub(super) struct Write {
    what: What,
    /// The changes once more, of a write that must be made: what came of a run is not to be lost because the disk is full.
    kept: Option<Vec<Change>>,
    refusals: u32,
}

/// What is written.
#[derive(Debug)]
pub(super) enum What {
    /// An event that is being accepted.
    Accept { ask: Ask, row: RowId, header: Box<EventHeader> },
    /// An event's next step.
    Step(Step),
    /// Deliveries that should have been written with the step before.
    #[cfg(test)]
    Late { row: RowId, children: Vec<Child> },
    /// A delivery that nobody should know of any more.
    #[cfg(test)]
    Stray { delivery: RowId },
}

/// A step of an event, with all that changes with it: one batch.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) row: RowId,
    /// How its row reads then; it is gone, if there is nothing.
    pub(super) next: Option<Box<EventHeader>>,
    pub(super) body: BodyChange,
    /// Rows that are new with it.
    pub(super) children: Vec<Child>,
    /// Deliveries that are gone with it.
    pub(super) closed: Vec<RowId>,
    /// Who is to be answered.
    pub(super) ask: Option<Ask>,
    pub(super) when_refused: WhenRefused,
}

/// What to do with a step that the journal refuses for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenRefused {
    /// Try it again until it is written.
    Insist,
    /// Leave everything as it was.
    GiveUp,
}

/// A new row that comes with an event's step.
#[derive(Debug)]
pub(super) enum Child {
    /// A message that is to be sent.
    Delivery { row: RowId, header: Box<DeliveryHeader>, body: Bytes },
    /// The event of a function that is a destination.
    Event { row: RowId, header: Box<EventHeader>, body: Bytes },
}

impl Child {
    pub(super) fn insert(&self) -> Change {
        match self {
            Self::Delivery { row, header, body } => Change::Insert {
                id: *row,
                kind: DELIVERY,
                header: header.to_bytes(),
                body: Some(body.clone()),
            },
            Self::Event { row, header, body } => {
                Change::Insert { id: *row, kind: EVENT, header: header.to_bytes(), body: Some(body.clone()) }
            }
        }
    }
}

impl Step {
    /// A step that must be made and brings nothing new with it.
    pub(super) fn to(row: RowId, header: EventHeader) -> Self {
        Self {
            row,
            next: Some(Box::new(header)),
            body: BodyChange::Keep,
            children: Vec::new(),
            closed: Vec::new(),
            ask: None,
            when_refused: WhenRefused::Insist,
        }
    }
}

impl Core {
    /// Writes an event that is to be accepted, in one batch with what happens only together with it.
    pub(super) fn write_accepted(
        &mut self,
        ask: Ask,
        row: RowId,
        header: EventHeader,
        payload: Bytes,
        beside: Vec<Change>,
    ) {
        let body = (!payload.is_empty()).then_some(payload);
        let insert = Change::Insert { id: row, kind: EVENT, header: header.to_bytes(), body };
        let changes = std::iter::once(insert).chain(beside).collect();
        self.write(What::Accept { ask, row, header: Box::new(header) }, changes, WhenRefused::GiveUp);
    }

    /// Writes an event's next step. Until it is durable, nothing else is done with the event.
    pub(super) fn step(&mut self, step: Step) {
        let Some(event) = self.events.get_mut(&step.row) else { return };
        event.busy = Some(Busy::Writing);
        let (id, fence) = (step.row, event.fence);
        let mut changes = vec![match &step.next {
            Some(header) => Change::Update { id, fence, header: header.to_bytes(), body: step.body.clone() },
            None => Change::Delete { id, fence },
        }];
        changes.extend(step.closed.iter().map(|id| Change::Delete { id: *id, fence: 0 }));
        changes.extend(step.children.iter().map(Child::insert));
        let when_refused = step.when_refused;
        self.write(What::Step(step), changes, when_refused);
    }

    /// Removes an event that has ended.
    pub(super) fn forget_durably(&mut self, row: RowId, ask: Option<Ask>) {
        self.forgetting += 1;
        self.step(Step {
            row,
            next: None,
            body: BodyChange::Keep,
            children: Vec::new(),
            closed: Vec::new(),
            ask,
            when_refused: WhenRefused::GiveUp,
        });
    }

    pub(super) fn write(&mut self, what: What, changes: Vec<Change>, when_refused: WhenRefused) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let kept = (when_refused == WhenRefused::Insist).then(|| changes.clone());
        let is_new = matches!(what, What::Accept { .. });
        self.writes.insert(ticket, Write { what, kept, refusals: 0 });
        self.out.push(Effect::Write { ticket, changes, is_new });
    }

    pub(super) fn written(&mut self, ticket: Ticket, result: Result<(), StoreError>, stamp: Stamp) {
        let Some(mut write) = self.writes.remove(&ticket) else { return };
        // It need not be made, so it is not tried again by itself.
        if matches!(&write.what, What::Step(Step { next: None, when_refused: WhenRefused::GiveUp, .. })) {
            self.forgetting -= 1;
        }
        match result {
            Ok(()) => self.wrote(write.what, stamp),
            Err(StoreError::Conflict) => self.lose(write.what),
            Err(_) if write.kept.is_some() => {
                write.refusals += 1;
                let wait_ms = (AGAIN_MS * u64::from(write.refusals)).min(backoff_ms(1));
                self.writes.insert(ticket, write);
                self.timers.set(stamp.at + wait_ms, Timer::Write(ticket));
            }
            Err(error) => self.give_up(write.what, error, stamp),
        }
    }

    pub(super) fn write_again(&mut self, ticket: Ticket) {
        if let Some(changes) = self.writes.get(&ticket).and_then(|write| write.kept.clone()) {
            self.out.push(Effect::Write { ticket, changes, is_new: false });
        }
    }

    fn wrote(&mut self, what: What, stamp: Stamp) {
        match what {
            What::Accept { ask, row, header } => {
                self.accepting -= 1;
                self.out.push(Effect::Answer { ask, result: Ok(()) });
                self.admit(row, *header, stamp);
            }
            What::Step(step) => self.stepped(step, stamp),
            #[cfg(test)]
            What::Late { row, children } => self.bear(row, children, stamp),
            #[cfg(test)]
            What::Stray { delivery } => {
                self.deliveries.remove(&delivery);
                self.depth.deliveries -= 1;
            }
        }
    }

    /// Takes in an event whose row is new.
    fn admit(&mut self, row: RowId, header: EventHeader, stamp: Stamp) {
        let body_bytes = header.facts.payload_bytes;
        self.by_request.insert(header.facts.request_id.clone(), row);
        self.observe(&header.facts.function.clone(), Observation::Received);
        self.count(&header, true);
        self.events.insert(row, Event::of(header, 0, body_bytes));
        self.place(row, stamp);
    }

    fn stepped(&mut self, step: Step, stamp: Stamp) {
        let Step { row, next, body, children, closed, ask, .. } = step;
        for delivery in &closed {
            self.deliveries.remove(delivery);
            self.depth.deliveries -= 1;
        }
        match next {
            None => self.forget(row),
            Some(header) => self.advance(row, *header, &body, &closed),
        }
        self.bear(row, children, stamp);
        #[cfg(test)]
        self.settle_again(row);
        if let Some(ask) = ask {
            self.out.push(Effect::Answer { ask, result: Ok(()) });
        }
        self.place(row, stamp);
        self.tell_row(row, stamp);
    }

    /// The row of an event reads like this now.
    fn advance(&mut self, row: RowId, header: EventHeader, body: &BodyChange, closed: &[RowId]) {
        let Some(event) = self.events.get_mut(&row) else { return };
        event.busy = None;
        event.fence += 1;
        match body {
            BodyChange::Keep => {}
            BodyChange::Put(body) => event.body_bytes = body.len() as u64,
            BodyChange::Remove => event.body_bytes = 0,
        }
        event.open.retain(|open| !closed.contains(open));
        let before = std::mem::replace(&mut event.header, header);
        let timer = event.timer.take();
        let (after, function) = (event.header.clone(), before.facts.function.clone());
        if let Some(at) = timer {
            self.timers.unset(at, Timer::Event(row));
        }
        if let Progress::Finished { ending, .. } = &before.progress {
            self.dead.remove(&function, ending.at.at, row);
            self.results.remove(ending.at.at, row);
        }
        self.count(&before, false);
        self.count(&after, true);
        if !matches!(after.progress, Progress::Running { .. }) {
            self.leave_place(row, &function);
        }
    }

    /// Takes in the rows that came with an event's step.
    fn bear(&mut self, parent: RowId, children: Vec<Child>, stamp: Stamp) {
        for child in children {
            match child {
                Child::Delivery { row, header, .. } => {
                    if let Some(event) = self.events.get_mut(&parent) {
                        event.open.push(row);
                    }
                    self.admit_delivery(row, *header);
                }
                Child::Event { row, header, .. } => self.admit(row, *header, stamp),
            }
        }
    }

    /// A write was refused that need not be made: everything is as before, and what was to be done is due a little later.
    fn give_up(&mut self, what: What, error: StoreError, stamp: Stamp) {
        match what {
            What::Accept { ask, header, .. } => {
                self.accepting -= 1;
                self.by_request.remove(&header.facts.request_id);
                self.out.push(Effect::Answer { ask, result: Err(Refusal::Store(error)) });
            }
            What::Step(Step { row, ask, .. }) => {
                let Some(event) = self.events.get_mut(&row) else { return };
                event.busy = None;
                let function = event.header.facts.function.clone();
                self.leave_place(row, &function);
                match ask {
                    Some(ask) => {
                        self.out.push(Effect::Answer { ask, result: Err(Refusal::Store(error)) });
                    }
                    None => {
                        // The other claims would be refused as well, one after another.
                        self.claims_from = stamp.at + AGAIN_MS;
                        self.set_timer(row, self.claims_from);
                    }
                }
            }
            #[cfg(test)]
            What::Late { .. } | What::Stray { .. } => {}
        }
    }

    /// Somebody else wrote the row. What they made of it is theirs; here nothing more is done with it.
    fn lose(&mut self, what: What) {
        let (row, ask) = match what {
            What::Accept { ask, row, header } => {
                self.accepting -= 1;
                self.by_request.remove(&header.facts.request_id);
                (row, Some(ask))
            }
            What::Step(step) => {
                self.forget(step.row);
                (step.row, step.ask)
            }
            #[cfg(test)]
            What::Late { row, .. } | What::Stray { delivery: row } => (row, None),
        };
        if let Some(ask) = ask {
            let result = Err(Refusal::Store(StoreError::Conflict));
            self.out.push(Effect::Answer { ask, result });
        }
        self.out.push(Effect::Lost(row));
    }
}
