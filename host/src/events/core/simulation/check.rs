//! What must hold, checked at every durable change, at every run and at every crash.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::function::{FunctionKey, Qualifier};
use crate::policy::retry::{Attempt, CRASHES_MAX, Condition};
use crate::store::journal::{Change, RowId};

use super::super::super::delivery::{DELIVERY, DeliveryHeader, Purpose};
use super::super::super::event::{Ending, EventHeader, Progress};
use super::super::super::settings::Settings as _;
use super::super::suspects::ALONE_MS;
use super::super::{Claim, RunEffect};
use super::Violation;
use super::functions::Tempers;
use super::rows::Rows;
use super::tally::Tally;

/// What is known of events from outside the core.
#[derive(Debug, Default)]
pub(super) struct Check {
    pub(super) events: BTreeMap<RowId, Known>,
    /// Deliveries that are done: the queue has the message, or said that it never will.
    told: HashSet<RowId>,
    refused: HashSet<RowId>,
    /// Messages each queue got, by delivery; more than one only over a crash.
    sent: HashMap<RowId, u32>,
    deliveries: HashMap<RowId, DeliveryHeader>,
    of_event: HashMap<RowId, Vec<RowId>>,
    /// Which deliveries there were of an event's life.
    purposes: HashSet<(RowId, u32, Purpose)>,
    /// The last run of an event that had only this chance left.
    last_chance: Option<Claim>,
    pub(super) tally: Tally,
}

/// What is known of one event.
#[derive(Debug)]
pub(super) struct Known {
    request_id: String,
    function: FunctionKey,
    pub(super) is_accepted: bool,
    life: u32,
    fates: u32,
    /// Function errors and back-offs in this life.
    errors: u32,
    backoffs: u32,
    answered: bool,
    /// No run may begin before.
    earliest_ms: u64,
    /// How long its next due time must be from when it is written.
    wait_ms: Option<u64>,
    running: Option<(Claim, u64)>,
}

