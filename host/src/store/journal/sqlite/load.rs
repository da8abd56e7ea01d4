//! How all rows of a file are read: by several threads side by side, as a start waits for nothing longer.

use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rusqlite::Connection;

use super::super::super::sql::totals::Totals;
use super::super::super::sql::{Problem, file};
use super::super::Row;
use super::rows::{self, Stored, TOTALS};

/// How many threads read at the most.
const THREADS_MAX: usize = 4;
/// How many ids a part has at the most: so few that all threads are done at about the same time.
const PART_IDS: i64 = 4096;

/// Reads all rows, and checks them against the totals. Nothing is written meanwhile.
pub(super) fn load(file: &Path, take: &(dyn Fn(Vec<Row>) + Sync)) -> Result<(), Problem> {
    let connection = file::open_to_read(file)?;
    let (totals, parts) = (Totals::read(&connection, TOTALS)?, Parts::all());
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let (mut found, parts) = (Totals::at(TOTALS, totals.position), &parts);
    thread::scope(|scope| {
        let mut readers = Vec::new();
        for _ in 1..threads {
            let connection = file::open_to_read(file)?;
            let reader = thread::Builder::new().name("samovar-load".to_owned());
            readers.push(reader.spawn_scoped(scope, move || parts.read(&connection, take))?);
        }
        found.join(&parts.read(&connection, take)?);
        for reader in readers {
            found.join(&reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok::<_, Problem>(())
    })?;
    if found == totals { Ok(()) } else { Err(not_all_there()) }
}

/// Reads everything there is in one snapshot, bodies too, while others write.
pub(super) fn verify(connection: &mut Connection) -> Result<(), Problem> {
    let mut with_body = Vec::new();
    let snapshot = connection.transaction()?;
    let totals = Totals::read(&snapshot, TOTALS)?;
    let mut found = Totals::at(TOTALS, totals.position);
    Stored::each(&snapshot, (i64::MIN, i64::MAX), |stored, hash| {
        found.add(&hash);
        with_body.extend(stored.body.map(|_| stored.id));
    })?;
    if found != totals {
        return Err(not_all_there());
    }
    drop(snapshot);
    with_body.into_iter().try_for_each(|id| rows::body(connection, id).map(drop))
}

fn not_all_there() -> Problem {
    Problem::Wrong("rows were lost, doubled or changed".to_owned())
}

/// The rows in parts, which are given out one after the other.
#[derive(Debug)]
struct Parts {
    /// The lowest id that the next part may have; none, if nobody is to read on.
    next: Mutex<Option<i64>>,
}

impl Parts {
    fn all() -> Self {
        Self { next: Mutex::new(Some(i64::MIN)) }
    }

    /// Reads parts until there are none any more, and gives what they amount to.
    fn read(&self, connection: &Connection, take: &(dyn Fn(Vec<Row>) + Sync)) -> Result<Totals, Problem> {
        let mut found = Totals::at(TOTALS, 0);
        let mut read = || {
            while let Some(part) = self.take(connection)? {
                let mut rows = Vec::new();
                Stored::each(connection, part, |stored, hash| {
                    found.add(&hash);
                    rows.push(stored.into());
                })?;
                take(rows);
            }
            Ok(())
        };
        let read = read();
        if read.is_err() {
            // What the others would find is of no use.
            *self.next() = None;
        }
        read.map(|()| found)
    }

    /// The ids of the next part, from its first row on: where many rows were deleted there are no parts.
    fn take(&self, connection: &Connection) -> Result<Option<(i64, i64)>, Problem> {
        let mut next = self.next();
        let Some(lowest) = *next else { return Ok(None) };
        let mut first = connection.prepare_cached("SELECT min(id) FROM header WHERE id >= ?1")?;
        let first: Option<i64> = first.query_row([lowest], |row| row.get(0))?;
        *next = first.and_then(|first| first.checked_add(PART_IDS));
        Ok(first.map(|first| (first, first.saturating_add(PART_IDS - 1))))
    }

    /// Nothing panics while it holds the lock.
    fn next(&self) -> MutexGuard<'_, Option<i64>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
