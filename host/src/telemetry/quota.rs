//! How much one invocation may log, and what was dropped of it.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a line counts beside its text, in bytes: as CloudWatch counts it, and so that empty lines cost something too.
const LINE_OVERHEAD_BYTES: u64 = 26;

/// How much one invocation may still log.
#[derive(Debug)]
pub(super) struct Quota {
    limit_bytes: u64,
    left_bytes: u64,
    dropped: Option<Dropped>,
}

/// What an invocation has written beyond its quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) lines: u64,
    /// The bytes of their texts, with line feeds.
    pub(super) bytes: u64,
}

/// What all invocations of a host have lost because they logged more than they may.
#[derive(Debug, Default)]
pub(crate) struct DroppedTotal {
    invocations: AtomicU64,
    lines: AtomicU64,
    bytes: AtomicU64,
}

/// What invocations have lost because they logged more than [`Limits::invocation_log_bytes`](crate::Limits::invocation_log_bytes), since the host
/// was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedLogs {
    /// How many invocations that were.
    pub invocations: u64,
    /// How many lines they have lost.
    pub lines: u64,
    /// How many bytes of text these had, with line feeds.
    pub bytes: u64,
}

impl Quota {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, left_bytes: limit_bytes, dropped: None }
    }

    /// Starts anew, for the next invocation.
    pub(super) fn renew(&mut self) {
        *self = Self::new(self.limit_bytes);
    }

    /// Whether nothing is written any more.
    pub(super) fn is_used_up(&self) -> bool {
        self.dropped.is_some()
    }

    /// Takes a line, if there is room for it; once there was none, there is none for shorter lines either.
    pub(super) fn take(&mut self, line_bytes: usize) -> bool {
        let bytes = line_bytes as u64 + LINE_OVERHEAD_BYTES;
        let left = if self.is_used_up() { None } else { self.left_bytes.checked_sub(bytes) };
        match left {
            Some(left) => self.left_bytes = left,
            None => self.drop_lines(Dropped { lines: 1, bytes: line_bytes as u64 + 1 }),
        }
        left.is_some()
    }

    /// Counts what was dropped unseen.
    pub(super) fn drop_lines(&mut self, more: Dropped) {
        let dropped = self.dropped.get_or_insert_default();
        dropped.lines += more.lines;
        dropped.bytes += more.bytes;
    }

    /// The line that says what was dropped, once.
    pub(super) fn take_marker(&mut self) -> Option<(Dropped, String)> {
        let dropped = self.dropped.take()?;
        let Dropped { lines, bytes } = dropped;
        let limit = self.limit_bytes;
        // What may still come is dropped as well.
        self.left_bytes = 0;
        let text = format!(
            "The log was cut: it reached the limit of {limit} bytes (invocation_log_bytes), and {lines} more lines with {bytes} bytes were \
             dropped"
        );
        Some((dropped, text))
    }
}

impl DroppedTotal {
    pub(super) fn add(&self, Dropped { lines, bytes }: Dropped) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        self.lines.fetch_add(lines, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> DroppedLogs {
        DroppedLogs {
            invocations: self.invocations.load(Ordering::Relaxed),
            lines: self.lines.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_used_up_by_the_first_line_that_finds_no_room() {
        let mut quota = Quota::new(100);
        assert!(quota.take(20) && quota.take(20), "two lines of 46");
        assert!(!quota.take(20) && !quota.take(0), "not even an empty one after that");
        let (dropped, text) = quota.take_marker().expect("something was dropped");
        assert_eq!(dropped, Dropped { lines: 2, bytes: 22 });
        assert!(text.contains("the limit of 100 bytes") && text.contains("2 more lines with 22 bytes"));
        assert!(quota.take_marker().is_none() && !quota.take(0));
        quota.renew();
        assert!(quota.take(74) && quota.take_marker().is_none());
    }
}
