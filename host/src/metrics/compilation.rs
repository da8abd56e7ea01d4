//! What is counted of the compiler.

use std::time::Duration;

use super::gauge::Gauge;
use super::histogram::{COMPILE_BOUNDS, DurationHistogram, Histogram};

/// The counters of the compiler.
#[derive(Debug)]
pub(crate) struct CompileCounters {
    /// Packages that wait for their turn.
    pub(crate) waiting: Gauge,
    /// Packages that are read and compiled.
    pub(crate) running: Gauge,
    compiled: Histogram,
    failed: Histogram,
}

/// What the compiler does and has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompilationMetrics {
    /// How many packages wait for their turn.
    pub waiting: u64,
    /// How many packages are read and compiled.
    pub running: u64,
    /// How long compiling took of what became code.
    pub compiled: DurationHistogram,
    /// How long it took of what was refused, or could not be compiled.
    pub failed: DurationHistogram,
}

impl Default for CompileCounters {
    fn default() -> Self {
        Self {
            waiting: Gauge::default(),
            running: Gauge::default(),
            compiled: Histogram::new(COMPILE_BOUNDS),
            failed: Histogram::new(COMPILE_BOUNDS),
        }
    }
}

impl CompileCounters {
    /// Counts one that the compiler is done with.
    pub(crate) fn done<T, E>(&self, outcome: &Result<T, E>, duration: Duration) {
        match outcome {
            Ok(_) => self.compiled.observe(duration),
            Err(_) => self.failed.observe(duration),
        }
    }

    pub(crate) fn read(&self) -> CompilationMetrics {
        CompilationMetrics {
            waiting: self.waiting.count(),
            running: self.running.count(),
            compiled: self.compiled.read(),
            failed: self.failed.read(),
        }
    }
}
