//! What every process has, under the names that Prometheus's own libraries give it.

use std::fs;

use super::definition::{MetricDefinition, MetricKind::Gauge};

/// The metrics of the process.
pub(super) const DEFINITIONS: &[MetricDefinition] = &[
    MetricDefinition {
        name: "process_resident_memory_bytes",
        kind: Gauge,
        labels: &[],
        help: "The memory that the process has, in bytes.",
        samples: |scrape, samples| {
            scrape.process.resident_bytes.iter().for_each(|&bytes| samples.count(&[], bytes))
        },
    },
    MetricDefinition {
        name: "process_open_fds",
        kind: Gauge,
        labels: &[],
        help: "How many file descriptors are open.",
        samples: |scrape, samples| {
            scrape.process.open_fds.iter().for_each(|&count| samples.count(&[], count))
        },
    },
    MetricDefinition {
        name: "process_max_fds",
        kind: Gauge,
        labels: &[],
        help: "How many file descriptors may be open.",
        samples: |scrape, samples| scrape.process.max_fds.iter().for_each(|&count| samples.count(&[], count)),
    },
    MetricDefinition {
        name: "process_threads",
        kind: Gauge,
        labels: &[],
        help: "How many threads the process has.",
        samples: |scrape, samples| scrape.process.threads.iter().for_each(|&count| samples.count(&[], count)),
    },
];

/// What the kernel tells of this process; what it does not tell is `None`.
#[derive(Debug, Default)]
pub(super) struct ProcessFigures {
    resident_bytes: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
    threads: Option<u64>,
}

impl ProcessFigures {
    pub(super) fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        Self {
            resident_bytes: number(&status, "VmRSS:").map(|kib| kib << 10),
            // The one that reads the folder is among them.
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|all| (all.count() as u64).saturating_sub(1)),
            max_fds: number(&limits, "Max open files"),
            threads: number(&status, "Threads:"),
        }
    }
}

/// The first number behind a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_of_this_process() {
        let figures = ProcessFigures::read();
        assert!(figures.resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{figures:?}");
        assert!(figures.threads.is_some_and(|threads| threads > 0), "{figures:?}");
        assert!(figures.open_fds.is_some_and(|open| open > 0 && Some(open) < figures.max_fds), "{figures:?}");
    }
}
