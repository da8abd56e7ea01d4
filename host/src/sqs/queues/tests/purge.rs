//! Queues that are purged.

use super::super::purge::PurgeError;
use super::*;

#[tokio::test(start_paused = true)]
async fn what_was_there_is_gone_and_what_comes_later_stays() {
    let (journal, queues, queue) = with_queue(&[]).await;
    for number in 0..600 {
        send(&queues, &queue, &number.to_string()).await;
    }
    let late = message("late");
    let delayed = SendRequest { message: &late, delay_seconds: Some(900) };
    queues.send(&queue, &[delayed]).await.expect("it is sent");
    let receipt = queues.receive(&queue, ONE).await.expect("one").remove(0).receipt;
    assert_eq!(queues.purge(&queue).await, Ok(()));
    assert_eq!(queues.info(&queue).expect("it is there").figures, QueueFigures::default());
    assert_eq!((journal.rows().len(), queues.0.message_count.load(Ordering::SeqCst)), (1, 0));
    assert_eq!(queues.delete_messages(&queue, &[receipt]).await, Ok(Vec::new()));

    send(&queues, &queue, "new").await;
    tokio::time::advance(seconds(59)).await;
    assert_eq!(queues.purge(&queue).await, Err(PurgeError::InProgress));
    assert_eq!(bodies(&queues, &queue, TEN).await, ["new"]);
    tokio::time::advance(seconds(1)).await;
    assert_eq!(queues.purge(&queue).await, Ok(()));
    assert_eq!(journal.rows().len(), 1);
}

/// The message was being handed out when the queue was purged.
#[tokio::test(start_paused = true)]
async fn what_somebody_holds_is_waited_for() {
    let (journal, queues, queue) = with_queue(&[]).await;
    send(&queues, &queue, "x").await;
    journal.holds.store(true, Ordering::SeqCst);
    let both = async { tokio::join!(bodies(&queues, &queue, ONE), queues.purge(&queue)) };
    let letting = async {
        tokio::time::sleep(seconds(1)).await;
        journal.leave.add_permits(2);
    };
    let ((_, purged), ()) = tokio::join!(both, letting);
    assert_eq!(purged, Ok(()));
    assert_eq!(journal.rows().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_may_be_tried_again_at_once() {
    let (journal, queues, queue) = with_queue(&[]).await;
    send(&queues, &queue, "x").await;
    journal.is_full.store(true, Ordering::SeqCst);
    let full = PurgeError::Queue(QueueError::Store(StoreError::Full));
    assert_eq!(queues.purge(&queue).await, Err(full));
    journal.is_full.store(false, Ordering::SeqCst);
    assert_eq!(queues.purge(&queue).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn tags_outlive_the_process() {
    let (journal, queues, queue) = with_queue(&[]).await;
    let tag = |key: &str| Tags::new([(key.to_owned(), "x".to_owned())].into()).expect("tags");
    queues.tag(&queue, tag("a")).await.expect("it is tagged");
    queues.tag(&queue, tag("b")).await.expect("it is tagged");
    let queues = started(&journal);
    queues.untag(&queue, vec!["a".to_owned(), "none".to_owned()]).await.expect("it is not tagged");
    assert_eq!(started(&journal).tags(&queue), Ok(tag("b")));
}
