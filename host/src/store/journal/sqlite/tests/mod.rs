//! What the journal in a file does beyond what every journal does.

mod backup;
mod crash;
mod damage;
mod disk;
mod formats;
mod waiting;

use std::path::Path;

use super::super::super::sql::child::{CHILD_FOLDER, child_command};
use super::super::Kind;
use super::super::conformance::{delete, insert, loaded, put_body, update};
use super::*;

/// All rows with their bodies, or why these cannot be read.
type State = Vec<(Row, Result<Option<Bytes>, StoreError>)>;

/// Reads all of a journal.
async fn state(journal: &SqliteJournal) -> Result<State, StoreError> {
    let mut state = Vec::new();
    for row in loaded(journal)? {
        let body = journal.body(row.id).await;
        state.push((row, body));
    }
    Ok(state)
}

/// Opens what is in a folder, and reads all of it.
async fn read(folder: &Path) -> Result<State, StoreError> {
    state(&SqliteJournal::open(folder)?).await
}

/// Makes changes of every kind, and gives the state after each batch, beginning with none. Every batch makes another state.
async fn many_changes(journal: &SqliteJournal, batches: usize) -> Vec<State> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut states = vec![state(journal).await.expect("it can be read")];
    for number in 1..=batches {
        let rows = states.last().expect("there is one");
        let body = number.to_string().repeat(random.usize(1..3000));
        let mut changes = vec![insert(journal.allocate(), &number.to_string(), Some(&body))];
        if let Some((row, _)) = random.choice(rows) {
            changes.push(match random.u8(0..3) {
                0 => delete(row.id, row.fence),
                1 => put_body(row.id, row.fence, &body),
                _ => update(row.id, row.fence, &format!("updated by {number}")),
            });
        }
        journal.write(changes).await.expect("it is written");
        states.push(state(journal).await.expect("it can be read"));
    }
    states
}

fn connection(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join(FILE_NAME)).expect("it opens")
}
