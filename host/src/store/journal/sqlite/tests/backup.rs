//! Copies that are made while others write.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicBool;

use super::*;

/// Where the process that a test starts puts its copy.
const TO_FOLDER: &str = "SAMOVAR_STORE_TEST_TO_FOLDER";

/// Backups are made by the command line, which is a process beside the one that serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_another_process_writes_is_the_journal_at_one_moment() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        let to = std::env::var_os(TO_FOLDER).expect("it is set too");
        return backup_file(Path::new(&folder), Path::new(&to)).expect("it is copied");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Arc::new(SqliteJournal::open(folder.path()).expect("it opens"));
    let enough = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(count_up(journal.clone(), enough.clone()));
    let mut before = 0;
    for number in 0..6 {
        while journal.flushes().changes_written <= 2 * before {
            tokio::task::yield_now().await;
        }
        let copy = tempfile::tempdir().expect("a folder");
        if number % 2 == 0 {
            backup_file(folder.path(), copy.path()).expect("it is copied");
        } else {
            let test = "a_copy_made_while_another_process_writes_is_the_journal_at_one_moment";
            let mut child = child_command(module_path!(), test, folder.path());
            let ended = child.env(TO_FOLDER, copy.path()).output().expect("it runs");
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
        before = assert_is_one_moment(copy.path(), before).await;
    }
    enough.store(true, Ordering::Relaxed);
    let last = writer.await.expect("it goes on until it is enough");
    assert!(last > before, "nobody wrote meanwhile");
}

/// Every batch replaces the one row by the next, of which the body is the number too.
async fn count_up(journal: Arc<SqliteJournal>, enough: Arc<AtomicBool>) -> u64 {
    let mut last = None;
    while !enough.load(Ordering::Relaxed) {
        let id = journal.allocate();
        let mut changes = vec![insert(id, &id.0.to_string(), Some(&id.0.to_string()))];
        changes.extend(last.map(|last| delete(last, 0)));
        journal.write(changes).await.expect("a backup holds up nobody");
        last = Some(id);
    }
    last.map_or(0, |id| id.0)
}

async fn assert_is_one_moment(copy: &Path, before: u64) -> u64 {
    let entries = std::fs::read_dir(copy).expect("it can be read");
    let names: Vec<_> = entries.map(|entry| entry.expect("it can be read").file_name()).collect();
    assert_eq!(names, [FILE_NAME]);
    let mode = copy.join(FILE_NAME).metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let state = read(copy).await.expect("it opens");
    let [(row, body)] = &state[..] else { panic!("{state:?}") };
    let number = row.id.0.to_string();
    assert_eq!((row.header.as_slice(), body), (number.as_bytes(), &Ok(Some(number.clone().into()))));
    assert!(row.id.0 >= before, "{number} after {before}");
    row.id.0
}

#[tokio::test]
async fn a_folder_without_a_journal_has_an_empty_one_and_a_copy_takes_nobodys_place() {
    let (folder, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    assert_eq!(backup_file(folder.path(), to.path()), Ok(()));
    assert_eq!(std::fs::read_dir(to.path()).expect("it can be read").count(), 0);
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    for taken in ["queue.db", "queue.db-wal"] {
        std::fs::write(to.path().join(taken), "somebody's").expect("it is written");
        let refused = backup_file(folder.path(), to.path());
        assert!(matches!(refused, Err(StoreError::Failed { .. })), "{refused:?}");
        assert_eq!(std::fs::read(to.path().join(taken)).expect("it is there"), b"somebody's");
        std::fs::remove_file(to.path().join(taken)).expect("it is there");
    }
    drop(journal);
}
