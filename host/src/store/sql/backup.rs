//! A copy of a file at one moment, while others write.

use std::path::Path;

use rusqlite::Connection;

use super::super::StoreError;
use super::{Format, Problem, file, schema};

/// Copies a file into another folder, also while another process has it open and writes. It blocks; it takes no lock that a
/// writer would wait for. `read` reads all of the copy: one that could not be read when it is needed is none.
///
/// # Errors
/// When the file is damaged, when there is one in the other folder already, or when reading or writing fails. No copy is there
/// then.
pub(in super::super) fn backup(
    from: &Path,
    to_folder: &Path,
    format: &Format,
    read: fn(&mut Connection) -> Result<(), Problem>,
) -> Result<(), StoreError> {
    let to = file::path_in(to_folder, format)?;
    for taken in [to.clone(), file::log_of(&to)] {
        if taken.exists() {
            return Err(Problem::Wrong("it is there already".to_owned()).failed(&taken));
        }
    }
    let source = file::open_to_read(from).map_err(|problem| problem.at(from))?;
    schema::check(&source, format).map_err(|problem| problem.at(from))?;
    let unfinished = file::unfinished_in(file::folder_of(&to), format);
    let unfinished = unfinished.map_err(|error| Problem::Io(error).at(&to))?;
    let Some(path) = unfinished.path().to_str() else {
        return Err(Problem::Wrong("its path is not UTF-8".to_owned()).failed(&to));
    };
    // It copies rows, in one snapshot: what is damaged below them does not get into the copy.
    source.execute("VACUUM INTO ?1", [path]).map_err(|error| Problem::Sql(error).at(from))?;
    check(unfinished.path(), format, read).map_err(|problem| problem.at(from))?;
    file::publish(unfinished, &to).map_err(|problem| problem.at(&to))
}

fn check(
    copy: &Path,
    format: &Format,
    read: fn(&mut Connection) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut connection = file::open_to_read(copy)?;
    schema::check(&connection, format)?;
    read(&mut connection)
}
