//! What time it is.

use crate::timestamp;

/// The clock of queues: that of the wall, as what is written down outlives the process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clock {
    Wall,
    /// Tokio's, which tests can stop, from the given milliseconds since 1970 on.
    #[cfg(test)]
    Tokio {
        began: tokio::time::Instant,
        began_ms: u64,
    },
}

impl Clock {
    /// Milliseconds since 1970.
    pub(super) fn now_ms(self) -> u64 {
        match self {
            Self::Wall => timestamp::now_ms(),
            #[cfg(test)]
            Self::Tokio { began, began_ms } => began_ms + began.elapsed().as_millis() as u64,
        }
    }
}
