//! What comes of a run: the event is tried again or ends, and all that is to be told of its end becomes durable with it.

use std::sync::Arc;

use bytes::Bytes;

use crate::function::{FunctionArn, FunctionKey, Qualifier, RecursiveLoop, VersionNumber};
use crate::policy::recursion;
use crate::policy::retry::{self, Condition, Next};
use crate::store::journal::{BodyChange, RowId};

use super::super::delivery::{DeliveryHeader, Purpose};
use super::super::event::{Ending, EventHeader, Facts, Failure, Progress, Stamp, Undelivered};
use super::super::observation::Observation;
use super::super::outcome::RunOutcome;
use super::super::record::{self, RecordOf};
use super::super::settings::{EventSettings, Target};
use super::claim::trace;
use super::effect::{Claim, Spare};
use super::timers::Timer;
use super::write::{Child, Step};
use super::{Busy, Core, End, lanes};

impl Core {
    pub(super) fn ended(
        &mut self,
        claim: Claim,
        outcome: RunOutcome,
        payload: Option<Bytes>,
        spare: Spare,
        stamp: Stamp,
    ) {
        let row = claim.row;
        if !self.is_valid(claim) {
            return;
        }
        let event = &self.events[&row];
        let (Progress::Running { tries, .. } | Progress::Queued { tries, .. }) = &event.header.progress
        else {
            return;
        };
        let (mut tries, facts) = (*tries, event.header.facts.clone());
        let age_ms = stamp.at.saturating_sub(facts.accepted.at);
        let policy = self.settings_of(&facts).retry();
        self.adapt(&facts.function, &outcome, stamp);
        match retry::after(outcome.attempt(), &mut tries, age_ms, policy) {
            Next::Again { wait_ms } => {
                let due = stamp.at + wait_ms;
                let queued = Progress::Queued { due, tries, last: outcome.failure() };
                let header = self.events[&row].header.with(queued, stamp);
                self.step(Step::to(row, self.renamed(header)));
            }
            Next::End(condition) => {
                let (failure, response) = (outcome.failure(), outcome.response());
                let end = End { condition, tries, failure, response };
                self.finish(row, end, payload, Some(spare), stamp);
            }
        }
    }

    pub(super) fn fetched(&mut self, claim: Claim, payload: Option<Bytes>, spare: Spare, stamp: Stamp) {
        let Some(event) = self.events.get_mut(&claim.row) else { return };
        if event.fence != claim.fence || !matches!(event.busy, Some(Busy::Fetching(_))) {
            return;
        }
        let Some(Busy::Fetching(end)) = event.busy.take() else { return };
        self.finish(claim.row, end, payload, Some(spare), stamp);
    }

    /// Whether what a run says still counts.
    fn is_valid(&self, claim: Claim) -> bool {
        let Some(event) = self.events.get(&claim.row) else { return false };
        #[cfg(test)]
        if self.bug == Some(super::Bug::NoFencing) {
            return event.busy.is_none();
        }
        event.fence == claim.fence
            && event.busy.is_none()
            && matches!(event.header.progress, Progress::Running { .. })
    }

    /// Learns from a run how many of the function's events may run at a time.
    fn adapt(&mut self, function: &FunctionKey, outcome: &RunOutcome, stamp: Stamp) {
        match outcome {
            RunOutcome::Answered { .. } | RunOutcome::FunctionError { .. } => self.lanes.ran(function),
            // Nothing is spared where each event is at its end with its first try.
            RunOutcome::Throttled { zero_reserved: true, .. } => {}
            // That says nothing of the function's other events, which may be of another alias.
            RunOutcome::NotFound | RunOutcome::Unreadable { .. } => {}
            RunOutcome::Throttled { .. } | RunOutcome::System { .. } => {
                if self.lanes.throttled(function) {
                    self.timers.set(stamp.at + lanes::PAUSE_MS, Timer::Lane(function.clone()));
                }
            }
        }
    }

    /// Who is to be told of such an end.
    pub(super) fn places(condition: Condition, settings: &EventSettings) -> Vec<(Purpose, Target)> {
        let EventSettings { on_success, on_failure, dead_letter, .. } = settings.clone();
        if condition == Condition::Success {
            return on_success.map(|target| (Purpose::OnSuccess, target)).into_iter().collect();
        }
        let dead_letter = dead_letter.map(|queue| (Purpose::DeadLetter, Target::Queue(queue)));
        let on_failure = on_failure.map(|target| (Purpose::OnFailure, target));
        dead_letter.into_iter().chain(on_failure).collect()
    }

