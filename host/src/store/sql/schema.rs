//! Whether a file has the tables of its format, and how files of earlier versions come to have them.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{Format, Problem};

/// One step from format to format.
pub(in super::super) type Migration = fn(&Transaction<'_>) -> Result<(), Problem>;

/// Brings an open file to the newest format.
pub(in super::super) fn migrate(
    connection: &mut Connection,
    format: &Format,
    migrations: &[Migration],
) -> Result<(), Problem> {
    let done = number(connection)?;
    for (index, migration) in migrations.iter().enumerate().skip(done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        migration(&transaction)?;
        transaction.pragma_update(None, "application_id", format.application_id)?;
        let number = i32::try_from(index + 1).expect("there are few migrations");
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Whether a file is ours, of a format that is known, and has exactly that format's tables: one flipped bit in the text of
/// a table's definition could otherwise change how its rows are read.
pub(in super::super) fn check(connection: &Connection, format: &Format) -> Result<(), Problem> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != format.application_id {
        return Err(Problem::Wrong(format!("it is no {} of Samovar's", format.noun)));
    }
    let (found, known) = (number(connection)?, format.migrations.len());
    if found > known {
        let short = |number| u32::try_from(number).unwrap_or(u32::MAX);
        return Err(Problem::Newer { found: short(found), known: short(known) });
    }
    let mut expected = Connection::open_in_memory()?;
    migrate(&mut expected, format, &format.migrations[..found])?;
    if tables(connection)? != tables(&expected)? {
        return Err(Problem::Wrong("its tables are not as they were made".to_owned()));
    }
    Ok(())
}

/// How many migrations a file has seen.
fn number(connection: &Connection) -> Result<usize, Problem> {
    let number: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(number).map_err(|_| Problem::Wrong(format!("there is no format {number}")))
}

/// Everything the file defines: kind, name, table and text.
fn tables(connection: &Connection) -> Result<Vec<[Option<String>; 4]>, Problem> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
    let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
