//! Telling how events ended: messages are sent, and sent again, until their queues have them or refuse them for good.

use std::sync::Arc;

use crate::sqs::{QueueArn, SendError};
use crate::store::journal::{BodyChange, RowId};

use super::super::delivery::DeliveryHeader;
use super::super::event::{Progress, Stamp, Undelivered};
use super::effect::Effect;
use super::timers::Timer;
use super::write::Step;
use super::{Core, Options, Phase};

/// A delivery in memory.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) header: Box<DeliveryHeader>,
    pub(super) target: QueueArn,
    outcome: Option<Outcome>,
    is_sending: bool,
}

/// What came of a delivery, for good.
#[derive(Debug, Clone)]
enum Outcome {
    Delivered,
    Refused(Arc<str>),
}

impl Core {
    /// Takes in a delivery whose row is new, or was read.
    pub(super) fn admit_delivery(&mut self, row: RowId, header: DeliveryHeader) {
        // Nothing but the ARN of a queue becomes a delivery's target.
        let Ok(target) = QueueArn::parse(&header.target) else { return };
        self.targets.push(&target, row);
        self.depth.deliveries += 1;
        let header = Box::new(header);
        let delivery = Delivery { header, target: target.clone(), outcome: None, is_sending: false };
        self.deliveries.insert(row, delivery);
        self.send(&target);
    }

    /// Sends what may be sent to that queue now.
    pub(super) fn send(&mut self, target: &QueueArn) {
        while self.phase < Phase::Draining {
            let Some(row) = self.targets.next(target) else { return };
            let Some(delivery) = self.deliveries.get_mut(&row) else {
                self.targets.done(target);
                continue;
            };
            delivery.is_sending = true;
            self.sending += 1;
            let header = delivery.header.clone();
            self.out.push(Effect::Send { delivery: row, target: target.clone(), header });
        }
    }

    pub(super) fn sent(&mut self, row: RowId, result: Result<(), SendError>, stamp: Stamp) {
        let Some(delivery) = self.deliveries.get_mut(&row) else { return };
        if !std::mem::take(&mut delivery.is_sending) {
            return;
        }
        self.sending -= 1;
        let (target, event) = (delivery.target.clone(), delivery.header.event);
        let (purpose, since) = (delivery.header.purpose, delivery.header.since);
        let age_ms = stamp.at.saturating_sub(since.at);
        let outcome = match &result {
            Ok(()) => Some(Outcome::Delivered),
            Err(error) if is_worth_retrying(&self.options, error, age_ms) => None,
            Err(error) => Some(Outcome::Refused(error.to_string().into())),
        };
        if let Some(outcome) = outcome {
            delivery.outcome = Some(outcome);
            self.targets.done(&target);
        } else if let Err(error) = &result
            && let Some(wait_ms) = self.targets.failed(&target, row, error.to_string().into())
        {
            self.timers.set(stamp.at + wait_ms, Timer::Target(target.clone()));
        }
        if result.is_err()
            && let Some(event) = self.events.get(&event)
        {
            let function = event.header.facts.function.clone();
            self.observe(&function, purpose.failure());
        }
        self.tell_row(event, stamp);
        self.send(&target);
    }

    /// Writes into an event's row what came of its deliveries, if there is something new and nothing is being written.
    pub(super) fn tell_row(&mut self, row: RowId, stamp: Stamp) {
        let Some(event) = self.events.get(&row) else { return };
        let Progress::Delivering { ending } = &event.header.progress else {
            #[cfg(test)]
            self.sweep_strays(row);
            return;
        };
        if event.busy.is_some() {
            return;
        }
        let (mut ending, mut closed) = (ending.clone(), Vec::new());
        for open in &event.open {
            let Some(delivery) = self.deliveries.get(open) else { continue };
            let target = delivery.header.target.clone();
            match &delivery.outcome {
                None => continue,
                Some(Outcome::Delivered) => ending.places.push(target),
                Some(Outcome::Refused(reason)) => {
                    ending.undelivered.push(Undelivered { target, reason: reason.clone() });
                }
            }
            closed.push(*open);
        }
        let is_delivered = closed.len() == event.open.len();
        if closed.is_empty() && !is_delivered {
            return;
        }
        let is_success = ending.condition == crate::policy::retry::Condition::Success;
        let body = match is_delivered && !is_success && !ending.is_dead_letter() {
            true => BodyChange::Remove,
            false => BodyChange::Keep,
        };
        let header = event.header.clone();
        let progress = match is_delivered {
            true => self.kept(ending, stamp),
            false => Some(Progress::Delivering { ending }),
        };
        let next = progress.map(|progress| Box::new(header.with(progress, stamp)));
        self.step(Step { next, body, closed, ..Step::to(row, header) });
    }

    /// Removes deliveries of an event that was written as told before they were.
    #[cfg(test)]
    fn sweep_strays(&mut self, row: RowId) {
        use super::write::{What, WhenRefused};
        use crate::store::journal::Change;

        let Some(event) = self.events.get_mut(&row) else { return };
        let is_told =
            |row: &RowId| self.deliveries.get(row).is_some_and(|delivery| delivery.outcome.is_some());
        let told: Vec<RowId> = event.open.iter().copied().filter(is_told).collect();
        event.open.retain(|row| !told.contains(row));
        for delivery in told {
            let delete = Change::Delete { id: delivery, fence: 0 };
            self.write(What::Stray { delivery }, vec![delete], WhenRefused::Insist);
        }
    }
}

/// Whether a message that is so old is to be sent again.
fn is_worth_retrying(options: &Options, error: &SendError, age_ms: u64) -> bool {
    match error {
        SendError::NoSuchQueue => age_ms < options.queue_missing_ms,
        SendError::Throttled | SendError::Unreachable { .. } => age_ms < options.delivery_ms,
        SendError::TooLarge { .. } | SendError::Refused { .. } => false,
    }
}
