//! The hashes that tell whether a row is as it was written.

use rusqlite::Row;

use super::Problem;

pub(in super::super) const HASH_BYTES: usize = 32;

/// The BLAKE3 hash of a row's fields.
pub(in super::super) type Hash = [u8; HASH_BYTES];

/// The fields of a row on their way into a hash. Each has its length or its width, and each kind of row its own key, so no
/// two different rows are the same bytes. Where thousands of rows a second are hashed, a copy of what [`Fields::of`] gave spares
/// deriving the key again; and nothing moves one, as it has two kilobytes.
#[derive(Clone)]
pub(in super::super) struct Fields(blake3::Hasher);

impl Fields {
    pub(in super::super) fn of(kind: &'static str) -> Self {
        Self(blake3::Hasher::new_derive_key(kind))
    }

    pub(in super::super) fn text(&mut self, text: &str) -> &mut Self {
        self.blob(text.as_bytes())
    }

    /// Bytes of any number.
    pub(in super::super) fn blob(&mut self, bytes: &[u8]) -> &mut Self {
        // They are never more than 2^64.
        self.0.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        self
    }

    pub(in super::super) fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    pub(in super::super) fn bytes(&mut self, bytes: &Hash) -> &mut Self {
        self.0.update(bytes);
        self
    }

    pub(in super::super) fn hash(&self) -> Hash {
        self.0.finalize().into()
    }
}

/// The hash in the last column of a row, which must be that of its fields.
pub(in super::super) fn verified(
    row: &Row<'_>,
    column: &str,
    computed: Hash,
    what: &str,
) -> Result<Hash, Problem> {
    let written: Hash = row.get(column)?;
    if written == computed {
        Ok(computed)
    } else {
        Err(Problem::Wrong(format!("{what} is not as it was written")))
    }
}

/// SQLite's integers are signed; ours keep their bits.
pub(in super::super) fn number(row: &Row<'_>, column: &str) -> Result<u64, Problem> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}
