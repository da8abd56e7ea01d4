//! The tables of the registry, format by format.

use rusqlite::Transaction;

use super::super::sql::schema::Migration;
use super::super::sql::totals::Totals;
use super::super::sql::{Format, Problem};
use super::audit;
use super::records::TOTALS;

/// The registry's file.
pub(super) const FORMAT: &Format = &Format {
    file_name: "registry.db",
    noun: "registry",
    partial_prefix: "partial-registry-",
    // "Smvr"
    application_id: 0x536d_7672,
    pages_checked_max: u32::MAX,
    migrations: MIGRATIONS,
};

pub(super) const MIGRATIONS: &[Migration] = &[records, audit_entries, refusals];

fn records(transaction: &Transaction<'_>) -> Result<(), Problem> {
    transaction.execute_batch(
        "CREATE TABLE scope (
            name TEXT NOT NULL PRIMARY KEY,
            generation INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE record (
            scope TEXT NOT NULL,
            name TEXT NOT NULL,
            generation INTEGER NOT NULL,
            document TEXT NOT NULL,
            hash BLOB NOT NULL,
            PRIMARY KEY (scope, name)
        ) STRICT, WITHOUT ROWID;
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

fn audit_entries(transaction: &Transaction<'_>) -> Result<(), Problem> {
    transaction.execute_batch(
        "CREATE TABLE audit (
            number INTEGER NOT NULL PRIMARY KEY,
            time_ms INTEGER NOT NULL,
            principal TEXT NOT NULL,
            action TEXT NOT NULL,
            resource TEXT NOT NULL,
            source_address TEXT NOT NULL,
            request_id TEXT NOT NULL,
            result TEXT NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE audit_extent (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            first INTEGER NOT NULL,
            next INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;",
    )?;
    audit::begin(transaction, audit::CHANGES)
}

/// Refused requests, which were among the entries of changes before and stay there until they are the oldest.
fn refusals(transaction: &Transaction<'_>) -> Result<(), Problem> {
    transaction.execute_batch(
        "CREATE TABLE refusal (
            number INTEGER NOT NULL PRIMARY KEY,
            next_change INTEGER NOT NULL,
            time_ms INTEGER NOT NULL,
            principal TEXT NOT NULL,
            action TEXT NOT NULL,
            resource TEXT NOT NULL,
            source_address TEXT NOT NULL,
            request_id TEXT NOT NULL,
            result TEXT NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE refusal_extent (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            first INTEGER NOT NULL,
            next INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;",
    )?;
    audit::begin(transaction, audit::REFUSALS)
}
