//! What waits for the writer, and what the writer makes of it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::queue::{BYTES_WAITING_MAX, CHANGES_WAITING_MAX};
use super::*;

fn job(changes: Vec<Change>) -> (Job, oneshot::Receiver<Result<(), StoreError>>) {
    let (acknowledge, acknowledged) = oneshot::channel();
    (Job { changes, sort: Sort::Usual, acknowledge }, acknowledged)
}

fn add(queue: &Queue, changes: Vec<Change>) -> Result<(), StoreError> {
    queue.add(job(changes).0)
}

fn sized(bytes: usize) -> Change {
    Change::Insert { id: RowId(1), kind: Kind(0), header: vec![], body: Some(vec![0; bytes].into()) }
}

#[test]
fn what_waits_is_bounded_and_new_rows_leave_room_for_what_settles_old_ones() {
    let queue = Queue::default();
    let settle = || vec![delete(RowId(1), 0), insert(RowId(2), "delivery", None)];
    let mut added = 0;
    while add(&queue, vec![insert(RowId(1), "", None)]) == Ok(()) {
        added += 1;
    }
    assert_eq!(added, CHANGES_WAITING_MAX / 4 * 3);
    let mut settled = 0;
    while add(&queue, settle()) == Ok(()) {
        settled += 1;
    }
    assert_eq!(added + 2 * settled, CHANGES_WAITING_MAX);
    assert_eq!(add(&queue, settle()), Err(StoreError::Busy));
    assert_eq!(queue.size().0, CHANGES_WAITING_MAX as u64);
    while queue.size().0 > 0 {
        queue.next().expect("there is something");
    }
    assert_eq!(queue.size(), (0, 0));
    assert_eq!(add(&queue, vec![insert(RowId(1), "", None)]), Ok(()));
}

#[test]
fn bytes_that_wait_are_bounded_and_count_no_longer_when_they_are_written() {
    let queue = Queue::default();
    for _ in 0..3 {
        assert_eq!(add(&queue, vec![sized(BYTES_WAITING_MAX / 4 * 3)]), Ok(()));
        assert_eq!(add(&queue, vec![sized(1)]), Err(StoreError::Busy));
        assert_eq!(queue.next().map(|group| group.len()), Some(1));
    }
    assert_eq!(
        add(&queue, vec![sized(2 * BYTES_WAITING_MAX)]),
        Ok(()),
        "alone, it is taken whatever its size"
    );
    assert_eq!(add(&queue, vec![delete(RowId(1), 0)]), Err(StoreError::Busy));
}

#[test]
fn a_group_is_what_fits_into_one_transaction() {
    let queue = Queue::default();
    let sizes = |queue: &Queue| queue.next().map(|group| group.iter().map(|job| job.changes.len()).collect());
    for changes in [1, 1000, 23, 1, 5000, 1] {
        add(&queue, vec![delete(RowId(1), 0); changes]).expect("there is room");
    }
    let groups: Vec<Vec<usize>> = (0..4).filter_map(|_| sizes(&queue)).collect();
    assert_eq!(groups, [vec![1, 1000, 23], vec![1], vec![5000], vec![1]]);
    for _ in 0..5 {
        add(&queue, vec![sized(1 << 20)]).expect("there is room");
    }
    assert_eq!((sizes(&queue), sizes(&queue)), (Some(vec![1; 4]), Some(vec![1])));
    queue.close();
    assert_eq!(queue.next().map(|group| group.len()), None);
    assert_eq!(add(&queue, vec![]), Err(StoreError::Closed));
}

/// Somebody else writes to the file, so that the writer waits and all others wait for it.
#[tokio::test]
async fn when_too_much_waits_batches_are_refused_at_once_and_the_others_are_flushed_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    let somebody_else = connection(folder.path());
    somebody_else.execute_batch("BEGIN IMMEDIATE").expect("it may write");
    let mut waiting = Vec::new();
    let refused = loop {
        let mut written = journal.write(vec![insert(journal.allocate(), "", None)]);
        match written.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => waiting.push(written),
            Poll::Ready(refused) => break refused,
        }
    };
    assert_eq!(refused, Err(StoreError::Busy));
    assert!(journal.flushes().changes_waiting >= CHANGES_WAITING_MAX as u64 / 4 * 3);
    somebody_else.execute_batch("ROLLBACK").expect("it lets go");
    let total = waiting.len() as u64;
    for written in waiting {
        assert_eq!(written.await, Ok(()));
    }
    let figures = journal.flushes();
    assert_eq!((figures.changes_written, figures.changes_waiting, figures.bytes_waiting), (total, 0, 0));
    // The first group is what was there when the writer looked.
    assert!(figures.flushes.count <= total / 1024 + 2, "{} flushes for {total}", figures.flushes.count);
    assert!(figures.flushes.sum > Duration::ZERO);
    assert_eq!(loaded(&journal).expect("it loads").len() as u64, total);
}

/// Each of them would keep the log from beginning anew, and there is never a moment without one.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_carried_over_before_it_grows_without_end_although_bodies_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Arc::new(SqliteJournal::open(folder.path()).expect("it opens"));
    let long = "a".repeat(1 << 20);
    let first = journal.allocate();
    journal.write(vec![insert(first, "", Some(&long))]).await.expect("it is written");
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move {
                loop {
                    assert!(journal.body(first).await.expect("it can be read").is_some());
                }
            })
        })
        .collect();
    for _ in 0..150 {
        let id = journal.allocate();
        journal.write(vec![insert(id, "", Some(&long))]).await.expect("it is written");
        journal.write(vec![delete(id, 0)]).await.expect("it is written");
    }
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    let log = file::log_of(&folder.path().join(FILE_NAME)).metadata().expect("it is there");
    assert!(log.len() < 40 << 20, "150 MiB were written, and the log has {} bytes", log.len());
}

#[tokio::test]
async fn a_batch_that_is_refused_costs_no_flush() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    assert_eq!(journal.write(vec![delete(RowId(1), 0)]).await, Err(StoreError::Conflict));
    assert_eq!(journal.flushes().flushes.count, 0);
}

/// Otherwise whoever waits would wait for ever.
#[tokio::test]
async fn when_the_writer_is_gone_what_waits_and_what_comes_is_refused() {
    let queue = Queue::default();
    let gone = StoreError::Failed { file: FILE_NAME.to_owned(), reason: "gone".to_owned() };
    let (waits, mut acknowledged) = job(vec![]);
    queue.add(waits).expect("there is room");
    queue.abandon(gone.clone());
    let told = pin!(&mut acknowledged).await;
    assert!(told.is_err(), "nobody is left to tell");
    assert_eq!(add(&queue, vec![]), Err(gone));
    assert!(queue.next().is_none());
}
