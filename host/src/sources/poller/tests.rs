//! How often queues are asked, and when not, with queues and functions that are made up and a clock that waits for nobody.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Functions, PollerParts, Worker};
use crate::events::{Run, RunOutcome, RunRequest};
use crate::function::{FunctionKey, Qualifier, QueueArn, RecursiveLoop, Tags, VersionNumber};
use crate::sources::mapping::{Mapping, MappingSettings};
use crate::sqs::{
    ConsumeError, Consumer, Consuming, Delivery, MessageId, OutgoingMessage, QueueFacts, Receive, Sender,
    Sending,
};

/// A queue that is made up, and a function.
#[derive(Debug, Default)]
struct Double {
    /// How often messages were asked for.
    receives: AtomicUsize,
    /// Whether there is always a message.
    is_full: AtomicBool,
    /// Whether the queue cannot be used.
    is_broken: AtomicBool,
    /// Whether the function has no room.
    has_no_room: AtomicBool,
    /// Whether the function fails.
    fails: AtomicBool,
    runs: AtomicUsize,
    deleted: AtomicUsize,
    /// For how many seconds messages were kept, each time.
    kept: Mutex<Vec<u32>>,
    sent: AtomicUsize,
}

impl Consumer for Double {
    fn facts<'a>(&'a self, _: &'a QueueArn) -> Consuming<'a, QueueFacts> {
        Box::pin(async {
            let dead_letters = Some(queue("dead"));
            Ok(QueueFacts { visibility_seconds: 30, dead_letters })
        })
    }

    fn receive<'a>(
        &'a self,
        _: &'a QueueArn,
        request: Receive,
        stop: &'a CancellationToken,
    ) -> Consuming<'a, Vec<Delivery>> {
        Box::pin(async move {
            let number = self.receives.fetch_add(1, Ordering::SeqCst);
            if self.is_broken.load(Ordering::SeqCst) {
                return Err(ConsumeError::Unusable { reason: "it is broken".to_owned() });
            }
            if self.is_full.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(5)).await;
                return Ok(vec![delivery(number, None)]);
            }
            let wait = Duration::from_secs(request.wait_seconds.unwrap_or_default().into());
            let _ = stop.run_until_cancelled(sleep(wait)).await;
            Ok(Vec::new())
        })
    }

    fn delete<'a>(&'a self, _: &'a QueueArn, receipts: Vec<String>) -> Consuming<'a, ()> {
        self.deleted.fetch_add(receipts.len(), Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }

    fn keep<'a>(&'a self, _: &'a QueueArn, _: Vec<String>, seconds: u32) -> Consuming<'a, ()> {
        self.kept.lock().expect("no test panicked").push(seconds);
        Box::pin(async { Ok(()) })
    }
}

impl Sender for Double {
    fn send<'a>(&'a self, _: &'a QueueArn, _: &'a OutgoingMessage) -> Sending<'a> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(MessageId("id".into())) })
    }
}

impl Run for Double {
    fn run(&self, _: RunRequest) -> Pin<Box<dyn Future<Output = RunOutcome> + Send + '_>> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            sleep(Duration::from_millis(10)).await;
            let (version, payload) = (VersionNumber::Latest, Bytes::from_static(b"{}"));
            match self.fails.load(Ordering::SeqCst) {
                true => RunOutcome::function_error(version, payload, "Error"),
                false => RunOutcome::answered(version, payload),
            }
        })
    }
}

impl Functions for Double {
    fn room<'a>(
        &'a self,
        _: &'a FunctionKey,
        _: Option<&'a Qualifier>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {
            while self.has_no_room.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(100)).await;
            }
        })
    }

    fn recursive_loop(&self, _: &FunctionKey) -> RecursiveLoop {
        RecursiveLoop::Terminate
    }
}

impl Double {
    fn receives(&self) -> usize {
        self.receives.load(Ordering::SeqCst)
    }
}

fn queue(name: &str) -> QueueArn {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}").parse().expect("an ARN")
}

fn delivery(number: usize, trace: Option<&str>) -> Delivery {
    let trace = trace.map(|trace| ("AWSTraceHeader".to_owned(), trace.to_owned()));
    Delivery {
        id: number.to_string(),
        receipt: number.to_string(),
        body: "tea".to_owned(),
        md5_of_body: String::new(),
        system: trace.into_iter().collect(),
        attributes: BTreeMap::new(),
        md5_of_attributes: None,
    }
}

fn mapping(settings: MappingSettings) -> Arc<Mapping> {
    Arc::new(Mapping {
        uuid: "uuid".to_owned(),
        queue: queue("q"),
        function: FunctionKey::parse("us-east-1:f").expect("a key"),
        qualifier: None,
        is_enabled: true,
        settings,
        tags: Tags::default(),
        last_modified_ms: 0,
    })
}

