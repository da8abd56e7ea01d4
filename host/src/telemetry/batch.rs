//! Log lines that are kept together, as they wait for it.

use std::sync::Arc;

use super::share::{Share, Shares};
use super::source::LogSource;
use crate::timestamp;

/// What a line takes beside its text.
pub(super) const LINE_OVERHEAD_BYTES: usize = size_of::<QueuedLine>();
/// Of how many instances lost lines are counted apart, in each part of a batch.
pub(super) const LOSERS_MAX: usize = 1024;

/// Lines that are kept together: those of each group in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(super) parts: Vec<Part>,
}

/// The lines of some groups.
#[derive(Debug, Default)]
pub(super) struct Part {
    lines: Vec<QueuedLine>,
    text: Vec<u8>,
    shares: Shares,
    /// How many instances have lost lines that are counted apart.
    losers: usize,
    /// How many lines of further instances found no room.
    lost_elsewhere: u64,
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

impl Batch {
    /// The lines, those of each group in their order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = KeptLine<'_>> {
        self.parts.iter().flat_map(Part::lines)
    }

    /// How many lines were lost of more instances than are counted apart.
    pub(crate) fn lost_elsewhere(&self) -> u64 {
        self.parts.iter().map(|part| part.lost_elsewhere).sum()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().map(Part::bytes).sum()
    }
}

impl Part {
    fn lines(&self) -> impl Iterator<Item = KeptLine<'_>> {
        let mut start = 0;
        self.lines.iter().map(move |line| {
            let text = &self.text[std::mem::replace(&mut start, line.text_end)..line.text_end];
            let request_id = line.request_id.as_deref();
            KeptLine { source: &line.source, request_id, at_ms: line.at_ms, text, lost: line.lost }
        })
    }

    /// The bytes that the function of a source has taken of it, which is the part with that number.
    pub(super) fn taken_by(&mut self, source: &Arc<LogSource>, number: u64, share: &mut Share) -> &mut usize {
        self.shares.of(source, number, share)
    }

    /// Adds a line.
    pub(super) fn keep(&mut self, source: &Arc<LogSource>, request_id: Option<&Arc<str>>, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.add(source, request_id.cloned(), 0);
    }

    /// Counts a line for which there is no room, and gives back by how many bytes it is larger for that: the first of an instance has a
    /// line of its own to be counted in.
    pub(super) fn lose(&mut self, source: &Arc<LogSource>, share: &mut Share) -> usize {
        if let Some(line) = share.losing {
            self.lines[line].lost += 1;
        } else if self.losers < LOSERS_MAX {
            self.losers += 1;
            share.losing = Some(self.lines.len());
            self.add(source, None, 1);
            return LINE_OVERHEAD_BYTES;
        } else {
            self.lost_elsewhere += 1;
        }
        0
    }

    /// The part without what is in it. Its room stays, unless it was much more than was needed.
    pub(super) fn emptied(mut self) -> Self {
        let ample = self.text.capacity() / 16 > self.text.len();
        self.lines.clear();
        self.text.clear();
        if ample {
            return Self::default();
        }
        Self { lines: self.lines, text: self.text, ..Self::default() }
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.lines.len() * LINE_OVERHEAD_BYTES
    }

    fn add(&mut self, source: &Arc<LogSource>, request_id: Option<Arc<str>>, lost: u64) {
        let (at_ms, text_end) = (timestamp::now_ms(), self.text.len());
        self.lines.push(QueuedLine { source: source.clone(), request_id, at_ms, text_end, lost });
    }
}
