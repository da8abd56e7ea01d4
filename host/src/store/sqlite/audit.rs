//! The audit entries, of changes and of refused requests: each kind numbered without gaps, each entry with its hash, the
//! oldest of a kind going when there are too many of it.

use rusqlite::{Connection, Row, ToSql, Transaction};

use super::super::sql::Problem;
use super::super::sql::hash::{self, Fields, Hash};
use super::{AuditBounds, AuditEntry};

/// One of the two kinds of entries, and where they lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    table: &'static str,
    extent_table: &'static str,
    entry_key: &'static str,
    extent_key: &'static str,
    /// Whether an entry says before which change it was written.
    has_next_change: bool,
}

/// What was done.
pub(super) const CHANGES: Kind = Kind {
    table: "audit",
    extent_table: "audit_extent",
    entry_key: "samovar registry audit entry 1",
    extent_key: "samovar registry audit extent 1",
    has_next_change: false,
};

/// What was asked for and refused.
pub(super) const REFUSALS: Kind = Kind {
    table: "refusal",
    extent_table: "refusal_extent",
    entry_key: "samovar registry refusal 1",
    extent_key: "samovar registry refusal extent 1",
    has_next_change: true,
};

/// Which numbers the entries of a kind have, so that a lost one is found at both ends too.
#[derive(Debug, Default, PartialEq, Eq)]
struct Extent {
    first: u64,
    /// The number that the next one gets.
    next: u64,
}

/// An entry in its place among those of its kind.
struct Placed {
    number: u64,
    /// The number of the change that comes next: its own, if it is one.
    next_change: u64,
    entry: AuditEntry,
}

/// Notes that there is no entry of a kind yet.
pub(super) fn begin(connection: &Connection, kind: Kind) -> Result<(), Problem> {
    Extent::default().write(connection, kind)
}

/// Whether the extents are as they were written: without them no change can be made.
pub(super) fn check(connection: &Connection) -> Result<(), Problem> {
    Extent::read(connection, CHANGES)?;
    Extent::read(connection, REFUSALS).map(drop)
}

/// Adds entries of refused requests and then that of a change, and lets go of the oldest beyond the bounds.
pub(super) fn append(
    transaction: &Transaction<'_>,
    refusals: &[AuditEntry],
    change: Option<&AuditEntry>,
    bounds: AuditBounds,
) -> Result<(), Problem> {
    let next_change = Extent::read(transaction, CHANGES)?.next;
    let place = |entry: &AuditEntry| (next_change, entry.clone());
    append_to(transaction, REFUSALS, refusals.iter().map(place), bounds.refusals_max)?;
    append_to(transaction, CHANGES, change.map(place), bounds.changes_max)
}

/// The latest entries of both kinds, the newest first.
pub(super) fn latest(connection: &mut Connection, limit: usize) -> Result<Vec<AuditEntry>, Problem> {
    let snapshot = connection.transaction()?;
    let mut changes = latest_of(&snapshot, CHANGES, limit)?.into_iter().peekable();
    let mut refusals = latest_of(&snapshot, REFUSALS, limit)?.into_iter().peekable();
    let newest_first = std::iter::from_fn(|| {
        let change = changes.peek().map(|change| change.number);
        // A refusal is newer than every change but those that come after it.
        let refusal = refusals.next_if(|refusal| change.is_none_or(|change| refusal.next_change > change));
        refusal.or_else(|| changes.next())
    });
    Ok(newest_first.take(limit).map(|placed| placed.entry).collect())
}

fn append_to(
    transaction: &Transaction<'_>,
    kind: Kind,
    entries: impl IntoIterator<Item = (u64, AuditEntry)>,
    entries_max: usize,
) -> Result<(), Problem> {
    let mut extent = Extent::read(transaction, kind)?;
    for (next_change, entry) in entries {
        Placed { number: extent.next, next_change, entry }.insert(transaction, kind)?;
        extent.next += 1;
    }
    extent.first = extent.first.max(extent.next.saturating_sub(entries_max as u64));
    let statement = format!("DELETE FROM {} WHERE number < ?1", kind.table);
    transaction.execute(&statement, [extent.first.cast_signed()])?;
    extent.write(transaction, kind)
}

