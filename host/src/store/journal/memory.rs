//! A journal that ends with its process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{BodyChange, Change, Journal, Kind, Row, RowId};
use crate::store::{Pending, StoreError};

/// Rows in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal {
    rows: Mutex<BTreeMap<RowId, Kept>>,
    allocated: AtomicU64,
}

#[derive(Debug, Clone)]
struct Kept {
    kind: Kind,
    fence: u64,
    header: Vec<u8>,
    body: Option<Bytes>,
}

impl MemoryJournal {
    /// Every change is whole when the lock is given back, so a panic elsewhere leaves nothing half done.
    fn rows(&self) -> MutexGuard<'_, BTreeMap<RowId, Kept>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for change in &changes {
            let (id, fence) = match change {
                Change::Insert { id, .. } if rows.contains_key(id) => return Err(StoreError::Conflict),
                Change::Insert { .. } => continue,
                Change::Update { id, fence, .. } | Change::Delete { id, fence } => (id, fence),
            };
            if rows.get(id).is_none_or(|row| row.fence != *fence) {
                return Err(StoreError::Conflict);
            }
        }
        for change in changes {
            match change {
                Change::Insert { id, kind, header, body } => {
                    rows.insert(id, Kept { kind, fence: 0, header, body });
                }
                Change::Update { id, fence, header, body } => {
                    let row = rows.get_mut(&id).expect("it was there a moment ago, under the same lock");
                    row.fence = fence + 1;
                    row.header = header;
                    match body {
                        BodyChange::Keep => {}
                        BodyChange::Put(body) => row.body = Some(body),
                        BodyChange::Remove => row.body = None,
                    }
                }
                Change::Delete { id, .. } => drop(rows.remove(&id)),
            }
        }
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn load(&self, each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        // Copied first: whoever takes the rows may turn to this journal again.
        let rows: Vec<Row> = (self.rows().iter())
            .map(|(id, kept)| Row {
                id: *id,
                kind: kept.kind,
                fence: kept.fence,
                header: kept.header.clone(),
                body_bytes: kept.body.as_ref().map(|body| body.len() as u64),
            })
            .collect();
        rows.into_iter().for_each(each);
        Ok(())
    }

    fn allocate(&self) -> RowId {
        RowId(self.allocated.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        let written = self.apply(changes);
        Box::pin(std::future::ready(written))
    }

    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>> {
        let body = self.rows().get(&id).and_then(|row| row.body.clone());
        Box::pin(std::future::ready(Ok(body)))
    }
}
