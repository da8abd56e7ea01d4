//! What is not as it was written is found, whatever it is.

use super::*;

/// How many bits are flipped in each file, each in a copy of its own.
const FLIPS: usize = 300;
/// The header of the file, where each single bit is flipped.
const HEADER_BYTES: usize = 100;

/// Reads a main file and a log in a folder of their own.
async fn read_again(main: &[u8], log: Option<&[u8]>) -> Result<State, StoreError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(FILE_NAME);
    std::fs::write(&file, main).expect("it is written");
    if let Some(log) = log {
        std::fs::write(file::log_of(&file), log).expect("it is written");
    }
    read(folder.path()).await
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// An error that says that the file is at fault.
fn says_so(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged { .. } | StoreError::Failed { .. } | StoreError::Newer { .. })
}

/// Whether a state has the rows of another, and each body of them or an error that says why not.
fn is_as_good(found: &State, written: &State) -> bool {
    let bodies =
        |(found, written): (&_, &_)| found == written || matches!(found, Err(error) if says_so(error));
    let alike = |((found, body), (written, written_body))| found == written && bodies((body, written_body));
    found.len() == written.len() && found.iter().map(parts).zip(written.iter().map(parts)).all(alike)
}

fn parts<T, U>(pair: &(T, U)) -> (&T, &U) {
    (&pair.0, &pair.1)
}

#[tokio::test]
async fn a_flipped_bit_in_the_main_file_changes_nothing_or_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    let last = many_changes(&journal, 60).await.pop().expect("there is one");
    drop(journal);
    let sound = std::fs::read(folder.path().join(FILE_NAME)).expect("it is there");
    let mut random = fastrand::Rng::with_seed(1);
    let everywhere = (0..FLIPS).map(|_| random.usize(0..sound.len() * 8));
    let mut found = 0;
    for bit in (0..HEADER_BYTES * 8).chain(everywhere) {
        let mut damaged = sound.clone();
        flip(&mut damaged, bit);
        match read_again(&damaged, None).await {
            Ok(state) => {
                assert!(is_as_good(&state, &last), "bit {bit} made another state");
                found += usize::from(state != last);
            }
            Err(error) => {
                assert!(says_so(&error), "bit {bit}: {error:?}");
                found += 1;
            }
        }
    }
    assert!(found > FLIPS / 2, "only {found} were found");
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_leads_to_an_earlier_state_or_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    let states = many_changes(&journal, 40).await;
    let file = folder.path().join(FILE_NAME);
    let (main, log) = (std::fs::read(&file), std::fs::read(file::log_of(&file)));
    drop(journal);
    let (main, log) = (main.expect("it is there"), log.expect("nothing was carried over yet"));
    let mut random = fastrand::Rng::with_seed(2);
    let mut reached = std::collections::BTreeSet::new();
    for round in 0..FLIPS {
        let mut damaged = log.clone();
        let bit = random.usize(0..log.len() * 8);
        // Some of the times its end is missing instead.
        match round % 4 {
            0 => damaged.truncate(bit / 8),
            _ => flip(&mut damaged, bit),
        }
        match read_again(&main, Some(&damaged)).await {
            Ok(state) => {
                let at = states.iter().position(|known| *known == state);
                reached.insert(at.unwrap_or_else(|| panic!("bit {bit} made a state that never was")));
            }
            Err(error) => assert!(says_so(&error), "bit {bit}: {error:?}"),
        }
    }
    assert!(reached.len() > 10, "flips lead to {reached:?} only");
}

/// Each changes rows in a way that leaves SQLite's own structures in order.
const CHANGES_OF_ROWS: &[&str] = &[
    "UPDATE header SET header = x'6e6f' WHERE id = 1",
    "UPDATE header SET kind = 9 WHERE id = 1",
    "UPDATE header SET kind = 256 WHERE id = 1",
    "UPDATE header SET fence = fence + 1 WHERE id = 1",
    "UPDATE header SET id = 77 WHERE id = 1",
    "UPDATE header SET body_bytes = 5 WHERE id = 1",
    "UPDATE header SET body_bytes = NULL WHERE id = 1",
    "UPDATE header SET body_bytes = NULL, body_hash = NULL WHERE id = 1",
    "UPDATE header SET body_hash = zeroblob(32) WHERE id = 1",
    "UPDATE header SET hash = zeroblob(32) WHERE id = 1",
    "UPDATE header SET hash = zeroblob(31) WHERE id = 1",
    "UPDATE header SET (header, hash) = (SELECT header, hash FROM header WHERE id = 2) WHERE id = 1",
    "DELETE FROM header WHERE id = 1",
    "DELETE FROM header WHERE id = 3",
    "DELETE FROM header",
    "INSERT INTO header SELECT 4, kind, fence, header, body_bytes, body_hash, hash FROM header WHERE id = 1",
    "UPDATE totals SET rows = rows + 1",
    "UPDATE totals SET sum = zeroblob(32)",
];

