//! Schedules over a journal in memory and the queue of events, on clocks that stand still unless everybody waits.

mod changes;
mod firing;
mod year;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::schedule::Expression;
use super::wall::{TestWall, Wall};
use super::*;
use crate::events::{
    EventSettings, Events, EventsParts, Meter, Observation, Options, Recovery, Run, RunOutcome, RunRequest,
    Settings,
};
use crate::function::{FunctionKey, Qualifier, QueueArn, VersionNumber};
use crate::metrics::FlushFigures;
use crate::sqs::{MessageId, OutgoingMessage, Sender, Sending};
use crate::store::journal::conformance::loaded;
use crate::store::journal::{Change, Kind};
use crate::store::{Pending, open_journal};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
/// An input by which a firing is known.
const INPUT: &str = r#"{"arn": "<aws.scheduler.schedule-arn>", "time": "<aws.scheduler.scheduled-time>", "attempt": <aws.scheduler.attempt-number>}"#;

/// A journal that can be full, that can die with a write, and that notes the events of firings that were written.
#[derive(Debug)]
struct TestJournal {
    kept: Arc<dyn Journal>,
    is_full: AtomicBool,
    dying: Mutex<Option<Death>>,
    fired: Mutex<Vec<Value>>,
}

/// How a journal dies with the next write that is an event's.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Death {
    BeforeWrite,
    AfterWrite,
    Over,
}

impl TestJournal {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: open_journal(None).expect("memory opens"),
            is_full: AtomicBool::new(false),
            dying: Mutex::default(),
            fired: Mutex::default(),
        })
    }

    fn dying(&self) -> MutexGuard<'_, Option<Death>> {
        self.dying.lock().expect("no test panics with it")
    }

    fn fired(&self) -> MutexGuard<'_, Vec<Value>> {
        self.fired.lock().expect("no test panics with it")
    }

    /// How many schedules are written down.
    fn schedules(&self) -> usize {
        loaded(&*self.kept).expect("it is in memory").iter().filter(|row| row.kind == SCHEDULE).count()
    }
}

impl Journal for TestJournal {
    fn load(&self, take: &(dyn Fn(Vec<Row>) + Sync)) -> Result<(), StoreError> {
        self.kept.load(take)
    }

    fn allocate(&self) -> RowId {
        self.kept.allocate()
    }

    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        let fired: Vec<Value> = changes.iter().filter_map(fired).collect();
        let gone = || StoreError::Failed { file: "queue.db".to_owned(), reason: "it died".to_owned() };
        Box::pin(async move {
            let death = self.dying().filter(|death| *death == Death::Over || !fired.is_empty());
            if death.is_some() {
                *self.dying() = Some(Death::Over);
            }
            if matches!(death, Some(Death::BeforeWrite | Death::Over)) {
                return Err(gone());
            }
            if self.is_full.load(Ordering::SeqCst) {
                return Err(StoreError::Full);
            }
            self.kept.write(changes).await?;
            self.fired().extend(fired);
            if death.is_some() { Err(gone()) } else { Ok(()) }
        })
    }

    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>> {
        self.kept.body(id)
    }

    fn flushes(&self) -> FlushFigures {
        self.kept.flushes()
    }

    fn failed(&self) -> &CancellationToken {
        self.kept.failed()
    }
}

/// The event of a firing, if a change brings one.
fn fired(change: &Change) -> Option<Value> {
    match change {
        Change::Insert { kind, body: Some(body), .. } if *kind == Kind(1) => {
            serde_json::from_slice(body).ok()
        }
        _ => None,
    }
}

/// Functions, queues and settings that are of no matter here.
#[derive(Debug)]
struct Anything;

impl Run for Anything {
    fn run(&self, _: RunRequest) -> std::pin::Pin<Box<dyn Future<Output = RunOutcome> + Send + '_>> {
        let answer = RunOutcome::answered(VersionNumber::Latest, Bytes::from_static(b"1"));
        Box::pin(std::future::ready(answer))
    }
}

impl Sender for Anything {
    fn send<'a>(&'a self, _: &'a QueueArn, _: &'a OutgoingMessage) -> Sending<'a> {
        Box::pin(std::future::ready(Ok(MessageId("id".into()))))
    }
}

impl Settings for Anything {
    fn settings(&self, _: &FunctionKey, _: Option<&Qualifier>, _: Option<VersionNumber>) -> EventSettings {
        EventSettings::default()
    }
}

impl Meter for Anything {
    fn observe(&self, _: &FunctionKey, _: Observation) {}
}

/// What outlives a process.
struct Scene {
    journal: Arc<TestJournal>,
    wall: Arc<TestWall>,
}

/// One process.
struct Life {
    schedules: Schedules,
    events: Events,
    keeper: JoinHandle<()>,
}

impl Scene {
    fn at(time: &str) -> Self {
        Self { journal: TestJournal::new(), wall: TestWall::new(time.parse().expect("a time")) }
    }

    fn start(&self) -> Life {
        *self.journal.dying() = None;
        let account = AccountId::parse("000000000000").expect("an account");
        let wall = Wall::Test(self.wall.clone());
        let schedules = Schedules::on_clock(self.journal.clone(), account.clone(), 1 << 20, wall);
        let mut recovery = Recovery::default();
        for row in loaded(&*self.journal).expect("it can be read") {
            recovery.take(&row).expect("it is as it was written");
            schedules.take_up(&row).expect("it is as it was written");
        }
        let parts = EventsParts {
            // Nothing is remembered, so that a year leaves nothing behind.
            options: Options { results_kept_ms: 0, ..Options::new(account) },
            journal: self.journal.clone(),
            run: Arc::new(Anything),
            settings: Arc::new(Anything),
            sender: Arc::new(Anything),
            meter: Arc::new(Anything),
        };
        let events = Events::start(parts, recovery);
        let keeper = tokio::spawn({
            let (schedules, events) = (schedules.clone(), events.clone());
            async move { schedules.go_on(events).await }
        });
        Life { schedules, events, keeper }
    }

    /// The times of the firings of a schedule, in the order in which they were written.
    fn times(&self, name: &str) -> Vec<String> {
        let end = format!("schedule/default/{name}");
        let fired = self.journal.fired();
        let of = |event: &&Value| event["arn"].as_str().is_some_and(|arn| arn.ends_with(&end));
        fired.iter().filter(of).map(|event| event["time"].as_str().expect("a time").to_owned()).collect()
    }
}

impl Life {
    async fn create(&self, name: &str, settings: ScheduleSettings) -> Result<(), ScheduleError> {
        self.schedules.create(key(name), settings, None).await
    }

    /// Ends as a crash would.
    fn kill(self) {
        self.keeper.abort();
        self.schedules.abandon();
        self.events.abandon();
    }
}

fn key(name: &str) -> ScheduleKey {
    let region = Region::parse("us-east-1").expect("a region");
    ScheduleKey { region, name: ScheduleName::parse(name).expect("a name") }
}

fn settings(expression: &str) -> ScheduleSettings {
    let expression = Expression::parse(expression).expect("an expression");
    let function = TargetFunction::parse(FUNCTION).expect("an ARN");
    let mut settings = ScheduleSettings::new(expression, function, "arn:aws:iam::000000000000:role/any");
    settings.target.input = Some(INPUT.to_owned());
    settings
}

/// Lets everything happen that happens within that time.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

const MINUTE: Duration = Duration::from_secs(60);
