//! Rows in the file: how they are read, and the body of one.

use std::sync::LazyLock;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow};

use super::super::super::sql::Problem;
use super::super::super::sql::hash::{Fields, Hash};
use super::super::{Kind, Row, RowId};

/// Whose totals they are. Their position is the highest id that was ever written.
pub(super) const TOTALS: &str = "samovar journal totals 1";

static ROW: LazyLock<Fields> = LazyLock::new(|| Fields::of("samovar journal row 1"));
static BODY: LazyLock<Fields> = LazyLock::new(|| Fields::of("samovar journal body 1"));

/// How [`Stored::read`] finds the columns: by their place, for a start reads a million rows.
macro_rules! select {
    () => {
        "SELECT id, kind, fence, header, body_bytes, body_hash, hash FROM header"
    };
}

/// What a row says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BodyFacts {
    pub(super) bytes: u64,
    hash: Hash,
}

/// A row as it lies in the file, without its body.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: RowId,
    pub(super) kind: Kind,
    pub(super) fence: u64,
    pub(super) header: Vec<u8>,
    pub(super) body: Option<BodyFacts>,
}

impl BodyFacts {
    pub(super) fn of(id: RowId, content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, hash: BODY.clone().number(id.0).blob(content).hash() }
    }

    pub(super) fn hash(&self) -> &Hash {
        &self.hash
    }
}

impl Stored {
    /// Reads a row that was selected so, whose hash must fit, and gives that too.
    pub(super) fn read(row: &SqlRow<'_>) -> Result<(Self, Hash), Problem> {
        let number = |column: usize| row.get(column).map(i64::cast_unsigned);
        let id = RowId(number(0)?);
        let bytes: Option<i64> = row.get(4)?;
        let body = match (bytes, row.get(5)?) {
            (None, None) => None,
            (Some(bytes), Some(hash)) => Some(BodyFacts { bytes: bytes.cast_unsigned(), hash }),
            _ => return Err(Problem::Wrong(format!("the row {} says half of what its body is", id.0))),
        };
        let (kind, fence, header) = (Kind(row.get(1)?), number(2)?, row.get(3)?);
        let stored = Self { id, kind, fence, header, body };
        let (written, computed): (Hash, Hash) = (row.get(6)?, stored.hash());
        if written != computed {
            return Err(Problem::Wrong(format!("the row {} is not as it was written", id.0)));
        }
        Ok((stored, computed))
    }

    /// The rows from one id to another, that one too, in the order of their ids, with their hashes.
    pub(super) fn each(
        connection: &Connection,
        (first, last): (i64, i64),
        mut each: impl FnMut(Self, Hash),
    ) -> Result<(), Problem> {
        let statement = concat!(select!(), " WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
        let mut statement = connection.prepare_cached(statement)?;
        let mut rows = statement.query([first, last])?;
        while let Some(row) = rows.next()? {
            let (stored, hash) = Self::read(row)?;
            each(stored, hash);
        }
        Ok(())
    }

    /// The row of an id, with its hash.
    pub(super) fn find(connection: &Connection, id: RowId) -> Result<Option<(Self, Hash)>, Problem> {
        let mut statement = connection.prepare_cached(concat!(select!(), " WHERE id = ?1"))?;
        statement.query([id.0.cast_signed()])?.next()?.map(Self::read).transpose()
    }

    pub(super) fn hash(&self) -> Hash {
        let mut fields = ROW.clone();
        fields.number(self.id.0).number(self.kind.0.into()).number(self.fence).blob(&self.header);
        match &self.body {
            None => fields.number(0),
            Some(body) => fields.number(1).number(body.bytes).bytes(&body.hash),
        }
        .hash()
    }
}

impl From<Stored> for Row {
    fn from(stored: Stored) -> Self {
        let Stored { id, kind, fence, header, body } = stored;
        Self { id, kind, fence, header, body_bytes: body.map(|body| body.bytes) }
    }
}

/// Reads the body of a row in one snapshot.
pub(super) fn body(connection: &mut Connection, id: RowId) -> Result<Option<Bytes>, Problem> {
    let snapshot = connection.transaction()?;
    let Some((stored, _)) = Stored::find(&snapshot, id)? else { return Ok(None) };
    let Some(facts) = stored.body else { return Ok(None) };
    let mut statement = snapshot.prepare_cached("SELECT content FROM body WHERE id = ?1")?;
    let content: Option<Vec<u8>> = statement.query_row([id.0.cast_signed()], |row| row.get(0)).optional()?;
    match content {
        Some(content) if BodyFacts::of(id, &content) == facts => Ok(Some(content.into())),
        Some(_) => Err(Problem::Wrong(format!("the body of the row {} is not as it was written", id.0))),
        None => Err(Problem::Wrong(format!("the body of the row {} is missing", id.0))),
    }
}
