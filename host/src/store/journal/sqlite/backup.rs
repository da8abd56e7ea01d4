//! A copy of the queue at one moment, while others write.

use std::path::Path;

use super::super::super::sql::{self, Problem, file};
use super::schema::FORMAT;
use super::{StoreError, load};

/// Copies the queue of one folder into another, also while another process or this one has it open and writes. It blocks; it
/// takes no lock that a writer would wait for, but the log grows until it is done. A folder that never had a queue is as good
/// as one whose queue is empty: then nothing is copied.
///
/// # Errors
/// When the queue is damaged or there is one in the second folder already, or when reading or writing fails. No copy is there
/// then.
pub(crate) fn backup_file(from_data_dir: &Path, to_folder: &Path) -> Result<(), StoreError> {
    let from = file::path_in(from_data_dir, FORMAT)?;
    let is_there = |path: &Path| path.try_exists().map_err(|error| Problem::Io(error).at(path));
    if !is_there(&from)? {
        return match is_there(&file::log_of(&from))? {
            true => Err(Problem::Wrong("it is missing, but its log is there".to_owned()).at(&from)),
            false => Ok(()),
        };
    }
    sql::backup(&from, to_folder, FORMAT, load::verify)
}
