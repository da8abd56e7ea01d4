//! Files of other versions, and files of others.

use std::os::unix::fs::PermissionsExt;

use super::super::super::sql::schema as format;
use super::*;

fn connection(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join(FILE_NAME)).expect("it opens")
}

fn assert_damaged(folder: &Path, because: &str) {
    match SqliteStore::open(folder) {
        Err(StoreError::Damaged { file, reason }) => {
            assert!(file.ends_with(FILE_NAME) && reason.contains(because), "{file}: {reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_of_an_earlier_format_is_brought_forward_once() {
    let folder = tempfile::tempdir().expect("a folder");
    file::create(&folder.path().join(FILE_NAME), FORMAT, &MIGRATIONS[..1]).expect("it is made");
    let mut first = connection(folder.path());
    let change = commit("hello", None, vec![put("live", "1")]);
    let transaction = first.transaction().expect("it may write");
    assert_eq!(records::apply(&transaction, &change).expect("it fits"), Position(1));
    transaction.commit().expect("it commits");
    drop(first);

    for position in 2..4 {
        let store = SqliteStore::open(folder.path()).expect("it opens");
        let (scopes, before) = loaded(&store).expect("it loads");
        assert_eq!((scopes[0].name.as_str(), before.0 + 1), ("hello", position));
        assert_eq!(store.audit(10).await.expect("it can be read").len() as u64, position - 2);
        let next = commit("hello", Some(before), vec![put("live", "2")]);
        assert_eq!(store.commit(next).await, Ok(Position(position)));
    }
    let format: usize = connection(folder.path())
        .pragma_query_value(None, "user_version", |row| row.get(0).map(|format: i32| format as usize))
        .expect("it has one");
    assert_eq!(format, MIGRATIONS.len());
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(FILE_NAME);
    file::create(&file, FORMAT, &MIGRATIONS[..1]).expect("it is made");
    let fails: Migration = |transaction| {
        transaction.execute_batch("CREATE TABLE half_done (one)")?;
        Err(Problem::Wrong("on purpose".to_owned()))
    };
    let migrated = format::migrate(&mut connection(folder.path()), FORMAT, &[MIGRATIONS[0], fails]);
    assert!(matches!(migrated, Err(Problem::Wrong(_))), "{migrated:?}");
    format::check(&connection(folder.path()), FORMAT).expect("it has the tables of its format and no others");
    SqliteStore::open(folder.path()).expect("it opens");
}

#[test]
fn a_file_of_a_newer_format_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(SqliteStore::open(folder.path()).expect("it opens"));
    connection(folder.path()).pragma_update(None, "user_version", 99).expect("it is written");
    let content = || std::fs::read(folder.path().join(FILE_NAME)).expect("it is there");
    let before = content();
    let (found, known) = (99, u32::try_from(MIGRATIONS.len()).expect("a small number"));
    match SqliteStore::open(folder.path()) {
        Err(StoreError::Newer { found: said, known: knows, .. }) => assert_eq!((said, knows), (found, known)),
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
    assert_damaged(folder.path(), "no registry");
    std::fs::write(&file, "a list of what to buy\n".repeat(1000)).expect("it is written");
    assert_damaged(folder.path(), "not a database");
    std::fs::remove_file(&file).expect("it is there");
    connection(folder.path()).execute_batch("CREATE TABLE bookmarks (url TEXT)").expect("it is written");
    let before = std::fs::read(&file).expect("it is there");
    assert_damaged(folder.path(), "no registry");
    assert_eq!(std::fs::read(&file).expect("it is there"), before);
}

#[test]
fn tables_that_are_not_as_they_were_made_are_found() {
    for change in [
        "CREATE TABLE another (one)",
        "DROP TABLE audit",
        "CREATE TRIGGER surprise AFTER INSERT ON record BEGIN DELETE FROM scope; END",
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 0",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        drop(SqliteStore::open(folder.path()).expect("it opens"));
        connection(folder.path()).execute_batch(change).expect("it is written");
        assert_damaged(folder.path(), "tables");
    }
    let folder = tempfile::tempdir().expect("a folder");
    drop(SqliteStore::open(folder.path()).expect("it opens"));
    connection(folder.path()).execute_batch("PRAGMA user_version = -1").expect("it is written");
    assert_damaged(folder.path(), "format");
}

/// Somebody removed the file and forgot its log: SQLite would write the pages of the one into the other.
#[test]
fn a_log_without_its_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(file::log_of(&folder.path().join(FILE_NAME)), "something").expect("it is written");
    assert_damaged(folder.path(), "its log is there");
}

#[test]
fn only_the_owner_may_read_the_file_and_nothing_unfinished_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("partial-registry-abc"), "half").expect("it is written");
    std::fs::write(folder.path().join("something else"), "whole").expect("it is written");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    let mode =
        |name: &str| folder.path().join(name).metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(
        (mode("registry.db"), mode("registry.db-wal"), mode("registry.db-shm")),
        (0o600, 0o600, 0o600)
    );
    drop(store);
    let entries = std::fs::read_dir(folder.path()).expect("it can be read");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("it can be read").file_name()).collect();
    names.sort();
    assert_eq!(names, ["registry.db", "something else"]);
}

#[test]
fn without_a_folder_there_is_no_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = SqliteStore::open(&folder.path().join("missing"));
    assert!(matches!(opened, Err(StoreError::Failed { .. })), "{opened:?}");
}
