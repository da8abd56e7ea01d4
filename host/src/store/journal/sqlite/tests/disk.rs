//! Disks that are full or fail.

use std::process::{Command, Stdio};

use super::*;

/// Room for some two hundred thousand bytes of bodies.
const PAGES_MAX: u32 = 64;

#[tokio::test]
async fn a_full_disk_refuses_rows_until_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { pages_max: PAGES_MAX, ..Limits::default() };
    let journal = SqliteJournal::open_with(folder.path(), limits).expect("it opens");
    let long = "a".repeat(40_000);
    let new = || vec![insert(journal.allocate(), "new", Some(&long))];
    let mut written = Vec::new();
    let refused = loop {
        let changes = new();
        let id = changes[0].id();
        match journal.write(changes).await {
            Ok(()) => written.push(id),
            Err(error) => break error,
        }
        assert!(written.len() < PAGES_MAX as usize, "it is never full");
    };
    assert_eq!(refused, StoreError::Full);
    let full = state(&journal).await.expect("it can be read");
    assert_eq!(full.len(), written.len());
    assert_eq!(journal.write(new()).await, Err(StoreError::Full));
    assert_eq!(state(&journal).await, Ok(full), "all of it was undone");
    assert!(!journal.failed().is_cancelled(), "it recovers");

    // Flushed together with what has no room, what makes room is made.
    let outcomes = {
        let before = journal.write(new());
        let makes_room = journal.write(vec![delete(written[0], 0)]);
        let after = journal.write(new());
        assert_eq!(makes_room.await, Ok(()));
        [before.await, after.await]
    };
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Full))), "{outcomes:?}");
    if outcomes.iter().all(Result::is_err) {
        assert_eq!(journal.write(new()).await, Ok(()));
    }
    let state = state(&journal).await;
    drop(journal);
    assert_eq!(read(folder.path()).await, state);
}

/// Rows took the last of the disk, and then none could come to its end any more, as that begins with a row of how it ended.
#[tokio::test]
async fn rows_leave_room_for_those_that_are_there_to_come_to_their_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = SqliteJournal::open(folder.path()).expect("it opens");
    let long = "a".repeat(40_000);
    let mut there = Vec::new();
    for _ in 0..100 {
        let changes = vec![insert(journal.allocate(), "event", Some(&long))];
        there.push(changes[0].id());
        journal.write(changes).await.expect("there is room");
    }
    drop(journal);

    let disk = rustix::fs::statvfs(folder.path()).expect("a file system");
    let free = disk.f_bavail * disk.f_frsize;
    // So that what is free is a third of it, give or take what goes on on the disk; and none of a half and of all.
    for (part, is_settled, is_owed) in [(3, false, true), (3 << 20, false, false)] {
        let limits = Limits { bytes_kept_free: free.saturating_mul(part), ..Limits::default() };
        let journal = SqliteJournal::open_with(folder.path(), limits).expect("it opens");
        let new = || insert(journal.allocate(), "new", None);
        let or_full = |fits: bool| if fits { Ok(()) } else { Err(StoreError::Full) };
        let before = state(&journal).await.expect("it can be read").len();
        // Flushed together.
        let refused = journal.write(vec![new()]);
        let refused_too = journal.write_new(vec![new(), delete(there[0], 0)]);
        let settled = journal.write(vec![new(), delete(there[0], 0)]);
        let owed = journal.write_owed(vec![new()]);
        let gone = journal.write(vec![delete(there.pop().expect("one of a hundred"), 0)]);
        assert_eq!(refused.await, Err(StoreError::Full));
        assert_eq!(refused_too.await, Err(StoreError::Full), "what is new as a whole is new");
        assert_eq!((settled.await, owed.await), (or_full(is_settled), or_full(is_owed)), "{part}");
        assert_eq!(gone.await, Ok(()));
        assert_eq!(journal.write(vec![new(), new()]).await, Err(StoreError::Full), "on its own, too");
        let after = state(&journal).await.expect("it can be read").len();
        assert_eq!(after, before - 1 + usize::from(is_owed));
        assert!(!journal.failed().is_cancelled());
    }
    // Where there is two thirds of it, what settles has room.
    let limits = Limits { bytes_kept_free: free / 2 * 3, ..Limits::default() };
    let journal = SqliteJournal::open_with(folder.path(), limits).expect("it opens");
    let new = || insert(journal.allocate(), "new", None);
    assert_eq!(journal.write(vec![new()]).await, Err(StoreError::Full));
    assert_eq!(journal.write(vec![new(), delete(there[0], 0)]).await, Ok(()));
}

/// The system may forget what it could not write, and call the next flush a success: so after one failure nothing more is
/// written, or said to be. The failure is a limit on the size of files, which a process of its own runs into.
#[tokio::test]
async fn after_a_failed_write_nothing_more_is_written() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        return write_until_it_fails(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let test = child_command(module_path!(), "after_a_failed_write_nothing_more_is_written", folder.path());
    let mut limited = Command::new("sh");
    // Without the trap the system would end the process at the limit.
    limited.args(["-c", r#"trap "" XFSZ; ulimit -f 400; exec "$0" "$@""#]).arg(test.get_program());
    limited.args(test.get_args()).env(CHILD_FOLDER, folder.path()).stdout(Stdio::piped());
    let said = limited.output().expect("it runs");
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
    let told =
        text.lines().find_map(|line| line.strip_prefix("acknowledged ")).expect("it says how far it came");
    let told: usize = told.parse().expect("a number");
    let rows = read(folder.path()).await.expect("it opens");
    assert!(told > 0 && rows.len() == told, "{told} were acknowledged, and {} are there", rows.len());
}

async fn write_until_it_fails(folder: &Path) {
    let journal = SqliteJournal::open(folder).expect("it opens");
    let mut acknowledged = 0;
    let failed = loop {
        let body = "a".repeat(10_000);
        match journal.write(vec![insert(journal.allocate(), "", Some(&body))]).await {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "there is no limit");
    };
    assert!(matches!(failed, StoreError::Failed { .. }), "{failed:?}");
    journal.failed().cancelled().await;
    let file = folder.join(FILE_NAME);
    let content = |path: &Path| std::fs::read(path).expect("it is there");
    let before = (content(&file), content(&file::log_of(&file)));
    // There would be room for so small a change.
    assert_eq!(journal.write(vec![insert(journal.allocate(), "", None)]).await, Err(failed));
    assert_eq!(loaded(&journal).expect("it can still be read").len(), acknowledged);
    drop(journal);
    assert!(before == (content(&file), content(&file::log_of(&file))), "it wrote after it had failed");
    println!("\nacknowledged {acknowledged}");
}
