//! The driver over a journal in memory, with functions and queues of the tests' own. The clock is tokio's and stands still unless
//! everybody waits.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;

use tokio_util::sync::CancellationToken;

use super::super::outcome::{RunOutcome, RunRequest};
use super::super::settings::{EventSettings, Target};
use super::super::status::{DeadFilter, Status};
use super::dead::RedriveFigures;
use super::*;
use crate::events::observation::Observation;
use crate::function::{AccountId, FunctionKey, Qualifier, VersionNumber};
use crate::metrics::FlushFigures;
use crate::sqs::{MessageId, OutgoingMessage, QueueArn, SendError, Sending};
use crate::store::Pending;
use crate::store::journal::conformance::loaded;
use crate::store::journal::{Kind, Row, RowId};
use crate::store::open_journal;

/// A function that does what is written for it, and notes when it ran.
#[derive(Debug, Default)]
struct Function {
    outcomes: Mutex<VecDeque<RunOutcome>>,
    runs: Mutex<Vec<(Instant, RunRequest)>>,
    /// Runs do not end before this is notified, if it is there.
    gate: Option<Notify>,
}

impl Run for Function {
    fn run(&self, request: RunRequest) -> Pin<Box<dyn Future<Output = RunOutcome> + Send + '_>> {
        Box::pin(async move {
            self.runs.lock().expect("a lock").push((Instant::now(), request));
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            let next = self.outcomes.lock().expect("a lock").pop_front();
            match next {
                Some(RunOutcome::System { reason }) if reason == "panic" => panic!("as the test wants it"),
                Some(outcome) => outcome,
                None => answer(),
            }
        })
    }
}

#[derive(Debug, Default)]
struct Queues {
    /// How long each message takes.
    takes: Duration,
    failures: Mutex<VecDeque<SendError>>,
    messages: Mutex<Vec<(Instant, OutgoingMessage)>>,
}

impl Sender for Queues {
    fn send<'a>(&'a self, _queue: &'a QueueArn, message: &'a OutgoingMessage) -> Sending<'a> {
        Box::pin(async move {
            tokio::time::sleep(self.takes).await;
            if let Some(error) = self.failures.lock().expect("a lock").pop_front() {
                return Err(error);
            }
            self.messages.lock().expect("a lock").push((Instant::now(), message.clone()));
            Ok(MessageId("id".into()))
        })
    }
}

#[derive(Debug, Default)]
struct Fixed(EventSettings);

impl Settings for Fixed {
    fn settings(
        &self,
        _function: &FunctionKey,
        _qualifier: Option<&Qualifier>,
        _ran: Option<VersionNumber>,
    ) -> EventSettings {
        self.0.clone()
    }
}

#[derive(Debug, Default)]
struct Counts(Mutex<BTreeMap<String, u32>>);

impl Meter for Counts {
    fn observe(&self, _function: &FunctionKey, observation: Observation) {
        let name = format!("{observation:?}");
        let name = name.split(' ').next().unwrap_or_default().to_owned();
        *self.0.lock().expect("a lock").entry(name).or_default() += 1;
    }
}

/// A journal that refuses, fails or hangs as it is told.
#[derive(Debug)]
struct Moody {
    inner: Arc<dyn Journal>,
    refusals: Mutex<VecDeque<StoreError>>,
}

impl Journal for Moody {
    fn load(&self, take: &(dyn Fn(Vec<Row>) + Sync)) -> Result<(), StoreError> {
        self.inner.load(take)
    }

    fn allocate(&self) -> RowId {
        self.inner.allocate()
    }

    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        match self.refusals.lock().expect("a lock").pop_front() {
            Some(error) => Box::pin(std::future::ready(Err(error))),
            None => self.inner.write(changes),
        }
    }

    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>> {
        self.inner.body(id)
    }

    fn flushes(&self) -> FlushFigures {
        self.inner.flushes()
    }

    fn failed(&self) -> &CancellationToken {
        self.inner.failed()
    }
}

impl Default for Moody {
    fn default() -> Self {
        Self { inner: open_journal(None).expect("memory opens"), refusals: Mutex::default() }
    }
}

#[derive(Debug, Default)]
struct Scene {
    journal: Arc<Moody>,
    function: Arc<Function>,
    queues: Arc<Queues>,
    settings: Arc<Fixed>,
    counts: Arc<Counts>,
}

impl Scene {
    fn with(settings: EventSettings) -> Self {
        Self { settings: Arc::new(Fixed(settings)), ..Self::default() }
    }

    /// With a function that does not end before it is told to.
    fn gated() -> Self {
        let function = Arc::new(Function { gate: Some(Notify::new()), ..Function::default() });
        Self { function, ..Self::default() }
    }

    fn start(&self) -> Events {
        let account = AccountId::parse("000000000000").expect("an account");
        let mut recovery = Recovery::default();
        for row in loaded(&*self.journal).expect("it can be read") {
            recovery.take(&row).expect("it is as it was written");
        }
        let parts = EventsParts {
            options: Options::new(account),
            journal: self.journal.clone(),
            run: self.function.clone(),
            settings: self.settings.clone(),
            sender: self.queues.clone(),
            meter: self.counts.clone(),
        };
        Events::start(parts, recovery)
    }

