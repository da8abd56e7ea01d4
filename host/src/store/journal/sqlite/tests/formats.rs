//! Files of other versions, and files of others.

use std::os::unix::fs::PermissionsExt;

use super::super::super::super::sqlite::SqliteStore;
use super::schema::MIGRATIONS;
use super::*;

fn assert_damaged(folder: &Path, because: &str) {
    match SqliteJournal::open(folder) {
        Err(StoreError::Damaged { file, reason }) => {
            assert!(file.ends_with(FILE_NAME) && reason.contains(because), "{file}: {reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_of_a_newer_format_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(SqliteJournal::open(folder.path()).expect("it opens"));
    connection(folder.path()).pragma_update(None, "user_version", 99).expect("it is written");
    let content = || std::fs::read(folder.path().join(FILE_NAME)).expect("it is there");
    let before = content();
    let newest = u32::try_from(MIGRATIONS.len()).expect("a small number");
    match SqliteJournal::open(folder.path()) {
        Err(StoreError::Newer { found, known, .. }) => assert_eq!((found, known), (99, newest)),
        other => panic!("{other:?}"),
    }
    assert_eq!(content(), before);
    let refused = backup_file(folder.path(), tempfile::tempdir().expect("a folder").path());
    assert!(matches!(refused, Err(StoreError::Newer { .. })), "{refused:?}");
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(FILE_NAME);
    std::fs::write(&file, "").expect("it is written");
    assert_damaged(folder.path(), "no queue");
    std::fs::write(&file, "a list of what to buy\n".repeat(1000)).expect("it is written");
    assert_damaged(folder.path(), "not a database");
    std::fs::remove_file(&file).expect("it is there");
    drop(SqliteStore::open(folder.path()).expect("it opens"));
    std::fs::rename(folder.path().join("registry.db"), &file).expect("it is there");
    let before = std::fs::read(&file).expect("it is there");
    assert_damaged(folder.path(), "no queue");
    assert_eq!(std::fs::read(&file).expect("it is there"), before);
}

#[test]
fn tables_that_are_not_as_they_were_made_are_found() {
    for change in [
        "CREATE TABLE another (one)",
        "DROP TABLE body",
        "CREATE INDEX by_kind ON header (kind)",
        "CREATE TRIGGER surprise AFTER INSERT ON header BEGIN DELETE FROM body; END",
        "PRAGMA user_version = 0",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        drop(SqliteJournal::open(folder.path()).expect("it opens"));
        connection(folder.path()).execute_batch(change).expect("it is written");
        assert_damaged(folder.path(), "tables");
    }
}

/// Somebody removed the file and forgot its log: SQLite would write the pages of the one into the other.
#[test]
fn a_log_without_its_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(file::log_of(&folder.path().join(FILE_NAME)), "something").expect("it is written");
    assert_damaged(folder.path(), "its log is there");
    let refused = backup_file(folder.path(), tempfile::tempdir().expect("a folder").path());
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
}

#[test]
fn only_the_owner_may_read_the_file_and_nothing_unfinished_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("partial-queue-abc"), "half").expect("it is written");
    std::fs::write(folder.path().join("partial-registry-abc"), "another's").expect("it is written");
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    let mode =
        |name: &str| folder.path().join(name).metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode("queue.db"), mode("queue.db-wal"), mode("queue.db-shm")), (0o600, 0o600, 0o600));
    drop(journal);
    let entries = std::fs::read_dir(folder.path()).expect("it can be read");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("it can be read").file_name()).collect();
    names.sort();
    assert_eq!(names, ["partial-registry-abc", "queue.db"]);
}

#[test]
fn without_a_folder_there_is_no_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = SqliteJournal::open(&folder.path().join("missing"));
    assert!(matches!(opened, Err(StoreError::Failed { .. })), "{opened:?}");
}
