//! On what was measured: `target/bench/machine.json`, beside the results.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// What a reader has to know of the machine to judge a figure. What cannot be found out is left out.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: Option<String>,
    memory_kib: Option<u64>,
    kernel: Option<String>,
    /// The commit that was measured, followed by `+` if the files were not those of the commit.
    commit: Option<String>,
    /// The load averages of the last 1, 5 and 15 minutes when the benchmarks began; building them is a part of it.
    load: Option<String>,
    /// When the benchmarks began, in seconds since the Unix epoch.
    began_unix_seconds: u64,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn look(root: &Path) -> Self {
        let memory = proc_field("/proc/meminfo", "MemTotal");
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: proc_field("/proc/cpuinfo", "model name"),
            memory_kib: memory.and_then(|text| text.split(' ').next()?.parse().ok()),
            kernel: proc_line("/proc/sys/kernel/osrelease"),
            commit: commit(root),
            load: proc_line("/proc/loadavg")
                .map(|load| load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
            began_unix_seconds: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        }
    }
}

fn proc_line(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

fn proc_field(path: &str, field: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.trim() == field).map(|(_, value)| value.trim().to_owned())
}

fn commit(root: &Path) -> Option<String> {
    let head = git(root, &["rev-parse", "HEAD"])?;
    let changed = !git(root, &["status", "--porcelain"])?.is_empty();
    Some(if changed { head + "+" } else { head })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
