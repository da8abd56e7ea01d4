//! How batches change the rows of the file, several of them in one transaction.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::Connection;

use super::super::super::sql::Problem;
use super::super::super::sql::hash::Hash;
use super::super::super::sql::totals::Totals;
use super::super::batch::{self, next_fence};
use super::super::{BodyChange, Change, Kind, RowId};
use super::rows::{BodyFacts, Stored, TOTALS};

/// What a transaction does to the rows. The totals are written once, at its end.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    connection: &'a Connection,
    totals: Totals,
    /// What is known of rows that were looked at: none, if there is no such row.
    known: HashMap<RowId, Option<Known>>,
}

/// A row that was looked at or made.
#[derive(Debug, Clone, Copy)]
struct Known {
    kind: Kind,
    fence: u64,
    body: Option<BodyFacts>,
    hash: Hash,
}

impl<'a> Rows<'a> {
    /// Begins, within the transaction that the connection is in.
    pub(super) fn begin(connection: &'a Connection) -> Result<Self, Problem> {
        let totals = Totals::read(connection, TOTALS)?;
        Ok(Self { connection, totals, known: HashMap::new() })
    }

    /// Makes a batch, or says that it does not fit, and then changes nothing.
    pub(super) fn make(&mut self, changes: &[Change]) -> Result<bool, Problem> {
        let fits = batch::fits(changes, |id| Ok::<_, Problem>(self.known(id)?.map(|row| row.fence)))?;
        if fits {
            changes.iter().try_for_each(|change| self.change(change))?;
        }
        Ok(fits)
    }

    /// Writes what all rows amount to now.
    pub(super) fn end(self) -> Result<(), Problem> {
        self.totals.write(self.connection)
    }

    fn known(&mut self, id: RowId) -> Result<Option<Known>, Problem> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        // Nothing was ever written beyond the position.
        let found = match id.0 > self.totals.position {
            true => None,
            false => Stored::find(self.connection, id)?.map(|(stored, hash)| Known::of(&stored, hash)),
        };
        self.known.insert(id, found);
        Ok(found)
    }

    /// Makes a change that fits.
    fn change(&mut self, change: &Change) -> Result<(), Problem> {
        let id = change.id();
        let before = self.known(id)?;
        let present = || before.as_ref().expect("the change fits");
        let after = match change {
            Change::Insert { kind, header, body, .. } => {
                Some(self.insert(id, *kind, header, body.as_ref())?)
            }
            Change::Update { header, body, .. } => Some(self.update(id, present(), header, body)?),
            Change::Delete { .. } => self.delete(id, present()).map(|()| None)?,
        };
        if let Some(before) = &before {
            self.totals.remove(&before.hash)?;
        }
        if let Some(after) = &after {
            self.totals.add(&after.hash);
        }
        self.totals.position = self.totals.position.max(id.0);
        self.known.insert(id, after);
        Ok(())
    }

    fn insert(&self, id: RowId, kind: Kind, header: &[u8], body: Option<&Bytes>) -> Result<Known, Problem> {
        let facts = body.map(|body| BodyFacts::of(id, body));
        let stored = Stored { id, kind, fence: 0, header: header.to_vec(), body: facts };
        if let Some(body) = body {
            self.put_body(id, body)?;
        }
        self.put(&stored)
    }

    fn update(&self, id: RowId, before: &Known, header: &[u8], body: &BodyChange) -> Result<Known, Problem> {
        let facts = match body {
            BodyChange::Keep => before.body,
            BodyChange::Put(content) => {
                self.put_body(id, content)?;
                Some(BodyFacts::of(id, content))
            }
            BodyChange::Remove => {
                self.remove_body(id, before)?;
                None
            }
        };
        let fence = next_fence(before.fence);
        self.put(&Stored { id, kind: before.kind, fence, header: header.to_vec(), body: facts })
    }

    fn delete(&self, id: RowId, before: &Known) -> Result<(), Problem> {
        self.remove_body(id, before)?;
        let mut statement = self.connection.prepare_cached("DELETE FROM header WHERE id = ?1")?;
        statement.execute([id.0.cast_signed()])?;
        Ok(())
    }

    /// Writes a row without its body, in the place of the one with its id, if there is one.
    fn put(&self, stored: &Stored) -> Result<Known, Problem> {
        let statement = "INSERT OR REPLACE INTO header (id, kind, fence, header, body_bytes, body_hash, hash)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let hash = stored.hash();
        let (id, fence) = (stored.id.0.cast_signed(), stored.fence.cast_signed());
        let bytes = stored.body.map(|body| body.bytes.cast_signed());
        let body_hash = stored.body.as_ref().map(BodyFacts::hash);
        let mut statement = self.connection.prepare_cached(statement)?;
        statement.execute((id, stored.kind.0, fence, &stored.header, bytes, body_hash, hash))?;
        Ok(Known::of(stored, hash))
    }

    fn put_body(&self, id: RowId, content: &[u8]) -> Result<(), Problem> {
        let statement = "INSERT OR REPLACE INTO body (id, content) VALUES (?1, ?2)";
        self.connection.prepare_cached(statement)?.execute((id.0.cast_signed(), content))?;
        Ok(())
    }

    fn remove_body(&self, id: RowId, before: &Known) -> Result<(), Problem> {
        if before.body.is_some() {
            let mut statement = self.connection.prepare_cached("DELETE FROM body WHERE id = ?1")?;
            statement.execute([id.0.cast_signed()])?;
        }
        Ok(())
    }
}

impl Known {
    fn of(stored: &Stored, hash: Hash) -> Self {
        Self { kind: stored.kind, fence: stored.fence, body: stored.body, hash }
    }
}
