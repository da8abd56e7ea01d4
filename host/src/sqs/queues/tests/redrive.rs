//! Messages that are received too often.

use super::super::super::redrive::{RedriveAllowPolicy, RedrivePolicy, RedrivePolicyError};
use super::*;

fn policy(target: &str, receives_max: u32) -> RedrivePolicy {
    RedrivePolicy { target: arn(target), receives_max }
}

fn to(target: &str, receives_max: u32) -> QueueChange {
    let mut change = QueueChange::default();
    change.add_redrive(Some(policy(target, receives_max)));
    change
}

/// A queue `q` whose messages go to the queue `dead` when they were received twice. Neither keeps received messages from others.
async fn with_dead_letters() -> (Arc<TestJournal>, Queues) {
    let (journal, queues, queue) = with_queue(&[(QueueSetting::Visibility, 0)]).await;
    queues.create(arn("dead"), QueueChange::default(), Tags::default()).await.expect("it is made");
    queues.change(&queue, to("dead", 2)).await.expect("it is changed");
    (journal, queues)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_received_too_often_goes_to_the_dead_letter_queue_as_it_is() {
    let (journal, queues) = with_dead_letters().await;
    send(&queues, &arn("q"), "x").await;
    let mut sent = queues.receive(&arn("q"), ONE).await.expect("one").remove(0);
    assert_eq!(sent.source, None);
    tokio::time::advance(seconds(1)).await;
    sent = queues.receive(&arn("q"), ONE).await.expect("one").remove(0);
    let before = journal.rows().iter().find(|row| row.kind == MESSAGE).expect("one").body_bytes;

    assert_eq!(bodies(&queues, &arn("q"), TEN).await, [""; 0]);
    let row = journal.rows().into_iter().find(|row| row.kind == MESSAGE).expect("one");
    assert_eq!((row.id, row.body_bytes), (sent.receipt.message, before), "the same row");
    for queues in [queues.clone(), started(&journal)] {
        let figures = |name| queues.info(&arn(name)).expect("it is there").figures;
        assert_eq!((figures("q"), figures("dead").visible), (QueueFigures::default(), 1));
    }
    let queues = started(&journal);
    let dead = queues.receive(&arn("dead"), ONE).await.expect("one").remove(0);
    assert_eq!((&dead.id, &dead.message, dead.receives), (&sent.id, &sent.message, 3));
    assert_eq!((dead.sent_ms, dead.source), (sent.sent_ms, Some(arn("q"))));

    // The receipts of before are worth nothing, and this one is.
    queues.delete_messages(&arn("q"), &[sent.receipt]).await.expect("a call that succeeds");
    assert_eq!(queues.info(&arn("dead")).expect("it is there").figures.in_flight, 1);
    queues.delete_messages(&arn("dead"), &[dead.receipt]).await.expect("it is deleted");
    assert!(journal.rows().iter().all(|row| row.kind != MESSAGE));
    assert_eq!(queues.0.message_count.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_dead_letters_is_woken_by_one() {
    let (_, queues) = with_dead_letters().await;
    send(&queues, &arn("q"), "x").await;
    let waiting = tokio::spawn({
        let queues = queues.clone();
        async move { bodies(&queues, &arn("dead"), WAITING).await }
    });
    tokio::time::sleep(seconds(1)).await;
    let began = Instant::now();
    for _ in 0..3 {
        queues.receive(&arn("q"), ONE).await.expect("it is received");
    }
    assert_eq!((waiting.await.expect("no panic"), began.elapsed()), (vec!["x".to_owned()], seconds(0)));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_leaves_it_where_it_is() {
    let (journal, queues) = with_dead_letters().await;
    send(&queues, &arn("q"), "x").await;
    for _ in 0..2 {
        assert_eq!(bodies(&queues, &arn("q"), ONE).await, ["x"]);
    }
    journal.is_full.store(true, Ordering::SeqCst);
    let full = ReceiveError::Queue(QueueError::Store(StoreError::Full));
    assert_eq!(queues.receive(&arn("q"), ONE).await, Err(full));
    assert_eq!(queues.info(&arn("q")).expect("it is there").figures.visible, 1);
    journal.is_full.store(false, Ordering::SeqCst);
    assert_eq!(bodies(&queues, &arn("q"), ONE).await, [""; 0]);
    assert_eq!(bodies(&queues, &arn("dead"), ONE).await, ["x"]);
}

#[tokio::test(start_paused = true)]
async fn without_its_dead_letter_queue_a_message_is_handed_out_as_ever() {
    let (_, queues) = with_dead_letters().await;
    send(&queues, &arn("q"), "x").await;
    queues.delete(&arn("dead")).await.expect("it is deleted");
    for _ in 0..4 {
        assert_eq!(bodies(&queues, &arn("q"), ONE).await, ["x"]);
    }
    queues.create(arn("dead"), QueueChange::default(), Tags::default()).await.expect("it is made anew");
    assert_eq!(bodies(&queues, &arn("q"), ONE).await, [""; 0]);
    queues.delete(&arn("q")).await.expect("it is deleted");
    let dead = queues.receive(&arn("dead"), ONE).await.expect("one").remove(0);
    assert_eq!((&*dead.message.body, dead.source), ("x", None), "nobody knows what its queue was called");
}

/// The dead-letter queue was deleted while the message was on its way.
#[tokio::test(start_paused = true)]
async fn nothing_stays_of_a_dead_letter_queue_that_is_deleted_meanwhile() {
    let (journal, queues) = with_dead_letters().await;
    send(&queues, &arn("q"), "x").await;
    for _ in 0..2 {
        bodies(&queues, &arn("q"), ONE).await;
    }
    journal.holds.store(true, Ordering::SeqCst);
    let moving = tokio::spawn({
        let queues = queues.clone();
        async move { bodies(&queues, &arn("q"), ONE).await }
    });
    tokio::time::sleep(seconds(1)).await;
    let deleting = tokio::spawn({
        let queues = queues.clone();
        async move { queues.delete(&arn("dead")).await }
    });
    tokio::time::sleep(seconds(1)).await;
    journal.leave.add_permits(10);
    assert_eq!(moving.await.expect("no panic"), [""; 0]);
    deleting.await.expect("no panic").expect("it is deleted");
    queues.close().await;
    assert!(journal.rows().iter().all(|row| row.kind != MESSAGE));
    assert_eq!(queues.0.message_count.load(Ordering::SeqCst), 0);
}

/// Two queues are each other's dead-letter queue: nobody would ever be given the message, had each counted the other's receipts.
#[tokio::test(start_paused = true)]
async fn every_queue_counts_for_itself() {
    let (_, queues) = with_dead_letters().await;
    let mut none_kept = to("q", 1);
    assert!(none_kept.add(QueueSetting::Visibility, 0));
    queues.change(&arn("dead"), none_kept).await.expect("it is changed");
    send(&queues, &arn("q"), "x").await;
    for name in ["q", "q", "dead", "q", "q", "dead"] {
        let mut received = Vec::new();
        for other in ["q", "dead"] {
            if other != name {
                assert_eq!(bodies(&queues, &arn(other), ONE).await, [""; 0]);
            }
        }
        received.extend(bodies(&queues, &arn(name), ONE).await);
        assert_eq!(received, ["x"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_queue_must_be_there_and_allow_it() {
    let (_, queues, _) = with_queue(&[]).await;
    let refused = |outcome| match outcome {
        Err(ChangeQueueError::Redrive { reason, .. }) => reason,
        other => panic!("it is not refused: {other:?}"),
    };
    let changed = queues.change(&arn("q"), to("dead", 1)).await;
    assert_eq!(refused(changed), RedrivePolicyError::NoSuchTarget);
    assert_eq!(refused(queues.change(&arn("q"), to("q", 1)).await), RedrivePolicyError::Itself);
    let mut nobody = QueueChange::default();
    nobody.add_redrive_allow(Some(RedriveAllowPolicy::Sources(vec![arn("another")])));
    queues.create(arn("dead"), nobody, Tags::default()).await.expect("it is made");
    assert_eq!(refused(queues.change(&arn("q"), to("dead", 1)).await), RedrivePolicyError::NotAllowed);
    let made = queues.create(arn("new"), to("dead", 1), Tags::default()).await;
    let Err(CreateQueueError::Settings(error)) = made else { panic!("it is not refused: {made:?}") };
    assert_eq!(refused(Err(error)), RedrivePolicyError::NotAllowed);
    queues.create(arn("another"), to("dead", 1), Tags::default()).await.expect("it is allowed");
    let list = queues.sources(&arn("dead"), None, 9).expect("it is there");
    assert_eq!((list.queues, list.has_more), (vec![arn("another")], false));
    assert_eq!(queues.sources(&arn("none"), None, 9), Err(QueueError::NoSuchQueue));
}
