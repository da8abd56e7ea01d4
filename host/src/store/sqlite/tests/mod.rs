//! What the store in a file does beyond what every store does.

mod backup;
mod crash;
mod damage;
mod disk;
mod formats;

use std::path::Path;
use std::process::Command;

use super::super::Write;
use super::super::conformance::{commit, delete, entry, loaded, put};
use super::super::sql::child::{CHILD_FOLDER, child_command};
use super::super::sql::schema::Migration;
use super::schema::MIGRATIONS;
use super::*;

const FILE_NAME: &str = FORMAT.file_name;

/// Everything a store has, with its position.
type State = (Vec<Scope>, Position);

/// Opens what is in a folder, and reads all of it: the state, and the audit entries or why they cannot be read.
async fn read(folder: &Path) -> Result<(State, Result<Vec<AuditEntry>, StoreError>), StoreError> {
    let store = SqliteStore::open(folder)?;
    let state = loaded(&store)?;
    Ok((state, store.audit(usize::MAX).await))
}

/// Makes changes of every kind, and gives the state after each, beginning with none.
async fn many_changes(store: &SqliteStore, commits: u64) -> Vec<State> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut states = vec![loaded(store).expect("it loads")];
    for number in 1..=commits {
        let (scopes, _) = states.last().expect("there is one");
        let name = random.u8(0..8).to_string();
        let expected = scopes.iter().find(|scope| scope.name == name).map(|scope| scope.generation);
        let long = number.to_string().repeat(random.usize(1..4000));
        let other = random.u8(0..4).to_string();
        let writes: Vec<Write> = if random.u8(0..3) == 0 {
            vec![delete("0"), delete(&other)]
        } else {
            vec![put("0", "live"), put(&other, &long)]
        };
        assert_eq!(store.commit(commit(&name, expected, writes)).await, Ok(Position(number)));
        states.push(loaded(store).expect("it loads"));
    }
    states
}

#[tokio::test]
async fn what_is_queued_is_written_before_the_store_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    for number in 0..100 {
        // Nobody waits for it.
        drop(store.commit(commit(&number.to_string(), None, vec![put("live", "1")])));
    }
    drop(store);
    let ((scopes, position), audit) = read(folder.path()).await.expect("it opens");
    assert_eq!((scopes.len(), position), (100, Position(100)));
    assert_eq!(audit.expect("it can be read").len(), 100);
}

#[tokio::test]
async fn when_too_much_waits_commits_are_refused_and_notes_are_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    let somebody_else = rusqlite::Connection::open(folder.path().join(FILE_NAME)).expect("it opens");
    somebody_else.execute_batch("BEGIN IMMEDIATE").expect("it may write");
    let mut waiting = Vec::new();
    // One is in the writer's hands, the others are queued.
    while waiting.len() < queue::COMMITS_WAITING_MAX + 1 {
        let committed = store.commit(commit(&waiting.len().to_string(), None, vec![put("live", "1")]));
        match pending_or_error(committed) {
            Ok(pending) => waiting.push(pending),
            Err(error) => assert_eq!(error, StoreError::Busy),
        }
        std::thread::yield_now();
    }
    let refused = store.commit(commit("one too many", None, vec![])).await;
    assert_eq!(refused, Err(StoreError::Busy));
    for _ in 0..queue::NOTES_WAITING_MAX + 10 {
        store.note(entry("refused"));
    }
    assert_eq!(store.notes_lost(), 10);
    somebody_else.execute_batch("ROLLBACK").expect("it lets go");
    for pending in waiting {
        pending.await.expect("it commits");
    }
    let audit = store.audit(usize::MAX).await.expect("it can be read");
    assert_eq!(audit.len(), queue::COMMITS_WAITING_MAX + 1 + queue::NOTES_WAITING_MAX);
}

/// A commit that waits, or the error it has already.
fn pending_or_error(mut committed: Pending<'_, Position>) -> Result<Pending<'_, Position>, StoreError> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match committed.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => Err(error),
        std::task::Poll::Ready(Ok(position)) => panic!("{position:?} was written while somebody else writes"),
        std::task::Poll::Pending => Ok(committed),
    }
}

#[test]
fn texts_that_wait_are_bounded_in_bytes_and_count_no_longer_when_they_are_written() {
    let queue = Queue::default();
    let add = |document: &str| {
        let (acknowledge, _) = oneshot::channel();
        queue.commit(Job { commit: commit("", None, vec![put("", document)]), acknowledge })
    };
    let long = "a".repeat(queue::COMMITS_WAITING_BYTES_MAX);
    for _ in 0..3 {
        assert_eq!(add(&long), Ok(()));
        assert_eq!(add("b"), Err(StoreError::Busy));
        assert!(queue.next().is_some_and(|work| work.job.is_some()));
    }
}

#[tokio::test]
async fn the_log_is_carried_over_before_it_grows_without_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    let long = "a".repeat(1 << 20);
    let mut generation = None;
    for _ in 0..40 {
        let writes = vec![put("live", &long)];
        generation = Some(store.commit(commit("hello", generation, writes)).await.expect("it commits"));
    }
    let log = file::log_of(&folder.path().join(FILE_NAME)).metadata().expect("it is there");
    assert!(log.len() < 16 << 20, "40 MiB were written, and {} bytes are in the log", log.len());
}
