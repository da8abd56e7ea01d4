//! Log lines on their way to whoever keeps them: bounded, and never a reason to wait.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::share::{Share, Shares};
use super::source::LogSource;
use crate::metrics::LogCounters;
use crate::timestamp;

/// How many bytes of lines wait in memory at most, with what is kept beside each; further ones are lost, and counted. While
/// one such batch is written another may fill.
const QUEUE_BYTES_MAX: usize = 8 << 20;
/// How many of these one function may take, whatever the number of its instances: one that floods its log alone takes no room
/// from the others.
const SHARE_BYTES_MAX: usize = QUEUE_BYTES_MAX / 4;
/// From how many bytes on the keeper is told not to wait for more.
const HURRY_BYTES: usize = SHARE_BYTES_MAX / 4;
/// What a line takes beside its text.
const LINE_OVERHEAD_BYTES: usize = size_of::<QueuedLine>();
/// The longest line that is kept: 256 KiB. What is longer is cut.
pub(crate) const KEPT_LINE_BYTES_MAX: usize = 256 << 10;
/// What of the queue is for the host's own lines alone: there are few to each event, and what ended one must not be lost.
const RESERVE_BYTES: usize = QUEUE_BYTES_MAX / 8;
/// The longest line that the reserve is for. The text of an error may be its guest's, and as long as it likes.
const RESERVED_LINE_BYTES_MAX: usize = 4 << 10;
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
    counters: LogCounters,
}

#[derive(Debug, Default)]
struct QueueState {
    batch: Batch,
    /// The room of a batch that was kept, for the next: a list that grows from nothing to megabytes while others wait for the lock
    /// makes them wait for milliseconds.
    spare: Batch,
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
    shares: Shares,
    /// In the place of whose lines that found no room which line tells of them.
    losers: HashMap<Arc<LogSource>, usize>,
    /// How many lines of further instances found none.
    pub(crate) lost_elsewhere: u64,
}

#[derive(Debug)]
struct QueuedLine {
    source: Arc<LogSource>,
    request_id: Option<Arc<str>>,
    at_ms: u64,
    text_end: usize,
    lost: u64,
}

/// A line that is to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptLine<'a> {
    pub(crate) source: &'a Arc<LogSource>,
    pub(crate) request_id: Option<&'a str>,
    /// When it was written, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) text: &'a [u8],
    /// How many lines were lost that this one, which has no text, stands for.
    pub(crate) lost: u64,
}

/// Whose a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineOf {
    /// A guest's: its function may have its share of a batch.
    Guest,
    /// The host's own: unless it is very long, it is lost only when nothing is left.
    Host,
}

impl LogQueue {
    /// Adds a line, with the time it is now: so lines stand in the order of their times, unless the clock is set back.
    pub(super) fn push(
        &self,
        source: &Arc<LogSource>,
        request_id: Option<&Arc<str>>,
        (of, line): (LineOf, &[u8]),
        share: &mut Share,
    ) {
        if line.len() > KEPT_LINE_BYTES_MAX {
            self.counters.cut();
        }
        let line = &line[..line.len().min(KEPT_LINE_BYTES_MAX)];
        let bytes = line.len() + LINE_OVERHEAD_BYTES;
        let mut locked = self.state();
        let state = &mut *locked;
        if state.closed {
            return;
        }
        let (batch, queued) = (state.taken, state.batch.bytes());
        let taken = state.batch.shares.of(source, batch, share);
        let has_room = match of {
            LineOf::Host if line.len() <= RESERVED_LINE_BYTES_MAX => queued + bytes <= QUEUE_BYTES_MAX,
            LineOf::Guest | LineOf::Host => {
                queued + bytes <= QUEUE_BYTES_MAX - RESERVE_BYTES && *taken + bytes <= SHARE_BYTES_MAX
            }
        };
        if has_room {
            *taken += bytes;
            state.batch.text.extend_from_slice(line);
            state.batch.add(source, request_id.cloned(), 0);
        } else {
            state.batch.lose(source);
            self.counters.without_room();
        }
        // The keeper sleeps until there is a line, and then for a moment, unless many come.
        let many = queued < HURRY_BYTES && queued + bytes >= HURRY_BYTES;
        state.hurry |= many;
        if queued == 0 || many {
            drop(locked);
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
        let state = &mut *state;
        Some(std::mem::replace(&mut state.batch, std::mem::take(&mut state.spare)))
    }

    /// Tells those who wait that the batch which was taken last is kept.
    pub(crate) fn kept(&self, batch: Batch) {
        let spare = batch.emptied();
        let mut state = self.state();
        state.done = state.taken;
        let unused = std::mem::replace(&mut state.spare, spare);
        drop(state);
        self.kept.notify_all();
        drop(unused);
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

    /// What is counted of lines.
    pub(crate) fn counters(&self) -> &LogCounters {
        &self.counters
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
            KeptLine { source: &line.source, request_id, at_ms: line.at_ms, text, lost: line.lost }
        })
    }

    /// The batch without what is in it. Its room stays, unless it was much more than was needed.
    fn emptied(mut self) -> Self {
        let ample = self.text.capacity() / 16 > self.text.len();
        self.lines.clear();
        self.text.clear();
        if ample {
            return Self::default();
        }
        Self { lines: self.lines, text: self.text, ..Self::default() }
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.lines.len() * LINE_OVERHEAD_BYTES
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.lost_elsewhere == 0
    }

    /// Adds the line whose text was added.
    fn add(&mut self, source: &Arc<LogSource>, request_id: Option<Arc<str>>, lost: u64) {
        let (at_ms, text_end) = (timestamp::now_ms(), self.text.len());
        self.lines.push(QueuedLine { source: source.clone(), request_id, at_ms, text_end, lost });
    }

