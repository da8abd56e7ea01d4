//! Reads the lines of a group, page by page, from either end.

use std::collections::VecDeque;
use std::io;

use super::Shared;
use super::catalog::Segment;
use super::filter::LogFilter;
use super::folder::GroupKey;
use super::position::LogPosition;
use super::record::Record;
use super::segment::{SegmentReader, widened};
use crate::function::Region;

/// The most lines of a page: CloudWatch's 10,000.
pub const LOG_PAGE_EVENTS_MAX: usize = 10_000;
/// The most bytes of a page's lines together, each counted with 26 more: CloudWatch's 1 MiB.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// What is counted beside the text of a line.
const EVENT_OVERHEAD_BYTES: usize = 26;
/// How many bytes are read for one page at most, but for the rest of a segment. What follows is for the next page.
const READ_BYTES_MAX: u64 = 64 << 20;

/// Which lines of a group's log are to be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadLogEvents {
    /// The region; the host's own, if none is given.
    pub region: Option<Region>,
    /// The log group, such as `/aws/lambda/hello`.
    pub group: String,
    /// Which streams.
    pub streams: LogStreamChoice,
    /// No lines before this time, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// No lines at or after this time, in milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// Only lines that it matches.
    pub filter: LogFilter,
    /// Only lines of that request.
    pub request_id: Option<String>,
    /// How many at most: not more than [`LOG_PAGE_EVENTS_MAX`], whatever is given.
    pub limit: usize,
    /// Where to begin, and which way to go.
    pub from: ReadLogsFrom,
}

/// Streams of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogStreamChoice {
    /// All of them.
    #[default]
    All,
    /// Those of these names.
    Named(Vec<String>),
    /// Those whose names begin so.
    Prefix(String),
}

/// Where reading begins, and which way it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadLogsFrom {
    /// From the oldest line on.
    #[default]
    Oldest,
    /// The newest lines, back to as many as fit a page.
    Newest,
    /// From that place on.
    After(LogPosition),
    /// The lines before that place, back to as many as fit a page.
    Before(LogPosition),
}

/// One line of a function's log, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEvent {
    /// When it was written, in milliseconds since 1970.
    pub at_ms: u64,
    /// The log stream: the instance.
    pub stream: String,
    /// The request that was handled then; none during init.
    pub request_id: Option<String>,
    /// The text, without a line feed at its end. What is no UTF-8 is replaced.
    pub message: String,
    /// The line's place, which no other line of the group has.
    pub position: LogPosition,
}

/// Lines in the order in which they were written, and where others would begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEventPage {
    /// The lines. There may be none although [there are more](LogEventPage::has_more).
    pub events: Vec<LogEvent>,
    /// The place before which the lines before these are.
    pub before: LogPosition,
    /// The place from which on the lines after these are, also those that will be written.
    pub after: LogPosition,
    /// Whether there may be more lines in the direction of reading.
    pub has_more: bool,
    /// Whether a line of the chosen streams was met, wanted or not.
    pub(crate) met_stream: bool,
}

impl ReadLogEvents {
    /// All lines of a group, from the oldest on.
    pub fn new(group: impl Into<String>) -> Self {
        Self {
            region: None,
            group: group.into(),
            streams: LogStreamChoice::All,
            since_ms: None,
            until_ms: None,
            filter: LogFilter::default(),
            request_id: None,
            limit: LOG_PAGE_EVENTS_MAX,
            from: ReadLogsFrom::Oldest,
        }
    }

    fn event(&self, record: &Record<'_>, position: LogPosition) -> Option<LogEvent> {
        let in_time = self.since_ms.is_none_or(|since| record.at_ms >= since)
            && self.until_ms.is_none_or(|until| record.at_ms < until);
        let of_request = self.request_id.as_ref().is_none_or(|id| id == record.request_id);
        if !in_time || !of_request {
            return None;
        }
        let message = String::from_utf8_lossy(record.text);
        self.filter.matches(&message).then(|| LogEvent {
            at_ms: record.at_ms,
            stream: record.stream.to_owned(),
            request_id: (!record.request_id.is_empty()).then(|| record.request_id.to_owned()),
            message: message.into_owned(),
            position,
        })
    }

    /// Whether a segment holds no line in time, as far as is known.
    fn is_outside(&self, segment: &Segment) -> bool {
        segment.times.is_some_and(|(first, last)| {
            self.since_ms.is_some_and(|since| last < since)
                || self.until_ms.is_some_and(|until| first >= until)
        })
    }

    fn limit(&self) -> usize {
        self.limit.clamp(1, LOG_PAGE_EVENTS_MAX)
    }
}

impl LogStreamChoice {
    fn contains(&self, stream: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name == stream),
            Self::Prefix(prefix) => stream.starts_with(prefix),
        }
    }
}

impl LogEvent {
    fn bytes(&self) -> usize {
        self.message.len() + EVENT_OVERHEAD_BYTES
    }
}

/// A page of a group that has these segments.
pub(super) fn read(
    shared: &Shared,
    key: &GroupKey,
    segments: &[Segment],
    request: &ReadLogEvents,
) -> io::Result<LogEventPage> {
    let reading = Reading { shared, key, segments, request };
    match request.from {
        ReadLogsFrom::Oldest => reading.forward(LogPosition::default()),
        ReadLogsFrom::After(position) => reading.forward(position),
        ReadLogsFrom::Newest => reading.backward(LogPosition::END),
        ReadLogsFrom::Before(position) => reading.backward(position),
    }
}

