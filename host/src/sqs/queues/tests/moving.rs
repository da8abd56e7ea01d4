//! Messages that are moved out of dead-letter queues.

use super::super::super::move_task::{MoveFailure, MoveStatus, MoveTask};
use super::super::super::record::MOVE_TASK;
use super::super::super::redrive::RedrivePolicy;
use super::super::moving::{CancelMoveError, ENDED_MAX, StartMove, StartMoveError};
use super::*;

/// Two queues, `a` and `b`, with one dead-letter queue, to which messages go that were received once.
async fn with_dead_letters() -> (Arc<TestJournal>, Queues) {
    let (journal, queues, _) = with_queue(&[]).await;
    queues.create(arn("dead"), QueueChange::default(), Tags::default()).await.expect("it is made");
    for name in ["a", "b"] {
        let mut given = QueueChange::default();
        given.add_redrive(Some(RedrivePolicy { target: arn("dead"), receives_max: 1 }));
        assert!(given.add(QueueSetting::Visibility, 0));
        queues.create(arn(name), given, Tags::default()).await.expect("it is made");
    }
    (journal, queues)
}

/// Lets messages of those queues become dead letters.
async fn die(queues: &Queues, names: &[&str]) {
    for name in names {
        send(queues, &arn(name), name).await;
        assert_eq!(bodies(queues, &arn(name), ONE).await, [*name]);
        assert_eq!(bodies(queues, &arn(name), ONE).await, [""; 0]);
    }
}

fn back(per_second: Option<u32>) -> StartMove {
    StartMove { source: arn("dead"), destination: None, per_second }
}

fn to(destination: &str) -> StartMove {
    StartMove { destination: Some(arn(destination)), ..back(None) }
}

async fn last(queues: &Queues) -> MoveTask {
    queues.moves(&arn("dead"), 1).await.expect("it is there").remove(0)
}

fn visible(queues: &Queues, name: &str) -> usize {
    queues.info(&arn(name)).expect("it is there").figures.visible
}

#[tokio::test(start_paused = true)]
async fn messages_go_back_to_where_they_come_from_as_new_ones() {
    let (journal, queues) = with_dead_letters().await;
    send(&queues, &arn("a"), "a").await;
    let first = queues.receive(&arn("a"), ONE).await.expect("one").remove(0);
    assert_eq!(bodies(&queues, &arn("a"), ONE).await, [""; 0]);
    die(&queues, &["b"]).await;
    tokio::time::advance(seconds(60)).await;
    queues.start_move(back(None)).await.expect("it begins");
    tokio::time::sleep(seconds(1)).await;
    let task = last(&queues).await;
    assert_eq!((task.status, task.moved, task.to_move), (MoveStatus::Completed, 2, 2));
    assert_eq!((visible(&queues, "a"), visible(&queues, "b"), visible(&queues, "dead")), (1, 1, 0));

    let again = queues.receive(&arn("a"), ONE).await.expect("one").remove(0);
    assert_eq!((&*again.message.body, again.receives, again.source), ("a", 1, None));
    assert_ne!((&again.id, again.sent_ms), (&first.id, first.sent_ms), "it is a new message");
    // Both are the first receipt that people are told of, in the same queue and of the same row.
    queues.delete_messages(&arn("a"), &[first.receipt]).await.expect("a call that succeeds");
    assert_eq!(started(&journal).info(&arn("a")).expect("it is there").figures.visible, 1);
    queues.delete_messages(&arn("a"), &[again.receipt]).await.expect("it is deleted");
    assert_eq!(queues.info(&arn("a")).expect("it is there").figures, QueueFigures::default());
}

#[tokio::test(start_paused = true)]
async fn a_task_goes_on_after_a_restart_with_the_limit_it_has() {
    let (journal, queues) = with_dead_letters().await;
    die(&queues, &["a"; 6]).await;
    queues.start_move(StartMove { per_second: Some(2), ..to("q") }).await.expect("it begins");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!((visible(&queues, "q"), last(&queues).await.status), (3, MoveStatus::Running));
    assert_eq!(queues.start_move(to("q")).await, Err(StartMoveError::Running));
    queues.close().await;

    let queues = started(&journal);
    assert_eq!((visible(&queues, "q"), last(&queues).await.moved), (3, 3));
    queues.resume_moves().await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!((visible(&queues, "q"), visible(&queues, "dead")), (6, 0));
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(last(&queues).await.status, MoveStatus::Completed);
    assert_eq!(last(&started(&journal)).await, last(&queues).await);
}

