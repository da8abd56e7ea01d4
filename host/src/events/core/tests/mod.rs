//! Scenarios that the simulator's dice would not show as plainly.

mod bounds;
mod endings;

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::super::settings::Target;
use super::super::status::{DeadFilter, Status};
use super::*;
use crate::events::outcome::RunOutcome;
use crate::events::record;
use crate::function::{AccountId, Qualifier, VersionNumber};
use crate::sqs::{AttributeValue, QueueArn};
use crate::store::StoreError;
use crate::store::journal::{BodyChange, Change, Row};

/// Settings that a test changes.
#[derive(Debug, Default)]
struct Fixed(Mutex<EventSettings>);

impl Settings for Fixed {
    fn settings(
        &self,
        _function: &FunctionKey,
        _qualifier: Option<&Qualifier>,
        _ran: Option<VersionNumber>,
    ) -> EventSettings {
        self.0.lock().expect("no test panics with it").clone()
    }
}

/// A core whose writes are durable at once, with what is durable.
struct Scene {
    core: Core,
    now: Now,
    rows: HashMap<RowId, (Row, Option<Bytes>)>,
    effects: Vec<Effect>,
    ids: u64,
    settings: Arc<Fixed>,
}

impl Scene {
    fn new(settings: EventSettings) -> Self {
        let settings = Arc::new(Fixed(Mutex::new(settings)));
        let now = Now { mono_ms: 0, wall_ms: 1_795_280_400_000 };
        let (core, _) = Core::start(options(), settings.clone(), Recovery::default(), now);
        Self { core, now, rows: HashMap::new(), effects: Vec::new(), ids: 0, settings }
    }

    fn tell(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.core.handle(self.now, input) {
                match effect {
                    Effect::Write { ticket, changes, .. } => {
                        changes.into_iter().for_each(|change| self.apply(change));
                        inputs.push(Input::Written { ticket, result: Ok(()) });
                    }
                    other => self.effects.push(other),
                }
            }
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Insert { id, kind, header, body } => {
                self.rows.insert(id, (Row { id, kind, fence: 0, header, body_bytes: None }, body));
            }
            Change::Update { id, fence, header, body } => {
                let (row, kept) = self.rows.get_mut(&id).expect("it is there");
                assert_eq!(row.fence, fence);
                (row.fence, row.header) = (fence + 1, header);
                match body {
                    BodyChange::Keep => {}
                    BodyChange::Put(body) => *kept = Some(body),
                    BodyChange::Remove => *kept = None,
                }
            }
            Change::Delete { id, .. } => drop(self.rows.remove(&id).expect("it is there")),
        }
    }

    fn accept(&mut self, request_id: &str) {
        self.accept_of("f", request_id);
    }

    fn accept_of(&mut self, function: &str, request_id: &str) {
        let event = NewEvent {
            request_id: request_id.into(),
            function: FunctionKey::parse(&format!("us-east-1:{function}")).expect("a key"),
            qualifier: None,
            payload: Bytes::from_static(b"{\"a\": 1}"),
            trace: Some("Root=1-a-b".to_owned()),
        };
        let (ask, row) = (Ask(self.id()), RowId(self.id()));
        self.tell(Input::Accept { ask, row, event, beside: Vec::new() });
    }

    fn wait(&mut self, ms: u64) {
        self.now.mono_ms += ms;
        self.now.wall_ms += ms;
        self.tell(Input::Tick);
    }

    /// The run that began, if one did.
    fn run(&mut self) -> Option<RunEffect> {
        let runs = self.effects.iter().position(|effect| matches!(effect, Effect::Run(_)))?;
        match self.effects.remove(runs) {
            Effect::Run(run) => Some(run),
            _ => None,
        }
    }

    fn end(&mut self, run: &RunEffect, outcome: RunOutcome) {
        let is_readable = !matches!(outcome, RunOutcome::Unreadable { .. });
        let payload = is_readable.then(|| self.rows[&run.claim.row].1.clone().unwrap_or_default());
        let spare = self.spare();
        self.tell(Input::Ended { claim: run.claim, outcome, payload, spare });
    }

    fn spare(&mut self) -> Spare {
        let rows = [RowId(self.id()), RowId(self.id())];
        Spare { rows, request_id: format!("spare-{}", self.id()).into() }
    }

    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn status(&self, request_id: &str) -> Option<Status> {
        self.core.show(request_id, self.now).map(|event| event.status)
    }

    /// The process ends and another one begins.
    fn restart(&mut self) {
        for effect in self.start_again() {
            match effect {
                Effect::Write { ticket, changes, .. } => {
                    changes.into_iter().for_each(|change| self.apply(change));
                    self.tell(Input::Written { ticket, result: Ok(()) });
                }
                other => self.effects.push(other),
            }
        }
    }

    /// The same; what it asks for is not done.
    fn start_again(&mut self) -> Vec<Effect> {
        let mut recovery = Recovery::default();
        for (row, _) in self.rows.values() {
            recovery.take(row).expect("it reads");
        }
        self.effects.clear();
        let (core, effects) = Core::start(options(), self.settings.clone(), recovery, self.now);
        self.core = core;
        effects
    }
}

fn options() -> Options {
    Options::new(AccountId::parse("000000000000").expect("an account"))
}

fn error() -> RunOutcome {
    let payload = Bytes::from_static(b"{\"errorType\":\"E\",\"errorMessage\":\"no\"}");
    RunOutcome::function_error(VersionNumber::Latest, payload, "E")
}

fn answer() -> RunOutcome {
    RunOutcome::answered(VersionNumber::Published(7), Bytes::from_static(b"42"))
}

fn queue(name: &str) -> QueueArn {
    QueueArn::parse(&format!("arn:aws:sqs:us-east-1:000000000000:{name}")).expect("an ARN")
}