    fn runs(&self) -> usize {
        self.function.runs.lock().expect("a lock").len()
    }
}

fn answer() -> RunOutcome {
    RunOutcome::answered(VersionNumber::Latest, Bytes::from_static(b"42"))
}

fn error() -> RunOutcome {
    let payload = Bytes::from_static(b"{\"errorType\":\"E\",\"errorMessage\":\"no\"}");
    RunOutcome::function_error(VersionNumber::Latest, payload, "E")
}

fn event(request_id: &str) -> NewEvent {
    NewEvent {
        request_id: request_id.into(),
        function: FunctionKey::parse("us-east-1:f").expect("a key"),
        qualifier: None,
        payload: Bytes::from_static(b"{}"),
        trace: None,
    }
}

fn queue() -> QueueArn {
    QueueArn::parse("arn:aws:sqs:us-east-1:000000000000:dlq").expect("an ARN")
}

/// Lets everything happen that happens within that time.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_run_and_its_result_kept() {
    let scene = Scene::default();
    let events = scene.start();
    assert_eq!(&*events.accept(event("id")).await.expect("it is accepted"), "id");
    pass(Duration::from_millis(10)).await;
    let status = events.show("id").expect("it is known");
    assert!(matches!(status.status, Status::Succeeded { .. }), "{status:?}");
    assert_eq!(events.body(&status).await.expect("it reads").as_deref(), Some(&b"42"[..]));
    assert_eq!(events.depth().finished, 1);
    assert_eq!(scene.counts.0.lock().expect("a lock").get("Received"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_a_minute_and_two_minutes_apart_and_the_dead_letter_arrives_when_its_queue_is_back() {
    let scene = Scene::with(EventSettings { dead_letter: Some(queue()), ..EventSettings::default() });
    scene.function.outcomes.lock().expect("a lock").extend([error(), error(), error()]);
    let gone = || SendError::Unreachable { reason: "it is off".to_owned() };
    scene.queues.failures.lock().expect("a lock").extend([gone(), gone(), gone()]);
    let events = scene.start();
    let began = Instant::now();
    events.accept(event("id")).await.expect("it is accepted");
    pass(Duration::from_secs(300)).await;
    let runs: Vec<u64> = {
        let runs = scene.function.runs.lock().expect("a lock");
        runs.iter().map(|(at, _)| (*at - began).as_secs()).collect()
    };
    assert_eq!(runs, [0, 60, 180]);
    let messages = scene.queues.messages.lock().expect("a lock").clone();
    let [(at, message)] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((*at - began).as_secs(), 187, "after one, two and four seconds");
    assert_eq!((message.body.as_str(), message.attributes.len()), ("{}", 3));
    assert_eq!(scene.counts.0.lock().expect("a lock").get("DeadLetterError"), Some(&3));
    assert!(matches!(events.show("id").expect("it is known").status, Status::Dead { .. }));
}

/// Whoever sends knows how long that may take: an end after 30 seconds of whatever was set made the same message anew.
#[tokio::test(start_paused = true)]
async fn a_message_may_take_as_long_as_its_sender_lets_it() {
    let takes = Duration::from_secs(3_599);
    let settings = EventSettings { on_success: Some(Target::Queue(queue())), ..EventSettings::default() };
    let queues = Arc::new(Queues { takes, ..Queues::default() });
    let scene = Scene { queues, ..Scene::with(settings) };
    let events = scene.start();
    let began = Instant::now();
    events.accept(event("id")).await.expect("it is accepted");
    pass(takes + Duration::from_secs(1)).await;
    let messages = scene.queues.messages.lock().expect("a lock").clone();
    let [(at, _)] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((*at - began).as_secs(), takes.as_secs());
    assert!(matches!(events.show("id").expect("it is known").status, Status::Succeeded { .. }));
    assert_eq!(scene.counts.0.lock().expect("a lock").get("DestinationDeliveryFailure"), None);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_is_tried_again() {
    let scene = Scene::default();
    let panics = RunOutcome::System { reason: "panic".to_owned() };
    scene.function.outcomes.lock().expect("a lock").push_back(panics);
    let events = scene.start();
    events.accept(event("id")).await.expect("it is accepted");
    pass(Duration::from_secs(2)).await;
    assert!(matches!(events.show("id").expect("it is known").status, Status::Succeeded { .. }));
    assert_eq!(scene.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_accepts_nothing_and_loses_no_outcome() {
    let scene = Scene::default();
    let events = scene.start();
    scene.journal.refusals.lock().expect("a lock").push_back(StoreError::Full);
    let refused = events.accept(event("id")).await.expect_err("it is not durable");
    assert_eq!(refused, AcceptError::Refused(Refusal::Store(StoreError::Full)));
    events.accept(event("id")).await.expect("there is room again");
    scene.journal.refusals.lock().expect("a lock").extend([StoreError::Full, StoreError::Busy]);
    pass(Duration::from_secs(5)).await;
    assert!(matches!(events.show("id").expect("it is known").status, Status::Succeeded { .. }));
    assert_eq!(scene.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_failed_ends_the_queue() {
    let scene = Scene::default();
    let events = scene.start();
    let failed = StoreError::Failed { file: "queue.db".to_owned(), reason: "no such disk".to_owned() };
    scene.journal.refusals.lock().expect("a lock").push_back(failed.clone());
    assert_eq!(events.accept(event("id")).await, Err(AcceptError::Ended));
    assert_eq!(events.failed().await, failed);
    assert_eq!(events.accept(event("other")).await, Err(AcceptError::Ended));
    assert_eq!(scene.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_what_runs() {
    let scene = Scene::gated();
    let events = scene.start();
    events.accept(event("id")).await.expect("it is accepted");
    pass(Duration::from_millis(10)).await;
    let draining = tokio::spawn({
        let events = events.clone();
        async move {
            events.drain(Duration::from_secs(60)).await;
            events.release().await;
        }
    });
    pass(Duration::from_secs(1)).await;
    assert!(!draining.is_finished());
    let refused = events.accept(event("other")).await;
    assert_eq!(refused, Err(AcceptError::Refused(Refusal::Draining)));
    scene.function.gate.as_ref().expect("it has one").notify_one();
    draining.await.expect("it drains");
    assert!(matches!(events.show("id").expect("it is known").status, Status::Succeeded { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_a_drain_gives_up_is_run_by_the_next_process_without_blame() {
    let mut scene = Scene::gated();
    for _ in 0..5 {
        let events = scene.start();
        let _ = events.accept(event("id")).await;
        pass(Duration::from_millis(10)).await;
        events.drain(Duration::from_secs(1)).await;
        events.release().await;
    }
    scene.function = Arc::default();
    let events = scene.start();
    pass(Duration::from_millis(10)).await;
    assert!(matches!(events.show("id").expect("it is known").status, Status::Succeeded { .. }));
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_put_back_at_a_rate() {
    let scene = Scene::with(EventSettings { retries_max: 0, ..EventSettings::default() });
    scene.function.outcomes.lock().expect("a lock").extend(vec![error(); 25]);
    let events = scene.start();
    for number in 0..25 {
        events.accept(event(&format!("id-{number}"))).await.expect("it is accepted");
    }
    pass(Duration::from_millis(10)).await;
    let everything = DeadFilter::default();
    let (page, next) = events.dead_letters(&everything, None, 10);
    assert_eq!((page.len(), next.is_some(), events.depth().dead), (10, true, 25));
    let began = Instant::now();
    let (ids, counts) = (events.matching(&everything).await, DeadCounts::default());
    events.redrive_all(&ids, std::num::NonZeroU32::new(5), &counts).await;
    let figures = counts.read();
    assert_eq!(figures, RedriveFigures { done: 25, refused: 0 });
    // The first at once, each further a fifth of a second later.
    assert_eq!(began.elapsed().as_millis() / 100, 48);
    pass(Duration::from_millis(10)).await;
    assert_eq!((events.depth().dead, events.depth().finished), (0, 25));
    let refused = events.redrive("id-0".into()).await;
    assert_eq!(refused, Err(RedriveError::Refused(Refusal::NotDead)));
    assert!(events.matching(&everything).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_idle_queue_wakes_for_nothing() {
    let scene = Scene::default();
    let events = scene.start();
    assert_eq!(events.0.core().wake_ms(), None);
    // With nothing to wake for, the clock that jumps to the next timer finds none but this one.
    pass(Duration::from_secs(86_400 * 365)).await;
    events.accept(event("id")).await.expect("it is accepted");
    pass(Duration::from_millis(10)).await;
    assert_eq!(scene.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_and_a_row_of_somebody_elses_are_one_write() {
    let scene = Scene::default();
    let events = scene.start();
    let id = scene.journal.allocate();
    let insert = Change::Insert { id, kind: Kind(3), header: b"theirs".to_vec(), body: None };
    scene.journal.write(vec![insert]).await.expect("it is written");
    let delete = |fence| vec![Change::Delete { id, fence }];
    let theirs = || loaded(&*scene.journal).expect("it can be read").iter().any(|row| row.id == id);

    let conflict = AcceptError::Refused(Refusal::Store(StoreError::Conflict));
    assert_eq!(events.accept_with(event("id"), delete(7)).await, Err(conflict), "it has another fence");
    scene.journal.refusals.lock().expect("a lock").push_back(StoreError::Full);
    let full = AcceptError::Refused(Refusal::Store(StoreError::Full));
    assert_eq!(events.accept_with(event("id"), delete(0)).await, Err(full));
    assert!(theirs() && events.show("id").is_none());
    events.accept_with(event("id"), delete(0)).await.expect("it is accepted");
    assert!(!theirs() && events.show("id").is_some());
}
