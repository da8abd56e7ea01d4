//! What a function's callers notice of a neighbour that is called fifty times as much as its share: in process, and over
//! HTTP with the flood poured by a process of its own, which gives way to the server.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use criterion::Criterion;
use samovar::{Deployment, Host, Invoke, LogSettings};
use samovar_benches::{Findings, Goal, Row, Stopwatch, guest};
use tokio::runtime::Runtime;

use crate::http::Server;
use crate::load::Load;

/// How many callers the neighbour has.
const CALLERS: usize = 50;
/// How often the victim is called alone and beside the flood, in turn, and for how long at a time.
const ROUNDS: usize = 8;
const ROUND: Duration = Duration::from_millis(500);
/// How long the victim's one caller waits before it calls again.
const PAUSE: Duration = Duration::from_millis(1);
/// How much longer the victim may wait beside a flood.
const GOAL: Goal = Goal::RatioAtMost(1.5);
/// The variable that makes this program a flood, and what it is poured on.
const FLOOD: &str = "SAMOVAR_BENCH_FLOOD";

/// What the neighbour is flooded with.
#[derive(Debug, Clone, Copy)]
struct Flood {
    name: &'static str,
    /// Which of the neighbour's functions.
    function: &'static str,
    event: fn() -> String,
}

const FLOODS: [Flood; 3] = [
    Flood { name: "computing", function: "busy", event: || r#"{"us":1000}"#.to_owned() },
    Flood { name: "logging", function: "busy", event: || r#"{"logBytes":100000}"#.to_owned() },
    Flood { name: "bodies", function: "neighbour", event: || format!("\"{}\"", "x".repeat((1 << 20) - 2)) },
];

/// The victim's waits alone, and beside a flood.
#[derive(Debug, Default)]
struct Waits {
    alone: Vec<Duration>,
    beside: Vec<Duration>,
}

pub(crate) fn victim(_: &mut Criterion, runtime: &Runtime) -> Findings {
    let name = "victim_beside_flood";
    let mut rows = Vec::new();
    for flood in FLOODS {
        let waits = runtime.block_on(in_process(flood))?;
        rows.extend(waits.rows(&format!("{name}/{}", flood.name), Some(GOAL)));
    }
    let server = Server::samovar_alone("flood")?;
    for (name, guest) in [("victim", "echo"), ("neighbour", "echo"), ("busy", "busy")] {
        server.deploy(name, guest, "reuse")?;
    }
    for flood in FLOODS {
        let waits = runtime.block_on(over_http(server.address, flood))?;
        rows.extend(waits.rows(&format!("{name}/http_{}", flood.name), Some(GOAL)));
    }
    drop(server);
    // What of it is the machine's, where the flood needs nothing but a server.
    let (bare, bodies) = (Server::axum()?, FLOODS[2]);
    let waits = runtime.block_on(over_http(bare.address, bodies))?;
    rows.extend(waits.rows(&format!("{name}/bare_axum_{}", bodies.name), None));
    Ok(rows)
}

async fn in_process(flood: Flood) -> Result<Waits> {
    let host = Host::builder().logs(LogSettings::default()).start().await?;
    for (name, guest_name) in [("victim", "echo"), ("neighbour", "echo"), ("busy", "busy")] {
        host.publish(Deployment::new(name, guest(guest_name)?)).await?;
    }
    let event = Bytes::from((flood.event)());
    let mut waits = Waits::default();
    for _ in 0..ROUNDS {
        waits.alone.extend(tokio::spawn(call_now_and_then(host.clone())).await??);
        let stop = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (host, event, stop) = (host.clone(), event.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        host.invoke(Invoke::new(flood.function.parse()?, event.clone())).await?;
                        unbudgeted_yield().await;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        waits.beside.extend(tokio::spawn(call_now_and_then(host.clone())).await??);
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await??;
        }
    }
    host.close().await;
    Ok(waits)
}

/// Lets other tasks run, as a caller does that reads its next request from a socket.
async fn unbudgeted_yield() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

async fn call_now_and_then(host: Host) -> Result<Vec<Duration>> {
    let (whole, mut waits) = (Stopwatch::start(), Vec::new());
    while whole.spent().wall < ROUND {
        let called = Stopwatch::start();
        let outcome = host.invoke(Invoke::new("victim".parse()?, r#"{"a":1}"#)).await?;
        waits.push(called.spent().wall);
        ensure!(outcome.answer.is_ok(), "the victim failed");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(waits)
}

async fn over_http(address: SocketAddr, flood: Flood) -> Result<Waits> {
    let mut victim = Load::open_some(1, address, &path("victim"), r#"{"a":1}"#).await?;
    let mut waits = Waits::default();
    // Its instance comes up before anything counts.
    victim.ask_now_and_then(PAUSE, Duration::from_millis(100)).await?;
    for _ in 0..ROUNDS {
        waits.alone.extend(victim.ask_now_and_then(PAUSE, ROUND).await?);
        let _pouring = Pouring::start(address, flood)?;
        tokio::time::sleep(ROUND / 2).await;
        waits.beside.extend(victim.ask_now_and_then(PAUSE, ROUND).await?);
    }
    Ok(waits)
}

/// A process that floods the server, for as long as this lives.
struct Pouring(Child);

impl Pouring {
    fn start(address: SocketAddr, flood: Flood) -> Result<Self> {
        // As if it were on a machine of its own: the server never waits for it.
        let mut command = Command::new("chrt");
        command.args(["--idle", "0"]).arg(std::env::current_exe()?);
        let child = command.env(FLOOD, format!("{} {address}", flood.name)).spawn();
        Ok(Self(child.context("`chrt` starts")?))
    }
}

impl Drop for Pouring {
    fn drop(&mut self) {
        // Both do nothing when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What this process is to be a flood of, if it is.
pub(crate) fn told() -> Option<String> {
    std::env::var(FLOOD).ok()
}

/// Floods a server until this process is ended.
pub(crate) fn pour(told: &str) -> Result<()> {
    let (name, address) = told.split_once(' ').context("a flood and an address")?;
    let flood = FLOODS.iter().find(|flood| flood.name == name).context("a flood that there is")?;
    let address: SocketAddr = address.parse()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut load = Load::open_some(CALLERS, address, &path(flood.function), &(flood.event)()).await?;
        load.run(Duration::from_secs(3600)).await.map(drop)
    })
}

fn path(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/invocations")
}

impl Waits {
    fn rows(self, name: &str, goal: Option<Goal>) -> [Row; 2] {
        let Self { mut alone, mut beside } = self;
        alone.sort_unstable();
        beside.sort_unstable();
        let at = |waits: &[Duration], part: f64| {
            waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6
        };
        let p99 = Row::new(name, at(&beside, 0.99), "us, p99").against("alone", at(&alone, 0.99));
        [
            goal.into_iter().fold(p99, Row::goal),
            Row::new(format!("{name}/p50"), at(&beside, 0.5), "us").against("alone", at(&alone, 0.5)),
        ]
    }
}
