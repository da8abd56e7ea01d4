//! The one row that stands for all others: how far the file has come, how many rows it has, and the sum of their hashes.

use rusqlite::Connection;

use super::Problem;
use super::hash::{self, Fields, HASH_BYTES, Hash};

/// What all rows amount to. A row that was changed, lost or doubled makes another sum or another number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Totals {
    /// Whose totals they are, in their hash.
    key: &'static str,
    /// How far the file has come; what that means is its own business.
    pub(in super::super) position: u64,
    rows: u64,
    /// All hashes in an exclusive or, in which each can be taken out again.
    sum: Hash,
}

impl Totals {
    /// Those of a file without rows, at a position.
    pub(in super::super) fn at(key: &'static str, position: u64) -> Self {
        Self { key, position, rows: 0, sum: [0; HASH_BYTES] }
    }

    pub(in super::super) fn read(connection: &Connection, key: &'static str) -> Result<Self, Problem> {
        let mut statement = connection.prepare_cached("SELECT position, rows, sum, hash FROM totals")?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else {
            return Err(Problem::Wrong("the row of totals is missing".to_owned()));
        };
        let totals = Self {
            key,
            position: hash::number(row, "position")?,
            rows: hash::number(row, "rows")?,
            sum: row.get("sum")?,
        };
        hash::verified(row, "hash", totals.hash(), "the row of totals")?;
        Ok(totals)
    }

    pub(in super::super) fn write(&self, connection: &Connection) -> Result<(), Problem> {
        let statement =
            "INSERT OR REPLACE INTO totals (one, position, rows, sum, hash) VALUES (1, ?1, ?2, ?3, ?4)";
        let (position, rows) = (self.position.cast_signed(), self.rows.cast_signed());
        let mut statement = connection.prepare_cached(statement)?;
        statement.execute((position, rows, &self.sum, self.hash()))?;
        Ok(())
    }

    pub(in super::super) fn add(&mut self, hash: &Hash) {
        self.rows += 1;
        self.mix(hash);
    }

    /// Adds all that others amount to; their position is their own business.
    pub(in super::super) fn join(&mut self, others: &Self) {
        self.rows += others.rows;
        self.mix(&others.sum);
    }

    /// Takes out what was added; it is damage if there was nothing.
    pub(in super::super) fn remove(&mut self, hash: &Hash) -> Result<(), Problem> {
        let fewer = self.rows.checked_sub(1);
        self.rows =
            fewer.ok_or_else(|| Problem::Wrong("there are more rows than were written".to_owned()))?;
        self.mix(hash);
        Ok(())
    }

    fn mix(&mut self, hash: &Hash) {
        self.sum.iter_mut().zip(hash).for_each(|(sum, byte)| *sum ^= byte);
    }

    fn hash(&self) -> Hash {
        Fields::of(self.key).number(self.position).number(self.rows).bytes(&self.sum).hash()
    }
}
