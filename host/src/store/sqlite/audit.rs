//! The audit entries: numbered without gaps, each with its hash, the oldest going when there are too many.

use rusqlite::{Connection, Row, Transaction};

use super::AuditEntry;
use super::hash::{self, Fields};
use super::problem::Problem;

/// Which numbers the entries have, so that a lost one is found at both ends too.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    first: u64,
    /// The number that the next one gets.
    next: u64,
}

/// Adds entries, and lets go of the oldest beyond the limit.
pub(super) fn append<'a>(
    transaction: &Transaction<'_>,
    entries: impl IntoIterator<Item = &'a AuditEntry>,
    entries_max: usize,
) -> Result<(), Problem> {
    let mut extent = Extent::read(transaction)?;
    for entry in entries {
        insert(transaction, extent.next, entry)?;
        extent.next += 1;
    }
    extent.first = extent.first.max(extent.next.saturating_sub(entries_max as u64));
    transaction.execute("DELETE FROM audit WHERE number < ?1", [extent.first.cast_signed()])?;
    extent.write(transaction)
}

/// The latest entries, the newest first.
pub(super) fn latest(connection: &mut Connection, limit: usize) -> Result<Vec<AuditEntry>, Problem> {
    let snapshot = connection.transaction()?;
    let extent = Extent::read(&snapshot)?;
    let mut statement = snapshot.prepare("SELECT * FROM audit ORDER BY number DESC LIMIT ?1")?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut entries = Vec::new();
    let mut next = extent.next;
    while let Some(row) = rows.next()? {
        let (number, entry) = read(row)?;
        if number.checked_add(1) != Some(next) {
            return Err(missing());
        }
        next = number;
        entries.push(entry);
    }
    let all_there = next == extent.first || entries.len() == limit;
    if all_there { Ok(entries) } else { Err(missing()) }
}

impl Extent {
    fn read(connection: &Connection) -> Result<Self, Problem> {
        let mut statement = connection.prepare("SELECT first, next, hash FROM audit_extent")?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else {
            return Err(Problem::Wrong("the extent of the audit entries is missing".to_owned()));
        };
        let extent = Self { first: hash::number(row, "first")?, next: hash::number(row, "next")? };
        hash::verified(row, "hash", extent.fields(), "the extent of the audit entries")?;
        Ok(extent)
    }

    pub(super) fn write(&self, connection: &Connection) -> Result<(), Problem> {
        let statement = "INSERT OR REPLACE INTO audit_extent (one, first, next, hash) VALUES (1, ?1, ?2, ?3)";
        let (first, next) = (self.first.cast_signed(), self.next.cast_signed());
        connection.execute(statement, (first, next, self.fields().hash()))?;
        Ok(())
    }

    fn fields(&self) -> Fields {
        Fields::of("samovar registry audit extent 1").number(self.first).number(self.next)
    }
}

fn insert(transaction: &Transaction<'_>, number: u64, entry: &AuditEntry) -> Result<(), Problem> {
    let values = (
        number.cast_signed(),
        entry.time_ms.cast_signed(),
        &entry.principal,
        &entry.action,
        &entry.resource,
        &entry.source_address,
        &entry.request_id,
        &entry.result,
        fields(number, entry).hash(),
    );
    transaction.execute("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", values)?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<(u64, AuditEntry), Problem> {
    let number = hash::number(row, "number")?;
    let entry = AuditEntry {
        time_ms: hash::number(row, "time_ms")?,
        principal: row.get("principal")?,
        action: row.get("action")?,
        resource: row.get("resource")?,
        source_address: row.get("source_address")?,
        request_id: row.get("request_id")?,
        result: row.get("result")?,
    };
    hash::verified(row, "hash", fields(number, &entry), "an audit entry")?;
    Ok((number, entry))
}

fn fields(number: u64, entry: &AuditEntry) -> Fields {
    Fields::of("samovar registry audit entry 1")
        .number(number)
        .number(entry.time_ms)
        .text(&entry.principal)
        .text(&entry.action)
        .text(&entry.resource)
        .text(&entry.source_address)
        .text(&entry.request_id)
        .text(&entry.result)
}

fn missing() -> Problem {
    Problem::Wrong("an audit entry is missing".to_owned())
}