impl Check {
    /// Looks at changes that are about to be durable, in one batch.
    pub(super) fn batch(&mut self, rows: &Rows, changes: &[Change], now: &Moment) -> Result<(), Violation> {
        for change in changes {
            match change {
                Change::Insert { id, kind, header, body } if *kind == DELIVERY => {
                    let header = DeliveryHeader::parse(header).map_err(|error| error.to_string())?;
                    let life = self.events[&header.event].life;
                    if !self.purposes.insert((header.event, life, header.purpose)) {
                        return Err(format!("event {:?} is told a second time", header.event));
                    }
                    self.of_event.entry(header.event).or_default().push(*id);
                    self.deliveries.insert(*id, header);
                }
                Change::Insert { id, header, .. } => self.born(*id, header)?,
                Change::Update { id, header, .. } => {
                    let before = parse(&rows.get(*id).expect("it was checked").header)?;
                    self.steps(*id, &before, &parse(header)?, now)?;
                }
                Change::Delete { id, .. } if rows.get(*id).is_some_and(|row| row.kind == DELIVERY) => {
                    if !self.told.contains(id) && !self.refused.contains(id) {
                        return Err(format!("delivery {id:?} is gone and was not told"));
                    }
                }
                Change::Delete { id, .. } => {
                    let before = parse(&rows.get(*id).expect("it was checked").header)?;
                    match &before.progress {
                        Progress::Finished { .. } => self.tally.count("forgotten"),
                        // Kept for no time at all.
                        Progress::Queued { .. } => return Err(format!("{id:?} is gone from the queue")),
                        _ => self.fate(*id)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn born(&mut self, row: RowId, header: &[u8]) -> Result<(), Violation> {
        let EventHeader { facts, .. } = parse(header)?;
        let known = Known {
            request_id: facts.request_id.to_string(),
            function: facts.function,
            is_accepted: false,
            life: 0,
            fates: 0,
            errors: 0,
            backoffs: 0,
            answered: false,
            earliest_ms: 0,
            wait_ms: None,
            running: None,
        };
        match self.events.insert(row, known) {
            None => Ok(()),
            Some(_) => Err(format!("row {row:?} is used twice")),
        }
    }

    fn steps(
        &mut self,
        row: RowId,
        before: &EventHeader,
        after: &EventHeader,
        now: &Moment,
    ) -> Result<(), Violation> {
        let known = self.events.get_mut(&row).expect("events are born first");
        if *after.facts.request_id != *known.request_id {
            return Err(format!("the request id of {row:?} became {}", after.facts.request_id));
        }
        match (&before.progress, &after.progress) {
            (Progress::Queued { due, .. }, Progress::Running { since, .. }) if since.at >= *due => {}
            // A run that a crash ended is claimed anew.
            (Progress::Running { .. }, Progress::Running { .. }) if known.running.is_none() => {}
            (Progress::Running { .. }, Progress::Queued { due, .. }) => {
                let wait_ms = due - after.written.at;
                let settings = Tempers.settings(&known.function, None::<&Qualifier>, None);
                match known.wait_ms.take() {
                    // As late as it may be is soon enough.
                    Some(right_ms)
                        if wait_ms < right_ms
                            && due + 1 == after.facts.accepted.at + settings.retry().age_ms_max =>
                    {
                        known.earliest_ms -= right_ms - wait_ms;
                    }
                    Some(right_ms) if right_ms != wait_ms => {
                        return Err(format!("{row:?} waits {wait_ms} ms, not {right_ms}"));
                    }
                    None if wait_ms != 0 => return Err(format!("{row:?} waits for nothing")),
                    None => self.given_up(row, now)?,
                    Some(_) => {}
                }
            }
            (
                Progress::Queued { .. } | Progress::Running { .. },
                Progress::Delivering { ending } | Progress::Finished { ending, .. },
            ) => {
                self.ends(row, ending, after)?;
            }
            (Progress::Delivering { .. }, Progress::Delivering { .. }) => {}
            (Progress::Delivering { .. }, Progress::Finished { ending, .. }) => {
                self.told_all(row, ending)?;
                self.fate(row)?;
            }
            (Progress::Finished { .. }, Progress::Finished { .. }) => {
                return Err(format!("{row:?} has a second fate"));
            }
            (Progress::Finished { ending, .. }, Progress::Queued { .. })
                if ending.condition != Condition::Success && ending.is_dead_letter() =>
            {
                (known.life, known.fates) = (known.life + 1, 0);
                (known.errors, known.backoffs, known.answered) = (0, 0, false);
                (known.wait_ms, known.earliest_ms) = (None, 0);
            }
            (before, after) => return Err(format!("{row:?} went from {before:?} to {after:?}")),
        }
        Ok(())
    }

    /// A run was given up without an answer: for its lease, or because the host closes.
    fn given_up(&mut self, row: RowId, now: &Moment) -> Result<(), Violation> {
        let known = self.events.get_mut(&row).expect("events are born first");
        match known.running.take() {
            Some((_, since_ms)) if now.mono_ms - since_ms >= now.lease_ms => self.tally.count("lease over"),
            _ if now.is_draining => self.tally.count("released"),
            Some(_) => return Err(format!("{row:?} was given up while it ran")),
            None => {}
        }
        Ok(())
    }

    fn ends(&mut self, row: RowId, ending: &Ending, after: &EventHeader) -> Result<(), Violation> {
        let known = self.events.get_mut(&row).expect("events are born first");
        known.running = None;
        if (ending.condition == Condition::Success) != known.answered {
            return Err(format!("{row:?} ends with {:?}, answered: {}", ending.condition, known.answered));
        }
        let retries_max = Tempers.settings(&known.function, None::<&Qualifier>, None).retries_max;
        if ending.condition == Condition::RetriesExhausted && known.errors != u32::from(retries_max) + 1 {
            return Err(format!("{row:?} had {} runs", known.errors));
        }
        self.tally.count(format!("fate {}", ending.condition.as_str()));
        for place in &ending.places {
            if !place.starts_with("arn:aws:lambda:") {
                return Err(format!("{row:?} is settled, but {place} was not told"));
            }
            self.tally.count("told to a function");
        }
        if ending.undelivered.iter().any(|place| place.reason.starts_with("the record has")) {
            self.tally.count("record too large for an event");
        }
        if let Progress::Finished { .. } = after.progress {
            self.fate_of(ending);
            self.fate(row)?;
        }
        Ok(())
    }

    fn told_all(&mut self, row: RowId, ending: &Ending) -> Result<(), Violation> {
        for place in ending.places.iter().filter(|place| place.starts_with("arn:aws:sqs:")) {
            let is_told =
                self.of_event.get(&row).into_iter().flatten().any(|delivery| {
                    self.deliveries[delivery].target == *place && self.told.contains(delivery)
                });
            if !is_told {
                return Err(format!("{row:?} is settled, but {place} was not told"));
            }
            self.tally.count("told to a queue");
        }
        self.fate_of(ending);
        Ok(())
    }

    fn fate_of(&mut self, ending: &Ending) {
        match (ending.condition, ending.places.is_empty()) {
            (Condition::Success, _) => {}
            (_, true) => self.tally.count("fate Dead, nobody told"),
            (_, false) => self.tally.count("fate Dead, told"),
        }
        if ending.undelivered.is_empty() && ending.places.is_empty() {
            self.tally.count("nothing to tell it to");
        }
    }

    fn fate(&mut self, row: RowId) -> Result<(), Violation> {
        let known = self.events.get_mut(&row).expect("events are born first");
        known.running = None;
        known.fates += 1;
        if known.fates > 1 {
            return Err(format!("{row:?} has a second fate"));
        }
        Ok(())
    }

    /// Looks at a run that begins.
    pub(super) fn begins(&mut self, run: &RunEffect, rows: &Rows, now: &Moment) -> Result<(), Violation> {
        let row = run.claim.row;
        let known = self.events.get_mut(&row).ok_or_else(|| format!("{row:?} runs and is not durable"))?;
        let durable = rows.get(row).ok_or_else(|| format!("{row:?} runs and is gone"))?;
        if durable.fence != run.claim.fence || !is_running(&durable.header) {
            return Err(format!("the run of {row:?} is not durable"));
        }
        if *run.request_id != *known.request_id {
            return Err(format!("the request id of {row:?} became {}", run.request_id));
        }
        if now.mono_ms < known.earliest_ms {
            return Err(format!("{row:?} runs {} ms too early", known.earliest_ms - now.mono_ms));
        }
        if known.running.is_some() || known.fates > 0 {
            return Err(format!("{row:?} runs a second time"));
        }
        known.running = Some((run.claim, now.mono_ms));
        match parse(&durable.header)?.progress {
            Progress::Running { tries, .. } if tries.crashes + 1 == CRASHES_MAX => {
                self.last_chance(run.claim, now)
            }
            _ => Ok(()),
        }
    }

    /// A run begins of an event that is suspected of having ended the host, as often as it may be.
    fn last_chance(&mut self, claim: Claim, now: &Moment) -> Result<(), Violation> {
        self.tally.count("last chance");
        let Some(other) = self.last_chance.replace(claim) else { return Ok(()) };
        match self.events[&other.row].running {
            Some((running, since_ms)) if running == other && now.mono_ms < since_ms + ALONE_MS => {
                Err(format!("{claim:?} and {other:?} have their last chance at the same time"))
            }
            _ => Ok(()),
        }
    }

    /// Notes what came of a run whose claim is valid.
    pub(super) fn ended(&mut self, row: RowId, attempt: Attempt, now: &Moment) {
        let known = self.events.get_mut(&row).expect("events are born first");
        known.running = None;
        let wait_ms = match attempt {
            Attempt::FunctionError => {
                (known.errors, known.backoffs) = (known.errors + 1, 0);
                60_000 * u64::from(known.errors)
            }
            Attempt::NotRun => {
                known.backoffs += 1;
                (500 * 2_u64.pow(known.backoffs.min(20))).min(300_000)
            }
            Attempt::Answered => {
                known.answered = true;
                0
            }
            Attempt::ZeroReserved | Attempt::Crashed => 0,
        };
        known.wait_ms = Some(wait_ms);
        known.earliest_ms = now.mono_ms + wait_ms;
    }

    /// A queue has a message.
    pub(super) fn received(&mut self, delivery: RowId, may_be_doubled: bool) -> Result<(), Violation> {
        self.told.insert(delivery);
        let count = self.sent.entry(delivery).or_default();
        *count += u32::from(!may_be_doubled);
        if *count > 1 {
            return Err(format!("the message of {delivery:?} was sent twice"));
        }
        Ok(())
    }

    /// A queue said that it will not have a message.
    pub(super) fn refused(&mut self, delivery: RowId) {
        self.refused.insert(delivery);
    }

    /// What is known after a crash is what is durable; `due_ms` says when something due at that time of the core may run.
    pub(super) fn crashed(&mut self, rows: &Rows, due_ms: impl Fn(u64) -> u64) -> Result<(), Violation> {
        // What was told when the process ended is told again, if that is not durable.
        self.sent.clear();
        for (row, known) in &mut self.events {
            known.running = None;
            known.wait_ms = None;
            if known.fates > 0 {
                continue;
            }
            let Some(durable) = rows.get(*row) else {
                return Err(format!("{row:?} is lost: it has no fate and no row"));
            };
            let (tries, earliest_ms) = match parse(&durable.header)?.progress {
                Progress::Queued { due, tries, .. } => (tries, due_ms(due)),
                Progress::Running { tries, .. } => (tries, 0),
                Progress::Delivering { .. } | Progress::Finished { .. } => continue,
            };
            (known.errors, known.backoffs, known.answered) = (tries.attempts, tries.backoffs, false);
            known.earliest_ms = earliest_ms;
        }
        Ok(())
    }

    /// Every event that was accepted has had its fate.
    pub(super) fn all_have_fates(&self) -> Result<(), Violation> {
        match self.events.iter().find(|(_, known)| known.fates != 1) {
            None => Ok(()),
            Some((row, known)) => Err(format!("{row:?} has no fate: {known:?}")),
        }
    }
}

/// When something is checked.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) mono_ms: u64,
    pub(super) lease_ms: u64,
    pub(super) is_draining: bool,
}

/// Whether that is the header of an event that runs.
pub(super) fn is_running(header: &[u8]) -> bool {
    EventHeader::parse(header).is_ok_and(|header| matches!(header.progress, Progress::Running { .. }))
}

pub(super) fn parse(header: &[u8]) -> Result<EventHeader, Violation> {
    EventHeader::parse(header).map_err(|error| error.to_string())
}