    /// Counts a line for which there is no room; the first of an instance has a line of its own to be counted in.
    fn lose(&mut self, source: &Arc<LogSource>) {
        if let Some(&line) = self.losers.get(source) {
            self.lines[line].lost += 1;
        } else if self.losers.len() < LOSERS_MAX {
            self.losers.insert(source.clone(), self.lines.len());
            self.add(source, None, 1);
        } else {
            self.lost_elsewhere += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests(line: &[u8]) -> (LineOf, &[u8]) {
        (LineOf::Guest, line)
    }

    fn lost(batch: &Batch) -> u64 {
        batch.lines().map(|line| line.lost).sum::<u64>() + batch.lost_elsewhere
    }

    fn kept(batch: &Batch) -> u64 {
        batch.lines().filter(|line| line.lost == 0).count() as u64
    }

    #[test]
    fn lines_come_out_as_they_went_in() {
        let queue = LogQueue::default();
        let (source, mut share) = (LogSource::example("a"), Share::default());
        queue.push(&source, None, guests(b"one"), &mut share);
        queue.push(&source, Some(&"id".into()), guests(b""), &mut share);
        queue.push(&source, None, guests(&[b'x'; KEPT_LINE_BYTES_MAX + 1]), &mut share);
        let batch = queue.take(Duration::ZERO).expect("lines");
        let lines: Vec<_> = batch.lines().map(|line| (line.request_id, line.text.len())).collect();
        assert_eq!(lines, [(None, 3), (Some("id"), 0), (None, KEPT_LINE_BYTES_MAX)]);
        queue.close();
        assert!(queue.take(Duration::ZERO).is_none());
    }

    #[test]
    fn a_function_that_floods_loses_its_own_lines_and_no_others() {
        let queue = LogQueue::default();
        let (flood, quiet) = (LogSource::example("flood"), LogSource::of_function("quiet"));
        let (mut share_of_flood, mut share_of_quiet) = (Share::default(), Share::default());
        let all = (QUEUE_BYTES_MAX / 1000) as u64;
        for _ in 0..all {
            queue.push(&flood, None, guests(&[b'x'; 1000]), &mut share_of_flood);
        }
        queue.push(&flood, None, (LineOf::Host, b"REPORT"), &mut share_of_flood);
        let long = [b'x'; RESERVED_LINE_BYTES_MAX + 1];
        queue.push(&flood, None, (LineOf::Host, &long), &mut share_of_flood);
        queue.push(&quiet, None, guests(b"still here"), &mut share_of_quiet);
        let batch = queue.take(Duration::ZERO).expect("lines");
        assert!(batch.bytes() <= SHARE_BYTES_MAX + 1000);
        let last: Vec<(&[u8], u64)> = batch.lines().map(|line| (line.text, line.lost)).collect();
        let lost = lost(&batch);
        assert_eq!(last[last.len() - 3..], [(&b""[..], lost), (b"REPORT", 0), (b"still here", 0)]);
        assert_eq!(lost + kept(&batch), all + 3);
        queue.push(&flood, None, guests(b"again"), &mut share_of_flood);
        let batch = queue.take(Duration::ZERO).expect("lines");
        assert_eq!(kept(&batch), 1, "a new batch, a new share");
    }

    /// The share was each instance's, and four of one function took all the room there was.
    #[test]
    fn a_function_has_one_share_whatever_the_number_of_its_instances() {
        let queue = LogQueue::default();
        for number in 0..2 * QUEUE_BYTES_MAX / 100_000 {
            let instance = LogSource::example(&number.to_string());
            queue.push(&instance, None, guests(&[b'x'; 100_000]), &mut Share::default());
        }
        for _ in 0..100 {
            queue.push(&LogSource::of_function("quiet"), None, guests(b"still here"), &mut Share::default());
        }
        let batch = queue.take(Duration::ZERO).expect("lines");
        let of_quiet = batch.lines().filter(|line| line.source.function == "quiet" && line.lost == 0);
        assert_eq!(of_quiet.count(), 100);
        assert_eq!(kept(&batch) - 100, (SHARE_BYTES_MAX / (100_000 + LINE_OVERHEAD_BYTES)) as u64);
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let queue = LogQueue::default();
        let instances = LOSERS_MAX as u64 + 200;
        for number in 0..instances {
            let source = LogSource::of_function(&number.to_string());
            queue.push(&source, None, guests(&[b'x'; 100_000]), &mut Share::default());
        }
        let batch = queue.take(Duration::ZERO).expect("lines");
        assert!(batch.bytes() <= QUEUE_BYTES_MAX);
        assert!(batch.lost_elsewhere > 0);
        assert_eq!(kept(&batch) + lost(&batch), instances);
    }

    #[test]
    fn whoever_settles_waits_for_what_was_pushed_before() {
        let queue = Arc::new(LogQueue::default());
        queue.settle();
        queue.push(&LogSource::example("a"), None, guests(b"line"), &mut Share::default());
        let keeper = {
            let queue = queue.clone();
            std::thread::spawn(move || {
                let mut kept = 0;
                while let Some(batch) = queue.take(Duration::from_secs(600)) {
                    kept += batch.lines().count();
                    queue.kept(batch);
                }
                kept
            })
        };
        queue.settle();
        queue.close();
        assert_eq!(keeper.join().expect("it ends"), 1);
        queue.abandon();
        queue.push(&LogSource::example("a"), None, guests(b"too late"), &mut Share::default());
        queue.settle();
    }
}
