//! The tables, and how files of earlier versions come to have them.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::audit;
use super::problem::Problem;
use super::totals::Totals;

/// What SQLite keeps in the file's header to say whose it is: "Smvr".
const APPLICATION_ID: i32 = 0x536d_7672;

/// Each leads from one format to the next; a file's format is how many of them it has seen. They are never changed once
/// they were in a release, only added to.
pub(super) const MIGRATIONS: &[Migration] = &[records, audit_entries, refusals];

/// One step from format to format.
pub(super) type Migration = fn(&Transaction<'_>) -> Result<(), Problem>;

/// Brings an open file to the newest format.
pub(super) fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), Problem> {
    let done = format(connection)?;
    for (index, migration) in migrations.iter().enumerate().skip(done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        migration(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        let format = i32::try_from(index + 1).expect("there are few migrations");
        transaction.pragma_update(None, "user_version", format)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Whether a file is ours, of a format that is known, and has exactly that format's tables: one flipped bit in the text of
/// a table's definition could otherwise change how its rows are read.
pub(super) fn check(connection: &Connection) -> Result<(), Problem> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(Problem::Wrong("it is no registry of Samovar's".to_owned()));
    }
    let (found, known) = (format(connection)?, MIGRATIONS.len());
    if found > known {
        let number = |format| u32::try_from(format).unwrap_or(u32::MAX);
        return Err(Problem::Newer { found: number(found), known: number(known) });
    }
    let mut expected = Connection::open_in_memory()?;
    migrate(&mut expected, &MIGRATIONS[..found])?;
    if tables(connection)? != tables(&expected)? {
        return Err(Problem::Wrong("its tables are not as they were made".to_owned()));
    }
    Ok(())
}

/// How many migrations a file has seen.
fn format(connection: &Connection) -> Result<usize, Problem> {
    let format: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(format).map_err(|_| Problem::Wrong(format!("there is no format {format}")))
}

/// Everything the file defines: kind, name, table and text.
fn tables(connection: &Connection) -> Result<Vec<[Option<String>; 4]>, Problem> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
    let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn records(transaction: &Transaction<'_>) -> Result<(), Problem> {
    transaction.execute_batch(
        "CREATE TABLE scope (
            name TEXT NOT NULL PRIMARY KEY,
            generation INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE record (
            scope TEXT NOT NULL,
            name TEXT NOT NULL,
            generation INTEGER NOT NULL,
            document TEXT NOT NULL,
            hash BLOB NOT NULL,
            PRIMARY KEY (scope, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE totals (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            position INTEGER NOT NULL,
            rows INTEGER NOT NULL,
            sum BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;",
    )?;
    Totals::default().write(transaction)
}

fn audit_entries(transaction: &Transaction<'_>) -> Result<(), Problem> {
    transaction.execute_batch(
        "CREATE TABLE audit (
            number INTEGER NOT NULL PRIMARY KEY,
            time_ms INTEGER NOT NULL,
            principal TEXT NOT NULL,
            action TEXT NOT NULL,
            resource TEXT NOT NULL,
            source_address TEXT NOT NULL,
            request_id TEXT NOT NULL,
            result TEXT NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE audit_extent (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            first INTEGER NOT NULL,
            next INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;",
    )?;
    audit::begin(transaction, audit::CHANGES)
}

/// Refused requests, which were among the entries of changes before and stay there until they are the oldest.
fn refusals(transaction: &Transaction<'_>) -> Result<(), Problem> {
    transaction.execute_batch(
        "CREATE TABLE refusal (
            number INTEGER NOT NULL PRIMARY KEY,
            next_change INTEGER NOT NULL,
            time_ms INTEGER NOT NULL,
            principal TEXT NOT NULL,
            action TEXT NOT NULL,
            resource TEXT NOT NULL,
            source_address TEXT NOT NULL,
            request_id TEXT NOT NULL,
            result TEXT NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE refusal_extent (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            first INTEGER NOT NULL,
            next INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;",
    )?;
    audit::begin(transaction, audit::REFUSALS)
}
