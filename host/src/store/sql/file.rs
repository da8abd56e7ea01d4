//! The file: made whole or not at all, and opened only if it is ours and sound.
//!
//! While a store is open, nothing else in its process may open the file but SQLite: whoever closes a file on Unix gives up
//! all locks that the process has on it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::super::StoreError;
use super::schema::{self, Migration};
use super::{Format, Problem};
use crate::failpoint;

/// How long to wait for another process that has the file. Only a backup reads along, and it holds up nobody for long.
pub(in super::super) const BUSY_WAIT: Duration = Duration::from_secs(5);
/// How much of the log's file stays when its content was carried over.
const LOG_BYTES_KEPT: i64 = 16 << 20;

/// Where the file of a folder is. The path is absolute, for SQLite would take `file:` at its beginning for a URI.
pub(in super::super) fn path_in(folder: &Path, format: &Format) -> Result<PathBuf, StoreError> {
    let folder = folder.canonicalize().map_err(|error| Problem::Io(error).at(folder))?;
    Ok(folder.join(format.file_name))
}

/// The connection that writes; it may change the file to the newest format. The file gets no larger than so many pages: SQLite
/// then says that the disk is full.
pub(in super::super) fn open_or_create(
    file: &Path,
    format: &Format,
    pages_max: u32,
) -> Result<Connection, Problem> {
    remove_unfinished(folder_of(file), format)?;
    if !file.try_exists()? {
        create(file, format, format.migrations)?;
    }
    let mut connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    schema::check(&connection, format)?;
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages <= format.pages_checked_max {
        check_pages(&connection)?;
    }
    // Of a log that a crash left behind, SQLite takes over what is whole, and makes the index of it anew.
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Problem::Io(io::Error::other(format!("its journal mode stays {mode}"))));
    }
    let flushes = if failpoint::is_left_out("store.no-flush") { "OFF" } else { "FULL" };
    connection.pragma_update(None, "synchronous", flushes)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    // The writer carries the log over.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "max_page_count", pages_max)?;
    schema::migrate(&mut connection, format, format.migrations)?;
    Ok(connection)
}

/// A connection of one's own, which cannot write.
pub(in super::super) fn open_to_read(file: &Path) -> Result<Connection, Problem> {
    open(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Makes a file with the tables that these migrations make.
pub(in super::super) fn create(
    file: &Path,
    format: &Format,
    migrations: &[Migration],
) -> Result<(), Problem> {
    let unfinished = unfinished_in(folder_of(file), format)?;
    let mut connection = open(unfinished.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    schema::migrate(&mut connection, format, migrations)?;
    drop(connection);
    publish(unfinished, file)
}

/// An empty file that only its owner may read, with a name that tells that it is not whole.
pub(super) fn unfinished_in(folder: &Path, format: &Format) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(format.partial_prefix).tempfile_in(folder)
}

/// Gives a finished file its name, which is not taken. A log of that name is refused too: it belongs to a file that is
/// gone, and SQLite would write its pages over those of this one.
pub(super) fn publish(finished: NamedTempFile, file: &Path) -> Result<(), Problem> {
    if log_of(file).try_exists()? {
        return Err(Problem::Wrong("it is missing, but its log is there".to_owned()));
    }
    finished.as_file().sync_all()?;
    finished.persist_noclobber(file).map_err(|error| error.error)?;
    Ok(File::open(folder_of(file))?.sync_all()?)
}

/// The log that SQLite keeps beside a file.
pub(in super::super) fn log_of(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push("-wal");
    PathBuf::from(name)
}

/// How much is in the log of a file, as far as it can be told: what a process has left that was killed is carried over by the next.
pub(in super::super) fn log_bytes(file: &Path) -> usize {
    log_of(file).metadata().map_or(0, |log| log.len() as usize)
}

pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().expect("the file lies in a folder")
}

/// Whether SQLite finds its own structures in order; what is in the rows is checked when they are read.
pub(super) fn check_pages(connection: &Connection) -> Result<(), Problem> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Problem::Wrong(found)) }
}

fn open(file: &Path, access: OpenFlags) -> Result<Connection, Problem> {
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_WAIT)?;
    // Closing a file that turns out to be damaged leaves it as it was found.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Removes what a process that was killed left unfinished.
fn remove_unfinished(folder: &Path, format: &Format) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(format.partial_prefix) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
