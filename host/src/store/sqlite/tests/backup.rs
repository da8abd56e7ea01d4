//! Copies that are made while others write.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const SCOPES: u64 = 5;
/// Where the process that a test starts puts its copy.
const TO_FOLDER: &str = "SAMOVAR_STORE_TEST_TO_FOLDER";

/// Backups are made by the command line, which is a process beside the one that serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_another_process_writes_is_the_store_at_one_moment() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        let to = std::env::var_os(TO_FOLDER).expect("it is set too");
        return backup_file(Path::new(&folder), Path::new(&to)).expect("it is copied");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(SqliteStore::open(folder.path()).expect("it opens"));
    let enough = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(count_up(store.clone(), enough.clone()));
    let copies: Vec<_> = (0..6).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let mut before = Position(0);
    for (number, copy) in copies.iter().enumerate() {
        while store.load(&mut drop).expect("it loads") <= before {
            tokio::task::yield_now().await;
        }
        if number % 2 == 0 {
            store.backup(copy.path()).expect("it is copied");
        } else {
            let test = "a_copy_made_while_another_process_writes_is_the_store_at_one_moment";
            let mut child = child_command(module_path!(), test, folder.path());
            let ended = child.env(TO_FOLDER, copy.path()).output().expect("it runs");
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
        before = assert_is_one_moment(copy.path(), before);
    }
    enough.store(true, Ordering::Relaxed);
    let last = writer.await.expect("it goes on until it is enough");
    assert!(last > before, "nobody wrote meanwhile");
    assert_eq!(store.load(&mut drop), Ok(last), "the store itself is as before");
}

/// The commit at position `n` writes `n` into the scope `n % SCOPES`.
async fn count_up(store: Arc<SqliteStore>, enough: Arc<AtomicBool>) -> Position {
    let mut position = Position(0);
    while !enough.load(Ordering::Relaxed) {
        let next = position.0 + 1;
        let expected = next.checked_sub(SCOPES).filter(|before| *before > 0).map(Position);
        let change = commit(&(next % SCOPES).to_string(), expected, vec![put("live", &next.to_string())]);
        position = store.commit(change).await.expect("a backup holds up nobody");
        assert_eq!(position, Position(next));
    }
    position
}

fn assert_is_one_moment(copy: &Path, before: Position) -> Position {
    let entries = std::fs::read_dir(copy).expect("it can be read");
    let names: Vec<_> = entries.map(|entry| entry.expect("it can be read").file_name()).collect();
    assert_eq!(names, [FILE_NAME]);
    let mode = copy.join(FILE_NAME).metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let store = SqliteStore::open(copy).expect("it opens");
    let (scopes, position) = loaded(&store).expect("it loads");
    assert!(position > before, "{position:?} was known before");
    for scope in scopes {
        let number: u64 = scope.records[0].document.parse().expect("a number");
        assert_eq!((scope.generation, scope.name), (Position(number), (number % SCOPES).to_string()));
        assert!(number <= position.0 && number + SCOPES > position.0, "{number} at {position:?}");
    }
    position
}

#[test]
fn a_copy_takes_nobodys_place() {
    let (folder, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let missing = backup_file(folder.path(), to.path());
    assert!(matches!(missing, Err(StoreError::Failed { .. })), "{missing:?}");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    for taken in ["registry.db", "registry.db-wal"] {
        std::fs::write(to.path().join(taken), "somebody's").expect("it is written");
        for refused in [backup_file(folder.path(), to.path()), store.backup(to.path())] {
            assert!(matches!(refused, Err(StoreError::Failed { .. })), "{refused:?}");
        }
        assert_eq!(std::fs::read(to.path().join(taken)).expect("it is there"), b"somebody's");
        std::fs::remove_file(to.path().join(taken)).expect("it is there");
    }
    let refused = backup_file(folder.path(), folder.path());
    assert!(matches!(refused, Err(StoreError::Failed { .. })), "{refused:?}");
}
