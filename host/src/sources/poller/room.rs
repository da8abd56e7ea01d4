//! How many bytes of messages all pollers of a host hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// From how many bytes on nobody asks for more messages. What was asked for before still comes: of each poller what one request brings, which
/// is about a mebibyte.
pub(super) const HELD_BYTES_MAX: usize = 256 << 20;

/// Counts the bytes of messages that are held.
#[derive(Debug, Default)]
pub(super) struct HeldBytes {
    bytes: AtomicUsize,
    freed: Notify,
}

/// Some of the bytes, for as long as this lives.
#[derive(Debug)]
pub(super) struct Share {
    of: Arc<HeldBytes>,
    bytes: usize,
}

impl HeldBytes {
    /// Waits until more messages may be asked for.
    pub(super) async fn room(&self) {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if !self.is_full() {
                return;
            }
            freed.await;
        }
    }

    /// Whether no more messages are to be asked for.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::SeqCst) >= HELD_BYTES_MAX
    }

    /// A share that is empty yet.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { of: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Counts so many more.
    pub(super) fn add(&mut self, bytes: usize) {
        self.of.bytes.fetch_add(bytes, Ordering::SeqCst);
        self.bytes += bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        self.of.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_asks_for_more_until_enough_is_given_back() {
        let held = Arc::new(HeldBytes::default());
        held.room().await;
        let (mut one, mut other) = (held.share(), held.share());
        one.add(HELD_BYTES_MAX);
        other.add(1);
        let waiting = tokio::spawn({
            let held = held.clone();
            async move { held.room().await }
        });
        drop(other);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(one);
        waiting.await.expect("there is room");
    }
}
