//! What time it is for queues: it goes on evenly while the process runs, whatever becomes of the clock on the wall, and over
//! restarts. Ages, delays and visibility go by it; what people are shown is the time on the wall.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::super::record::MessageRecord;
use crate::timestamp;

/// The most that the time between two processes counts for, in milliseconds: as for events. A clock that was set cannot be told
/// from a host that was down for long, and would take all messages away at once that are not kept so long.
pub(super) const AWAY_MS_MAX: u64 = 300_000;

/// The clock of queues.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    /// What time it was when it began, in milliseconds.
    base_ms: AtomicU64,
    wall: Wall,
}

/// Where the time on the wall comes from.
#[derive(Debug)]
pub(super) enum Wall {
    System,
    /// A clock that a test sets, from which it goes on evenly.
    #[cfg(test)]
    Test(std::sync::Arc<AtomicU64>),
}

/// How far the process before had come, by what it has left.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Last {
    /// When a message was sent last, and what the clock on the wall said then.
    sent: Option<(u64, u64)>,
    /// The latest time that is known of.
    at_ms: u64,
}

impl Clock {
    /// A clock that says what the one on the wall says now, and goes on from there.
    pub(super) fn new(wall: Wall) -> Self {
        let clock = Self { began: Instant::now(), base_ms: AtomicU64::new(0), wall };
        clock.base_ms.store(clock.wall_ms(), Ordering::Relaxed);
        clock
    }

    /// Goes on from where the process before had come, if it has left any messages. Nobody may have read the clock yet.
    pub(super) fn resume(&self, last: Last) {
        if let Some((at_ms, wall_ms)) = last.sent {
            let away_ms = self.wall_ms().saturating_sub(wall_ms).min(AWAY_MS_MAX);
            let now_ms = at_ms.saturating_add(away_ms).max(last.at_ms);
            self.base_ms.store(now_ms.saturating_sub(self.elapsed_ms()), Ordering::Relaxed);
        }
    }

    /// Milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        self.base_ms.load(Ordering::Relaxed) + self.elapsed_ms()
    }

    /// Milliseconds since 1970, as the clock on the wall has them.
    pub(super) fn wall_ms(&self) -> u64 {
        match &self.wall {
            Wall::System => timestamp::now_ms(),
            #[cfg(test)]
            Wall::Test(at_began_ms) => at_began_ms.load(Ordering::Relaxed) + self.elapsed_ms(),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        let elapsed: Duration = self.began.elapsed();
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Last {
    /// Takes a message into account, and says how late it is at the least.
    pub(super) fn see(&mut self, message: &MessageRecord) -> u64 {
        if self.sent.is_none_or(|(at_ms, _)| at_ms < message.sent_ms) {
            self.sent = Some((message.sent_ms, message.wall_ms(message.sent_ms)));
        }
        let at_ms = message.last_received_ms.unwrap_or(0).max(message.sent_ms);
        self.at_ms = self.at_ms.max(at_ms);
        self.at_ms
    }
}
