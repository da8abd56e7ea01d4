//! Log lines on their way to whoever keeps them: bounded, and never a reason to wait.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::feed::LogSource;
use crate::timestamp;

/// How many bytes of lines wait in memory at most, with what is kept beside each; further ones are lost, and counted. While
/// one such batch is written another may fill.
const QUEUE_BYTES_MAX: usize = 8 << 20;
/// How many of these one instance may take, so that one that floods its log takes no room from the others.
const SHARE_BYTES_MAX: usize = QUEUE_BYTES_MAX / 4;
/// From how many bytes on the keeper is told not to wait for more.
const HURRY_BYTES: usize = SHARE_BYTES_MAX / 4;
/// What a line takes beside its text.
const LINE_OVERHEAD_BYTES: usize = size_of::<QueuedLine>();
/// The longest line that is kept: 256 KiB. What is longer is cut.
pub(crate) const KEPT_LINE_BYTES_MAX: usize = 256 << 10;
/// Of how many instances lost lines are counted apart.
const LOSERS_MAX: usize = 1024;

/// Log lines on their way to whoever keeps them.
#[derive(Debug, Default)]
pub(crate) struct LogQueue {
    state: Mutex<QueueState>,
    /// Told to the keeper: there are lines, or many, or the end has come.
    grown: Condvar,
    /// Told to those who wait for lines to be kept.
    kept: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    batch: Batch,
    /// How many batches were taken, and how many of these were kept.
    taken: u64,
    done: u64,
    hurry: bool,
    closed: bool,
}

/// Lines that are kept together, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    lines: Vec<QueuedLine>,
    text: Vec<u8>,
    /// How many lines of which instances found no room after those here.
    pub(crate) lost: HashMap<Arc<LogSource>, u64>,
    /// How many lines of further instances did not.
    pub(crate) lost_elsewhere: u64,
    /// When the last line came, whether or not it found room.
    pub(crate) last_ms: u64,
}

#[derive(Debug)]
struct QueuedLine {
    source: Arc<LogSource>,
    request_id: Option<Arc<str>>,
    at_ms: u64,
    text_end: usize,
}

/// A line that is to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptLine<'a> {
    pub(crate) source: &'a Arc<LogSource>,
    pub(crate) request_id: Option<&'a str>,
    /// When it was written, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) text: &'a [u8],
}

/// How much of a batch one instance has taken.
#[derive(Debug, Default)]
pub(crate) struct Share {
    batch: u64,
    bytes: usize,
}

impl LogQueue {
    /// Adds a line, with the time it is now: so lines stand in the order of their times, unless the clock is set back.
    pub(super) fn push(
        &self,
        source: &Arc<LogSource>,
        request_id: Option<&Arc<str>>,
        line: &[u8],
        share: &mut Share,
    ) {
        let line = &line[..line.len().min(KEPT_LINE_BYTES_MAX)];
        let bytes = line.len() + LINE_OVERHEAD_BYTES;
        let mut state = self.state();
        if share.batch != state.taken {
            *share = Share { batch: state.taken, bytes: 0 };
        }
        let at_ms = timestamp::now_ms();
        state.batch.last_ms = at_ms;
        let queued = state.batch.bytes();
        if state.closed {
            return;
        }
        if queued + bytes > QUEUE_BYTES_MAX || share.bytes + bytes > SHARE_BYTES_MAX {
            return state.batch.lose(source);
        }
        share.bytes += bytes;
        state.batch.text.extend_from_slice(line);
        let text_end = state.batch.text.len();
        state.batch.lines.push(QueuedLine {
            source: source.clone(),
            request_id: request_id.cloned(),
            at_ms,
            text_end,
        });
        // The keeper sleeps until there is a line, and then for a moment, unless many come.
        let many = queued < HURRY_BYTES && queued + bytes >= HURRY_BYTES;
        state.hurry |= many;
        if queued == 0 || many {
            drop(state);
            self.grown.notify_one();
        }
    }

