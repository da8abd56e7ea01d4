//! The compile worker: a process that turns one component into machine code and ends.
//!
//! What goes in is anything that anybody uploads. The worker bounds itself before it reads the first byte of it: processor
//! time, address space, and no file or socket beyond its standard streams. In: the length as eight bytes, little-endian, and
//! the WebAssembly; then the pipe stays open, and its end means that the host is gone. Out: `+` and the artifact, or `-` and a
//! [`ProgramError`] as JSON.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::CodeError;
use super::compile_limits::CompileLimits;
use super::compiled::ARTIFACT_BYTES_MAX;
use super::disk::is_out_of_resources;
use crate::function::UNZIPPED_BYTES_BOUND;
use crate::wasm::{ProgramError, compile_alone};

/// The command that makes an executable a worker.
const COMMAND: &str = "compile-worker";
const COMPILED: u8 = b'+';
const REFUSED: u8 = b'-';
/// How much of what a worker says before it dies is kept.
const LAST_WORDS_BYTES_MAX: u64 = 4 << 10;
/// How much less urgent than its host's the work of a worker is.
const NICENESS: i32 = 5;

const SIGXCPU: i32 = 24;
const SIGKILL: i32 = 9;

/// The host's side: one worker, for one component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worker<'a> {
    pub(super) executable: &'a Path,
    pub(super) limits: CompileLimits,
}

