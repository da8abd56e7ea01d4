//! Disks that are full or fail.

use std::process::Stdio;

use super::*;

/// Room for some two hundred thousand bytes of documents.
const PAGES_MAX: u32 = 64;

#[tokio::test]
async fn a_full_disk_refuses_changes_until_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { pages_max: PAGES_MAX, ..Limits::default() };
    let store = SqliteStore::open_with(folder.path(), limits).expect("it opens");
    let long = "a".repeat(40_000);
    let mut fit = 0_u64;
    let refused = loop {
        match store.commit(commit(&fit.to_string(), None, vec![put("live", &long)])).await {
            Ok(_) => fit += 1,
            Err(error) => break error,
        }
        assert!(fit < u64::from(PAGES_MAX), "it is never full");
    };
    assert_eq!(refused, StoreError::Full);
    let full = loaded(&store).expect("it loads");
    assert_eq!((full.0.len() as u64, full.1), (fit, Position(fit)));
    let again = store.commit(commit("another", None, vec![put("live", &long)])).await;
    assert_eq!((again, loaded(&store)), (Err(StoreError::Full), Ok(full)), "all of it was undone");

    let deleted = store.commit(commit("0", Some(Position(1)), vec![delete("live")])).await;
    assert_eq!(deleted, Ok(Position(fit + 1)), "what makes room is possible");
    let another = store.commit(commit("another", None, vec![put("live", &long)])).await;
    assert_eq!(another, Ok(Position(fit + 2)));
    let state = loaded(&store);
    drop(store);
    assert_eq!(read(folder.path()).await.expect("it opens").0, state.expect("it loads"));
}

/// The system may forget what it could not write, and call the next flush a success: so after one failure nothing more is
/// written, or said to be. The failure is a limit on the size of files, which a process of its own runs into.
#[tokio::test]
async fn after_a_failed_write_nothing_more_is_written() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        return commit_until_it_fails(Path::new(&folder)).await;
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
    let told: u64 = told.parse().expect("a number");
    let ((scopes, position), _) = read(folder.path()).await.expect("it opens");
    assert_eq!((scopes.len() as u64, position), (told, Position(told)));
    assert!(told > 0);
}

async fn commit_until_it_fails(folder: &Path) {
    let store = SqliteStore::open(folder).expect("it opens");
    let mut acknowledged = 0;
    let failed = loop {
        let document = "a".repeat(10_000);
        match store.commit(commit(&acknowledged.to_string(), None, vec![put("live", &document)])).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "there is no limit");
    };
    assert!(matches!(failed, StoreError::Failed { .. }), "{failed:?}");
    let file = folder.join(FILE_NAME);
    let content = |path: &Path| std::fs::read(path).expect("it is there");
    let before = (content(&file), content(&file::log_of(&file)));
    store.note(entry("refused"));
    // There would be room for so small a change.
    let refused = store.commit(commit("small", None, vec![put("live", "1")])).await;
    assert_eq!(refused, Err(failed));
    assert_eq!(loaded(&store).expect("it can still be read").1, Position(acknowledged));
    drop(store);
    assert!(before == (content(&file), content(&file::log_of(&file))), "it wrote after it had failed");
    println!("\nacknowledged {acknowledged}");
}
