//! Lists the streams of a group: which there are is known only from the lines themselves.

use std::collections::HashMap;
use std::io;

use super::Shared;
use super::catalog::Segment;
use super::folder::GroupKey;
use super::segment::{SegmentReader, widened};
use crate::function::Region;

/// The most entries of a list: CloudWatch's 50.
pub const LOG_LIST_MAX: usize = 50;
/// Of a group with more streams than this only those are listed that were written to last.
const STREAMS_MAX: usize = 50_000;
/// Of a larger group only the streams in its newest lines are listed, in so many bytes of them.
const READ_BYTES_MAX: u64 = 256 << 20;

/// Which streams of a group are to be listed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListLogStreams {
    /// The region; the host's own, if none is given.
    pub region: Option<Region>,
    /// The log group.
    pub group: String,
    /// Only streams whose names begin so.
    pub prefix: String,
    /// In which order.
    pub order: LogStreamOrder,
    /// Whether the order is turned round.
    pub descending: bool,
    /// How many at most: not more than [`LOG_LIST_MAX`], whatever is given.
    pub limit: usize,
    /// The last stream of the list that this one goes on from.
    pub after: Option<LogStreamInfo>,
}

/// The order of a list of streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogStreamOrder {
    /// By name.
    #[default]
    Name,
    /// By the time of the last line, and by name if that is the same.
    LastEventTime,
}

/// A log stream: what one instance wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStreamInfo {
    /// Its name.
    pub name: String,
    /// The time of the oldest line that is kept, in milliseconds since 1970.
    pub first_event_ms: u64,
    /// The time of the newest line, in milliseconds since 1970.
    pub last_event_ms: u64,
}

impl ListLogStreams {
    /// The first streams of a group by name.
    pub fn new(group: impl Into<String>) -> Self {
        Self {
            region: None,
            group: group.into(),
            prefix: String::new(),
            order: LogStreamOrder::Name,
            descending: false,
            limit: LOG_LIST_MAX,
            after: None,
        }
    }
}

impl LogStreamInfo {
    /// What a list goes on from: a stream of that name whose last line was written then.
    pub fn mark(name: impl Into<String>, last_event_ms: u64) -> Self {
        Self { name: name.into(), first_event_ms: last_event_ms, last_event_ms }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogList<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
}

impl<T> LogList<T> {
    /// The first of these, as many as a list may have.
    pub(super) fn first_of(entries: impl IntoIterator<Item = T>, limit: usize) -> Self {
        let limit = limit.clamp(1, LOG_LIST_MAX);
        let mut entries = entries.into_iter();
        let first = entries.by_ref().take(limit).collect();
        Self { entries: first, has_more: entries.next().is_some() }
    }
}

/// The streams of a group that has these segments.
pub(super) fn list(
    shared: &Shared,
    key: &GroupKey,
    segments: &[Segment],
    request: &ListLogStreams,
) -> io::Result<LogList<LogStreamInfo>> {
    let mut times: HashMap<String, (u64, u64)> = HashMap::new();
    let mut read_bytes = 0;
    for segment in segments.iter().rev() {
        if read_bytes > READ_BYTES_MAX {
            break;
        }
        read_bytes += segment.bytes;
        let path = shared.path(key, segment.number);
        let Some(mut reader) = SegmentReader::open(&path, segment.bytes)? else { continue };
        while let Some((_, record)) = reader.next()? {
            if !record.stream.starts_with(&request.prefix) {
                continue;
            }
            if let Some(known) = times.get_mut(record.stream) {
                *known = widened(Some(*known), record.at_ms);
            } else if times.len() < STREAMS_MAX {
                times.insert(record.stream.to_owned(), (record.at_ms, record.at_ms));
            }
        }
    }
    let info =
        |(name, (first_event_ms, last_event_ms))| LogStreamInfo { name, first_event_ms, last_event_ms };
    let mut streams: Vec<LogStreamInfo> = times.into_iter().map(info).collect();
    let by_order = |a: &LogStreamInfo, b: &LogStreamInfo| {
        let by_name = a.name.cmp(&b.name);
        let ordering = match request.order {
            LogStreamOrder::Name => by_name,
            LogStreamOrder::LastEventTime => a.last_event_ms.cmp(&b.last_event_ms).then(by_name),
        };
        if request.descending { ordering.reverse() } else { ordering }
    };
    streams.sort_unstable_by(by_order);
    if let Some(after) = &request.after {
        streams.retain(|stream| by_order(stream, after).is_gt());
    }
    Ok(LogList::first_of(streams, request.limit))
}
