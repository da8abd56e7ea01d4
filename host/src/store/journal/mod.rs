//! Durable rows in batches: what a queue is kept in. Knows nothing of events or messages.

#![allow(dead_code, reason = "stands for the part that is written elsewhere")]

use std::fmt;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

mod memory;

pub(super) use memory::MemoryJournal;

use super::{Pending, StoreError};

/// Which row: rises with each, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowId(pub(crate) u64);

/// Whose rows they are; the journal does not look into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind(pub(crate) u8);

/// A row as a start reads it: without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: RowId,
    pub(crate) kind: Kind,
    pub(crate) fence: u64,
    pub(crate) header: Vec<u8>,
    /// How long its body is; none, if it has none.
    pub(crate) body_bytes: Option<u64>,
}

/// What becomes of a row's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyChange {
    /// It stays.
    Keep,
    /// It is this, whether there was one or not.
    Put(Bytes),
    /// There is none any more.
    Remove,
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new row, whose fence is 0.
    Insert { id: RowId, kind: Kind, header: Vec<u8>, body: Option<Bytes> },
    /// Writes the header anew if the row's fence is still this; it is one more then.
    Update { id: RowId, fence: u64, header: Vec<u8>, body: BodyChange },
    /// Removes the row if its fence is still this.
    Delete { id: RowId, fence: u64 },
}

/// Where rows are kept.
pub(crate) trait Journal: fmt::Debug + Send + Sync {
    /// Reads every row. It blocks.
    fn load(&self, each: &mut dyn FnMut(Row)) -> Result<(), StoreError>;

    /// An id that no row has had.
    fn allocate(&self) -> RowId;

    /// Makes all of these changes, or none. It is under way when this returns, and durable when it resolves.
    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()>;

    /// The body of a row.
    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>>;

    /// Cancelled when writing has failed for good.
    fn failed(&self) -> &CancellationToken;
}
