//! Where log lines go: to those who listen as they are written, and to those who keep them.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::queue::{LineOf, LogQueue};
use super::quota::DroppedTotal;
use super::share::Share;
use super::source::LogSource;

/// How many lines a listener may fall behind before it loses the oldest.
const FEED_LINES_MAX: usize = 4096;

/// One line of a function's log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogLine {
    /// The instance it comes from.
    pub source: Arc<LogSource>,
    /// The request that was handled when the line was written; none during init.
    pub request_id: Option<Arc<str>>,
    /// The text, without a line feed.
    pub text: String,
}

/// Where all log lines of a host go; nowhere, if nobody listens and nobody keeps them.
#[derive(Debug, Clone)]
pub(crate) struct LogFeed {
    listeners: broadcast::Sender<LogLine>,
    kept: Option<Arc<LogQueue>>,
    dropped: Arc<DroppedTotal>,
}

impl LogFeed {
    /// A feed of lines that are kept by whoever takes them from that queue, if there is one.
    pub(crate) fn new(kept: Option<Arc<LogQueue>>) -> Self {
        Self { listeners: broadcast::Sender::new(FEED_LINES_MAX), kept, dropped: Arc::default() }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<LogLine> {
        self.listeners.subscribe()
    }

    /// What invocations have lost because they logged more than they may.
    pub(crate) fn dropped(&self) -> &DroppedTotal {
        &self.dropped
    }

    /// Whether anybody wants lines at all.
    pub(super) fn is_wanted(&self) -> bool {
        self.kept.is_some() || self.listeners.receiver_count() > 0
    }

    /// Counts a line that was cut into several, if lines are kept.
    pub(super) fn cut(&self) {
        if let Some(queue) = &self.kept {
            queue.counters().cut();
        }
    }

    /// Hands a line over, to all who want it. Never waits.
    pub(super) fn send(
        &self,
        source: &Arc<LogSource>,
        request_id: Option<&Arc<str>>,
        (of, line): (LineOf, &[u8]),
        share: &mut Share,
    ) {
        if let Some(queue) = &self.kept {
            queue.push(source, request_id, (of, line), share);
        }
        if self.listeners.receiver_count() > 0 {
            // The only error is that nobody listens any more, which is no error.
            let _ = self.listeners.send(LogLine {
                source: source.clone(),
                request_id: request_id.cloned(),
                text: String::from_utf8_lossy(line).into_owned(),
            });
        }
    }
}
