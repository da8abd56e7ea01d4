//! Processes: how they are run, and what is said when one fails.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How often a process with a time limit is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A process that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Waits for the end of the process; `None` when the limit is reached first.
    pub(crate) fn wait_at_most(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if started.elapsed() >= limit {
                return Ok(None);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing and say so when the process has ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a process that shares our terminal. An exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", line(command)))?;
    ensure!(status.success(), "{} failed ({status})", line(command));
    Ok(())
}

/// Runs a process and gives its standard output. An exit code other than 0 is an error that carries its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}):\n{}", line(command), output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} did not print text", line(command)))
}

/// Whether a process can be started and ends well; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a process for at most `limit` and gives what it printed, however it ended.
pub(crate) fn capture(command: &mut Command, limit: Duration) -> Result<Captured> {
    let mut running = Running(
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", line(command)))?,
    );
    let stdout = collect(running.0.stdout.take());
    let stderr = collect(running.0.stderr.take());
    let Some(status) = running.wait_at_most(limit)? else {
        bail!("{} had not ended after {} s", line(command), limit.as_secs());
    };
    Ok(Captured { status, stdout: text(stdout)?, stderr: text(stderr)? })
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| quote(&word.to_string_lossy())).collect();
    format!("`{}`", words.join(" "))
}

/// A word as a shell takes it.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe never stops the process.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<std::io::Result<Vec<u8>>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

fn text(collected: JoinHandle<std::io::Result<Vec<u8>>>) -> Result<String> {
    let bytes = collected.join().expect("reading into a vector does not panic")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_quoted_as_a_shell_takes_it() {
        let mut command = Command::new("samovar");
        command.args(["invoke", "hello:live", "--payload", r#"{"name": "it's"}"#]);
        assert_eq!(line(&command), r#"`samovar invoke hello:live --payload '{"name": "it'\''s"}'`"#);
    }

    #[test]
    fn a_process_that_takes_too_long_is_ended_and_named() {
        let error = capture(Command::new("sleep").arg("60"), Duration::from_millis(20)).unwrap_err();
        assert!(error.to_string().starts_with("`sleep 60` had not ended"), "{error}");
    }
}
