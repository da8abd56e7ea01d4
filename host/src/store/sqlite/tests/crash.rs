//! What is left when the process is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Stdio};

use super::*;

const CYCLES: usize = 25;
const SCOPES: usize = 4;

/// Whoever was told that a change happened finds it after a `kill -9` at any moment, and finds no half of any change.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        return commit_until_killed(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = fastrand::Rng::new();
    let mut acknowledged = BTreeMap::new();
    for cycle in 0..CYCLES {
        let test = "nothing_that_was_acknowledged_is_lost_when_the_process_is_killed";
        let mut command = child_command(module_path!(), test, folder.path());
        let child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let before = acknowledged.len();
        kill_after(child, random.usize(1..80), &mut acknowledged);
        assert!(cycle > 0 || acknowledged.len() > before, "it commits");
        let store = SqliteStore::open(folder.path()).expect("it opens");
        let (scopes, _) = loaded(&store).expect("it loads");
        for (scope, told) in &mut acknowledged {
            let found = scopes.iter().find(|found| found.name == *scope).expect("it was told to be there");
            let [one, other] = &found.records[..] else { panic!("{found:?}") };
            let count: u64 = one.document.parse().expect("a number");
            assert_eq!(one.document, other.document, "half of a change happened");
            // One more may have been written before the kill and told to nobody.
            assert!(count == *told || count == *told + 1, "{scope} was {told} and is {count}");
            *told = count;
        }
    }
    assert_eq!(acknowledged.len(), SCOPES);
}

/// Takes note of what the child says it has, and kills it after so many lines.
fn kill_after(mut child: Child, lines: usize, acknowledged: &mut BTreeMap<String, u64>) {
    let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut note = |line: std::io::Result<String>| {
        let line = line.expect("text");
        let Some((scope, count)) = line.strip_prefix("ack ").and_then(|ack| ack.split_once(' ')) else {
            return 0;
        };
        acknowledged.insert(scope.to_owned(), count.parse().expect("a number"));
        1
    };
    let mut noted = 0;
    while noted < lines {
        noted += note(said.next().expect("it goes on until it is killed"));
    }
    child.kill().expect("it is killed");
    // What it had said before.
    said.for_each(|line| {
        note(line);
    });
    child.wait().expect("it has ended");
}

async fn commit_until_killed(folder: &Path) {
    let store = Arc::new(SqliteStore::open(folder).expect("it opens"));
    let (scopes, _) = loaded(&*store).expect("it loads");
    // The harness may have begun a line.
    println!();
    let writers = (0..SCOPES).map(|number| {
        let name = number.to_string();
        let scope = scopes.iter().find(|scope| scope.name == name);
        let count = scope.map_or(0, |scope| scope.records[0].document.parse().expect("a number"));
        let generation = scope.map(|scope| scope.generation);
        tokio::spawn(count_up(store.clone(), name, count, generation))
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("it goes on until it is killed");
    }
}

async fn count_up(store: Arc<SqliteStore>, name: String, mut count: u64, mut generation: Option<Position>) {
    loop {
        count += 1;
        let document = count.to_string();
        let writes = vec![put("one", &document), put("other", &document)];
        let committed = store.commit(commit(&name, generation, writes)).await;
        generation = Some(committed.expect("nobody else changes it"));
        // Written at once, so that a line is whole or not there.
        let line = format!("ack {name} {count}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).expect("somebody listens");
    }
}