    /// Waits for lines, then for a moment for more of them, and takes them all; none once the queue is closed and empty.
    ///
    /// Whoever takes a batch says when it is [`kept`](LogQueue::kept).
    pub(crate) fn take(&self, moment: Duration) -> Option<Batch> {
        let mut state = self.state();
        while state.batch.is_empty() {
            if state.closed {
                return None;
            }
            state = self.grown.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.hurry && !state.closed {
            let still = |state: &mut QueueState| !state.hurry && !state.closed;
            let waited = self.grown.wait_timeout_while(state, moment, still);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.hurry = false;
        state.taken += 1;
        Some(std::mem::take(&mut state.batch))
    }

    /// Tells those who wait that the batch which was taken last is kept.
    pub(crate) fn kept(&self) {
        let mut state = self.state();
        state.done = state.taken;
        drop(state);
        self.kept.notify_all();
    }

    /// Waits until all lines that were pushed before are kept.
    pub(crate) fn settle(&self) {
        let mut state = self.state();
        let wanted = state.taken + u64::from(!state.batch.is_empty());
        if state.done < wanted {
            state.hurry = true;
            self.grown.notify_one();
        }
        while state.done < wanted {
            state = self.kept.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more lines; the keeper ends when it has what is there.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.grown.notify_one();
    }

    /// Says that nobody takes lines any more: so nobody waits for it either.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        state.done = u64::MAX;
        drop(state);
        self.kept.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // The state is whole after every statement, so a panic elsewhere leaves it usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    /// The lines, in their order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = KeptLine<'_>> {
        let mut start = 0;
        self.lines.iter().map(move |line| {
            let text = &self.text[std::mem::replace(&mut start, line.text_end)..line.text_end];
            let request_id = line.request_id.as_deref();
            KeptLine { source: &line.source, request_id, at_ms: line.at_ms, text }
        })
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.lines.len() * LINE_OVERHEAD_BYTES
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.lost.is_empty() && self.lost_elsewhere == 0
    }

    fn lose(&mut self, source: &Arc<LogSource>) {
        if let Some(count) = self.lost.get_mut(source) {
            *count += 1;
        } else if self.lost.len() < LOSERS_MAX {
            self.lost.insert(source.clone(), 1);
        } else {
            self.lost_elsewhere += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_as_they_went_in() {
        let queue = LogQueue::default();
        let (source, mut share) = (LogSource::example("a"), Share::default());
        queue.push(&source, None, b"one", &mut share);
        queue.push(&source, Some(&"id".into()), b"", &mut share);
        queue.push(&source, None, &[b'x'; KEPT_LINE_BYTES_MAX + 1], &mut share);
        let batch = queue.take(Duration::ZERO).expect("lines");
        let lines: Vec<_> = batch.lines().map(|line| (line.request_id, line.text.len())).collect();
        assert_eq!(lines, [(None, 3), (Some("id"), 0), (None, KEPT_LINE_BYTES_MAX)]);
        queue.close();
        assert!(queue.take(Duration::ZERO).is_none());
    }

    #[test]
    fn an_instance_that_floods_loses_its_own_lines_and_no_others() {
        let queue = LogQueue::default();
        let (flood, quiet) = (LogSource::example("flood"), LogSource::example("quiet"));
        let (mut share_of_flood, mut share_of_quiet) = (Share::default(), Share::default());
        for _ in 0..QUEUE_BYTES_MAX / 1000 {
            queue.push(&flood, None, &[b'x'; 1000], &mut share_of_flood);
        }
        queue.push(&quiet, None, b"still here", &mut share_of_quiet);
        let batch = queue.take(Duration::ZERO).expect("lines");
        assert!(batch.bytes() <= SHARE_BYTES_MAX + 1000);
        assert_eq!(batch.lines().last().expect("a line").text, b"still here");
        let kept = batch.lines().count() - 1;
        assert_eq!(batch.lost[&flood] as usize + kept, QUEUE_BYTES_MAX / 1000);
        assert!(!batch.lost.contains_key(&quiet));
        queue.push(&flood, None, b"again", &mut share_of_flood);
        assert_eq!(queue.take(Duration::ZERO).expect("lines").lines().count(), 1, "a new batch, a new share");
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let queue = LogQueue::default();
        for number in 0..LOSERS_MAX + 10 {
            queue.push(
                &LogSource::example(&number.to_string()),
                None,
                &[b'x'; 100_000],
                &mut Share::default(),
            );
        }
        let batch = queue.take(Duration::ZERO).expect("lines");
        assert!(batch.bytes() <= QUEUE_BYTES_MAX);
        let lost = batch.lost.values().sum::<u64>() + batch.lost_elsewhere;
        assert_eq!(batch.lines().count() as u64 + lost, LOSERS_MAX as u64 + 10);
    }

    #[test]
    fn whoever_settles_waits_for_what_was_pushed_before() {
        let queue = Arc::new(LogQueue::default());
        queue.settle();
        queue.push(&LogSource::example("a"), None, b"line", &mut Share::default());
        let keeper = {
            let queue = queue.clone();
            std::thread::spawn(move || {
                let mut kept = 0;
                while let Some(batch) = queue.take(Duration::from_secs(600)) {
                    kept += batch.lines().count();
                    queue.kept();
                }
                kept
            })
        };
        queue.settle();
        queue.close();
        assert_eq!(keeper.join().expect("it ends"), 1);
        queue.abandon();
        queue.push(&LogSource::example("a"), None, b"too late", &mut Share::default());
        queue.settle();
    }
}
