//! The tables of the queue's file, format by format.

use rusqlite::Transaction;

use super::super::super::sql::schema::Migration;
use super::super::super::sql::totals::Totals;
use super::super::super::sql::{Format, Problem};
use super::rows::TOTALS;

/// The queue's file.
pub(super) const FORMAT: &Format = &Format {
    file_name: super::FILE_NAME,
    noun: "queue",
    partial_prefix: "partial-queue-",
    // "Smvq"
    application_id: 0x536d_7671,
    // 64 MiB, which take some 50 ms. With a million rows it would be seconds that nobody is served in.
    pages_checked_max: 16 << 10,
    migrations: MIGRATIONS,
};

pub(super) const MIGRATIONS: &[Migration] = &[rows];

/// Bodies have a table of their own, so that a start reads the headers alone, side by side.
fn rows(transaction: &Transaction<'_>) -> Result<(), Problem> {
    transaction.execute_batch(
        "CREATE TABLE header (
            id INTEGER NOT NULL PRIMARY KEY,
            kind INTEGER NOT NULL,
            fence INTEGER NOT NULL,
            header BLOB NOT NULL,
            body_bytes INTEGER,
            body_hash BLOB,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE body (
            id INTEGER NOT NULL PRIMARY KEY,
            content BLOB NOT NULL
        ) STRICT;
        CREATE TABLE totals (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            position INTEGER NOT NULL,
            rows INTEGER NOT NULL,
            sum BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;",
    )?;
    Totals::at(TOTALS, 0).write(transaction)
}