    /// Ends an event: one batch has its end, and all that is to be told of it.
    pub(super) fn finish(
        &mut self,
        row: RowId,
        end: End,
        payload: Option<Bytes>,
        spare: Option<Spare>,
        stamp: Stamp,
    ) {
        let event = &self.events[&row];
        let (facts, header) = (event.header.facts.clone(), event.header.clone());
        let ran = end.response.as_ref().map(|response| response.version);
        let settings = self.settings.settings(&facts.function, facts.qualifier.as_ref(), ran);
        let places = Self::places(end.condition, &settings);
        let mut ending = Ending {
            condition: end.condition,
            at: stamp,
            tries: end.tries,
            version: end.response.as_ref().map(|response| response.version),
            failure: failure(&end),
            places: Vec::new(),
            undelivered: Vec::new(),
        };
        let mut children = Vec::new();
        let telling = Telling { end: &end, facts: &facts, failure: &ending.failure, payload, stamp };
        for (index, (purpose, target)) in places.into_iter().enumerate() {
            if self.goes_round(end.condition, &facts, &target) {
                let (target, reason) = (self.arn_of(&target), "it is part of the loop of invocations");
                ending.undelivered.push(Undelivered { target, reason: reason.into() });
                continue;
            }
            let spare = spare.as_ref().map(|spare| (spare.rows[index], spare));
            match self.tell(&telling, row, purpose, &target, spare) {
                Ok(child) => {
                    if let Child::Event { .. } = child {
                        ending.places.push(self.arn_of(&target));
                    }
                    children.push(child);
                }
                Err(reason) => {
                    self.observe(&facts.function, purpose.failure());
                    let target = self.arn_of(&target);
                    ending.undelivered.push(Undelivered { target, reason: reason.into() });
                }
            }
        }
        self.count_end(&facts.function, end.condition);
        let is_delivered = !children.iter().any(|child| matches!(child, Child::Delivery { .. }));
        let body = match end.response {
            Some(response) if end.condition == Condition::Success => BodyChange::Put(response.payload),
            _ if is_delivered && !ending.is_dead_letter() => BodyChange::Remove,
            _ => BodyChange::Keep,
        };
        let progress = match is_delivered {
            true => self.kept(ending, stamp),
            false => Some(Progress::Delivering { ending }),
        };
        let next = progress.map(|progress| Box::new(header.with(progress, stamp)));
        let step = Step { next, body, children, ..Step::to(row, header) };
        self.settle(step, stamp);
    }

    /// Whether a function that is to be told of the end of a loop would be refused itself, for the same loop: it would tell the next,
    /// and so on without end.
    fn goes_round(&self, condition: Condition, facts: &Facts, target: &Target) -> bool {
        match target {
            Target::Function { key, .. } if condition == Condition::RecursiveInvocation => {
                let so_far = trace(facts, RecursiveLoop::Allow).ok();
                let root = || recursion::root(facts.accepted.wall, &facts.request_id);
                recursion::hop(so_far.as_deref(), key, RecursiveLoop::Terminate, root).is_err()
            }
            _ => false,
        }
    }

    /// How an ended event is kept, of which nothing more is to be told; not at all, if it need not be.
    pub(super) fn kept(&self, ending: Ending, stamp: Stamp) -> Option<Progress> {
        let kept_ms = match ending.is_dead_letter() {
            // Until somebody decides what is to become of it.
            true => u64::MAX,
            false => self.options.results_kept_ms,
        };
        (kept_ms > 0).then(|| Progress::Finished { ending, until: stamp.at.saturating_add(kept_ms) })
    }

    /// What is to become durable for a place to be told.
    fn tell(
        &self,
        telling: &Telling<'_>,
        event: RowId,
        purpose: Purpose,
        target: &Target,
        spare: Option<(RowId, &Spare)>,
    ) -> Result<Child, String> {
        let (Some(payload), Some((row, spare))) = (&telling.payload, spare) else {
            return Err("the event's payload cannot be read".to_owned());
        };
        let body = match purpose {
            Purpose::DeadLetter => record::dead_letter(payload),
            Purpose::OnSuccess | Purpose::OnFailure => {
                let record = self.record_of(telling, payload);
                // One that is too large for a function is not made at all.
                if let Target::Function { .. } = target {
                    self.check_size(record.bytes_min())?;
                }
                record::record(&record)
            }
        };
        let trace = trace(telling.facts, RecursiveLoop::Allow).ok();
        match target {
            Target::Queue(queue) => {
                let header = DeliveryHeader {
                    event,
                    purpose,
                    target: queue.to_string().into(),
                    since: telling.stamp,
                    request_id: telling.facts.request_id.clone(),
                    failure: telling.failure.clone().filter(|_| purpose == Purpose::DeadLetter),
                    trace,
                };
                Ok(Child::Delivery { row, header: Box::new(header), body })
            }
            Target::Function { key, qualifier } => {
                let bytes = body.len();
                self.check_size(bytes)?;
                let facts = Facts {
                    request_id: spare.request_id.clone(),
                    function: key.clone(),
                    qualifier: qualifier.clone(),
                    accepted: telling.stamp,
                    trace,
                    payload_bytes: bytes as u64,
                    redrives: 0,
                };
                Ok(Child::Event { row, header: Box::new(EventHeader::queued(facts, telling.stamp)), body })
            }
        }
    }

