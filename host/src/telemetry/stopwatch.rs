//! Measures stages.

use std::time::Duration;

use tokio::time::Instant;

/// Measures the time from one stage to the next, or nothing at all when nobody asked.
#[derive(Debug)]
pub(crate) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    pub(crate) fn start(wanted: bool) -> Self {
        Self(wanted.then(Instant::now))
    }

    /// The time since the last lap, or since the start.
    pub(crate) fn lap(&mut self) -> Duration {
        match &mut self.0 {
            None => Duration::ZERO,
            Some(last) => {
                let now = Instant::now();
                now - std::mem::replace(last, now)
            }
        }
    }
}
