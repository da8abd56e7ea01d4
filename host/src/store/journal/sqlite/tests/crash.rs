//! What is left when the process is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};

use super::*;

const CYCLES: usize = 25;
const WRITERS: u64 = 16;
const SIGABRT: i32 = 6;

/// What was acknowledged: for each writer, the count that its row has.
type Acknowledged = BTreeMap<String, u64>;

/// Whoever was told that a batch was made finds it after a `kill -9` at any moment, and finds no half of any batch.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        return count_until_killed(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = fastrand::Rng::new();
    let mut acknowledged = Acknowledged::new();
    for _ in 0..CYCLES {
        let test = "nothing_that_was_acknowledged_is_lost_when_the_process_is_killed";
        let mut command = child_command(module_path!(), test, folder.path());
        let child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        kill_after(child, random.usize(1..300), &mut acknowledged);
        compare(folder.path(), &mut acknowledged).await;
    }
    assert_eq!(acknowledged.len() as u64, WRITERS);
}

/// Between the changes and their commit, and between the commit and its acknowledgement, the process ends where it was told to.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_there_or_not_when_the_process_ends_around_its_commit() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        return count_until_killed(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = Acknowledged::new();
    for point in [
        "journal.before-commit:1",
        "journal.after-commit:1",
        "journal.before-commit:9",
        "journal.after-commit:8",
    ] {
        let test = "a_batch_is_there_or_not_when_the_process_ends_around_its_commit";
        let mut command = child_command(module_path!(), test, folder.path());
        let before = acknowledged.clone();
        let ended = command.env("SAMOVAR_FAIL_POINT", point).output().expect("it runs");
        assert_eq!(ended.status.signal(), Some(SIGABRT), "{point}");
        String::from_utf8_lossy(&ended.stdout).lines().for_each(|line| {
            note(line, &mut acknowledged);
        });
        let told = acknowledged.clone();
        compare(folder.path(), &mut acknowledged).await;
        match point {
            "journal.before-commit:1" => assert!(acknowledged.is_empty(), "nothing was committed"),
            "journal.after-commit:1" => assert!(told == before && acknowledged != before, "nobody was told"),
            _ => assert!(told != before, "{point}: some were told"),
        }
    }
}

/// A process that is killed before it carries the log over leaves it to the next one, and that to the one after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_does_not_grow_from_crash_to_crash() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        let journal = SqliteJournal::open(Path::new(&folder)).expect("it opens");
        let body = "x".repeat(1 << 20);
        loop {
            let row = insert(journal.allocate(), "row", Some(&body));
            journal.write(vec![row]).await.expect("it is written");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..6 {
        let test = "the_log_does_not_grow_from_crash_to_crash";
        let mut command = child_command(module_path!(), test, folder.path());
        let ended = command.env("SAMOVAR_FAIL_POINT", "journal.after-commit:10").output().expect("it runs");
        assert_eq!(ended.status.signal(), Some(SIGABRT));
    }
    let log = file::log_bytes(&folder.path().join(FILE_NAME));
    assert!(log < 40 << 20, "60 MiB were written, and the log has {log} bytes");
}

/// Holds what is there against what was told, and takes it over.
async fn compare(folder: &Path, acknowledged: &mut Acknowledged) {
    let mut found = Acknowledged::new();
    for (row, body) in read(folder).await.expect("it opens") {
        let header = String::from_utf8(row.header).expect("text");
        let (writer, count) = header.split_once(' ').expect("both");
        let body = body.expect("it is as it was written").expect("it has one");
        assert_eq!(body, Bytes::from(header.repeat(50)), "half of a batch was made");
        let before = found.insert(writer.to_owned(), count.parse().expect("a number"));
        assert_eq!(before, None, "each batch takes away the row of the one before");
    }
    for (writer, told) in &*acknowledged {
        // One more may have been written before the kill and told to nobody.
        let count = found.get(writer).expect("it was told to be there");
        assert!(count == told || *count == told + 1, "{writer} was {told} and is {count}");
    }
    *acknowledged = found;
}

/// Takes note of what the child says it has, and kills it after so many lines.
fn kill_after(mut child: Child, lines: usize, acknowledged: &mut Acknowledged) {
    let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut noted = 0;
    while noted < lines {
        let line = said.next().expect("it goes on until it is killed").expect("text");
        noted += usize::from(note(&line, acknowledged));
    }
    child.kill().expect("it is killed");
    // What it had said before.
    said.for_each(|line| {
        note(&line.expect("text"), acknowledged);
    });
    child.wait().expect("it has ended");
}

/// Takes note of a line, if it is an acknowledgement.
fn note(line: &str, acknowledged: &mut Acknowledged) -> bool {
    let Some((writer, count)) = line.strip_prefix("ack ").and_then(|ack| ack.split_once(' ')) else {
        return false;
    };
    acknowledged.insert(writer.to_owned(), count.parse().expect("a number"));
    true
}

/// Each writer has one row, and replaces it by another in one batch.
async fn count_until_killed(folder: &Path) {
    let journal = Arc::new(SqliteJournal::open(folder).expect("it opens"));
    let rows = loaded(&*journal).expect("it loads");
    // The harness may have begun a line.
    println!();
    let writers = (0..WRITERS).map(|writer| {
        let name = format!("writer-{writer}");
        let of_writer = |row: &&Row| row.header.starts_with(format!("{name} ").as_bytes());
        let row = rows.iter().find(of_writer).cloned();
        tokio::spawn(count_up(journal.clone(), name, row))
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("it goes on until it is killed");
    }
}

async fn count_up(journal: Arc<SqliteJournal>, name: String, mut row: Option<Row>) {
    let said = |row: &Row| String::from_utf8_lossy(&row.header).split(' ').nth(1).map(str::parse::<u64>);
    let mut count = row.as_ref().map_or(0, |row| said(row).expect("it is there").expect("a number"));
    loop {
        count += 1;
        let header = format!("{name} {count}");
        let id = journal.allocate();
        let mut changes = vec![insert(id, "in the making", None), put_body(id, 0, &header.repeat(50))];
        changes.push(update(id, 1, &header));
        changes.extend(row.map(|row| delete(row.id, row.fence)));
        journal.write(changes).await.expect("nobody else changes it");
        row = Some(Row { id, kind: Kind(0), fence: 2, header: vec![], body_bytes: None });
        // Written at once, so that a line is whole or not there.
        let line = format!("ack {name} {count}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).expect("somebody listens");
    }
}
