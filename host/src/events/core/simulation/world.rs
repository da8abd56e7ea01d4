//! What surrounds the core: a journal, functions, queues, clocks, and everything that can go wrong with them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use crate::function::{AccountId, FunctionKey};
use crate::sqs::QueueArn;
use crate::store::StoreError;
use crate::store::journal::{Change, RowId};

use super::super::super::delivery::DeliveryHeader;
use super::super::super::event::{NewEvent, Progress};
use super::super::super::record;
use super::super::effect::Ticket;
use super::super::{Ask, Bug, Claim, Core, Effect, Input, Now, Options, RunEffect, Spare};
use super::Violation;
use super::check::{Check, Moment, parse};
use super::functions::{Deed, FUNCTIONS, Mood, Tempers, deed, key, queues};
use super::rows::Rows;
use super::tally::Tally;

const LEASE_MS: u64 = 600_000;
/// How many events are on their way at most.
const EVENTS_MAX: usize = 60;
/// How often a lane may be passed over by another.
const PASSED_OVER_MAX: u32 = 3;

pub(super) struct World {
    rng: fastrand::Rng,
    bug: Option<Bug>,
    core: Core,
    now: Now,
    rows: Rows,
    pending: Vec<Pending>,
    check: Check,
    moods: BTreeMap<QueueArn, Mood>,
    /// Nothing goes wrong any more.
    is_calm: bool,
    is_draining: bool,
    ids: u64,
    /// Payloads of events, by their request id.
    payloads: HashMap<String, Bytes>,
    asks: HashMap<Ask, Asked>,
    passed_over: HashMap<(FunctionKey, FunctionKey), u32>,
}

enum Asked {
    Accept(RowId),
    Redrive,
    Purge,
}

