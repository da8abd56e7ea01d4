//! A clock on the wall that is set.

use super::super::clock::AWAY_MS_MAX;
use super::*;

const DAY_MS: u64 = 86_400_000;
/// What the clock says at first.
const WALL_MS: u64 = 10 * DAY_MS;

/// A queue that keeps messages for an hour, and its host's clock.
async fn with_clock() -> (Arc<TestJournal>, Queues, Arc<AtomicU64>) {
    let journal = TestJournal::new();
    let (queues, wall) = started_at(&journal, WALL_MS);
    let mut given = QueueChange::default();
    assert!(given.add(QueueSetting::Retention, 3600));
    queues.create(arn("q"), given, Tags::default()).await.expect("it is made");
    (journal, queues, wall)
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_changes_nothing_while_the_process_runs() {
    let (_, queues, wall) = with_clock().await;
    let late = message("late");
    for wall_ms in [WALL_MS + DAY_MS, WALL_MS - DAY_MS, WALL_MS] {
        send(&queues, &arn("q"), "x").await;
        let received = queues.receive(&arn("q"), ONE).await.expect("one").remove(0);
        let delayed = SendRequest { message: &late, delay_seconds: Some(10) };
        queues.send(&arn("q"), &[delayed]).await.expect("it is sent");
        wall.store(wall_ms, Ordering::Relaxed);
        queues.tidy().await.expect("nothing is too old");

        tokio::time::advance(seconds(9)).await;
        assert_eq!(bodies(&queues, &arn("q"), TEN).await, [""; 0], "{wall_ms}");
        tokio::time::advance(seconds(1)).await;
        let late = queues.receive(&arn("q"), TEN).await.expect("one").remove(0);
        tokio::time::advance(seconds(20)).await;
        let again = queues.receive(&arn("q"), ONE).await.expect("one").remove(0);
        assert_eq!((&*again.id, again.receives, again.sent_ms), (&*received.id, 2, received.sent_ms));
        queues.delete_messages(&arn("q"), &[again.receipt, late.receipt]).await.expect("they are deleted");
    }
    tokio::time::advance(seconds(3600)).await;
    send(&queues, &arn("q"), "x").await;
    let shown = queues.receive(&arn("q"), ONE).await.expect("one").remove(0).sent_ms;
    assert_eq!(shown, WALL_MS + 90_000 + 3_600_000, "people are shown the time on the wall");
}

#[tokio::test(start_paused = true)]
async fn between_two_processes_a_little_time_counts_and_a_clock_that_was_set_does_not() {
    let (journal, queues, _) = with_clock().await;
    send(&queues, &arn("q"), "x").await;
    let oldest = |wall_ms| {
        let queues = started_at(&journal, wall_ms).0;
        queues.info(&arn("q")).expect("it is there").figures.oldest_age_ms
    };
    for (wall_ms, age_ms) in [
        (WALL_MS + 2_000, 2_000),
        (WALL_MS + DAY_MS, AWAY_MS_MAX),
        (WALL_MS - DAY_MS, 0),
        (WALL_MS + AWAY_MS_MAX, AWAY_MS_MAX),
    ] {
        assert_eq!(oldest(wall_ms), Some(age_ms), "{wall_ms}");
    }

    // A day ahead, and back: the clock goes on from what came last, whatever it was called.
    let (queues, _) = started_at(&journal, WALL_MS + DAY_MS);
    send(&queues, &arn("q"), "y").await;
    let shown = queues.receive(&arn("q"), TEN).await.expect("both");
    assert_eq!((shown[0].sent_ms, shown[1].sent_ms), (WALL_MS, WALL_MS + DAY_MS));
    tokio::time::advance(seconds(10)).await;
    let (queues, _) = started_at(&journal, WALL_MS);
    tokio::time::advance(seconds(29)).await;
    assert_eq!(bodies(&queues, &arn("q"), TEN).await, [""; 0]);
    tokio::time::advance(seconds(1)).await;
    assert_eq!(
        bodies(&queues, &arn("q"), TEN).await,
        ["x", "y"],
        "their visibility is over, not a day later"
    );
}
