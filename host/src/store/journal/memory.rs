//! A journal that ends with its process, for hosts that keep nothing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::batch::{self, next_fence};
use super::{BodyChange, Change, Journal, Kind, Pending, Row, RowId, StoreError};
use crate::metrics::FlushFigures;

/// Rows in memory.
#[derive(Debug, Default)]
pub(in super::super) struct MemoryJournal {
    rows: Mutex<BTreeMap<RowId, Kept>>,
    allocated: AtomicU64,
    failed: CancellationToken,
}

#[derive(Debug)]
struct Kept {
    kind: Kind,
    fence: u64,
    header: Vec<u8>,
    body: Option<Bytes>,
}

impl MemoryJournal {
    /// Every change of the rows is whole when their lock is given back, so a panic elsewhere leaves nothing half done.
    fn rows(&self) -> MutexGuard<'_, BTreeMap<RowId, Kept>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let fence_of = |id| Ok::<_, Infallible>(rows.get(&id).map(|row| row.fence));
        let Ok(fits) = batch::fits(&changes, fence_of);
        if !fits {
            return Err(StoreError::Conflict);
        }
        for change in changes {
            apply(&mut rows, change);
        }
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn load(&self, take: &(dyn Fn(Vec<Row>) + Sync)) -> Result<(), StoreError> {
        // Copied first: whoever takes the rows may turn to this journal again.
        let rows = self.rows().iter().map(|(id, kept)| kept.row(*id)).collect();
        take(rows);
        Ok(())
    }

    fn allocate(&self) -> RowId {
        RowId(self.allocated.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        let made = self.make(changes);
        Box::pin(std::future::ready(made))
    }

    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>> {
        let body = self.rows().get(&id).and_then(|kept| kept.body.clone());
        Box::pin(std::future::ready(Ok(body)))
    }

    /// Nothing is ever flushed, and nothing waits.
    fn flushes(&self) -> FlushFigures {
        FlushFigures::default()
    }

    fn failed(&self) -> &CancellationToken {
        &self.failed
    }
}

impl Kept {
    fn row(&self, id: RowId) -> Row {
        let Self { kind, fence, .. } = *self;
        let body_bytes = self.body.as_ref().map(|body| body.len() as u64);
        Row { id, kind, fence, header: self.header.clone(), body_bytes }
    }
}

/// Makes a change that fits.
fn apply(rows: &mut BTreeMap<RowId, Kept>, change: Change) {
    match change {
        Change::Insert { id, kind, header, body } => {
            rows.insert(id, Kept { kind, fence: 0, header, body });
        }
        Change::Update { id, header, body, .. } => {
            let kept = rows.get_mut(&id).expect("the change fits");
            kept.fence = next_fence(kept.fence);
            kept.header = header;
            match body {
                BodyChange::Keep => {}
                BodyChange::Put(body) => kept.body = Some(body),
                BodyChange::Remove => kept.body = None,
            }
        }
        Change::Delete { id, .. } => {
            rows.remove(&id);
        }
    }
}
