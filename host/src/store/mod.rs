//! What outlives the process: records, in scopes that change as one, and who changed them.
//!
//! Knows nothing of functions: a record is a text under a name, and what it means is its writer's business. A scope is
//! what changes in one piece (here a function with its versions and aliases); its generation tells whether somebody else
//! changed it since it was read.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(test)]
mod conformance;
pub(crate) mod journal;
mod memory;
#[cfg(feature = "sqlite")]
mod sql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

#[cfg(feature = "sqlite")]
use journal::SqliteJournal;
use journal::{Journal, MemoryJournal};
use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::SqliteStore;

/// How many audit entries are kept; the oldest go. Those of refused requests have a bound of their own, so that nobody can ask
/// for what is refused until no change is in the record any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuditBounds {
    /// How many entries of changes that were made.
    pub(crate) changes_max: usize,
    /// How many entries of requests that were refused.
    pub(crate) refusals_max: usize,
}

impl Default for AuditBounds {
    fn default() -> Self {
        Self { changes_max: 100_000, refusals_max: 10_000 }
    }
}

/// What a store gives back when its work is done.
pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// How far a store has come: rises with each commit and is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position(pub(crate) u64);

/// All records of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) name: String,
    /// The position of the commit that changed it last.
    pub(crate) generation: Position,
    /// By name, in its order.
    pub(crate) records: Vec<Record>,
}

/// One record: a text under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) document: String,
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    /// It is there and reads like this.
    Put(Record),
    /// It is not there.
    Delete { name: String },
}

/// A change of one scope, with who made it: all of it happens, or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) scope: String,
    /// The generation that the change was decided on; none, if there was no such scope.
    pub(crate) expected: Option<Position>,
    pub(crate) writes: Vec<Write>,
    pub(crate) audit: AuditEntry,
}

/// Who did what, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditEntry {
    /// Milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// Who; what the request says of itself, and unchecked as long as nobody is authenticated.
    pub(crate) principal: String,
    /// The operation, in the API's words: `UpdateAlias`.
    pub(crate) action: String,
    /// The ARN of what was changed.
    pub(crate) resource: String,
    /// The address the request came from; empty if it came from within the process.
    pub(crate) source_address: String,
    pub(crate) request_id: String,
    /// `Success`, or the name of the error.
    pub(crate) result: String,
}

/// Where records are kept.
///
/// What was committed is there after a crash of the process or of the machine; readers never wait for writers.
pub(crate) trait Store: fmt::Debug + Send + Sync {
    /// Reads everything, scope by scope in the order of their names, and says up to which commit. It blocks.
    ///
    /// # Errors
    /// When something is not as it was written, which is [`StoreError::Damaged`]; nothing that was read is then to be used.
    fn load(&self, each: &mut dyn FnMut(Scope)) -> Result<Position, StoreError>;

    /// Makes a change; the position is the scope's new generation. A scope whose last record is deleted is no more, so its
    /// next change expects none. The change is under way when this returns: when the future is dropped, it may still happen.
    fn commit(&self, commit: Commit) -> Pending<'_, Position>;

    /// Notes what was asked for and refused. It is written in the background, and lost if there is no room.
    fn note(&self, entry: AuditEntry);

    /// The latest audit entries, the newest first; within [`AuditBounds`] they are kept.
    fn audit(&self, limit: usize) -> Pending<'_, Vec<AuditEntry>>;

    /// Writes a copy of the whole, as it is at one moment, into a folder that is there. It blocks, and does not hold up
    /// writers.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the folder holds a store already, or if this one is only in memory.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "what is in memory is not copied"))]
    fn backup(&self, folder: &Path) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else changed the same meanwhile.
    #[error("it has been changed at the same time")]
    Conflict,
    /// The host it belongs to is closing.
    #[error("the host is closing")]
    Closed,
    /// More changes wait than there is room for.
    #[error("too many changes wait to be written")]
    Busy,
    /// The disk is full; changes are possible again when there is room.
    #[error("the disk is full")]
    Full,
    /// Something on the disk is not as it was written.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It was written by a newer Samovar.
    #[error("{file} has format {found}; this version of Samovar knows formats up to {known}")]
    Newer {
        /// Which file.
        file: String,
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },
    /// Reading or writing failed. After a failed write it is not known whether it happened, so no more are made until the
    /// store is opened again.
    #[error("{file} cannot be used: {reason}")]
    Failed {
        /// Which file.
        file: String,
        /// What happened.
        reason: String,
    },
}

/// Opens the store of a folder, or one that ends with the process.
///
/// # Errors
/// When what is there cannot be read as it was written.
#[cfg(feature = "sqlite")]
pub(crate) fn open(folder: Option<&Path>) -> Result<Arc<dyn Store>, StoreError> {
    match folder {
        Some(folder) => Ok(Arc::new(SqliteStore::open(folder)?)),
        None => Ok(Arc::new(MemoryStore::default())),
    }
}

/// Opens a store that ends with the process: without SQL there is no other.
#[cfg(not(feature = "sqlite"))]
pub(crate) fn open(_folder: Option<&Path>) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(MemoryStore::default()))
}

/// Opens the journal of a folder, or one that ends with the process. It blocks, and the caller holds the folder's lock.
///
/// # Errors
/// When what is there is damaged, of a newer Samovar, or cannot be read or written. Its rows are checked when they are loaded.
#[cfg(feature = "sqlite")]
pub(crate) fn open_journal(folder: Option<&Path>) -> Result<Arc<dyn Journal>, StoreError> {
    match folder {
        Some(folder) => Ok(Arc::new(SqliteJournal::open(folder)?)),
        None => Ok(Arc::new(MemoryJournal::default())),
    }
}

/// Opens a journal that ends with the process: without SQL there is no other.
#[cfg(not(feature = "sqlite"))]
pub(crate) fn open_journal(_folder: Option<&Path>) -> Result<Arc<dyn Journal>, StoreError> {
    Ok(Arc::new(MemoryJournal::default()))
}
