//! FIFO queues.

use super::super::super::fifo::DeduplicationScope;
use super::super::super::redrive::RedrivePolicy;
use super::super::moving::StartMove;
use super::super::send::SentMessage;
use super::*;

const DEAD: &str = "dead.fifo";

fn q() -> QueueArn {
    arn("q.fifo")
}

fn in_group(group: &str, once: &str, body: &str) -> OutgoingMessage {
    let (group, deduplication) = (Some(group.to_owned()), Some(once.to_owned()));
    OutgoingMessage { group, deduplication, ..message(body) }
}

/// A FIFO queue that keeps received messages from others for 30 seconds.
async fn with_fifo(given: QueueChange) -> (Arc<TestJournal>, Queues) {
    let journal = TestJournal::new();
    let queues = started(&journal);
    queues.create(q(), given, Tags::default()).await.expect("it is made");
    (journal, queues)
}

async fn sent(queues: &Queues, message: &OutgoingMessage) -> Result<SentMessage, MessageError> {
    let request = SendRequest { message, delay_seconds: None };
    queues.send(&q(), &[request]).await.expect("it is written").remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_group_with_a_message_in_flight_gives_no_later_one() {
    let (journal, queues) = with_fifo(QueueChange::default()).await;
    for (group, body) in [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"), ("b", "5")] {
        sent(&queues, &in_group(group, body, body)).await.expect("it is sent");
    }
    let two = Receive { messages_max: 2, ..ONE };
    let first = queues.receive(&q(), two).await.expect("two");
    assert_eq!(
        first.iter().map(|it| &*it.message.body).collect::<Vec<_>>(),
        ["1", "3"],
        "as many of a group"
    );
    assert!(first[0].sequence < first[1].sequence);
    assert_eq!(
        (&first[0].message.group, &first[0].message.deduplication),
        (&Some("a".into()), &Some("1".into()))
    );
    assert_eq!(bodies(&queues, &q(), ONE).await, ["2"]);
    assert_eq!(bodies(&queues, &q(), TEN).await, [""; 0]);
    queues.delete_messages(&q(), &[first[1].receipt]).await.expect("it is deleted");
    assert_eq!(bodies(&queues, &q(), TEN).await, [""; 0], "one is still in flight");
    let waiting = tokio::spawn({
        let queues = queues.clone();
        async move { bodies(&queues, &q(), WAITING).await }
    });
    tokio::time::sleep(seconds(1)).await;
    queues.delete_messages(&q(), &[first[0].receipt]).await.expect("it is deleted");
    assert_eq!(waiting.await.expect("no panic"), ["4"], "whoever waits is woken");

    let queues = started(&journal);
    assert_eq!(bodies(&queues, &q(), TEN).await, [""; 0], "so it is after a restart");
    tokio::time::advance(seconds(30)).await;
    assert_eq!(bodies(&queues, &q(), TEN).await, ["2", "5", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_once_in_five_minutes_though_it_is_deleted_and_the_host_restarts() {
    let (journal, queues) = with_fifo(QueueChange::default()).await;
    let message = in_group("a", "once", "x");
    let first = sent(&queues, &message).await.expect("it is sent");
    assert_eq!(first.sequence.expect("a number").to_string().len(), 20);
    let request = SendRequest { message: &message, delay_seconds: None };
    let twice = queues.send(&q(), &[request, request]).await.expect("a call that succeeds");
    assert_eq!(twice, [Ok(first.clone()), Ok(first.clone())]);
    let receipt = queues.receive(&q(), ONE).await.expect("one").remove(0).receipt;
    queues.delete_messages(&q(), &[receipt]).await.expect("it is deleted");
    let row = journal.rows().into_iter().find(|row| row.kind == MESSAGE).expect("something is left");
    assert_eq!(row.body_bytes, None, "and nothing of its body");
    assert_eq!(queues.info(&q()).expect("it is there").figures, QueueFigures::default());

    for queues in [queues.clone(), started(&journal)] {
        assert_eq!(sent(&queues, &message).await, Ok(first.clone()));
        assert_eq!(queues.info(&q()).expect("it is there").figures, QueueFigures::default());
    }
    tokio::time::advance(seconds(300)).await;
    queues.tidy().await.expect("it is deleted");
    assert!(journal.rows().iter().all(|row| row.kind != MESSAGE));
    assert_eq!(queues.0.message_count.load(Ordering::SeqCst), 0);
    let again = sent(&queues, &message).await.expect("it is sent");
    assert!(again.id != first.id && again.sequence > first.sequence);
}

#[tokio::test(start_paused = true)]
async fn a_body_or_a_group_tells_messages_apart_where_that_is_said() {
    let mut given = QueueChange::default();
    given.add_content_based(true);
    given.add_scope(DeduplicationScope::MessageGroup);
    let (_, queues) = with_fifo(given).await;
    let of = |group: &str, body: &str| OutgoingMessage { group: Some(group.to_owned()), ..message(body) };
    let first = sent(&queues, &of("a", "x")).await.expect("it is sent");
    assert_eq!(sent(&queues, &of("a", "x")).await.as_ref(), Ok(&first));
    assert_ne!(sent(&queues, &of("a", "y")).await.expect("it is sent").id, first.id);
    assert_ne!(sent(&queues, &of("b", "x")).await.expect("it is sent").id, first.id);
    let received = queues.receive(&q(), ONE).await.expect("one").remove(0);
    assert_eq!(received.message.deduplication.map(|id| id.len()), Some(64));
}

#[tokio::test(start_paused = true)]
async fn what_a_fifo_queue_needs_and_another_does_not_take_is_refused() {
    let (_, queues) = with_fifo(QueueChange::default()).await;
    queues.create(arn("q"), QueueChange::default(), Tags::default()).await.expect("it is made");
    assert_eq!(
        sent(&queues, &message("x")).await,
        Err(MessageError::Missing { parameter: "MessageGroupId" })
    );
    let group = OutgoingMessage { group: Some("a".to_owned()), ..message("x") };
    assert_eq!(sent(&queues, &group).await, Err(MessageError::NoDeduplication));
    let good = in_group("a", "once", "x");
    let request = |delay_seconds| SendRequest { message: &good, delay_seconds };
    let delayed = queues.send(&q(), &[request(Some(1)), request(Some(0))]).await.expect("one is sent");
    assert!(matches!(&delayed[0], Err(MessageError::OtherKind { parameter: "DelaySeconds", .. })));
    assert!(delayed[1].is_ok());
    let standard = queues.send(&arn("q"), &[request(None)]).await.expect("none is sent");
    assert!(matches!(&standard[0], Err(MessageError::OtherKind { parameter: "MessageDeduplicationId", .. })));
    let fair = SendRequest { message: &group, delay_seconds: None };
    assert!(queues.send(&arn("q"), &[fair]).await.expect("it is sent")[0].is_ok());
    let received = queues.receive(&arn("q"), ONE).await.expect("one").remove(0);
    assert_eq!((received.message.group.as_deref(), received.sequence), (Some("a"), None));
}

#[tokio::test(start_paused = true)]
async fn many_who_send_at_once_are_received_in_the_order_of_their_numbers() {
    let (_, queues) = with_fifo(QueueChange::default()).await;
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..50 {
        let queues = queues.clone();
        senders.spawn(async move {
            let id = (number / 2).to_string();
            sent(&queues, &in_group("a", &id, &id)).await.expect("it is sent")
        });
    }
    let mut numbers: Vec<_> = senders.join_all().await.into_iter().map(|sent| sent.sequence).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 25, "every second one was sent before");
    let mut received = Vec::new();
    while received.len() < 25 {
        let some = queues.receive(&q(), TEN).await.expect("some");
        let receipts: Vec<_> = some.iter().map(|it| it.receipt).collect();
        received.extend(some.into_iter().map(|it| it.sequence));
        queues.delete_messages(&q(), &receipts).await.expect("they are deleted");
    }
    assert_eq!(received, numbers);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_whose_time_is_over_deletes_nothing() {
    let (_, queues) = with_fifo(QueueChange::default()).await;
    sent(&queues, &in_group("a", "1", "x")).await.expect("it is sent");
    let receipt = queues.receive(&q(), ONE).await.expect("one").remove(0).receipt;
    tokio::time::advance(seconds(30)).await;
    assert_eq!(queues.delete_messages(&q(), &[receipt]).await, Ok(vec![receipt]));
    let again = queues.receive(&q(), ONE).await.expect("one").remove(0);
    assert_eq!(queues.delete_messages(&q(), &[receipt]).await, Ok(vec![receipt]), "others have it");
    assert_eq!(queues.delete_messages(&q(), &[again.receipt]).await, Ok(Vec::new()));
    assert_eq!(queues.delete_messages(&q(), &[again.receipt]).await, Ok(Vec::new()), "it is gone");
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_a_fifo_queue_go_and_come_back_in_their_order() {
    let mut given = QueueChange::default();
    assert!(given.add(QueueSetting::Visibility, 0));
    let journal = TestJournal::new();
    let queues = started(&journal);
    queues.create(arn(DEAD), QueueChange::default(), Tags::default()).await.expect("it is made");
    given.add_redrive(Some(RedrivePolicy { target: arn(DEAD), receives_max: 1 }));
    queues.create(q(), given, Tags::default()).await.expect("it is made");
    for id in ["1", "2", "3"] {
        sent(&queues, &in_group("a", id, id)).await.expect("it is sent");
    }
    tokio::time::advance(seconds(10)).await;
    assert_eq!(bodies(&queues, &q(), TEN).await, ["1", "2", "3"]);
    assert_eq!(bodies(&queues, &q(), TEN).await, [""; 0]);
    // They are known to the queue that they were sent to, also after a restart.
    let queues = started(&journal);
    let known = sent(&queues, &in_group("a", "2", "2")).await.expect("it is known");
    assert_eq!(queues.info(&q()).expect("it is there").figures, QueueFigures::default());
    let dead =
        queues.receive(&arn(DEAD), Receive { visibility_seconds: Some(0), ..TEN }).await.expect("three");
    assert_eq!(dead.iter().map(|it| &*it.message.body).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert!(dead.is_sorted_by_key(|it| it.sequence) && dead[0].sequence > known.sequence);
    assert_eq!(
        (&dead[1].id, dead[1].message.deduplication.as_ref()),
        (&known.id.to_string(), Some(&dead[1].id))
    );
    assert_eq!((dead[1].source.clone(), dead[1].receives), (Some(q()), 2));

    let back = StartMove { source: arn(DEAD), destination: None, per_second: None };
    queues.start_move(back).await.expect("it begins");
    tokio::time::sleep(seconds(1)).await;
    let again = queues.receive(&q(), TEN).await.expect("three");
    assert_eq!(again.iter().map(|it| &*it.message.body).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert!(again.is_sorted_by_key(|it| it.sequence) && again.iter().all(|it| it.receives == 1));
}

#[tokio::test(start_paused = true)]
async fn a_purged_queue_knows_nothing_of_what_was_sent() {
    let (journal, queues) = with_fifo(QueueChange::default()).await;
    for id in ["1", "2"] {
        sent(&queues, &in_group("a", id, id)).await.expect("it is sent");
    }
    let receipt = queues.receive(&q(), ONE).await.expect("one").remove(0).receipt;
    queues.delete_messages(&q(), &[receipt]).await.expect("it is deleted");
    assert_eq!(queues.purge(&q()).await, Ok(()));
    assert_eq!((journal.rows().len(), queues.0.message_count.load(Ordering::SeqCst)), (1, 0));
    for id in ["1", "2"] {
        sent(&queues, &in_group("a", id, "new")).await.expect("it is sent");
    }
    assert_eq!(bodies(&queues, &q(), TEN).await, ["new", "new"]);
    let receipt = queues.receive(&q(), ONE).await;
    assert_eq!(receipt, Ok(Vec::new()));
    queues.delete(&q()).await.expect("it is deleted");
    queues.close().await;
    assert!(journal.rows().is_empty());
}
