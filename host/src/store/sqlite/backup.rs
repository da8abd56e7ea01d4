//! A copy of the store at one moment, while others write.

use std::path::Path;

use super::super::sql::{self, Problem, file, schema};
use super::schema::FORMAT;
use super::{Scope, StoreError, records};

/// Copies the store of one folder into another, also while another process has it open and writes. It blocks; it takes no
/// lock that a writer would wait for.
///
/// # Errors
/// When there is no store in the first folder or it is damaged, when there is one in the second already, or when reading or
/// writing fails. No copy is there then.
pub(crate) fn backup_file(from_data_dir: &Path, to_folder: &Path) -> Result<(), StoreError> {
    let from = file::path_in(from_data_dir, FORMAT)?;
    // SQLite would say only that it cannot open it.
    if let Err(error) = from.metadata() {
        return Err(Problem::Io(error).at(&from));
    }
    backup(&from, to_folder)
}

/// Reads the store of a folder that nobody writes to, such as a copy.
///
/// # Errors
/// As [`Store::load`](super::Store::load).
pub(crate) fn read(folder: &Path, each: &mut dyn FnMut(Scope)) -> Result<(), StoreError> {
    let file = file::path_in(folder, FORMAT)?;
    let mut read = || {
        let mut connection = file::open_to_read(&file)?;
        schema::check(&connection, FORMAT)?;
        records::load(&mut connection, each).map(drop)
    };
    read().map_err(|problem| problem.at(&file))
}

/// The same for a file.
pub(super) fn backup(from: &Path, to_folder: &Path) -> Result<(), StoreError> {
    sql::backup(from, to_folder, FORMAT, |copy| records::load(copy, &mut drop).map(drop))
}
