//! Durable rows that change in batches: what queues are kept in.
//!
//! Knows nothing of events or messages: a row is a header and a body, and what they mean is their writer's business.

mod memory;

use std::fmt;

use bytes::Bytes;

use super::{Pending, StoreError};

pub(crate) use memory::MemoryJournal;

/// Which row: rises with each, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowId(pub(crate) u64);

/// Whose rows they are; the journal does not look into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind(pub(crate) u8);

/// A row without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: RowId,
    pub(crate) kind: Kind,
    /// How often it was updated.
    pub(crate) fence: u64,
    pub(crate) header: Vec<u8>,
    /// How long its body is; none if it has none.
    pub(crate) body_bytes: Option<u64>,
}

/// A change of one row.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A new row. Its body lies apart from it, so that a start reads headers alone.
    Insert { id: RowId, kind: Kind, header: Vec<u8>, body: Option<Bytes> },
    /// Writes the header anew if the row's fence is still this; it is one more then.
    Update { id: RowId, fence: u64, header: Vec<u8>, body: BodyChange },
    /// Takes the row away if its fence is still this.
    Delete { id: RowId, fence: u64 },
}

/// What becomes of a row's body.
#[derive(Debug, Clone)]
pub(crate) enum BodyChange {
    /// It stays.
    Keep,
    /// It is this, whether there was one or not.
    #[expect(dead_code, reason = "the bodies of messages never change")]
    Put(Bytes),
    /// There is none any more.
    #[expect(dead_code, reason = "the bodies of messages never change")]
    Remove,
}

/// Where rows are kept. What was written is there after a crash of the process or of the machine.
pub(crate) trait Journal: fmt::Debug + Send + Sync {
    /// Reads all rows without their bodies. It blocks.
    fn load(&self, each: &mut dyn FnMut(Row)) -> Result<(), StoreError>;

    /// A number for a new row.
    fn allocate(&self) -> RowId;

    /// Makes changes, all or none; they are durable when this resolves. They are under way when this returns, also if the
    /// future is dropped.
    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()>;

    /// Reads a row's body.
    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>>;
}