fn latest_of(snapshot: &Transaction<'_>, kind: Kind, limit: usize) -> Result<Vec<Placed>, Problem> {
    let extent = Extent::read(snapshot, kind)?;
    let statement = format!("SELECT * FROM {} ORDER BY number DESC LIMIT ?1", kind.table);
    let mut statement = snapshot.prepare(&statement)?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut entries = Vec::new();
    let mut next = extent.next;
    while let Some(row) = rows.next()? {
        let placed = Placed::read(row, kind)?;
        if placed.number.checked_add(1) != Some(next) {
            return Err(missing());
        }
        next = placed.number;
        entries.push(placed);
    }
    let all_there = next == extent.first || entries.len() == limit;
    if all_there { Ok(entries) } else { Err(missing()) }
}

impl Extent {
    fn read(connection: &Connection, kind: Kind) -> Result<Self, Problem> {
        let statement = format!("SELECT first, next, hash FROM {}", kind.extent_table);
        let mut statement = connection.prepare(&statement)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else {
            return Err(Problem::Wrong("the extent of the audit entries is missing".to_owned()));
        };
        let extent = Self { first: hash::number(row, "first")?, next: hash::number(row, "next")? };
        hash::verified(row, "hash", extent.hash(kind), "the extent of the audit entries")?;
        Ok(extent)
    }

    fn write(&self, connection: &Connection, kind: Kind) -> Result<(), Problem> {
        let table = kind.extent_table;
        let statement =
            format!("INSERT OR REPLACE INTO {table} (one, first, next, hash) VALUES (1, ?1, ?2, ?3)");
        let (first, next) = (self.first.cast_signed(), self.next.cast_signed());
        connection.execute(&statement, (first, next, self.hash(kind)))?;
        Ok(())
    }

    fn hash(&self, kind: Kind) -> Hash {
        Fields::of(kind.extent_key).number(self.first).number(self.next).hash()
    }
}

impl Placed {
    fn insert(&self, transaction: &Transaction<'_>, kind: Kind) -> Result<(), Problem> {
        let Self { number, next_change, entry } = self;
        let (number, hash) = (number.cast_signed(), self.hash(kind));
        let mut values: Vec<&dyn ToSql> = vec![&number];
        let next_change = next_change.cast_signed();
        if kind.has_next_change {
            values.push(&next_change);
        }
        let time_ms = entry.time_ms.cast_signed();
        values.push(&time_ms);
        let texts = [&entry.principal, &entry.action, &entry.resource, &entry.source_address];
        values.extend(texts.map(|text| text as &dyn ToSql));
        values.extend([&entry.request_id as &dyn ToSql, &entry.result, &hash]);
        let places =
            if kind.has_next_change { "?, ?, ?, ?, ?, ?, ?, ?, ?, ?" } else { "?, ?, ?, ?, ?, ?, ?, ?, ?" };
        let statement = format!("INSERT INTO {} VALUES ({places})", kind.table);
        transaction.execute(&statement, &values[..])?;
        Ok(())
    }

    fn read(row: &Row<'_>, kind: Kind) -> Result<Self, Problem> {
        let number = hash::number(row, "number")?;
        let next_change = if kind.has_next_change { hash::number(row, "next_change")? } else { number };
        let entry = AuditEntry {
            time_ms: hash::number(row, "time_ms")?,
            principal: row.get("principal")?,
            action: row.get("action")?,
            resource: row.get("resource")?,
            source_address: row.get("source_address")?,
            request_id: row.get("request_id")?,
            result: row.get("result")?,
        };
        let placed = Self { number, next_change, entry };
        hash::verified(row, "hash", placed.hash(kind), "an audit entry")?;
        Ok(placed)
    }

    fn hash(&self, kind: Kind) -> Hash {
        let mut fields = Fields::of(kind.entry_key);
        fields.number(self.number);
        if kind.has_next_change {
            fields.number(self.next_change);
        }
        fields
            .number(self.entry.time_ms)
            .text(&self.entry.principal)
            .text(&self.entry.action)
            .text(&self.entry.resource)
            .text(&self.entry.source_address)
            .text(&self.entry.request_id)
            .text(&self.entry.result)
            .hash()
    }
}

fn missing() -> Problem {
    Problem::Wrong("an audit entry is missing".to_owned())
}
