//! What time it is for schedules: that on the wall, by which people say when they are due.

use jiff::Timestamp;

/// Where the time comes from.
#[derive(Debug, Clone)]
pub(super) enum Wall {
    System,
    /// A clock that a test sets, from which it goes on evenly.
    #[cfg(test)]
    Test(std::sync::Arc<TestWall>),
}

/// A clock that a test sets.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct TestWall {
    began: tokio::time::Instant,
    /// What it said when it began, in milliseconds since 1970.
    pub(super) at_began_ms: std::sync::atomic::AtomicI64,
}

impl Wall {
    pub(super) fn now(&self) -> Timestamp {
        match self {
            // To the millisecond, as it is written down: nothing is otherwise after a restart.
            Self::System => {
                let now = Timestamp::now();
                Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
            }
            #[cfg(test)]
            Self::Test(wall) => wall.now(),
        }
    }
}

#[cfg(test)]
impl TestWall {
    pub(super) fn new(at: Timestamp) -> std::sync::Arc<Self> {
        let at_began_ms = std::sync::atomic::AtomicI64::new(at.as_millisecond());
        std::sync::Arc::new(Self { began: tokio::time::Instant::now(), at_began_ms })
    }

    pub(super) fn now(&self) -> Timestamp {
        let elapsed_ms = i64::try_from(self.began.elapsed().as_millis()).expect("a test takes no ages");
        let at_began_ms = self.at_began_ms.load(std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_millisecond(at_began_ms + elapsed_ms).expect("it is a time")
    }

    /// Sets it forward, or back.
    pub(super) fn jump(&self, seconds: i64) {
        self.at_began_ms.fetch_add(seconds * 1_000, std::sync::atomic::Ordering::Relaxed);
    }
}
