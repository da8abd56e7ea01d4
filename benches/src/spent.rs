//! Time, as the clock on the wall and the processors have it.

use std::time::Duration;

use cpu_time::ProcessTime;
use tokio::time::Instant;

/// What a piece of work took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// By the clock on the wall.
    pub wall: Duration,
    /// On all processors together, by all threads of this process, in user and kernel mode.
    pub cpu: Duration,
}

/// Measures both from its start on.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    wall: Instant,
    cpu: ProcessTime,
}

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: ProcessTime::now() }
    }

    /// What was spent since the start.
    pub fn spent(&self) -> Spent {
        Spent { wall: self.wall.elapsed(), cpu: self.cpu.elapsed() }
    }
}