/// A worker of a mapping of what is made up.
fn start(settings: MappingSettings) -> (Arc<Double>, Arc<PollerParts>, Worker) {
    let double = Arc::new(Double::default());
    let parts = PollerParts::new(double.clone(), double.clone(), double.clone(), CancellationToken::new());
    let parts = Arc::new(parts);
    let worker = Worker::start(&parts, Some(mapping(settings)));
    (double, parts, worker)
}

#[tokio::test(start_paused = true)]
async fn an_idle_queue_is_asked_less_than_once_a_second() {
    let (double, _parts, worker) = start(MappingSettings::default());
    worker.settled().await;
    assert_eq!(worker.status().pollers(), 5);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(worker.status().pollers(), 2, "it is quiet");
    let before = double.receives();
    sleep(Duration::from_secs(3_600)).await;
    let asked = double.receives() - before;
    assert_eq!(asked, 2 * 3_600 / 20, "two wait for twenty seconds each");
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_while_the_function_has_no_room() {
    let (double, _parts, worker) = start(MappingSettings::default());
    double.has_no_room.store(true, Ordering::SeqCst);
    worker.settled().await;
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(double.receives(), 0);
    double.has_no_room.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(double.receives(), 5);
}

#[tokio::test(start_paused = true)]
async fn pollers_grow_in_number_by_need_up_to_the_limit_and_become_few_again() {
    let (double, _parts, worker) =
        start(MappingSettings { maximum_concurrency: Some(30), ..MappingSettings::default() });
    double.is_full.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(worker.status().pollers(), 30);
    let runs = double.runs.load(Ordering::SeqCst);
    assert!(double.deleted.load(Ordering::SeqCst) + 30 >= runs, "what succeeds is deleted: {runs}");
    double.is_full.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(worker.status().pollers(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_gets_fewer_and_fewer_batches_until_it_succeeds() {
    let (double, _parts, worker) = start(MappingSettings::default());
    double.fails.store(true, Ordering::SeqCst);
    double.is_full.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(60)).await;
    let before = double.runs.load(Ordering::SeqCst);
    sleep(Duration::from_secs(100)).await;
    let runs = double.runs.load(Ordering::SeqCst) - before;
    // All pollers after each wait of ten seconds.
    assert!(runs <= 11 * super::scale::POLLERS_MAX, "{runs}");
    assert_eq!(double.deleted.load(Ordering::SeqCst), 0);
    let last = worker.status().last_result().expect("there was one");
    assert!(last.starts_with("PROBLEM: Function call failed: "), "{last}");
    double.fails.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(worker.status().last_result().as_deref(), Some("OK"));
    assert!(double.deleted.load(Ordering::SeqCst) > 100);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_used_is_asked_less_and_less() {
    let (double, _parts, worker) = start(MappingSettings::default());
    double.is_broken.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(60)).await;
    let before = double.receives();
    sleep(Duration::from_secs(100)).await;
    assert!(double.receives() - before <= 11 * 5, "{}", double.receives() - before);
    let last = worker.status().last_result().expect("there was one");
    assert_eq!(&*last, "PROBLEM: the queue cannot be used: it is broken");
}

#[tokio::test(start_paused = true)]
async fn who_polls_ends_when_nothing_is_wanted_or_all_ends() {
    let (double, parts, worker) = start(MappingSettings::default());
    worker.settled().await;
    let began = Instant::now();
    worker.want(None);
    worker.settled().await;
    assert_eq!((worker.status().pollers(), began.elapsed().as_secs()), (0, 0));
    worker.want(Some(mapping(MappingSettings::default())));
    worker.settled().await;
    sleep(Duration::from_secs(1)).await;
    assert!(worker.status().pollers() > 0 && double.receives() > 5);
    parts.stop.cancel();
    parts.tasks.close();
    parts.tasks.wait().await;
    assert_eq!(began.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_loop_is_a_dead_letter_and_not_run() {
    let (double, parts, _worker) = start(MappingSettings::default());
    let status = Arc::default();
    let shared = super::Shared::new(parts.clone(), mapping(MappingSettings::default()), status);
    let shared = shared.expect("its filters are good");
    let mut trace = None;
    let key = &shared.mapping.function;
    while let Ok(next) =
        crate::policy::recursion::hop(trace.as_deref(), key, RecursiveLoop::Terminate, || {
            "Root=1-a-b".to_owned()
        })
    {
        trace = Some(next);
    }
    let dropped = shared.drop_recursive(&[delivery(1, trace.as_deref())]).await;
    assert_eq!(dropped, ["1"]);
    assert_eq!(double.sent.load(Ordering::SeqCst), 1);
}