/// Each of these is found when the file is opened.
const CHANGES_OF_TOTALS: &[&str] =
    &["UPDATE totals SET position = position - 1", "UPDATE totals SET rows = rows + 1", "DELETE FROM totals"];

const CHANGES_OF_BODIES: &[&str] = &[
    "UPDATE body SET content = x'6e6f' WHERE id = 1",
    "UPDATE body SET content = (SELECT content FROM body WHERE id = 2) WHERE id = 1",
    "UPDATE body SET id = 77 WHERE id = 1",
    "DELETE FROM body WHERE id = 1",
];

/// A journal of three rows, changed behind its back.
async fn changed_by(statements: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    let rows = ["one", "two", "three"].map(|name| insert(journal.allocate(), name, Some(name)));
    journal.write(rows.into()).await.expect("it is written");
    drop(journal);
    connection(folder.path())
        .execute_batch(statements)
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
    folder
}

#[tokio::test]
async fn a_row_that_was_changed_lost_or_doubled_is_found() {
    assert!(read(changed_by("").await.path()).await.is_ok(), "else anything would be found");
    for statements in CHANGES_OF_ROWS {
        let found = read(changed_by(statements).await.path()).await;
        let Err(StoreError::Damaged { file, .. }) = &found else { panic!("{statements}: {found:?}") };
        assert!(file.ends_with(FILE_NAME), "{file}");
    }
}

#[tokio::test]
async fn totals_that_were_changed_or_lost_are_found_at_the_start() {
    for statements in CHANGES_OF_TOTALS {
        let opened = SqliteJournal::open(changed_by(statements).await.path());
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{statements}: {opened:?}");
    }
}

/// One payload that cannot be read must not keep the other events, nor that event from being ended.
#[tokio::test]
async fn a_body_that_was_changed_or_lost_is_found_when_it_is_read_and_its_row_can_go() {
    for statements in CHANGES_OF_BODIES {
        let folder = changed_by(statements).await;
        let journal = SqliteJournal::open(folder.path()).expect("it opens");
        assert_eq!(loaded(&journal).expect("headers are sound").len(), 3);
        for _ in 0..2 {
            let found = journal.body(RowId(1)).await;
            assert!(matches!(found, Err(StoreError::Damaged { .. })), "{statements}: {found:?}");
            assert_eq!(journal.body(RowId(2)).await, Ok(Some(Bytes::from("two"))));
        }
        journal
            .write(vec![delete(RowId(1), 0), update(RowId(2), 0, "goes on")])
            .await
            .expect("it is written");
        assert_eq!(loaded(&journal).expect("it is sound").len(), 2);
    }
}

#[tokio::test]
async fn nothing_is_written_over_what_is_damaged() {
    let folder = changed_by(CHANGES_OF_ROWS[0]).await;
    let journal = SqliteJournal::open(folder.path()).expect("SQLite finds it in order");
    let refused = journal.write(vec![update(RowId(1), 0, "anew")]).await;
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    let refused = journal.write(vec![insert(journal.allocate(), "new", None)]).await;
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    assert!(journal.failed().is_cancelled());
}

#[tokio::test]
async fn a_damaged_journal_is_not_copied() {
    for statements in [CHANGES_OF_ROWS[0], CHANGES_OF_BODIES[0], CHANGES_OF_BODIES[3]] {
        let folder = changed_by(statements).await;
        let to = tempfile::tempdir().expect("a folder");
        let refused = backup_file(folder.path(), to.path());
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
        assert_eq!(std::fs::read_dir(to.path()).expect("it can be read").count(), 0, "nothing is left of it");
    }
}
