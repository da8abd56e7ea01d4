//! A running `samovar serve` that ends with its owner.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{self, Running};
use crate::http;
use crate::repository::Repository;

/// What the server prints, once, when it takes connections.
const READY: &str = "samovar listening on ";
const START_TIME_MAX: Duration = Duration::from_secs(30);
const STOP_TIME_MAX: Duration = Duration::from_secs(10);
const HEALTH_INTERVAL: Duration = Duration::from_millis(20);

/// A server on a port of its own. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Server {
    process: Running,
    log: PathBuf,
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub(crate) endpoint: String,
}

impl Server {
    /// Starts the binary in `folder`, where its data and its log go, with further arguments, and waits until it is healthy.
    pub(crate) fn start(repository: &Repository, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let log = folder.join("server.log");
        let mut serve = repository.command("target/release/samovar");
        // From the root folder, where the process starts, as a person would type it.
        let data = folder.join("data");
        let data = data.strip_prefix(repository.root()).unwrap_or(&data);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        serve.args(arguments);
        println!("$ {}", command::line(&serve).trim_matches('`'));
        serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut process =
            Running(serve.spawn().with_context(|| format!("cannot start {}", command::line(&serve)))?);
        let stdout = process.0.stdout.take().context("the server has no output")?;
        let line = first_line(stdout);
        let endpoint = match line.recv_timeout(START_TIME_MAX) {
            Ok(line) => line.strip_prefix(READY).map(|rest| rest.trim().to_owned()).with_context(|| {
                format!("the server's first line was `{line}`, and should begin with `{READY}`")
            }),
            Err(RecvTimeoutError::Timeout) => {
                Err(anyhow::anyhow!("the server was not ready after {START_TIME_MAX:?}"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(anyhow::anyhow!("the server ended before it was ready"))
            }
        };
        let server = match endpoint {
            Ok(endpoint) => Self { process, log, endpoint },
            Err(error) => bail!("{error:#}\n{}", tail(&log)),
        };
        println!("{READY}{}", server.endpoint);
        server.wait_until_healthy()?;
        Ok(server)
    }

    fn wait_until_healthy(&self) -> Result<()> {
        let authority =
            self.endpoint.strip_prefix("http://").context("the server's address is no http:// address")?;
        let started = Instant::now();
        loop {
            let answer = http::status(authority, "/healthz");
            match answer {
                Ok(200) => return Ok(()),
                _ if started.elapsed() < START_TIME_MAX => std::thread::sleep(HEALTH_INTERVAL),
                Ok(status) => bail!("/healthz answers {status}\n{}", tail(&self.log)),
                Err(error) => bail!("{error:#}\n{}", tail(&self.log)),
            }
        }
    }

    /// The last lines that the server wrote to standard error.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log)
    }

    /// Asks the server to end, as a service manager would, and waits for it.
    pub(crate) fn stop(mut self) -> Result<()> {
        let process = self.process.0.id().to_string();
        println!("\n$ kill -TERM {process}");
        // The shell's own `kill`: not every machine has the program.
        let mut kill = Command::new("sh");
        command::output(kill.args(["-c", "kill -TERM \"$1\"", "sh", &process]))?;
        let Some(status) = self.process.wait_at_most(STOP_TIME_MAX)? else {
            bail!(
                "the server had not ended {STOP_TIME_MAX:?} after SIGTERM, and was killed\n{}",
                self.log_tail()
            );
        };
        ensure!(status.success(), "the server ended with {status}\n{}", self.log_tail());
        println!("the server has ended ({status})");
        Ok(())
    }
}

/// Hands on the first line, and reads the rest so that the server never waits for a reader.
fn first_line(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        if let Some(line) = lines.next() {
            let _ = sender.send(line);
        }
        drop(sender);
        lines.for_each(drop);
    });
    receiver
}

fn tail(log: &Path) -> String {
    const LINES: usize = 20;
    let log = std::fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    format!("the end of the server's log:\n{}", lines[lines.len().saturating_sub(LINES)..].join("\n"))
}