    /// Whether a function may get a record of so many bytes.
    fn check_size(&self, bytes: usize) -> Result<(), String> {
        let limit = self.options.payload_bytes_max;
        if bytes > limit {
            return Err(format!("the record has at least {bytes} bytes; an event may have {limit}"));
        }
        Ok(())
    }

    fn record_of<'a>(&self, telling: &'a Telling<'_>, payload: &'a Bytes) -> RecordOf<'a> {
        let facts = telling.facts;
        RecordOf {
            wall_ms: telling.stamp.wall,
            request_id: &facts.request_id,
            function_arn: self.function_arn(&facts.function, facts.qualifier.as_ref()),
            condition: telling.end.condition,
            attempts: telling.end.tries.runs(),
            payload,
            response: telling.end.response.as_ref(),
        }
    }

    fn function_arn(&self, function: &FunctionKey, qualifier: Option<&Qualifier>) -> String {
        let latest = Qualifier::Version(VersionNumber::Latest);
        FunctionArn::new(self.options.account.as_str(), function.region(), function.name())
            .qualified(qualifier.unwrap_or(&latest))
    }

    fn arn_of(&self, target: &Target) -> Arc<str> {
        match target {
            Target::Queue(queue) => queue.to_string().into(),
            Target::Function { key, qualifier } => self.function_arn(key, qualifier.as_ref()).into(),
        }
    }

    fn count_end(&mut self, function: &FunctionKey, condition: Condition) {
        if condition == Condition::RecursiveInvocation {
            self.observe(function, Observation::RecursiveInvocationDropped);
        }
        if condition != Condition::Success {
            self.observe(function, Observation::Dropped);
        }
    }

    #[cfg(not(test))]
    fn settle(&mut self, step: Step, _stamp: Stamp) {
        self.step(step);
    }

    #[cfg(not(test))]
    fn renamed(&self, header: EventHeader) -> EventHeader {
        header
    }
}

/// What there is to tell of an event's end.
struct Telling<'a> {
    end: &'a End,
    facts: &'a Facts,
    failure: &'a Option<Failure>,
    payload: Option<Bytes>,
    stamp: Stamp,
}

/// What went wrong in the end: what went wrong last, or the reason there was no run.
fn failure(end: &End) -> Option<Failure> {
    let failure = |code: u16, message: &str| Some(Failure { code, message: message.into() });
    match end.condition {
        Condition::Success => None,
        Condition::HostCrash => failure(500, "the host crashed whenever the function ran on this event"),
        Condition::RecursiveInvocation => {
            failure(400, "the function was found in a loop of invocations, which was ended")
        }
        Condition::EventAgeExceeded if end.failure.is_none() => {
            failure(500, "the event was too old before it could be run")
        }
        _ => end.failure.clone(),
    }
}

/// Mistakes on purpose.
#[cfg(test)]
impl Core {
    fn settle(&mut self, mut step: Step, stamp: Stamp) {
        use super::write::{What, WhenRefused};

        let Some(Progress::Delivering { ending }) = step.next.as_ref().map(|next| next.progress.clone())
        else {
            return self.step(step);
        };
        if self.bug != Some(super::Bug::SettleBeforeDelivery) {
            return self.step(step);
        }
        let (late, now): (Vec<_>, Vec<_>) = std::mem::take(&mut step.children)
            .into_iter()
            .partition(|child| matches!(child, Child::Delivery { .. }));
        let mut ending = ending;
        for child in &late {
            if let Child::Delivery { header, .. } = child {
                ending.places.push(header.target.clone());
            }
        }
        let header = step.next.take().expect("it was just read");
        step.next = self.kept(ending, stamp).map(|progress| Box::new(header.with(progress, stamp)));
        step.children = now;
        let row = step.row;
        self.step(step);
        let inserts = late.iter().map(Child::insert).collect();
        self.write(What::Late { row, children: late }, inserts, WhenRefused::Insist);
    }

    pub(super) fn settle_again(&mut self, row: RowId) {
        let Some(event) = self.events.get(&row) else { return };
        let is_settled = matches!(event.header.progress, Progress::Finished { .. });
        // Once more is enough of a mistake.
        if self.bug == Some(super::Bug::DoubleSettle) && is_settled && event.fence < 4 {
            let header = event.header.clone();
            self.step(Step::to(row, header));
        }
    }

    fn renamed(&self, mut header: EventHeader) -> EventHeader {
        if self.bug == Some(super::Bug::NewRequestId) {
            header.facts.request_id = format!("{}-again", header.facts.request_id).into();
        }
        header
    }
}
