//! The queues on a journal that is kept, that fails, or that hangs.

mod clock;
mod fifo;
mod moving;
mod purge;
mod redrive;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::attribute::MessageAttribute;
use super::super::message::{MessageError, OutgoingMessage};
use super::super::record::{MESSAGE, QUEUE, damaged};
use super::super::sender::{SendError, Sender};
use super::super::settings::{QueueChange, QueueSetting};
use super::super::state::VisibilityError;
use super::*;
use crate::function::{QueueName, Tags};
use crate::metrics::FlushFigures;
use crate::store::Pending;
use crate::store::journal::conformance::loaded;
use crate::store::journal::{BodyChange, Change, Row};
use crate::store::open_journal;

const ONE: Receive = Receive { messages_max: 1, visibility_seconds: None, wait_seconds: None };
const TEN: Receive = Receive { messages_max: 10, ..ONE };
const WAITING: Receive = Receive { wait_seconds: Some(20), ..TEN };

/// A journal that can be full, one of whose bodies can be damaged, and whose writes wait for leave once it is told to hold them.
#[derive(Debug)]
struct TestJournal {
    kept: Arc<dyn Journal>,
    is_full: AtomicBool,
    /// The row whose body is damaged; no row is 0.
    damaged: AtomicU64,
    holds: AtomicBool,
    leave: Semaphore,
}

impl TestJournal {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: open_journal(None).expect("memory opens"),
            is_full: AtomicBool::new(false),
            damaged: AtomicU64::new(0),
            holds: AtomicBool::new(false),
            leave: Semaphore::new(0),
        })
    }

    fn rows(&self) -> Vec<Row> {
        loaded(&*self.kept).expect("it is in memory")
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
        Box::pin(async move {
            if self.is_full.load(Ordering::SeqCst) {
                return Err(StoreError::Full);
            }
            if self.holds.load(Ordering::SeqCst) {
                self.leave.acquire().await.expect("it is never closed").forget();
            }
            self.kept.write(changes).await
        })
    }

    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>> {
        match self.damaged.load(Ordering::SeqCst) == id.0 {
            true => Box::pin(std::future::ready(Err(damaged(id, &"as the test wants it")))),
            false => self.kept.body(id),
        }
    }

    fn flushes(&self) -> FlushFigures {
        self.kept.flushes()
    }

    fn failed(&self) -> &CancellationToken {
        self.kept.failed()
    }
}

fn arn(name: &str) -> QueueArn {
    of_region("us-east-1", name)
}

fn of_region(region: &str, name: &str) -> QueueArn {
    let region = Region::parse(region).expect("a region");
    QueueArn::new(region, account(), &QueueName::parse(name).expect("a name"))
}

fn account() -> AccountId {
    AccountId::parse("000000000000").expect("an account")
}

/// Queues as they come up on that journal.
fn started(journal: &Arc<TestJournal>) -> Queues {
    started_at(journal, 1_000_000).0
}

/// The same, and the clock on the wall, which says that now.
fn started_at(journal: &Arc<TestJournal>, wall_ms: u64) -> (Queues, Arc<AtomicU64>) {
    let wall = Arc::new(AtomicU64::new(wall_ms));
    let clock = Clock::new(Wall::Test(wall.clone()));
    let queues = Queues::on_clock(journal.clone(), account(), clock);
    queues.recover(journal.rows()).expect("it is as it was written");
    (queues, wall)
}

async fn with_queue(settings: &[(QueueSetting, u32)]) -> (Arc<TestJournal>, Queues, QueueArn) {
    let journal = TestJournal::new();
    let queues = started(&journal);
    let mut given = QueueChange::default();
    assert!(settings.iter().all(|(setting, value)| given.add(*setting, *value)));
    queues.create(arn("q"), given, Tags::default()).await.expect("it is made");
    (journal, queues, arn("q"))
}

fn message(body: &str) -> OutgoingMessage {
    OutgoingMessage { body: body.to_owned(), ..OutgoingMessage::default() }
}

async fn send(queues: &Queues, queue: &QueueArn, body: &str) {
    Sender::send(queues, queue, &message(body)).await.expect("it is sent");
}

async fn bodies(queues: &Queues, queue: &QueueArn, receive: Receive) -> Vec<String> {
    let received = queues.receive(queue, receive).await.expect("they are received");
    received.into_iter().map(|received| received.message.body).collect()
}