struct Reading<'a> {
    shared: &'a Shared,
    key: &'a GroupKey,
    segments: &'a [Segment],
    request: &'a ReadLogEvents,
}

impl Reading<'_> {
    fn forward(&self, from: LogPosition) -> io::Result<LogEventPage> {
        let mut page = LogEventPage { before: from, after: from, ..LogEventPage::default() };
        let (mut bytes, mut read_bytes) = (0, 0);
        for segment in self.segments.iter().filter(|segment| segment.number >= from.segment) {
            let at = |offset| LogPosition { segment: segment.number, offset };
            if at(segment.bytes) <= from {
                continue;
            }
            if read_bytes > READ_BYTES_MAX {
                page.has_more = true;
                return Ok(page);
            }
            if self.request.is_outside(segment) {
                page.after = at(segment.bytes);
                continue;
            }
            read_bytes += segment.bytes;
            let Some(mut reader) = self.open(segment)? else { continue };
            let mut times = None;
            while let Some((offset, record)) = reader.next()? {
                times = Some(widened(times, record.at_ms));
                if at(offset) < from || !self.meets(&mut page, &record) {
                    continue;
                }
                let Some(event) = self.request.event(&record, at(offset)) else { continue };
                bytes += event.bytes();
                if page.events.len() == self.request.limit()
                    || (bytes > PAGE_BYTES_MAX && !page.events.is_empty())
                {
                    (page.after, page.has_more) = (at(offset), true);
                    return Ok(page);
                }
                page.events.push(event);
            }
            page.after = at(reader.offset());
            self.learn(segment, times);
        }
        Ok(page)
    }

    fn backward(&self, from: LogPosition) -> io::Result<LogEventPage> {
        let end = self
            .segments
            .last()
            .map_or(LogPosition::default(), |last| LogPosition { segment: last.number, offset: last.bytes });
        let from = from.min(end);
        let mut page = LogEventPage { before: from, after: from, ..LogEventPage::default() };
        let mut found = Newest { events: VecDeque::new(), bytes: 0, limit: self.request.limit() };
        let mut read_bytes = 0;
        for segment in self.segments.iter().rev().filter(|segment| segment.number <= from.segment) {
            if read_bytes > READ_BYTES_MAX || found.is_full() {
                page.has_more = true;
                break;
            }
            let at = |offset| LogPosition { segment: segment.number, offset };
            page.before = at(0);
            if self.request.is_outside(segment) {
                continue;
            }
            read_bytes += segment.bytes;
            let Some(mut reader) = self.open(segment)? else { continue };
            let mut older = Newest { events: VecDeque::new(), ..found.room() };
            let (mut times, mut dropped) = (None, false);
            while let Some((offset, record)) = reader.next()? {
                times = Some(widened(times, record.at_ms));
                if at(offset) >= from || !self.meets(&mut page, &record) {
                    continue;
                }
                if let Some(event) = self.request.event(&record, at(offset)) {
                    dropped |= older.push(event);
                }
            }
            self.learn(segment, times);
            found.put_before(older);
            if dropped {
                page.has_more = true;
                break;
            }
        }
        page.events = found.events.into();
        if let (Some(first), true) = (page.events.first(), page.has_more) {
            page.before = first.position;
        }
        Ok(page)
    }

    /// Whether a line is of the chosen streams.
    fn meets(&self, page: &mut LogEventPage, record: &Record<'_>) -> bool {
        let meets = self.request.streams.contains(record.stream);
        page.met_stream |= meets;
        meets
    }

    fn open(&self, segment: &Segment) -> io::Result<Option<SegmentReader>> {
        // One that is gone in the meantime was the oldest, and has left nothing.
        SegmentReader::open(&self.shared.path(self.key, segment.number), segment.bytes)
    }

    fn learn(&self, segment: &Segment, times: Option<(u64, u64)>) {
        if let (None, Some(times)) = (segment.times, times) {
            self.shared.catalog().learn_times(self.key, *segment, times);
        }
    }
}

/// The newest of many lines, within a page's limits.
struct Newest {
    events: VecDeque<LogEvent>,
    bytes: usize,
    limit: usize,
}

impl Newest {
    /// Adds a line that is newer than all; says whether an older one had to go for it.
    fn push(&mut self, event: LogEvent) -> bool {
        self.bytes += event.bytes();
        self.events.push_back(event);
        let mut dropped = false;
        while self.events.len() > self.limit || (self.bytes > PAGE_BYTES_MAX && !self.events.is_empty()) {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.bytes();
            dropped = true;
        }
        dropped
    }

    /// What there is still room for.
    fn room(&self) -> Self {
        Self { events: VecDeque::new(), bytes: self.bytes, limit: self.limit - self.events.len() }
    }

    fn is_full(&self) -> bool {
        self.events.len() >= self.limit
    }

    fn put_before(&mut self, older: Self) {
        self.bytes = older.bytes;
        for event in older.events.into_iter().rev() {
            self.events.push_front(event);
        }
    }
}
