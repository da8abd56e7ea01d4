//! What is not as it was written is found, whatever it is.

use super::*;

/// How many bits are flipped in each file, each in a copy of its own.
const FLIPS: usize = 300;
/// The header of the file, where each single bit is flipped.
const HEADER_BYTES: usize = 100;

/// Where a folder's files are, as they were when they were copied.
struct Files {
    main: Vec<u8>,
    log: Option<Vec<u8>>,
    index: Option<Vec<u8>>,
}

impl Files {
    fn of(folder: &Path) -> Self {
        let read = |suffix: &str| std::fs::read(folder.join(format!("{FILE_NAME}{suffix}"))).ok();
        Self { main: read("").expect("it is there"), log: read("-wal"), index: read("-shm") }
    }

    async fn read_again(&self) -> Result<(State, Result<Vec<AuditEntry>, StoreError>), StoreError> {
        let folder = tempfile::tempdir().expect("a folder");
        for (suffix, content) in
            [("", Some(&self.main)), ("-wal", self.log.as_ref()), ("-shm", self.index.as_ref())]
        {
            let Some(content) = content else { continue };
            std::fs::write(folder.path().join(format!("{FILE_NAME}{suffix}")), content)
                .expect("it is written");
        }
        read(folder.path()).await
    }
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// An error that says that the file is at fault.
fn assert_says_so(error: &StoreError, bit: usize) {
    let says_so =
        matches!(error, StoreError::Damaged { .. } | StoreError::Failed { .. } | StoreError::Newer { .. });
    assert!(says_so, "bit {bit}: {error:?}");
}

#[tokio::test]
async fn a_flipped_bit_in_the_main_file_changes_nothing_or_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    let last = many_changes(&store, 60).await.pop().expect("there is one");
    let audit = store.audit(usize::MAX).await.expect("it can be read");
    drop(store);
    let sound = Files::of(folder.path());
    assert!(sound.log.is_none(), "all of it is in the main file");

    let mut random = fastrand::Rng::with_seed(1);
    let everywhere = (0..FLIPS).map(|_| random.usize(0..sound.main.len() * 8));
    let mut found = 0;
    for bit in (0..HEADER_BYTES * 8).chain(everywhere) {
        let mut files = Files { main: sound.main.clone(), log: None, index: None };
        flip(&mut files.main, bit);
        match files.read_again().await {
            Ok((state, entries)) => {
                assert!(state == last, "bit {bit} made another state");
                match entries {
                    Ok(entries) => assert!(entries == audit, "bit {bit} made other audit entries"),
                    Err(error) => assert_says_so(&error, bit),
                }
            }
            Err(error) => {
                assert_says_so(&error, bit);
                found += 1;
            }
        }
    }
    assert!(found > FLIPS / 2, "only {found} were found");
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_leads_to_an_earlier_state_or_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    let states = many_changes(&store, 40).await;
    let sound = Files::of(folder.path());
    drop(store);
    let log = sound.log.expect("nothing was carried over yet");
    let mut random = fastrand::Rng::with_seed(2);
    let mut reached = std::collections::BTreeSet::new();
    for round in 0..FLIPS {
        let mut damaged = log.clone();
        let bit = random.usize(0..log.len() * 8);
        // Some of the times its end is missing instead.
        if round % 4 == 0 {
            damaged.truncate(bit / 8)
        } else {
            flip(&mut damaged, bit)
        }
        let files = Files { main: sound.main.clone(), log: Some(damaged), index: None };
        match files.read_again().await {
            Ok((state, entries)) => {
                assert!(states.contains(&state), "bit {bit} made a state that never was");
                let expected = usize::try_from(state.1.0).expect("a small number");
                assert_eq!(entries.expect("what is whole can be read").len(), expected);
                reached.insert(state.1);
            }
            Err(error) => assert_says_so(&error, bit),
        }
    }
    assert!(reached.len() > 10, "flips lead to {reached:?} only");
}

#[tokio::test]
async fn the_index_of_the_log_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    let last = many_changes(&store, 20).await.pop().expect("there is one");
    let mut files = Files::of(folder.path());
    drop(store);
    let index = files.index.take().expect("it is there");
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..20 {
        let mut flipped = index.clone();
        flip(&mut flipped, random.usize(0..256 * 8));
        files.index = Some(flipped);
        assert_eq!(files.read_again().await.expect("it opens").0, last);
    }
    files.index = Some(vec![0xa5; index.len()]);
    assert_eq!(files.read_again().await.expect("it opens").0, last);
}

