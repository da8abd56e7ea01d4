//! What surrounds the core: a journal, functions, queues, clocks, and everything that can go wrong with them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use crate::function::{AccountId, FunctionKey};
use crate::sqs::QueueArn;
use crate::store::journal::{Change, RowId};

use super::super::super::delivery::DeliveryHeader;
use super::super::super::event::NewEvent;
use super::super::effect::Ticket;
use super::super::{Ask, Bug, Claim, Core, Effect, Input, Now, Options, RunEffect, Spare};
use super::Violation;
use super::check::{Check, Moment, is_running, parse};
use super::functions::{FUNCTIONS, Mood, Tempers, key, queues};
use super::rows::Rows;
use super::tally::Tally;

pub(super) const LEASE_MS: u64 = 20_000;
/// How many events are on their way at most.
const EVENTS_MAX: usize = 60;
/// How long the longest wait is while something is to be done.
const BUSY_WAIT_MS_MAX: u64 = 500;
/// How often a lane may be passed over by another.
const PASSED_OVER_MAX: u32 = 3;

pub(super) struct World {
    pub(super) rng: fastrand::Rng,
    pub(super) bug: Option<Bug>,
    pub(super) core: Core,
    pub(super) now: Now,
    pub(super) rows: Rows,
    pub(super) pending: Vec<Pending>,
    pub(super) check: Check,
    pub(super) moods: BTreeMap<QueueArn, Mood>,
    /// Nothing goes wrong any more.
    pub(super) is_calm: bool,
    pub(super) is_draining: bool,
    pub(super) ids: u64,
    /// Payloads of events, by their request id.
    pub(super) payloads: HashMap<String, Bytes>,
    pub(super) asks: HashMap<Ask, Asked>,
    /// Functions whose turn it could be.
    pub(super) eligible: Vec<FunctionKey>,
    pub(super) passed_over: HashMap<(FunctionKey, FunctionKey), u32>,
}

pub(super) enum Asked {
    Accept(RowId),
    Redrive,
    Purge,
}

/// Something the core asked for that is not done.
#[derive(Debug)]
pub(super) enum Pending {
    Write { ticket: Ticket, changes: Vec<Change> },
    Run { run: RunEffect, until_ms: u64 },
    Fetch(Claim),
    Send { delivery: RowId, target: QueueArn, header: Box<DeliveryHeader>, until_ms: u64 },
}

impl Pending {
    /// Whether it does not hang.
    fn is_ready(&self, now_ms: u64) -> bool {
        match self {
            Self::Run { until_ms, .. } | Self::Send { until_ms, .. } => *until_ms <= now_ms,
            Self::Write { .. } | Self::Fetch(_) => true,
        }
    }
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
            eligible: Vec::new(),
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
            990..994 => self.crash(),
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

    pub(super) fn accept(&mut self) -> Result<(), Violation> {
        let depth = self.core.depth();
        if depth.queued + depth.running + depth.delivering > EVENTS_MAX {
            return self.complete_any();
        }
        let name = match self.rng.u8(..120) {
            0..2 => "killer",
            2 => "ring-a",
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
        self.tell(Input::Accept { ask, row, event, beside: Vec::new() })
    }

    pub(super) fn wait_for_core(&mut self) -> Result<(), Violation> {
        let now_ms = self.now.mono_ms;
        let wait_ms = self.core.wake_ms().map_or(1_000, |wake_ms| wake_ms.saturating_sub(now_ms));
        // Hours go by while nothing is to be done, not while something is.
        let is_busy = self.pending.iter().any(|pending| pending.is_ready(now_ms));
        self.wait(if is_busy { wait_ms.min(BUSY_WAIT_MS_MAX) } else { wait_ms })
    }

    pub(super) fn wait(&mut self, ms: u64) -> Result<(), Violation> {
        self.now.mono_ms += ms;
        self.now.wall_ms += ms;
        self.tell(Input::Tick)
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

    pub(super) fn tell(&mut self, input: Input) -> Result<(), Violation> {
        let effects = self.core.handle(self.now, input);
        self.check_turns(&effects)?;
        self.take(effects)
    }

    /// No function is passed over again and again by another.
    fn check_turns(&mut self, effects: &[Effect]) -> Result<(), Violation> {
        let mut claimed = Vec::new();
        for effect in effects {
            if let Effect::Write { changes, .. } = effect
                && let Change::Update { header, .. } = &changes[0]
                && is_running(header)
            {
                claimed.push(parse(header)?.facts.function);
            }
        }
        let after = self.core.lanes.eligible();
        let before = std::mem::replace(&mut self.eligible, after);
        let waits =
            |key: &FunctionKey| before.contains(key) && self.eligible.contains(key) && !claimed.contains(key);
        self.passed_over.retain(|(key, _), _| waits(key));
        for (key, other) in before
            .iter()
            .filter(|key| waits(key))
            .flat_map(|key| claimed.iter().map(move |other| (key.clone(), other.clone())))
        {
            let count = self.passed_over.entry((key, other)).or_default();
            *count += 1;
            if *count > PASSED_OVER_MAX {
                return Err(format!("a function was passed over {count} times by another"));
            }
        }
        Ok(())
    }

    pub(super) fn take(&mut self, effects: Vec<Effect>) -> Result<(), Violation> {
        for effect in effects {
            match effect {
                Effect::Write { ticket, changes, .. } => {
                    self.pending.push(Pending::Write { ticket, changes })
                }
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
    pub(super) fn is_valid(&self, claim: Claim) -> bool {
        let durable = self.rows.get(claim.row);
        durable.is_some_and(|row| row.fence == claim.fence && is_running(&row.header))
            && self.core.events.get(&claim.row).is_some_and(|event| event.busy.is_none())
    }

    /// How many writes of a row are on their way.
    pub(super) fn writes_of(&self, row: RowId) -> usize {
        let is_of = |pending: &&Pending| match pending {
            Pending::Write { changes, .. } => {
                matches!(changes[0], Change::Update { id, .. } | Change::Delete { id, .. } if id == row)
            }
            _ => false,
        };
        self.pending.iter().filter(is_of).count()
    }

    pub(super) fn is_claim(&self, change: &Change) -> bool {
        matches!(change, Change::Update { header, .. } if is_running(header))
    }

    pub(super) fn payload_of(&self, run: &RunEffect) -> Bytes {
        self.body(run.claim.row)
    }

    pub(super) fn body(&self, row: RowId) -> Bytes {
        self.rows.get(row).and_then(|row| row.body.clone()).unwrap_or_default()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { mono_ms: self.now.mono_ms, lease_ms: LEASE_MS, is_draining: self.is_draining }
    }

    pub(super) fn spare(&mut self) -> Spare {
        let rows = [RowId(self.id()), RowId(self.id())];
        Spare { rows, request_id: format!("request-{}", self.id()).into() }
    }

    pub(super) fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

pub(super) fn start(rng: &mut fastrand::Rng, rows: &Rows, now: Now, bug: Option<Bug>) -> (Core, Vec<Effect>) {
    let account = AccountId::parse("000000000000").expect("an account");
    let options = Options {
        running_max: 12,
        running_per_function_max: 4,
        sending_per_target_max: 2,
        payload_bytes_max: 20_000,
        results_kept_ms: if rng.u8(..4) == 0 { 0 } else { 600_000 },
        lease_ms: LEASE_MS,
        queue_missing_ms: 600_000,
        ..Options::new(account)
    };
    let (mut core, effects) = Core::start(options, Arc::new(Tempers), rows.read(), now);
    core.bug = bug;
    (core, effects)
}