impl Worker<'_> {
    /// Has a component compiled. The worker goes when the future is dropped.
    pub(super) async fn compile(self, wasm: &[u8]) -> Result<Vec<u8>, CodeError> {
        match tokio::time::timeout(self.limits.time, self.talk(wasm)).await {
            Ok(done) => done,
            Err(_elapsed) => Err(CodeError::CompileTime { limit: self.limits.time }),
        }
    }

    async fn talk(self, wasm: &[u8]) -> Result<Vec<u8>, CodeError> {
        let CompileLimits { memory_bytes, cpu, .. } = self.limits;
        let failed = |error: io::Error| {
            let reason = format!("{}: {error}", self.executable.display());
            match is_out_of_resources(&error) {
                true => CodeError::OutOfResources { reason },
                false => CodeError::Worker { reason },
            }
        };
        let mut worker = Command::new(self.executable)
            .arg(COMMAND)
            .args([memory_bytes.to_string(), cpu.as_secs().max(1).to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut stdin = worker.stdin.take().expect("it is piped");
        let stdout = worker.stdout.take().expect("it is piped");
        let stderr = worker.stderr.take().expect("it is piped");
        let write = async {
            let length = (wasm.len() as u64).to_le_bytes();
            // A worker that dies while it is written to is judged by how it died.
            let _ = stdin.write_all(&length).await;
            let _ = stdin.write_all(wasm).await;
            let _ = stdin.flush().await;
        };
        let mut said = Vec::new();
        let mut last_words = Vec::new();
        let (mut stdout, mut stderr) =
            (stdout.take(ARTIFACT_BYTES_MAX + 2), stderr.take(LAST_WORDS_BYTES_MAX));
        let ((), read, _) =
            tokio::join!(write, stdout.read_to_end(&mut said), stderr.read_to_end(&mut last_words));
        read.map_err(failed)?;
        if said.len() as u64 > ARTIFACT_BYTES_MAX + 1 {
            return Err(CodeError::ArtifactTooLarge { limit_bytes: ARTIFACT_BYTES_MAX });
        }
        let status = worker.wait().await.map_err(failed)?;
        drop(stdin);
        match (status.success(), said.first()) {
            (true, Some(&COMPILED)) => {
                said.remove(0);
                Ok(said)
            }
            (true, Some(&REFUSED)) => match serde_json::from_slice::<ProgramError>(&said[1..]) {
                Ok(ProgramError::Compile { reason }) if lacks_memory(&reason) => {
                    Err(CodeError::CompileMemory { limit_bytes: memory_bytes })
                }
                Ok(refused) => Err(refused.into()),
                Err(error) => Err(failed(error.into())),
            },
            _ => Err(self.post_mortem(status, &String::from_utf8_lossy(&last_words))),
        }
    }

    /// Why a worker ended without an answer.
    fn post_mortem(self, status: ExitStatus, last_words: &str) -> CodeError {
        let last_line = last_words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("");
        tracing::warn!(%status, last_words, "a compile worker ended without an answer");
        match status.signal() {
            Some(SIGXCPU) => CodeError::CompileTime { limit: self.limits.cpu },
            // None of its limits ends it so: the system, for want of memory, or somebody did.
            Some(SIGKILL) => CodeError::Worker { reason: "it was killed".to_owned() },
            _ if lacks_memory(last_words) => {
                CodeError::CompileMemory { limit_bytes: self.limits.memory_bytes }
            }
            Some(signal) => {
                CodeError::Compiler { reason: format!("it was ended by signal {signal} {last_line}") }
            }
            None if last_words.contains("panicked") => {
                CodeError::Compiler { reason: format!("it panicked: {last_line}") }
            }
            None => CodeError::Worker {
                reason: format!("{} ended with {status}: {last_line}", self.executable.display()),
            },
        }
    }
}

/// Whether an error is that of a process that has all the address space it may have.
fn lacks_memory(words: &str) -> bool {
    const SIGNS: [&str; 4] = ["memory allocation", "os error 12)", "os error 11)", "Cannot allocate memory"];
    SIGNS.iter().any(|sign| words.contains(sign))
}

/// Does the work of a compile worker, and ends: for executables that a host is told to use by
/// [`Compiler::Worker`](crate::Compiler::Worker). Call it first thing in `main` when the first argument is `compile-worker`,
/// with the arguments after that.
///
/// It bounds this process before it reads anything: it has no use for files, and what the caller has open stays open.
pub fn compile_worker(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let limits: Vec<u64> = arguments.into_iter().filter_map(|number| number.parse().ok()).collect();
    let &[memory_bytes, cpu_seconds] = limits.as_slice() else {
        eprintln!("a compile worker is started by a host, with its limits: BYTES SECONDS");
        return ExitCode::from(2);
    };
    match bound(memory_bytes, cpu_seconds).and_then(|()| answer()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compile worker: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Bounds this process, for good.
fn bound(memory_bytes: u64, cpu_seconds: u64) -> io::Result<()> {
    limit(Resource::As, memory_bytes, memory_bytes)?;
    // The second signal comes a second later and cannot be handled.
    limit(Resource::Cpu, cpu_seconds, cpu_seconds.saturating_add(1))?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    // What is open stays open, and nothing more can be opened.
    limit(Resource::Nofile, 0, 0)?;
    // Being as urgent as the host would only be less good.
    let _ = rustix::process::nice(NICENESS);
    Ok(())
}

/// Sets a limit, unless a lower one is set already.
fn limit(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let set = getrlimit(resource);
    let lower = |wanted: u64, set: Option<u64>| Some(set.map_or(wanted, |set| set.min(wanted)));
    let maximum = lower(maximum, set.maximum);
    let current = lower(lower(current, set.current).unwrap_or(current), maximum);
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

fn answer() -> io::Result<()> {
    let wasm = read_wasm()?;
    std::thread::spawn(end_with_the_host);
    let (kind, body) = match compile_alone(&wasm) {
        Ok(artifact) => (COMPILED, artifact),
        Err(refused) => (REFUSED, serde_json::to_vec(&refused)?),
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(&[kind])?;
    stdout.write_all(&body)?;
    stdout.flush()
}

fn read_wasm() -> io::Result<Vec<u8>> {
    let mut stdin = io::stdin().lock();
    let mut length = [0; 8];
    stdin.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > UNZIPPED_BYTES_BOUND {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "more than a component may have"));
    }
    let mut wasm = vec![0; length as usize];
    stdin.read_exact(&mut wasm)?;
    Ok(wasm)
}

/// Ends this process when the host does: nobody else would read what it finds.
fn end_with_the_host() {
    // Nothing comes any more; the read returns when the pipe is closed.
    let _ = io::stdin().lock().read(&mut [0]);
    std::process::exit(1);
}
