//! How many events a second are accepted durably, beside what SQLite does with the same rows when nobody asks and nobody waits.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use criterion::Criterion;
use rusqlite::{Connection, params};
use samovar::{Deployment, Host, Invoke};
use samovar_benches::{Findings, Goal, Row, Stopwatch, guest, median, target};
use tokio::runtime::Runtime;

use crate::http::Server;
use crate::load::Load;

/// An event: 1 KiB with the name that keeps its function waiting.
const EVENT_BYTES: usize = 1 << 10;
/// What a row says of an event: about as long as Samovar's, with the hashes that are in columns of their own.
const HEADER_BYTES: usize = 173;
const HASH_BYTES: usize = 32;
/// How many events are committed together by SQLite alone.
const TOGETHER: usize = 256;
/// How many wait for an answer at a time: so many are on their way to the disk, and as many gather meanwhile.
const WAITING: usize = 2 * TOGETHER;
/// How many of them wait where it is measured for how long.
const FEW: usize = 8;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(1);

pub(crate) fn durable(_: &mut Criterion, runtime: &Runtime) -> Findings {
    let name = "durable_accepts";
    let mut store = Store::create("bench/accepts-sqlite")?;
    let folder = Folder::create("bench/accepts-host")?;
    let server = Server::samovar_alone("accepts")?;
    server.deploy("slow", "sleeper", "reuse")?;
    let mut over_http = runtime.block_on(Load::open_events(WAITING, server.address, "slow", &event()))?;
    // One event runs, and the others wait: runs are not measured.
    let host = runtime.block_on(async {
        let host = Host::builder().data_dir(&folder.0).async_concurrency_max(1).start().await?;
        host.publish(Deployment::new("slow", guest("sleeper")?).timeout_seconds(900)).await?;
        anyhow::Ok(host)
    })?;
    let mut figures = [(); 3].map(|()| Vec::new());
    let (mut waits, mut commits) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let by_store = store.events_per_second(TOGETHER)?;
        let by_host = runtime.block_on(accepts_per_second(&host, WAITING))?;
        let by_http = runtime.block_on(over_http.run(ROUND))?.per_second;
        let commit_ms = 1e3 * FEW as f64 / store.events_per_second(FEW)?;
        let wait_ms = 1e3 * FEW as f64 / runtime.block_on(accepts_per_second(&host, FEW))?;
        if round > 0 {
            for (figures, figure) in figures.iter_mut().zip([by_store, by_host, by_http]) {
                figures.push(figure);
            }
            commits.push(commit_ms);
            waits.push(wait_ms);
        }
    }
    // A run that would go on for minutes is waited for by nobody.
    drop(host);
    let [by_store, by_host, by_http] = figures.map(|figures| median(figures.into_iter()));
    let [commit, wait] = [commits, waits].map(|times| median(times.into_iter()));
    let limit = format!("SQLite, {TOGETHER} per commit");
    Ok(vec![
        Row::new(name, by_host, "events/s").against(&limit, by_store).goal(Goal::RatioAtLeast(0.7)),
        Row::new(format!("{name}/http"), by_http, "events/s").against(&limit, by_store),
        Row::new(format!("{name}/wait"), wait, "ms")
            .against(&format!("a commit of {FEW} by SQLite"), commit)
            .goal(Goal::RatioAtMost(2.0)),
    ])
}

fn event() -> String {
    // The guest sleeps for so long; what else the event has it does not look at.
    let rest = r#"{"ms":800000,"more":""}"#.len();
    format!(r#"{{"ms":800000,"more":"{}"}}"#, "x".repeat(EVENT_BYTES - rest))
}

/// How many events are accepted per second, of which so many wait for it at a time.
fn accepts_per_second(host: &Host, together: usize) -> impl Future<Output = Result<f64>> + use<> {
    let (host, is_over) = (host.clone(), Arc::new(AtomicBool::new(false)));
    async move {
        let (stopwatch, event) = (Stopwatch::start(), bytes::Bytes::from(event()));
        let askers: Vec<_> = (0..together)
            .map(|_| {
                let (host, is_over, event) = (host.clone(), is_over.clone(), event.clone());
                tokio::spawn(async move {
                    let mut accepted = 0_u64;
                    while !is_over.load(Ordering::Relaxed) {
                        host.invoke_async(Invoke::new("slow".parse()?, event.clone())).await?;
                        accepted += 1;
                    }
                    anyhow::Ok(accepted)
                })
            })
            .collect();
        tokio::time::sleep(ROUND).await;
        is_over.store(true, Ordering::Relaxed);
        let mut accepted = 0;
        for asker in askers {
            accepted += asker.await??;
        }
        Ok(accepted as f64 / stopwatch.spent().wall.as_secs_f64())
    }
}

/// A folder under `target/`, which is removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn create(name: &str) -> Result<Self> {
        let folder = target(&format!("{name}-{}", std::process::id()))?;
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// SQLite with tables as the queue's, written as durably by one connection: rows made beforehand, no hash computed, nobody told.
struct Store {
    connection: Connection,
    next: i64,
    _folder: Folder,
}

impl Store {
    fn create(name: &str) -> Result<Self> {
        let folder = Folder::create(name)?;
        let connection = open(&folder.0)?;
        connection.execute_batch(
            "CREATE TABLE header (
                id INTEGER NOT NULL PRIMARY KEY, kind INTEGER NOT NULL, fence INTEGER NOT NULL, header BLOB NOT NULL,
                body_bytes INTEGER, body_hash BLOB, hash BLOB NOT NULL
            ) STRICT;
            CREATE TABLE body (id INTEGER NOT NULL PRIMARY KEY, content BLOB NOT NULL) STRICT;",
        )?;
        Ok(Self { connection, next: 1, _folder: folder })
    }

    /// How many events are written per second, of which so many are committed together.
    fn events_per_second(&mut self, together: usize) -> Result<f64> {
        let (stopwatch, mut written) = (Stopwatch::start(), 0_u64);
        let (header, hash, body) = ([b'h'; HEADER_BYTES], [7_u8; HASH_BYTES], event());
        while stopwatch.spent().wall < ROUND {
            let transaction = self.connection.transaction()?;
            {
                let mut headers =
                    transaction.prepare_cached("INSERT INTO header VALUES (?1, 1, 0, ?2, ?3, ?4, ?4)")?;
                let mut bodies = transaction.prepare_cached("INSERT INTO body VALUES (?1, ?2)")?;
                for _ in 0..together {
                    headers.execute(params![self.next, header, EVENT_BYTES as i64, hash])?;
                    bodies.execute(params![self.next, body.as_bytes()])?;
                    self.next += 1;
                }
            }
            transaction.commit()?;
            written += together as u64;
        }
        Ok(written as f64 / stopwatch.spent().wall.as_secs_f64())
    }
}

/// As the queue's own file is opened: a commit has been flushed when it returns.
fn open(folder: &Path) -> Result<Connection> {
    let connection = Connection::open(folder.join("events.sqlite"))?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    ensure!(mode == "wal", "the file has another journal: {mode}");
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -(32 << 10))?;
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    Ok(connection)
}
