//! Scopes and their records in the file: how a commit changes them, and how all of them are read.

use rusqlite::{Connection, Row, Transaction};

use super::super::sql::Problem;
use super::super::sql::hash::{self, Fields, Hash};
use super::super::sql::totals::Totals;
use super::super::{Record, Write};
use super::{Commit, Position, Scope};

/// Whose totals they are. Their position is that of the last commit.
pub(super) const TOTALS: &str = "samovar registry totals 1";

/// Makes a change, within the transaction it is given. Its audit entry is not its business.
pub(super) fn apply(transaction: &Transaction<'_>, commit: &Commit) -> Result<Position, Problem> {
    let mut totals = Totals::read(transaction, TOTALS)?;
    let scope = ScopeRow::find(transaction, &commit.scope)?;
    if scope.as_ref().map(|scope| scope.generation) != commit.expected {
        return Err(Problem::Conflict);
    }
    totals.position += 1;
    let generation = Position(totals.position);
    for write in &commit.writes {
        let name = match write {
            Write::Put(record) => &record.name,
            Write::Delete { name } => name,
        };
        if let Some(old) = RecordRow::find(transaction, &commit.scope, name)? {
            totals.remove(&old.hash)?;
            transaction
                .execute("DELETE FROM record WHERE scope = ?1 AND name = ?2", (&commit.scope, name))?;
        }
        if let Write::Put(record) = write {
            totals.add(&RecordRow::insert(transaction, &commit.scope, generation, record)?);
        }
    }
    if let Some(old) = scope {
        totals.remove(&old.hash)?;
        transaction.execute("DELETE FROM scope WHERE name = ?1", [&commit.scope])?;
    }
    if has_records(transaction, &commit.scope)? {
        totals.add(&ScopeRow::insert(transaction, &commit.scope, generation)?);
    }
    totals.write(transaction)?;
    Ok(generation)
}

/// Reads everything in one snapshot, and checks it against the totals.
pub(super) fn load(connection: &mut Connection, each: &mut dyn FnMut(Scope)) -> Result<Position, Problem> {
    let snapshot = connection.transaction()?;
    let totals = Totals::read(&snapshot, TOTALS)?;
    let mut found = Totals::at(TOTALS, totals.position);
    let mut scopes = snapshot.prepare("SELECT * FROM scope ORDER BY name")?;
    let mut scopes = scopes.query([])?;
    let mut records = snapshot.prepare("SELECT * FROM record ORDER BY scope, name")?;
    let mut records = records.query([])?;
    let mut next = records.next()?.map(RecordRow::read).transpose()?;
    while let Some(row) = scopes.next()? {
        let row = ScopeRow::read(row)?;
        found.add(&row.hash);
        let mut scope = Scope { name: row.name, generation: row.generation, records: Vec::new() };
        while let Some(row) = next.take_if(|row| row.scope == scope.name) {
            found.add(&row.hash);
            scope.records.push(row.record);
            next = records.next()?.map(RecordRow::read).transpose()?;
        }
        each(scope);
    }
    // A record without its scope stays in `next`, and what comes after it is not counted either.
    if next.is_some() || found != totals {
        return Err(Problem::Wrong("records were lost, doubled or changed".to_owned()));
    }
    Ok(Position(totals.position))
}

/// A scope, with a hash that fits.
struct ScopeRow {
    name: String,
    generation: Position,
    hash: Hash,
}

impl ScopeRow {
    fn find(transaction: &Transaction<'_>, name: &str) -> Result<Option<Self>, Problem> {
        let mut statement = transaction.prepare("SELECT * FROM scope WHERE name = ?1")?;
        statement.query([name])?.next()?.map(Self::read).transpose()
    }

    fn insert(transaction: &Transaction<'_>, name: &str, generation: Position) -> Result<Hash, Problem> {
        let hash = Self::hash(name, generation);
        let values = (name, generation.0.cast_signed(), hash);
        transaction.execute("INSERT INTO scope (name, generation, hash) VALUES (?1, ?2, ?3)", values)?;
        Ok(hash)
    }

    fn read(row: &Row<'_>) -> Result<Self, Problem> {
        let (name, generation): (String, _) = (row.get("name")?, Position(hash::number(row, "generation")?));
        let hash = hash::verified(row, "hash", Self::hash(&name, generation), "a scope")?;
        Ok(Self { name, generation, hash })
    }

    fn hash(name: &str, generation: Position) -> Hash {
        Fields::of("samovar registry scope 1").text(name).number(generation.0).hash()
    }
}

/// A record, with a hash that fits. Its generation is that of the commit that wrote it, so a change of one record leaves
/// the others of its scope as they are.
struct RecordRow {
    scope: String,
    record: Record,
    hash: Hash,
}

impl RecordRow {
    fn find(transaction: &Transaction<'_>, scope: &str, name: &str) -> Result<Option<Self>, Problem> {
        let mut statement = transaction.prepare("SELECT * FROM record WHERE scope = ?1 AND name = ?2")?;
        statement.query([scope, name])?.next()?.map(Self::read).transpose()
    }

    fn insert(
        transaction: &Transaction<'_>,
        scope: &str,
        generation: Position,
        record: &Record,
    ) -> Result<Hash, Problem> {
        let hash = Self::hash(scope, generation, record);
        let values = (scope, &record.name, generation.0.cast_signed(), &record.document, hash);
        let statement =
            "INSERT INTO record (scope, name, generation, document, hash) VALUES (?1, ?2, ?3, ?4, ?5)";
        transaction.execute(statement, values)?;
        Ok(hash)
    }

    fn read(row: &Row<'_>) -> Result<Self, Problem> {
        let scope: String = row.get("scope")?;
        let generation = Position(hash::number(row, "generation")?);
        let record = Record { name: row.get("name")?, document: row.get("document")? };
        let hash = hash::verified(row, "hash", Self::hash(&scope, generation, &record), "a record")?;
        Ok(Self { scope, record, hash })
    }

    fn hash(scope: &str, generation: Position, record: &Record) -> Hash {
        Fields::of("samovar registry record 1")
            .text(scope)
            .number(generation.0)
            .text(&record.name)
            .text(&record.document)
            .hash()
    }
}

fn has_records(transaction: &Transaction<'_>, scope: &str) -> Result<bool, Problem> {
    let statement = "SELECT EXISTS (SELECT 1 FROM record WHERE scope = ?1)";
    Ok(transaction.query_row(statement, [scope], |row| row.get(0))?)
}
