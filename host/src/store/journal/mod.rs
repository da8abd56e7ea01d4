//! Rows that come and go by the thousand and outlive the process: what was accepted and is not finished yet.
//!
//! A row is a small header and, apart from it, a body of any size; what either means is its writer's business. Changes come in
//! batches, each of which happens whole or not at all, and are durable when they are acknowledged. A row's fence tells whether
//! somebody else changed it since it was read.

mod batch;
#[cfg(test)]
pub(crate) mod conformance;
mod memory;
#[cfg(test)]
mod model;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

pub(super) use self::memory::MemoryJournal;
#[cfg(feature = "sqlite")]
pub(super) use self::sqlite::SqliteJournal;
#[cfg(feature = "sqlite")]
pub(crate) use self::sqlite::{FILE_NAME, backup_file};
use super::{Pending, StoreError};
use crate::metrics::FlushFigures;

/// Which row: rises with each, and is never used again once it was written.
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
    /// How long its body is; none, if it has none.
    pub(crate) body_bytes: Option<u64>,
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new row, with the fence 0. Its body lies apart from it, so that a start reads headers alone.
    Insert { id: RowId, kind: Kind, header: Vec<u8>, body: Option<Bytes> },
    /// Writes the header anew, if the row's fence is still this; it is one more then.
    Update { id: RowId, fence: u64, header: Vec<u8>, body: BodyChange },
    /// Takes the row away, if its fence is still this.
    Delete { id: RowId, fence: u64 },
}

/// What becomes of a row's body when the row is updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyChange {
    /// It stays as it is.
    Keep,
    /// It is this, whether there was one or not.
    Put(Bytes),
    /// There is none any more.
    Remove,
}

/// Where rows are kept.
///
/// What was written is there after a crash of the process or of the machine; readers never wait for writers.
pub(crate) trait Journal: fmt::Debug + Send + Sync {
    /// Reads all rows without their bodies, some at a time: each time in the order of their ids, and from several threads at once.
    /// It blocks, and nothing may be written meanwhile.
    ///
    /// # Errors
    /// When a row is not as it was written, or one was lost or doubled, which is [`StoreError::Damaged`]; nothing that was read
    /// is then to be used.
    fn load(&self, take: &(dyn Fn(Vec<Row>) + Sync)) -> Result<(), StoreError>;

    /// An id for a new row, beyond all that were ever written. Rows may be written in another order than their ids were
    /// given out in.
    fn allocate(&self) -> RowId;

    /// Makes changes: all of them, in their order, or none. They are durable when this resolves; before that, nobody reads
    /// them. They are under way when this returns: when the future is dropped they still happen. Batches are made in the
    /// order in which they were given.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a row to be changed has another fence or is not there, or a new one is there already. It
    /// may also be [`StoreError::Busy`], [`StoreError::Full`], or, then and from then on, [`StoreError::Failed`] or
    /// [`StoreError::Damaged`].
    fn write(&self, changes: Vec<Change>) -> Pending<'_, ()>;

    /// The same for what is new as a whole although rows that are there change with it: it leaves the room that they need to come to
    /// their end.
    ///
    /// # Errors
    /// Those of [`Journal::write`].
    fn write_new(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        self.write(changes)
    }

    /// The same for rows that must come to be before others can go: they get room on a disk that has none for what is merely new.
    ///
    /// # Errors
    /// Those of [`Journal::write`].
    fn write_owed(&self, changes: Vec<Change>) -> Pending<'_, ()> {
        self.write(changes)
    }

    /// The body of a row; none, if there is no such row or it has no body.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it is not as it was written; the other rows are as good as before.
    fn body(&self, id: RowId) -> Pending<'_, Option<Bytes>>;

    /// How often it was flushed, how long that took, and what waits.
    fn flushes(&self) -> FlushFigures;

    /// Cancelled when writing has failed for good. Nothing is durable any more then, so the process must end: another one finds
    /// out what is on the disk.
    fn failed(&self) -> &CancellationToken;
}

impl Change {
    /// Which row is changed.
    pub(crate) fn id(&self) -> RowId {
        match self {
            Self::Insert { id, .. } | Self::Update { id, .. } | Self::Delete { id, .. } => *id,
        }
    }
}
