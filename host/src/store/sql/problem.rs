//! What may go wrong in the file, and what it means for whoever uses the store.

use std::io;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use super::super::StoreError;

/// What went wrong, before it is said of which file.
#[derive(Debug)]
pub(in super::super) enum Problem {
    /// What was to be changed has another generation than was expected.
    Conflict,
    /// Something is not as we wrote it.
    Wrong(String),
    /// The format is newer than what is known here.
    Newer {
        found: u32,
        known: u32,
    },
    Sql(rusqlite::Error),
    Io(io::Error),
}

impl Problem {
    pub(in super::super) fn at(self, file: &Path) -> StoreError {
        match self {
            Self::Conflict => StoreError::Conflict,
            Self::Newer { found, known } => {
                StoreError::Newer { file: file.display().to_string(), found, known }
            }
            Self::Wrong(reason) => damaged(file, reason),
            Self::Sql(error) => said_by_sqlite(&error, file),
            Self::Io(error) if error.kind() == io::ErrorKind::StorageFull => StoreError::Full,
            Self::Io(error) => failed(file, error.to_string()),
        }
    }

    /// The same, where it says nothing about what is in the file.
    pub(in super::super) fn failed(self, file: &Path) -> StoreError {
        match self {
            Self::Wrong(reason) => failed(file, reason),
            other => other.at(file),
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn said_by_sqlite(error: &rusqlite::Error, file: &Path) -> StoreError {
    let cause = match error {
        rusqlite::Error::SqliteFailure(cause, _) | rusqlite::Error::SqlInputError { error: cause, .. } => {
            cause
        }
        // The rest says that a row is missing or its values are of other types than we write.
        _ => return damaged(file, error.to_string()),
    };
    match cause.code {
        ErrorCode::DiskFull => StoreError::Full,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
        // Our own statements are right, so if they do not fit the tables (`Unknown`) or break a constraint, then the tables
        // are wrong.
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::Unknown => damaged(file, error.to_string()),
        // SQLite says the same of all that a disk may fail at, and this is what an operator must know.
        ErrorCode::SystemIoFailure if is_flush(cause) => failed(file, format!("a flush failed: {error}")),
        _ => failed(file, error.to_string()),
    }
}

fn is_flush(cause: &ffi::Error) -> bool {
    matches!(cause.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
}

fn damaged(file: &Path, reason: String) -> StoreError {
    StoreError::Damaged { file: file.display().to_string(), reason }
}

fn failed(file: &Path, reason: String) -> StoreError {
    StoreError::Failed { file: file.display().to_string(), reason }
}
