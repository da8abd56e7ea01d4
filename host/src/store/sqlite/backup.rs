//! A copy of the store at one moment, while others write.

use std::path::Path;

use super::problem::Problem;
use super::{Scope, StoreError, file, records, schema};

/// Copies the store of one folder into another, also while another process has it open and writes. It blocks; it takes no
/// lock that a writer would wait for.
///
/// # Errors
/// When there is no store in the first folder or it is damaged, when there is one in the second already, or when reading or
/// writing fails. No copy is there then.
pub(crate) fn backup_file(from_data_dir: &Path, to_folder: &Path) -> Result<(), StoreError> {
    let from = file::path_in(from_data_dir)?;
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
    let file = file::path_in(folder)?;
    let mut read = || {
        let mut connection = file::open_to_read(&file)?;
        schema::check(&connection)?;
        records::load(&mut connection, each).map(drop)
    };
    read().map_err(|problem| problem.at(&file))
}

/// The same for a file.
pub(super) fn backup(from: &Path, to_folder: &Path) -> Result<(), StoreError> {
    let to = file::path_in(to_folder)?;
    for taken in [to.clone(), file::log_of(&to)] {
        if taken.exists() {
            return Err(Problem::Wrong("it is there already".to_owned()).failed(&taken));
        }
    }
    let source = file::open_to_read(from).map_err(|problem| problem.at(from))?;
    schema::check(&source).map_err(|problem| problem.at(from))?;
    let unfinished = file::unfinished_in(file::folder_of(&to)).map_err(|error| Problem::Io(error).at(&to))?;
    let Some(path) = unfinished.path().to_str() else {
        return Err(Problem::Wrong("its path is not UTF-8".to_owned()).failed(&to));
    };
    // It copies rows, in one snapshot: what is damaged below them does not get into the copy.
    source.execute("VACUUM INTO ?1", [path]).map_err(|error| Problem::Sql(error).at(from))?;
    check(unfinished.path()).map_err(|problem| problem.at(from))?;
    file::publish(unfinished, &to).map_err(|problem| problem.at(&to))
}

/// A copy that could not be read when it is needed is none.
fn check(copy: &Path) -> Result<(), Problem> {
    let mut connection = file::open_to_read(copy)?;
    schema::check(&connection)?;
    records::load(&mut connection, &mut drop).map(drop)
}