/// Something the core asked for that is not done.
#[derive(Debug)]
enum Pending {
    Write { ticket: Ticket, changes: Vec<Change> },
    Run { run: RunEffect, until_ms: u64 },
    Fetch(Claim),
    Send { delivery: RowId, target: QueueArn, header: Box<DeliveryHeader>, until_ms: u64 },
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = Now { mono_ms: rng.u64(0..1_000), wall_ms: 1_795_280_400_000 };
        let rows = Rows::default();
        let core = start(&mut rng, &rows, now, bug).0;
        Self {
            core,
            now,
            rows,
            bug,
            pending: Vec::new(),
            check: Check::default(),
            moods: queues().into_iter().map(|queue| (queue, Mood::Takes)).collect(),
            is_calm: false,
            is_draining: false,
            ids: 0,
            payloads: HashMap::new(),
            asks: HashMap::new(),
            passed_over: HashMap::new(),
            rng,
        }
    }

    /// Lets something happen.
    pub(super) fn step(&mut self) -> Result<(), Violation> {
        match self.rng.u16(..1_000) {
            ..200 => self.accept(),
            200..800 => self.complete_any(),
            800..930 => self.wait_for_core(),
            930..960 => {
                let ms = self.rng.u64(..3_000);
                self.wait(ms)
            }
            960..968 => self.set_clock(),
            968..976 => self.change_mood(),
            976..990 => self.work_with_dead(),
            990..997 => self.crash(),
            _ => self.drain(),
        }
    }

    /// Lets everything calm down, and looks whether each event has its fate.
    pub(super) fn finish(mut self) -> Result<Tally, Violation> {
        self.is_calm = true;
        self.moods.values_mut().for_each(|mood| *mood = Mood::Takes);
        for _ in 0..100_000 {
            if !self.pending.is_empty() {
                self.complete_any()?;
            } else if self.check.all_have_fates().is_ok() || self.core.wake_ms().is_none() {
                break;
            } else {
                self.wait_for_core()?;
            }
        }
        self.check.all_have_fates()?;
        let depth = self.core.depth();
        if depth.queued + depth.running + depth.delivering + depth.deliveries > 0 {
            return Err(format!("the depth is {depth:?} although all is done"));
        }
        Ok(self.check.tally)
    }

    fn accept(&mut self) -> Result<(), Violation> {
        let depth = self.core.depth();
        if depth.queued + depth.running + depth.delivering > EVENTS_MAX {
            return self.complete_any();
        }
        let name = match self.rng.u8(..30) {
            0 => "killer",
            1 => "ring-a",
            _ => FUNCTIONS[self.rng.usize(..7)],
        };
        let (ask, row) = (Ask(self.id()), RowId(self.id()));
        let request_id = format!("request-{}", self.id());
        let payload = Bytes::from(format!("{{\"id\":\"{request_id}\"}}"));
        self.payloads.insert(request_id.clone(), payload.clone());
        let event = NewEvent {
            request_id: request_id.into(),
            function: key(name),
            qualifier: None,
            payload,
            trace: None,
        };
        self.asks.insert(ask, Asked::Accept(row));
        self.tell(Input::Accept { ask, row, event })
    }

    fn complete_any(&mut self) -> Result<(), Violation> {
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

    fn complete(&mut self, pending: Pending) -> Result<(), Violation> {
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

    fn complete_write(&mut self, ticket: Ticket, changes: &[Change]) -> Result<(), Violation> {
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

    fn apply(&mut self, changes: &[Change]) -> Result<Result<(), StoreError>, Violation> {
        if let Err(conflict) = self.rows.check(changes) {
            return Err(format!("{conflict}: {changes:?}"));
        }
        let moment = self.moment();
        self.check.batch(&self.rows, changes, &moment)?;
        changes.iter().for_each(|change| self.rows.apply(change));
        Ok(Ok(()))
    }

    fn complete_run(&mut self, run: RunEffect, has_hung: bool) -> Result<(), Violation> {
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
        let payload = self.payload_of(&run);
        let (spare, writes) = (self.spare(), self.writes_of(claim.row));
        self.tell(Input::Ended { claim, outcome, payload, spare })?;
        if !is_valid && self.writes_of(claim.row) != writes {
            return Err(format!("the void claim {claim:?} was taken for valid"));
        }
        Ok(())
    }

    fn complete_send(
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

    fn receive(
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

    fn wait_for_core(&mut self) -> Result<(), Violation> {
        let wake_ms = self.core.wake_ms().unwrap_or(self.now.mono_ms + 1_000);
        self.wait(wake_ms.saturating_sub(self.now.mono_ms))
    }

    fn wait(&mut self, ms: u64) -> Result<(), Violation> {
        self.now.mono_ms += ms;
        self.now.wall_ms += ms;
        self.tell(Input::Tick)
    }

    fn set_clock(&mut self) -> Result<(), Violation> {
        self.check.tally.count("clock set");
        let jump_ms = if self.rng.bool() { 3_600_000 } else { 86_400_000 };
        let wall_ms = self.now.wall_ms;
        self.now.wall_ms = if self.rng.bool() { wall_ms + jump_ms } else { wall_ms - jump_ms };
        self.tell(Input::Tick)
    }

    fn change_mood(&mut self) -> Result<(), Violation> {
        let queues = queues();
        let queue = &queues[self.rng.usize(..queues.len())];
        self.moods.insert(queue.clone(), Mood::any(&mut self.rng));
        Ok(())
    }

    fn work_with_dead(&mut self) -> Result<(), Violation> {
        let (page, _) =
            self.core.dead_letters(&super::super::super::status::DeadFilter::default(), None, 20, self.now);
        if page.is_empty() {
            return self.complete_any();
        }
        let request_id = page[self.rng.usize(..page.len())].request_id.clone();
        let ask = Ask(self.id());
        let input = if self.rng.bool() {
            self.asks.insert(ask, Asked::Redrive);
            Input::Redrive { ask, request_id }
        } else {
            self.asks.insert(ask, Asked::Purge);
            Input::Purge { ask, request_id }
        };
        self.tell(input)
    }

    /// The process ends at once. Of what was on its way to the journal and to queues, some came there.
    fn crash(&mut self) -> Result<(), Violation> {
        self.check.tally.count("crash");
        for pending in std::mem::take(&mut self.pending) {
            let came = self.rng.bool();
            match pending {
                Pending::Write { changes, .. } if came => {
                    self.check.tally.count("unknown outcome, written");
                    drop(self.apply(&changes)?);
                }
                Pending::Write { .. } => self.check.tally.count("unknown outcome, not written"),
                Pending::Send { delivery, header, target, .. }
                    if came && self.moods[&target] == Mood::Takes =>
                {
                    self.check.tally.count("unknown outcome, sent");
                    self.receive(delivery, &header, true)?;
                }
                _ => {}
            }
        }
        self.restart()
    }

    /// The process is asked to end, and does when nothing is on its way any more.
    fn drain(&mut self) -> Result<(), Violation> {
        self.check.tally.count("drained");
        self.is_draining = true;
        self.tell(Input::Drain)?;
        for _ in 0..self.rng.usize(..20) {
            if self.core.is_at_rest() || self.pending.is_empty() {
                break;
            }
            self.complete_any()?;
            if !self.is_draining {
                // A function killed the host meanwhile.
                return Ok(());
            }
        }
        self.tell(Input::Release)?;
        for _ in 0..10_000 {
            let write = self.pending.iter().position(|pending| matches!(pending, Pending::Write { .. }));
            let Some(index) = write else { break };
            let Pending::Write { ticket, changes } = self.pending.swap_remove(index) else { break };
            let result = self.apply(&changes)?;
            self.tell(Input::Written { ticket, result })?;
        }
        self.pending.clear();
        self.restart()
    }

    fn restart(&mut self) -> Result<(), Violation> {
        let away_ms = if self.rng.bool() { 50 } else { self.rng.u64(..600_000) };
        self.now.mono_ms += away_ms;
        self.now.wall_ms += away_ms;
        self.asks.clear();
        self.passed_over.clear();
        self.is_draining = false;
        let (core, effects) = start(&mut self.rng, &self.rows, self.now, self.bug);
        self.core = core;
        let (clock, now) = (self.core.clock, self.now);
        let due_ms = |due: u64| now.mono_ms + due.saturating_sub(clock.stamp(now).at);
        self.check.crashed(&self.rows, due_ms)?;
        self.take(effects)
    }

    fn tell(&mut self, input: Input) -> Result<(), Violation> {
        let before = self.core.lanes.eligible();
        let effects = self.core.handle(self.now, input);
        self.check_turns(&before, &effects)?;
        self.take(effects)
    }

    /// No function is passed over again and again by another.
    fn check_turns(&mut self, before: &[FunctionKey], effects: &[Effect]) -> Result<(), Violation> {
        let after = self.core.lanes.eligible();
        let mut claimed = Vec::new();
        for effect in effects {
            if let Effect::Write { changes, .. } = effect
                && self.is_claim(&changes[0])
                && let Change::Update { header, .. } = &changes[0]
            {
                claimed.push(parse(header)?.facts.function);
            }
        }
        self.passed_over.retain(|(waits, _), _| {
            before.contains(waits) && after.contains(waits) && !claimed.contains(waits)
        });
        for waits in before.iter().filter(|key| after.contains(key) && !claimed.contains(key)) {
            for other in &claimed {
                let count = self.passed_over.entry((waits.clone(), other.clone())).or_default();
                *count += 1;
                if *count > PASSED_OVER_MAX {
                    return Err(format!("{waits:?} was passed over {count} times by {other:?}"));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, effects: Vec<Effect>) -> Result<(), Violation> {
        for effect in effects {
            match effect {
                Effect::Write { ticket, changes } => self.pending.push(Pending::Write { ticket, changes }),
                Effect::Run(run) => {
                    let moment = self.moment();
                    self.check.begins(&run, &self.rows, &moment)?;
                    self.pending.push(Pending::Run { run, until_ms: 0 });
                }
                Effect::Fetch(claim) => self.pending.push(Pending::Fetch(claim)),
                Effect::Send { delivery, target, header } => {
                    self.pending.push(Pending::Send { delivery, target, header, until_ms: 0 });
                }
                Effect::Answer { ask, result } => self.answered(ask, result.is_ok())?,
                Effect::Count { .. } => {}
                Effect::Lost(row) => return Err(format!("{row:?} was taken for somebody else's")),
            }
        }
        Ok(())
    }

    fn answered(&mut self, ask: Ask, is_done: bool) -> Result<(), Violation> {
        match (self.asks.remove(&ask), is_done) {
            (Some(Asked::Accept(row)), true) => {
                self.check.tally.count("accepted");
                match self.check.events.get_mut(&row) {
                    Some(known) => known.is_accepted = true,
                    None => return Err(format!("{row:?} was accepted and is not durable")),
                }
            }
            (Some(Asked::Accept(_)), false) => self.check.tally.count("accept refused"),
            (Some(Asked::Redrive), true) => self.check.tally.count("redriven"),
            (Some(Asked::Purge), true) => self.check.tally.count("purged"),
            _ => {}
        }
        Ok(())
    }

    /// Whether the journal would take what a run with that claim says.
    fn is_valid(&self, claim: Claim) -> bool {
        let is_running = |header: &[u8]| {
            parse(header).is_ok_and(|header| matches!(header.progress, Progress::Running { .. }))
        };
        let durable = self.rows.get(claim.row);
        durable.is_some_and(|row| row.fence == claim.fence && is_running(&row.header))
            && self.core.events.get(&claim.row).is_some_and(|event| event.busy.is_none())
    }

    /// How many writes of a row are on their way.
    fn writes_of(&self, row: RowId) -> usize {
        let is_of = |pending: &&Pending| match pending {
            Pending::Write { changes, .. } => {
                matches!(changes[0], Change::Update { id, .. } | Change::Delete { id, .. } if id == row)
            }
            _ => false,
        };
        self.pending.iter().filter(is_of).count()
    }

    fn is_claim(&self, change: &Change) -> bool {
        let Change::Update { header, .. } = change else { return false };
        parse(header).is_ok_and(|header| matches!(header.progress, Progress::Running { .. }))
    }

    fn payload_of(&self, run: &RunEffect) -> Bytes {
        self.body(run.claim.row)
    }

    fn body(&self, row: RowId) -> Bytes {
        self.rows.get(row).and_then(|row| row.body.clone()).unwrap_or_default()
    }

    fn moment(&self) -> Moment {
        Moment { mono_ms: self.now.mono_ms, lease_ms: LEASE_MS, is_draining: self.is_draining }
    }

    fn spare(&mut self) -> Spare {
        let rows = [RowId(self.id()), RowId(self.id())];
        Spare { rows, request_id: format!("request-{}", self.id()).into() }
    }

    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

fn start(rng: &mut fastrand::Rng, rows: &Rows, now: Now, bug: Option<Bug>) -> (Core, Vec<Effect>) {
    let account = AccountId::parse("000000000000").expect("an account");
    let options = Options {
        running_max: 12,
        running_per_function_max: 4,
        sending_per_target_max: 2,
        payload_bytes_max: 2_000,
        results_kept_ms: if rng.u8(..4) == 0 { 0 } else { 600_000 },
        dead_kept_ms: 24 * 3_600_000,
        lease_ms: LEASE_MS,
        queue_missing_ms: 600_000,
        ..Options::new(account)
    };
    let (mut core, effects) = Core::start(options, Arc::new(Tempers), rows.read(), now);
    core.bug = bug;
    (core, effects)
}

fn name_of(outcome: &super::super::super::outcome::RunOutcome) -> &'static str {
    use super::super::super::outcome::RunOutcome;
    match outcome {
        RunOutcome::Answered { .. } => "function answers",
        RunOutcome::FunctionError { .. } => "function error",
        RunOutcome::Throttled { zero_reserved: true, .. } => "function zero reserved",
        RunOutcome::Throttled { .. } => "function throttled",
        RunOutcome::NotFound => "function not found",
        RunOutcome::System { .. } => "host cannot run it",
    }
}