fn seconds(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_and_received_is_so_after_a_crash() {
    let (journal, queues, queue) = with_queue(&[(QueueSetting::Visibility, 60)]).await;
    let mut sent = message("чай");
    sent.attributes.insert("n".to_owned(), MessageAttribute::number(7));
    sent.trace_header = Some("Root=1".to_owned());
    let id = Sender::send(&queues, &queue, &sent).await.expect("it is sent");
    send(&queues, &queue, "later").await;
    let received = queues.receive(&queue, ONE).await.expect("one").remove(0);
    assert_eq!((&*received.id, &received.message, received.receives), (&*id.0, &sent, 1));

    let queues = started(&journal);
    let figures = queues.info(&queue).expect("it is there").figures;
    assert_eq!((figures.visible, figures.in_flight, figures.delayed), (1, 1, 0));
    assert_eq!(bodies(&queues, &queue, TEN).await, ["later"]);
    tokio::time::advance(seconds(60)).await;
    let again = queues.receive(&queue, ONE).await.expect("one").remove(0);
    assert_eq!((&again.message, again.receives), (&sent, 2));
    assert_eq!(again.first_received_ms, received.first_received_ms);

    // The old receipt is worth nothing, and its holder is told nothing of it.
    queues.delete_messages(&queue, &[received.receipt]).await.expect("a call that succeeds");
    // The clock on the wall stands still here, so how late it is can be told from messages alone. By the one that was received again
    // the later one can be, too; by the later one no time has passed.
    assert_eq!(started(&journal).info(&queue).expect("it is there").figures.in_flight, 1);
    queues.delete_messages(&queue, &[again.receipt, again.receipt]).await.expect("it is deleted");
    assert_eq!(started(&journal).info(&queue).expect("it is there").figures.in_flight, 1);
    assert_eq!(journal.rows().len(), 2, "the queue and the later message");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_a_message_before_it_is_written() {
    let (journal, queues, queue) = with_queue(&[]).await;
    journal.holds.store(true, Ordering::SeqCst);
    let sending = tokio::spawn({
        let (queues, queue) = (queues.clone(), queue.clone());
        async move { send(&queues, &queue, "x").await }
    });
    let receiving = tokio::spawn({
        let (queues, queue) = (queues.clone(), queue.clone());
        async move { bodies(&queues, &queue, WAITING).await }
    });
    tokio::time::sleep(seconds(1)).await;
    assert!(!sending.is_finished() && !receiving.is_finished());
    journal.leave.add_permits(1);
    sending.await.expect("it is sent");
    tokio::time::sleep(seconds(1)).await;
    assert!(!receiving.is_finished(), "that it was received is not written");
    journal.leave.add_permits(1);
    assert_eq!(receiving.await.expect("it is received"), ["x"]);
}

/// The sender, or the receiver, went away while its message was being written.
#[tokio::test(start_paused = true)]
async fn what_was_begun_is_carried_through_although_its_caller_goes_away() {
    let (journal, queues, queue) = with_queue(&[]).await;
    journal.holds.store(true, Ordering::SeqCst);
    let left = tokio::time::timeout(seconds(1), send(&queues, &queue, "x")).await;
    assert!(left.is_err());
    journal.leave.add_permits(1);
    let left = tokio::time::timeout(seconds(1), bodies(&queues, &queue, WAITING)).await;
    assert!(left.is_err());
    journal.leave.add_permits(10);
    assert_eq!(bodies(&queues, &queue, ONE).await, [""; 0], "somebody was to have it");
    tokio::time::advance(seconds(30)).await;
    let received = queues.receive(&queue, ONE).await.expect("one").remove(0);
    assert_eq!((&*received.message.body, received.receives), ("x", 2));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_and_takes_nothing_away() {
    let (journal, queues, queue) = with_queue(&[]).await;
    send(&queues, &queue, "x").await;
    journal.is_full.store(true, Ordering::SeqCst);
    let refused = Sender::send(&queues, &queue, &message("y")).await;
    assert_eq!(refused, Err(SendError::Throttled));
    let full = ReceiveError::Queue(QueueError::Store(StoreError::Full));
    assert_eq!(queues.receive(&queue, ONE).await, Err(full));
    journal.is_full.store(false, Ordering::SeqCst);
    let received = queues.receive(&queue, ONE).await.expect("one").remove(0);
    assert_eq!((&*received.message.body, received.receives), ("x", 1));
    journal.is_full.store(true, Ordering::SeqCst);
    let full = QueueError::Store(StoreError::Full);
    assert_eq!(queues.delete_messages(&queue, &[received.receipt]).await, Err(full));
    journal.is_full.store(false, Ordering::SeqCst);
    assert_eq!(queues.delete_messages(&queue, &[received.receipt]).await, Ok(Vec::new()));
    assert_eq!(queues.info(&queue).expect("it is there").figures, QueueFigures::default());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_waits_for_what_is_sent_what_comes_back_and_what_is_delayed() {
    let (_, queues, queue) = with_queue(&[(QueueSetting::Delay, 7), (QueueSetting::Visibility, 5)]).await;
    let began = Instant::now();
    assert_eq!(bodies(&queues, &queue, WAITING).await, [""; 0]);
    assert_eq!(began.elapsed(), seconds(20));

    let sending = async {
        tokio::time::sleep(seconds(1)).await;
        send(&queues, &queue, "x").await;
    };
    let began = Instant::now();
    let (received, ()) = tokio::join!(bodies(&queues, &queue, WAITING), sending);
    assert_eq!((received, began.elapsed()), (vec!["x".to_owned()], seconds(8)));
    let began = Instant::now();
    assert_eq!(bodies(&queues, &queue, WAITING).await, ["x"]);
    assert_eq!(began.elapsed(), seconds(5));

    // A receiver that gives its message back early wakes one who thinks there is time.
    let received = async {
        let long = Receive { visibility_seconds: Some(1000), ..WAITING };
        let receipt = queues.receive(&queue, long).await.expect("one").remove(0).receipt;
        tokio::time::sleep(seconds(3)).await;
        queues.change_visibility(&queue, &[(receipt, 1)]).await.expect("it is changed")
    };
    let began = Instant::now();
    let second = async {
        tokio::time::sleep(seconds(6)).await;
        bodies(&queues, &queue, WAITING).await
    };
    let (changed, second) = tokio::join!(received, second);
    assert_eq!((changed, second), (vec![Ok(())], vec!["x".to_owned()]));
    assert_eq!(began.elapsed(), seconds(9));
}

/// Each wakes the next, so that nobody sleeps beside a message; also when one goes away that was to wake others.
#[tokio::test(start_paused = true)]
async fn many_who_wait_share_what_comes() {
    let (_, queues, queue) = with_queue(&[(QueueSetting::Visibility, 43_200)]).await;
    let mut receivers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (queues, queue) = (queues.clone(), queue.clone());
        let one = Receive { messages_max: 1, ..WAITING };
        receivers.spawn(async move { bodies(&queues, &queue, one).await });
    }
    let gone = tokio::spawn({
        let (queues, queue) = (queues.clone(), queue.clone());
        async move { bodies(&queues, &queue, WAITING).await }
    });
    tokio::time::sleep(seconds(1)).await;
    gone.abort();
    let began = Instant::now();
    let all: Vec<OutgoingMessage> = (0..8).map(|number| message(&number.to_string())).collect();
    let requests: Vec<_> =
        all.iter().map(|message| SendRequest { message, delay_seconds: Some(2) }).collect();
    queues.send(&queue, &requests).await.expect("they are sent");
    let mut received = Vec::new();
    while let Some(bodies) = receivers.join_next().await {
        received.extend(bodies.expect("no panic"));
    }
    received.sort();
    assert_eq!(received, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(began.elapsed(), seconds(2));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_queue_the_server_and_the_host() {
    let (journal, queues, queue) = with_queue(&[]).await;
    let deleting = async {
        tokio::time::sleep(seconds(1)).await;
        queues.delete(&queue).await.expect("it is deleted");
    };
    let (received, ()) = tokio::join!(queues.receive(&queue, WAITING), deleting);
    assert_eq!(received, Err(ReceiveError::Queue(QueueError::NoSuchQueue)));
    assert_eq!(Sender::send(&queues, &queue, &message("x")).await, Err(SendError::NoSuchQueue));
    assert!(journal.rows().is_empty());

    queues.create(queue.clone(), QueueChange::default(), Tags::default()).await.expect("it is made anew");
    let (stop, began) = (CancellationToken::new(), Instant::now());
    let stopping = async {
        tokio::time::sleep(seconds(1)).await;
        stop.cancel();
    };
    let (received, ()) = tokio::join!(queues.receive_until(&queue, WAITING, &stop), stopping);
    assert_eq!((received, began.elapsed()), (Ok(Vec::new()), seconds(1)));
    let began = Instant::now();
    let (received, ()) = tokio::join!(bodies(&queues, &queue, WAITING), queues.close());
    assert_eq!((received.len(), began.elapsed()), (0, seconds(0)));
}

#[tokio::test(start_paused = true)]
async fn the_messages_of_a_deleted_queue_are_gone_also_after_a_crash() {
    let (journal, queues, queue) = with_queue(&[]).await;
    for number in 0..600 {
        send(&queues, &queue, &number.to_string()).await;
    }
    let held = bodies(&queues, &queue, TEN).await;
    assert_eq!(held.len(), 10);
    let rows = journal.rows();
    queues.delete(&queue).await.expect("it is deleted");
    queues.close().await;
    queues.0.tasks.wait().await;
    let left = journal.rows().len();

    // A crash right behind the deletion of the queue itself: all messages are left.
    let crashed = TestJournal::new();
    let orphans = rows.into_iter().filter(|row| row.kind != QUEUE);
    let inserts =
        orphans.map(|row| Change::Insert { id: row.id, kind: row.kind, header: row.header, body: None });
    crashed.kept.write(inserts.collect()).await.expect("they are written");
    let queues = started(&crashed);
    assert_eq!(queues.figures(), []);
    queues.tidy().await.expect("they are deleted");
    assert!(crashed.rows().is_empty());
    let queues = started(&journal);
    queues.tidy().await.expect("they are deleted");
    assert!(journal.rows().is_empty(), "{left} were left");
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_too_old_are_deleted_unasked() {
    let (journal, queues, queue) = with_queue(&[(QueueSetting::Retention, 60)]).await;
    for number in 0..300 {
        send(&queues, &queue, &number.to_string()).await;
    }
    let tidying = tokio::spawn({
        let queues = queues.clone();
        async move { queues.keep_tidy().await }
    });
    tokio::time::sleep(seconds(59)).await;
    assert_eq!(journal.rows().len(), 301);
    tokio::time::sleep(seconds(7)).await;
    assert_eq!(journal.rows().len(), 1);
    assert_eq!(queues.0.message_count.load(Ordering::SeqCst), 0);
    queues.close().await;
    tidying.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_made_once_and_changed_durably() {
    let (journal, queues, queue) = with_queue(&[(QueueSetting::Delay, 5)]).await;
    let mut same = QueueChange::default();
    assert!(same.add(QueueSetting::Delay, 5));
    assert_eq!(queues.create(queue.clone(), same, Tags::default()).await, Ok(()));
    assert_eq!(queues.create(queue.clone(), QueueChange::default(), Tags::default()).await, Ok(()));
    let mut other = QueueChange::default();
    assert!(other.add(QueueSetting::Delay, 6));
    let exists = CreateQueueError::Exists { attribute: "DelaySeconds" };
    assert_eq!(queues.create(queue.clone(), other.clone(), Tags::default()).await, Err(exists));
    tokio::time::advance(seconds(9)).await;
    for _ in 0..2 {
        queues.change(&queue, other.clone()).await.expect("it is changed");
    }
    let info = started(&journal).info(&queue).expect("it is there");
    assert_eq!(info.settings.delay_seconds, 6);
    assert_eq!(info.modified_ms - info.created_ms, 9000);
    let none = Err(ChangeQueueError::Queue(QueueError::NoSuchQueue));
    assert_eq!(queues.change(&arn("none"), other).await, none);
}

#[tokio::test(start_paused = true)]
async fn queues_are_listed_by_region_and_the_beginning_of_their_names() {
    let (_, queues, _) = with_queue(&[]).await;
    let elsewhere = of_region("eu-west-1", "a1");
    for queue in [arn("a2"), arn("a1"), arn("b"), arn("a3"), elsewhere.clone()] {
        queues.create(queue, QueueChange::default(), Tags::default()).await.expect("it is made");
    }
    let names = |list: QueueList| {
        (list.queues.iter().map(|it| it.name().to_owned()).collect::<Vec<_>>(), list.has_more)
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        names(queues.list(arn("q").region(), "", None, 9)),
        (words(&["a1", "a2", "a3", "b", "q"]), false)
    );
    assert_eq!(names(queues.list(arn("q").region(), "a", None, 2)), (words(&["a1", "a2"]), true));
    assert_eq!(names(queues.list(arn("q").region(), "a", Some(&arn("a2")), 2)), (words(&["a3"]), false));
    assert_eq!(queues.list(elsewhere.region(), "", None, 9).queues, [elsewhere]);
}

#[tokio::test(start_paused = true)]
async fn what_a_queue_does_not_take_is_refused_for_itself() {
    let (_, queues, queue) = with_queue(&[(QueueSetting::MessageBytes, 1024)]).await;
    let (good, large) = (message("x"), message(&"x".repeat(1025)));
    let requests = [&good, &large].map(|message| SendRequest { message, delay_seconds: None });
    let answers = queues.send(&queue, &requests).await.expect("one is sent");
    assert!(answers[0].is_ok());
    assert_eq!(answers[1], Err(MessageError::TooLarge { bytes: 1025, limit: 1024 }));
    let refused = Sender::send(&queues, &queue, &large).await;
    assert_eq!(refused, Err(SendError::TooLarge { bytes: 1025, limit: 1024 }));
    let refused = Sender::send(&queues, &queue, &message("\0")).await;
    assert!(matches!(refused, Err(SendError::Refused { .. })));
    assert_eq!(bodies(&queues, &queue, TEN).await, ["x"]);
}

/// Functions may name their queues with another partition, as templates for AWS in China do.
#[tokio::test(start_paused = true)]
async fn a_queue_that_is_built_in_is_meant_whatever_the_partition() {
    let (_, queues, queue) = with_queue(&[]).await;
    let chinese: QueueArn = "arn:aws-cn:sqs:us-east-1:000000000000:q".parse().expect("an ARN");
    send(&queues, &chinese, "x").await;
    assert_eq!(bodies(&queues, &queue, TEN).await, ["x"]);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_is_one_of_its_queue_and_prolongs_what_is_in_flight() {
    let (_, queues, queue) = with_queue(&[]).await;
    queues.create(arn("other"), QueueChange::default(), Tags::default()).await.expect("it is made");
    send(&queues, &queue, "x").await;
    let receipt = queues.receive(&queue, ONE).await.expect("one").remove(0).receipt;
    assert_eq!(queues.receipt(&queue, &receipt.text()), Ok(Some(receipt)));
    assert_eq!(queues.receipt(&arn("other"), &receipt.text()), Ok(None));
    tokio::time::advance(seconds(29)).await;
    assert_eq!(queues.change_visibility(&queue, &[(receipt, 30)]).await, Ok(vec![Ok(())]));
    tokio::time::advance(seconds(29)).await;
    assert_eq!(bodies(&queues, &queue, ONE).await, [""; 0]);
    tokio::time::advance(seconds(1)).await;
    let not_in_flight = Ok(vec![Err(VisibilityError::NotInFlight)]);
    assert_eq!(queues.change_visibility(&queue, &[(receipt, 30)]).await, not_in_flight);
    assert_eq!(bodies(&queues, &queue, ONE).await, ["x"]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_row_is_not_passed_over() {
    let (journal, _, _) = with_queue(&[]).await;
    let row = Row { id: RowId(9), kind: MESSAGE, fence: 0, header: vec![1], body_bytes: None };
    let rows = journal.rows().into_iter().chain([row]);
    let queues = Queues::on_clock(journal.clone(), account(), Clock::new(Wall::System));
    assert!(matches!(queues.recover(rows), Err(StoreError::Damaged { .. })));
    assert_eq!(queues.figures(), []);
}

/// One body that could not be read was the end of every receive that came upon it.
#[tokio::test(start_paused = true)]
async fn a_damaged_message_hides_none_of_those_beside_it() {
    let (journal, queues, queue) = with_queue(&[]).await;
    for body in ["a", "b", "c", "d"] {
        send(&queues, &queue, body).await;
    }
    let rows: Vec<Row> = journal.rows().into_iter().filter(|row| row.kind == MESSAGE).collect();
    let Row { id, fence, header, .. } = rows[1].clone();
    let body = BodyChange::Put(Bytes::from_static(b"no message"));
    journal.kept.write(vec![Change::Update { id, fence, header, body }]).await.expect("it is written");
    journal.damaged.store(rows[2].id.0, Ordering::SeqCst);
    let queues = started(&journal);
    assert_eq!(bodies(&queues, &queue, TEN).await, ["a", "d"]);
    assert_eq!(queues.info(&queue).expect("it is there").figures.in_flight, 4);
}

/// Messages that were held when the host closed were never let go, and who waited for them waited for ever.
#[tokio::test(start_paused = true)]
async fn nothing_of_a_deleted_queue_is_held_once_the_host_closes() {
    let (_, queues, queue) = with_queue(&[]).await;
    send(&queues, &queue, "x").await;
    let receipt = queues.receive(&queue, ONE).await.expect("one").remove(0).receipt;
    queues.0.stop.cancel();
    let kept = queues.0.find(&queue).expect("it is there");
    queues.0.empty(&kept).await;
    let deleted = tokio::time::timeout(seconds(60), queues.delete_messages(&queue, &[receipt])).await;
    assert_eq!(deleted, Ok(Ok(Vec::new())));
}
