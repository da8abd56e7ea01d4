//! Log lines on their way to whoever keeps them: bounded, and never a reason to wait.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::batch::{Batch, LINE_OVERHEAD_BYTES, Part};
use super::share::Share;
use super::source::LogSource;
use crate::metrics::LogCounters;

/// How many bytes of lines wait in memory at most, with what is kept beside each; further ones are lost, and counted. While
/// one such batch is written another may fill.
const QUEUE_BYTES_MAX: usize = 8 << 20;
/// How many of these one function may take, whatever the number of its instances: one that floods its log alone takes no room
/// from the others.
const SHARE_BYTES_MAX: usize = QUEUE_BYTES_MAX / 4;
/// From how many bytes on the keeper is told not to wait for more.
const HURRY_BYTES: usize = SHARE_BYTES_MAX / 4;
/// The longest line that is kept: 256 KiB. What is longer is cut.
pub(crate) const KEPT_LINE_BYTES_MAX: usize = 256 << 10;
/// What of the queue is for the host's own lines alone: there are few to each event, and what ended one must not be lost.
const RESERVE_BYTES: usize = QUEUE_BYTES_MAX / 8;
/// The longest line that the reserve is for. The text of an error may be its guest's, and as long as it likes.
const RESERVED_LINE_BYTES_MAX: usize = 4 << 10;
/// Into how many lanes lines go, by their groups. Threads that compute give way to others, also while they hold a lane's lock: so a
/// function that logs without end holds up few others.
const LANES: usize = 32;

/// Log lines on their way to whoever keeps them.
#[derive(Debug, Default)]
pub(crate) struct LogQueue {
    lanes: [Lane; LANES],
    /// The bytes in all lanes.
    queued: AtomicUsize,
    closed: AtomicBool,
    progress: Mutex<Progress>,
    /// Told to the keeper: there are lines, or many, or the end has come.
    grown: Condvar,
    /// Told to those who wait for lines to be kept.
    kept: Condvar,
    counters: LogCounters,
}

/// The lines of some groups. A cache line of its own, as each has its own lock.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Lane(Mutex<LaneState>);

#[derive(Debug, Default)]
struct LaneState {
    part: Part,
    /// How many parts of batches were taken from here.
    taken: u64,
    /// The room of a part that was kept, for the next: a list that grows from nothing to megabytes while others wait for the lock
    /// makes them wait for milliseconds.
    spare: Part,
}

