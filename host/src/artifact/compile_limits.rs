//! What compiling one component may take.

use std::time::Duration;

/// What a worker may use for one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileLimits {
    /// The bytes of its address space. Default: 3 GiB; the largest language runtimes take about 1 GiB.
    pub memory_bytes: u64,
    /// The time of all its threads on processors, in whole seconds. Default: 120 seconds.
    pub cpu: Duration,
    /// How long it may take in all. Default: 180 seconds.
    pub time: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { memory_bytes: 3 << 30, cpu: Duration::from_secs(120), time: Duration::from_secs(180) }
    }
}