#[tokio::test(start_paused = true)]
async fn a_task_is_cancelled_and_leaves_what_it_moved_where_it_is() {
    let (journal, queues) = with_dead_letters().await;
    die(&queues, &["a"; 3]).await;
    let id = queues.start_move(back(Some(1))).await.expect("it begins");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(queues.cancel_move(&arn("dead"), id).await, Ok(1));
    assert_eq!(queues.cancel_move(&arn("dead"), id).await, Err(CancelMoveError::Ended));
    tokio::time::sleep(seconds(5)).await;
    assert_eq!((visible(&queues, "a"), visible(&queues, "dead")), (1, 2));
    let queues = started(&journal);
    assert_eq!(last(&queues).await.status, MoveStatus::Cancelled);
    let other = queues.cancel_move(&arn("dead"), uuid::Uuid::nil()).await;
    assert_eq!(other, Err(CancelMoveError::NoSuchTask));
}

#[tokio::test(start_paused = true)]
async fn a_task_fails_where_a_message_has_nowhere_to_go() {
    let (_, queues) = with_dead_letters().await;
    die(&queues, &["a", "b"]).await;
    send(&queues, &arn("dead"), "nobody's").await;
    queues.start_move(back(None)).await.expect("it begins");
    tokio::time::sleep(seconds(1)).await;
    let task = last(&queues).await;
    assert_eq!((task.status, task.moved), (MoveStatus::Failed(MoveFailure::NoSource), 2));
    assert_eq!((visible(&queues, "a"), visible(&queues, "b"), visible(&queues, "dead")), (1, 1, 1));

    queues.start_move(StartMove { per_second: Some(1), ..to("q") }).await.expect("it begins");
    tokio::time::sleep(seconds(2)).await;
    queues.purge(&arn("a")).await.expect("it is empty");
    die(&queues, &["a"]).await;
    queues.delete(&arn("a")).await.expect("it is deleted");
    queues.start_move(back(None)).await.expect("it begins");
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(last(&queues).await.status, MoveStatus::Failed(MoveFailure::NoSuchQueue));
    assert_eq!(visible(&queues, "dead"), 1, "it can be received");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_makes_a_task_wait() {
    let (journal, queues) = with_dead_letters().await;
    die(&queues, &["a"; 2]).await;
    queues.start_move(back(Some(1))).await.expect("it begins");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    journal.is_full.store(true, Ordering::SeqCst);
    tokio::time::sleep(seconds(5)).await;
    assert_eq!((visible(&queues, "a"), visible(&queues, "dead")), (1, 1));
    journal.is_full.store(false, Ordering::SeqCst);
    tokio::time::sleep(seconds(3)).await;
    assert_eq!((visible(&queues, "a"), last(&queues).await.status), (2, MoveStatus::Completed));
}

#[tokio::test(start_paused = true)]
async fn only_dead_letters_are_moved_and_the_last_tasks_are_remembered() {
    let (journal, queues) = with_dead_letters().await;
    let of = |source: &str, destination: &str| StartMove { source: arn(source), ..to(destination) };
    assert_eq!(queues.start_move(of("q", "a")).await, Err(StartMoveError::NoDeadLetters));
    assert_eq!(queues.start_move(of("dead", "dead")).await, Err(StartMoveError::SameQueue));
    assert_eq!(queues.start_move(of("dead", "none")).await, Err(StartMoveError::NoDestination));
    let none = StartMoveError::Queue(QueueError::NoSuchQueue);
    assert_eq!(queues.start_move(of("none", "a")).await, Err(none));
    for _ in 0..ENDED_MAX + 5 {
        queues.start_move(back(None)).await.expect("it begins");
        tokio::time::sleep(seconds(1)).await;
    }
    let tasks = || journal.rows().iter().filter(|row| row.kind == MOVE_TASK).count();
    assert_eq!((tasks(), queues.moves(&arn("dead"), 99).await.map(|all| all.len())), (11, Ok(11)));

    die(&queues, &["a"; 2]).await;
    queues.start_move(back(Some(1))).await.expect("it begins");
    queues.delete(&arn("dead")).await.expect("it is deleted");
    tokio::time::sleep(seconds(5)).await;
    queues.tidy().await.expect("they are deleted");
    assert_eq!(tasks(), 0, "nothing is left of tasks of a queue that is deleted");
    assert_eq!(visible(&queues, "a"), 1, "it was moved before");
}
