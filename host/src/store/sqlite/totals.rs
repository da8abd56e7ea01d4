//! The one row that stands for all others: how far the store has come, how many rows it has, and the sum of their hashes.

use rusqlite::Connection;

use super::Position;
use super::hash::{self, Fields, HASH_BYTES, Hash};
use super::problem::Problem;

/// What all scopes and records amount to. A row that was changed, lost or doubled makes another sum or another number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) position: Position,
    rows: u64,
    /// All hashes in an exclusive or, in which each can be taken out again.
    sum: Hash,
}

impl Totals {
    /// Those of a store without rows, at a position.
    pub(super) fn at(position: Position) -> Self {
        Self { position, rows: 0, sum: [0; HASH_BYTES] }
    }

    pub(super) fn read(connection: &Connection) -> Result<Self, Problem> {
        let mut statement = connection.prepare("SELECT position, rows, sum, hash FROM totals")?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else {
            return Err(Problem::Wrong("the row of totals is missing".to_owned()));
        };
        let totals = Self {
            position: Position(hash::number(row, "position")?),
            rows: hash::number(row, "rows")?,
            sum: row.get("sum")?,
        };
        hash::verified(row, "hash", totals.fields(), "the row of totals")?;
        Ok(totals)
    }

    pub(super) fn write(&self, connection: &Connection) -> Result<(), Problem> {
        let statement =
            "INSERT OR REPLACE INTO totals (one, position, rows, sum, hash) VALUES (1, ?1, ?2, ?3, ?4)";
        let (position, rows) = (self.position.0.cast_signed(), self.rows.cast_signed());
        connection.execute(statement, (position, rows, &self.sum, self.fields().hash()))?;
        Ok(())
    }

    pub(super) fn add(&mut self, hash: &Hash) {
        self.rows += 1;
        self.mix(hash);
    }

    /// Takes out what was added; it is damage if there was nothing.
    pub(super) fn remove(&mut self, hash: &Hash) -> Result<(), Problem> {
        let fewer = self.rows.checked_sub(1);
        self.rows =
            fewer.ok_or_else(|| Problem::Wrong("there are more rows than were written".to_owned()))?;
        self.mix(hash);
        Ok(())
    }

    fn mix(&mut self, hash: &Hash) {
        self.sum.iter_mut().zip(hash).for_each(|(sum, byte)| *sum ^= byte);
    }

    fn fields(&self) -> Fields {
        Fields::of("samovar registry totals 1").number(self.position.0).number(self.rows).bytes(&self.sum)
    }
}