/// Each changes a file in a way that leaves SQLite's own structures in order.
const CHANGES_OF_RECORDS: &[&str] = &[
    "UPDATE record SET document = 'no' WHERE name = 'live' AND scope = 'a'",
    "UPDATE record SET generation = generation + 1 WHERE name = 'live' AND scope = 'a'",
    "UPDATE record SET name = 'dead' WHERE name = 'live' AND scope = 'a'",
    "UPDATE record SET hash = zeroblob(32) WHERE scope = 'a'",
    "UPDATE record SET hash = zeroblob(31) WHERE scope = 'a'",
    "UPDATE record SET document = CAST(x'ff' AS TEXT) WHERE scope = 'a'",
    "UPDATE record SET document = (SELECT document FROM record WHERE scope = 'b' AND name = 'live') WHERE scope = 'a'",
    "DELETE FROM record WHERE scope = 'a' AND name = 'live'",
    "DELETE FROM record WHERE scope = 'a'",
    "DELETE FROM record",
    "DELETE FROM scope WHERE name = 'a'",
    "DELETE FROM record WHERE scope = 'b'; DELETE FROM scope WHERE name = 'b'",
    "UPDATE scope SET generation = generation + 1 WHERE name = 'a'",
    "INSERT INTO scope SELECT 'c', generation, hash FROM scope WHERE name = 'a'",
    "INSERT INTO record SELECT 'a', '2', generation, document, hash FROM record WHERE name = 'live' AND scope = 'a'",
    "UPDATE totals SET position = position - 1",
    "UPDATE totals SET rows = rows + 1",
    "UPDATE totals SET sum = zeroblob(32)",
    "DELETE FROM totals",
];

const CHANGES_OF_AUDIT_ENTRIES: &[&str] = &[
    "UPDATE audit SET principal = 'eve' WHERE number = 1",
    "UPDATE audit SET time_ms = 0 WHERE number = 2",
    "UPDATE audit SET principal = action, action = principal WHERE number = 0",
    "DELETE FROM audit WHERE number = 0",
    "DELETE FROM audit WHERE number = 1",
    "DELETE FROM audit WHERE number = 2",
    "DELETE FROM audit",
    "UPDATE audit SET number = 17 WHERE number = 2",
    "UPDATE refusal SET principal = 'eve' WHERE number = 1",
    "UPDATE refusal SET next_change = 0 WHERE number = 1",
    "DELETE FROM refusal WHERE number = 0",
    "DELETE FROM refusal WHERE number = 1",
    "DELETE FROM refusal WHERE number = 2",
    "DELETE FROM refusal",
];

const CHANGES_OF_EXTENTS: &[&str] = &[
    "UPDATE audit_extent SET first = 1",
    "UPDATE audit_extent SET next = 2",
    "DELETE FROM audit_extent",
    "UPDATE refusal_extent SET first = 1",
    "UPDATE refusal_extent SET next = 2",
    "DELETE FROM refusal_extent",
    "UPDATE refusal_extent SET (first, next, hash) = (SELECT first, next, hash FROM audit_extent)",
];

/// A store of three commits, changed behind its back.
async fn changed_by(statements: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("it opens");
    store.commit(commit("a", None, vec![put("live", "1"), put("1", "one")])).await.expect("it commits");
    (0..3).for_each(|_| store.note(entry("refused")));
    store.commit(commit("b", None, vec![put("live", "2")])).await.expect("it commits");
    store.commit(commit("a", Some(Position(1)), vec![put("live", "3")])).await.expect("it commits");
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join(FILE_NAME)).expect("it opens");
    connection.execute_batch(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
    folder
}

#[tokio::test]
async fn a_record_that_was_changed_lost_or_doubled_is_found() {
    assert!(read(changed_by("").await.path()).await.is_ok(), "else anything would be found");
    for statements in CHANGES_OF_RECORDS {
        let folder = changed_by(statements).await;
        let store = SqliteStore::open(folder.path()).expect("SQLite finds it in order");
        let found = loaded(&store);
        let Err(StoreError::Damaged { file, .. }) = &found else { panic!("{statements}: {found:?}") };
        assert!(file.ends_with(FILE_NAME), "{file}");
    }
}

#[tokio::test]
async fn an_audit_entry_that_was_changed_or_lost_is_found() {
    for statements in CHANGES_OF_AUDIT_ENTRIES {
        let (state, entries) =
            read(changed_by(statements).await.path()).await.expect("its records are sound");
        assert_eq!(state.1, Position(3));
        assert!(matches!(entries, Err(StoreError::Damaged { .. })), "{statements}: {entries:?}");
    }
}

/// It was found by the first change only, which then failed, and with it all others.
#[tokio::test]
async fn an_extent_that_was_changed_or_lost_is_found_at_the_start() {
    for statements in CHANGES_OF_EXTENTS {
        let opened = SqliteStore::open(changed_by(statements).await.path());
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{statements}: {opened:?}");
    }
}

#[tokio::test]
async fn nothing_is_written_over_what_is_damaged() {
    let folder = changed_by("UPDATE record SET document = 'no' WHERE scope = 'a' AND name = 'live'").await;
    let store = SqliteStore::open(folder.path()).expect("SQLite finds it in order");
    let refused = store.commit(commit("a", Some(Position(3)), vec![put("live", "4")])).await;
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    let refused = store.commit(commit("c", None, vec![put("live", "1")])).await;
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_store_is_not_copied() {
    let folder = changed_by(CHANGES_OF_RECORDS[0]).await;
    let to = tempfile::tempdir().expect("a folder");
    let refused = backup_file(folder.path(), to.path());
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    assert_eq!(std::fs::read_dir(to.path()).expect("it can be read").count(), 0, "nothing is left of it");
}
