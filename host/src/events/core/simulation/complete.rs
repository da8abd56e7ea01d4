//! What comes of what the core asked for.

use crate::sqs::QueueArn;
use crate::store::StoreError;
use crate::store::journal::{Change, RowId};

use super::super::super::delivery::DeliveryHeader;
use super::super::super::outcome::RunOutcome;
use super::super::super::record;
use super::super::effect::Ticket;
use super::super::{Input, RunEffect};
use super::Violation;
use super::functions::{Deed, Mood, deed};
use super::world::{LEASE_MS, Pending, World};

impl World {
    pub(super) fn complete_any(&mut self) -> Result<(), Violation> {
        if self.pending.is_empty() {
            return self.wait_for_core();
        }
        let index = self.rng.usize(..self.pending.len());
        let (Pending::Run { until_ms, .. } | Pending::Send { until_ms, .. }) = &self.pending[index] else {
            let pending = self.pending.swap_remove(index);
            return self.complete(pending);
        };
        if *until_ms > self.now.mono_ms {
            // It hangs; when nothing else happens, time goes on.
            return if self.rng.u8(..10) == 0 || self.is_calm { self.wait_for_core() } else { Ok(()) };
        }
        let pending = self.pending.swap_remove(index);
        self.complete(pending)
    }

    pub(super) fn complete(&mut self, pending: Pending) -> Result<(), Violation> {
        match pending {
            Pending::Write { ticket, changes } => self.complete_write(ticket, &changes),
            Pending::Run { run, until_ms } => self.complete_run(run, until_ms > 0),
            Pending::Fetch(claim) => {
                let is_readable = self.is_calm || self.rng.u8(..10) > 0;
                if !is_readable {
                    self.check.tally.count("body unreadable");
                }
                let payload = is_readable.then(|| self.body(claim.row));
                let spare = self.spare();
                self.tell(Input::Fetched { claim, payload, spare })
            }
            Pending::Send { delivery, target, header, until_ms } => {
                self.complete_send(delivery, &target, header, until_ms)
            }
        }
    }

    pub(super) fn complete_write(&mut self, ticket: Ticket, changes: &[Change]) -> Result<(), Violation> {
        if !self.is_calm && self.rng.u8(..20) == 0 {
            let error = if self.rng.bool() { StoreError::Busy } else { StoreError::Full };
            match changes[0] {
                Change::Insert { .. } => {}
                Change::Update { .. } if self.is_claim(&changes[0]) => {
                    self.check.tally.count("claim refused");
                }
                _ => self.check.tally.count("settle refused"),
            }
            return self.tell(Input::Written { ticket, result: Err(error) });
        }
        let result = self.apply(changes)?;
        self.tell(Input::Written { ticket, result })
    }

    pub(super) fn apply(&mut self, changes: &[Change]) -> Result<Result<(), StoreError>, Violation> {
        if let Err(conflict) = self.rows.check(changes) {
            return Err(format!("{conflict}: {changes:?}"));
        }
        let moment = self.moment();
        self.check.batch(&self.rows, changes, &moment)?;
        changes.iter().for_each(|change| self.rows.apply(change));
        Ok(Ok(()))
    }

    pub(super) fn complete_run(&mut self, run: RunEffect, has_hung: bool) -> Result<(), Violation> {
        let claim = run.claim;
        let done = match self.is_calm || has_hung {
            // In the end everybody answers.
            true => deed("good", &mut fastrand::Rng::with_seed(99)),
            false => deed(run.function.name(), &mut self.rng),
        };
        let outcome = match done {
            Deed::Kills => {
                self.check.tally.count("function kills the host");
                return self.crash();
            }
            Deed::Hangs => {
                self.check.tally.count("function hangs");
                let until_ms = self.now.mono_ms + LEASE_MS / 2 + self.rng.u64(..LEASE_MS);
                self.pending.push(Pending::Run { run, until_ms });
                return Ok(());
            }
            Deed::Ends(outcome) => outcome,
        };
        let attempt = outcome.attempt();
        self.check.tally.count(name_of(&outcome));
        let is_valid = self.is_valid(claim);
        if is_valid {
            let moment = self.moment();
            self.check.ended(claim.row, attempt, &moment);
        } else {
            self.check.tally.count("void claim refused");
        }
        let is_readable = !matches!(outcome, RunOutcome::Unreadable { .. });
        let payload = is_readable.then(|| self.payload_of(&run));
        let (spare, writes) = (self.spare(), self.writes_of(claim.row));
        self.tell(Input::Ended { claim, outcome, payload, spare })?;
        if !is_valid && self.writes_of(claim.row) != writes {
            return Err(format!("the void claim {claim:?} was taken for valid"));
        }
        Ok(())
    }

    pub(super) fn complete_send(
        &mut self,
        delivery: RowId,
        target: &QueueArn,
        header: Box<DeliveryHeader>,
        until_ms: u64,
    ) -> Result<(), Violation> {
        let mood = self.moods[target];
        self.check.tally.count(mood.name());
        if mood == Mood::Hangs && until_ms == 0 {
            let (target, until_ms) = (target.clone(), self.now.mono_ms + 30_000);
            self.pending.push(Pending::Send { delivery, target, header, until_ms });
            return Ok(());
        }
        let result = mood.result();
        match mood {
            Mood::Takes => self.receive(delivery, &header, false)?,
            Mood::Refuses | Mood::Small | Mood::Missing => self.check.refused(delivery),
            _ => {}
        }
        self.tell(Input::Sent { delivery, result })
    }

    pub(super) fn receive(
        &mut self,
        delivery: RowId,
        header: &DeliveryHeader,
        may_be_doubled: bool,
    ) -> Result<(), Violation> {
        let body = self.body(delivery);
        let message = record::message(header, &body);
        if !message.body.contains(&*header.request_id) && self.payloads.contains_key(&*header.request_id) {
            return Err(format!("the message of {delivery:?} is of another event: {}", message.body));
        }
        self.check.received(delivery, may_be_doubled)
    }
}

fn name_of(outcome: &RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Answered { .. } => "function answers",
        RunOutcome::FunctionError { .. } => "function error",
        RunOutcome::Throttled { zero_reserved: true, .. } => "function zero reserved",
        RunOutcome::Throttled { .. } => "function throttled",
        RunOutcome::NotFound => "function not found",
        RunOutcome::System { .. } => "host cannot run it",
        RunOutcome::Unreadable { .. } => "event unreadable",
    }
}
