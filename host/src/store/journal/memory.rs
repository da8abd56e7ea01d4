//! Rows that end with the process.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{BodyChange, Change, Journal, Kind, Pending, Row, RowId, StoreError};

/// Rows in memory.
#[derive(Debug, Default)]
pub(in super::super) struct MemoryJournal {
    failed: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    allocated: u64,
    rows: BTreeMap<RowId, Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    kind: Kind,
    fence: u64,
    header: Vec<u8>,
    body: Option<Bytes>,
}

impl MemoryJournal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        for change in &changes {
            match change {
                Change::Insert { id, .. } if self.rows.contains_key(id) => return Err(StoreError::Conflict),
                Change::Update { id, fence, .. } | Change::Delete { id, fence }
                    if self.rows.get(id).is_none_or(|row| row.fence != *fence) =>
                {
                    return Err(StoreError::Conflict);
                }
                _ => {}
            }
        }
        for change in changes {
            match change {
                Change::Insert { id, kind, header, body } => {
                    self.rows.insert(id, Kept { kind, fence: 0, header, body });
                }
                Change::Update { id, fence, header, body } => {
                    let row = self.rows.get_mut(&id).expect("it was found above");
                    row.fence = fence + 1;
                    row.header = header;
                    match body {
                        BodyChange::Keep => {}
                        BodyChange::Put(body) => row.body = Some(body),
                        BodyChange::Remove => row.body = None,
                    }
                }
                Change::Delete { id, .. } => {
                    self.rows.remove(&id);
                }
            }
        }
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn load(&self, each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        let rows = self.state().rows.clone();
        for (id, Kept { kind, fence, header, body }) in rows {
            each(Row { id, kind, fence, header, body_bytes: body.map(|body| body.len() as u64) });
        }
        Ok(())
    }

    fn allocate(&self) -> RowId {
        let mut state = self.state();
        state.allocated += 1;
        RowId(state.allocated)
    }

    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        let written = self.state().write(changes);
        Box::pin(ready(written))
    }

    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>> {
        let body = self.state().rows.get(&id).and_then(|row| row.body.clone());
        Box::pin(ready(Ok(body)))
    }

    fn failed(&self) -> &CancellationToken {
        &self.failed
    }
}
