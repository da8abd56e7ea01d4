//! Invocations over HTTP, beside a bare axum handler of the same route: each server a process of its own, loaded in turn.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use criterion::Criterion;
use samovar_benches::{Findings, Goal, Row, median, target};
use tokio::runtime::Runtime;

use crate::load::Load;

/// How often each server is loaded, after a first time that does not count.
const ROUNDS: usize = 7;
/// For how long at a time.
const ROUND: Duration = Duration::from_secs(1);
/// The variable that makes this program the bare axum server.
const AXUM: &str = "SAMOVAR_BENCH_AXUM";

pub(crate) fn warm(_: &mut Criterion, runtime: &Runtime) -> Findings {
    beside_axum("http_warm_vs_axum", "reuse", 0.9, runtime)
}

pub(crate) fn fresh(_: &mut Criterion, runtime: &Runtime) -> Findings {
    beside_axum("http_fresh_vs_axum", "fresh", 0.6, runtime)
}

/// Whether this process is to be the bare axum server, and no benchmark.
pub(crate) fn is_axum() -> bool {
    std::env::var_os(AXUM).is_some()
}

/// Answers every invocation with its event: what Samovar's route costs without Samovar.
pub(crate) fn serve_axum() -> Result<()> {
    Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("axum listening on http://{}", listener.local_addr()?);
        let app = Router::new()
            .route("/2015-03-31/functions/{function}/invocations", post(async |event: Bytes| event));
        Ok(axum::serve(listener, app).await?)
    })
}

fn beside_axum(name: &'static str, isolation: &str, requests_goal: f64, runtime: &Runtime) -> Findings {
    let (samovar, axum) = (Server::samovar(isolation)?, Server::axum()?);
    let (mut of_samovar, mut of_axum) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let (mut on_samovar, mut on_axum) = (samovar.load().await?, axum.load().await?);
        for round in 0..=ROUNDS {
            let figures = [samovar.loaded(&mut on_samovar).await?, axum.loaded(&mut on_axum).await?];
            if round > 0 {
                of_samovar.push(figures[0]);
                of_axum.push(figures[1]);
            }
        }
        anyhow::Ok(())
    })?;
    let requests = |figures: &[Figures]| median(figures.iter().map(|figures| figures.requests_per_second));
    let cpu = |figures: &[Figures]| median(figures.iter().map(|figures| figures.cpu_us_per_request));
    let by_requests =
        Row::new(name, requests(&of_samovar), "requests/s").against("bare axum", requests(&of_axum));
    let by_cpu = Row::new(format!("{name}/cpu"), cpu(&of_samovar), "us CPU/request")
        .against("bare axum", cpu(&of_axum));
    // Only of warm invocations it is said how much CPU they may take.
    let by_cpu = if isolation == "reuse" { by_cpu.goal(Goal::RatioAtMost(1.2)) } else { by_cpu };
    Ok(vec![by_requests.goal(Goal::RatioAtLeast(requests_goal)), by_cpu])
}

/// What one round said of a server.
#[derive(Debug, Clone, Copy)]
struct Figures {
    requests_per_second: f64,
    cpu_us_per_request: f64,
}

/// A server in a process of its own, which ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Kept open, so that the server may write to it.
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    data_dir: Option<PathBuf>,
}

impl Server {
    /// Samovar, with one function `echo`.
    fn samovar(isolation: &str) -> Result<Self> {
        let server = Self::samovar_alone(isolation)?;
        server.deploy("echo", "echo", isolation)?;
        Ok(server)
    }

    /// Samovar without functions, with a data folder of that name.
    pub(crate) fn samovar_alone(name: &str) -> Result<Self> {
        let data_dir = target(&format!("bench/data-{}-{name}", std::process::id()))?;
        let mut serve = samovar()?;
        serve.args(["serve", "--quiet", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data_dir);
        Self::start(&mut serve, Some(data_dir))
    }

    /// Deploys one of the guests under a name.
    pub(crate) fn deploy(&self, name: &str, guest: &str, isolation: &str) -> Result<()> {
        let mut deploy = samovar()?;
        deploy.env("SAMOVAR_ENDPOINT", format!("http://{}", self.address)).stdout(Stdio::null());
        deploy.args(["deploy", name, "--isolation", isolation]).arg(target(&format!("guests/{guest}.wasm"))?);
        ensure!(deploy.status()?.success(), "`samovar deploy` failed");
        Ok(())
    }

    /// A bare axum server, which answers with what it is sent.
    pub(crate) fn axum() -> Result<Self> {
        Self::start(Command::new(std::env::current_exe()?).env(AXUM, "1"), None)
    }

    /// Starts a server that says on its first line where it listens.
    fn start(command: &mut Command, data_dir: Option<PathBuf>) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("it was piped")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().rsplit('/').next().unwrap_or_default().parse();
        let address =
            address.with_context(|| format!("the server does not say where it listens: {line:?}"))?;
        Ok(Self { child, _stdout: stdout, address, data_dir })
    }

    async fn load(&self) -> Result<Load> {
        // 100 bytes, as of the warm invocation in process.
        let event = format!("\"{}\"", "x".repeat(98));
        Load::open(self.address, "/2015-03-31/functions/echo/invocations", &event).await
    }

    async fn loaded(&self, load: &mut Load) -> Result<Figures> {
        let before = self.cpu()?;
        let answered = load.run(ROUND).await?;
        let cpu = self.cpu()?.saturating_sub(before);
        let cpu_us_per_request = cpu.as_secs_f64() * 1e6 / answered.answers as f64;
        Ok(Figures { requests_per_second: answered.per_second, cpu_us_per_request })
    }

    /// The CPU time the server has used in all, from `/proc/PID/stat`.
    fn cpu(&self) -> Result<Duration> {
        /// `USER_HZ`, which is 100 on every Linux that Rust knows.
        const TICKS_PER_SECOND: u64 = 100;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field, in brackets, is the program's name and may hold anything. `utime` and `stime` are the
        // 14th and the 15th.
        let (_, after_name) = stat.rsplit_once(") ").context("the form of /proc/PID/stat")?;
        let ticks: Result<Vec<u64>, _> = after_name.split(' ').skip(11).take(2).map(str::parse).collect();
        Ok(Duration::from_millis(ticks?.iter().sum::<u64>() * (1000 / TICKS_PER_SECOND)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both do nothing when the server has ended already. What it leaves lies in `target/`.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(data_dir) = &self.data_dir {
            let _ = std::fs::remove_dir_all(data_dir);
        }
    }
}

fn samovar() -> Result<Command> {
    let binary =
        std::env::var_os("SAMOVAR_BIN").context("SAMOVAR_BIN is not set: use `cargo xtask bench`")?;
    Ok(Command::new(binary))
}