/// How far the keeper has come.
#[derive(Debug, Default)]
struct Progress {
    /// How many batches were taken, and how many of these were kept.
    taken: u64,
    done: u64,
    hurry: bool,
    /// Nobody takes lines any more.
    abandoned: bool,
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
    /// Adds a line, with the time it is now: so the lines of a group stand in the order of their times, unless the clock is set back.
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
        let mut lane = self.lanes[*share.lane.get_or_insert_with(|| lane_of(source))].lock();
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        let number = lane.taken;
        let taken = lane.part.taken_by(source, number, share);
        let queue_bytes_max = match of {
            LineOf::Host if line.len() <= RESERVED_LINE_BYTES_MAX => QUEUE_BYTES_MAX,
            LineOf::Guest | LineOf::Host if *taken + bytes <= SHARE_BYTES_MAX => {
                QUEUE_BYTES_MAX - RESERVE_BYTES
            }
            LineOf::Guest | LineOf::Host => 0,
        };
        // With the lane's lock held, so that a batch never gives back what was not counted yet.
        let (before, grown) = match self.take_room(bytes, queue_bytes_max) {
            Some(before) => {
                *taken += bytes;
                lane.part.keep(source, request_id, line);
                (before, bytes)
            }
            None => {
                self.counters.without_room();
                let grown = lane.part.lose(source, share);
                (self.queued.fetch_add(grown, Ordering::SeqCst), grown)
            }
        };
        drop(lane);
        // The keeper sleeps until there is a line, and then for a moment, unless many come.
        let many = before < HURRY_BYTES && before + grown >= HURRY_BYTES;
        if before == 0 || many {
            self.progress().hurry |= many;
            self.grown.notify_one();
        }
    }

    /// Counts so many bytes more, if the queue then has no more than that, and gives back how many it had.
    fn take_room(&self, bytes: usize, queue_bytes_max: usize) -> Option<usize> {
        let more = |queued: usize| Some(queued + bytes).filter(|sum| *sum <= queue_bytes_max);
        self.queued.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()
    }

    /// Waits for lines, then for a moment for more of them, and takes them all; none once the queue is closed and empty.
    ///
    /// Whoever takes a batch says when it is [`kept`](LogQueue::kept).
    pub(crate) fn take(&self, moment: Duration) -> Option<Batch> {
        let mut progress = self.progress();
        while self.is_empty() {
            if self.closed.load(Ordering::SeqCst) {
                return None;
            }
            progress = self.grown.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        let still = |progress: &mut Progress| !progress.hurry && !self.closed.load(Ordering::SeqCst);
        if still(&mut progress) {
            let waited = self.grown.wait_timeout_while(progress, moment, still);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        progress.hurry = false;
        progress.taken += 1;
        drop(progress);
        Some(Batch { parts: self.lanes.iter().map(|lane| self.taken_from(lane)).collect() })
    }

    fn taken_from(&self, lane: &Lane) -> Part {
        let mut lane = lane.lock();
        lane.taken += 1;
        let spare = std::mem::take(&mut lane.spare);
        let part = std::mem::replace(&mut lane.part, spare);
        self.queued.fetch_sub(part.bytes(), Ordering::SeqCst);
        part
    }

    /// Tells those who wait that the batch which was taken last is kept.
    pub(crate) fn kept(&self, batch: Batch) {
        for (lane, part) in self.lanes.iter().zip(batch.parts) {
            let spare = part.emptied();
            let unused = std::mem::replace(&mut lane.lock().spare, spare);
            drop(unused);
        }
        let mut progress = self.progress();
        progress.done = progress.taken;
        drop(progress);
        self.kept.notify_all();
    }

    /// Waits until all lines that were pushed before are kept.
    pub(crate) fn settle(&self) {
        let mut progress = self.progress();
        // What is in the lanes now is of the next batch, or of one that is just being taken.
        let wanted = progress.taken + 1;
        let waits = |progress: &Progress| {
            let all_kept = progress.done == progress.taken && self.is_empty();
            progress.done < wanted && !all_kept && !progress.abandoned
        };
        while waits(&progress) {
            progress.hurry = true;
            self.grown.notify_one();
            progress = self.kept.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is counted of lines.
    pub(crate) fn counters(&self) -> &LogCounters {
        &self.counters
    }

    /// Takes no more lines; the keeper ends when it has what is there.
    pub(crate) fn close(&self) {
        let progress = self.progress();
        self.closed.store(true, Ordering::SeqCst);
        drop(progress);
        self.grown.notify_one();
    }

    /// Says that nobody takes lines any more: so nobody waits for it either.
    pub(crate) fn abandon(&self) {
        self.close();
        self.progress().abandoned = true;
        self.kept.notify_all();
    }

    fn is_empty(&self) -> bool {
        self.queued.load(Ordering::SeqCst) == 0
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // It is whole after every statement, so a panic elsewhere leaves it usable.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        // The state is whole after every statement, so a panic elsewhere leaves it usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lane of a source: that of its group, whose lines stand in one order whichever function writes them.
fn lane_of(source: &LogSource) -> usize {
    let mut hasher = DefaultHasher::new();
    (&source.region, &source.group).hash(&mut hasher);
    hasher.finish() as usize % LANES
}

#[cfg(test)]
mod tests {
    use super::super::batch::LOSERS_MAX;
    use super::*;

    fn guests(line: &[u8]) -> (LineOf, &[u8]) {
        (LineOf::Guest, line)
    }

    fn lost(batch: &Batch) -> u64 {
        batch.lines().map(|line| line.lost).sum::<u64>() + batch.lost_elsewhere()
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
        assert!(batch.lost_elsewhere() > 0);
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
