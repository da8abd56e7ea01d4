//! The one thread that writes: takes lines from the queue and appends them to the segments of their groups.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::catalog::{Catalog, Segment};
use super::folder::{self, GroupKey};
use super::hold_off::HoldOff;
use super::record::{Header, Record};
use super::segment::{self, Whole};
use super::settings::LogSettings;
use crate::telemetry::{Batch, LogQueue, LogSource};
use crate::timestamp;

/// How long the writer waits for more lines when one has come: what is written together costs less.
const MOMENT: Duration = Duration::from_millis(20);
/// How many segments are open at a time; the one that was written to longest ago is closed for another.
const OPEN_SEGMENTS_MAX: usize = 64;

/// Writes lines until the queue is closed.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<LogQueue>,
    catalog: Arc<Mutex<Catalog>>,
    settings: LogSettings,
    open: HashMap<GroupKey, OpenSegment>,
    hold_off: HoldOff,
    /// Rises with every use of a segment.
    clock: u64,
}

/// The youngest segment of a group, and what is to be appended to it.
#[derive(Debug)]
struct OpenSegment {
    file: File,
    number: u64,
    /// How much of it is written.
    bytes: u64,
    pending: Vec<u8>,
    pending_lines: u64,
    times: Option<(u64, u64)>,
    used: u64,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

impl Writer {
    pub(super) fn new(queue: Arc<LogQueue>, catalog: Arc<Mutex<Catalog>>, settings: LogSettings) -> Self {
        Self { queue, catalog, settings, open: HashMap::new(), hold_off: HoldOff::default(), clock: 0 }
    }

    pub(super) fn run(mut self) {
        while let Some(batch) = self.queue.take(MOMENT) {
            self.write(&batch);
            self.queue.kept(batch);
        }
    }

    fn write(&mut self, batch: &Batch) {
        let mut last: Option<(&Arc<LogSource>, GroupKey)> = None;
        for line in batch.lines() {
            // One instance's lines come together, mostly.
            let key = match last {
                Some((source, key)) if Arc::ptr_eq(source, line.source) => key,
                _ => group_of(line.source),
            };
            match line.lost {
                0 => self.append(&key, &line.into()),
                count => self.append(&key, &Record { text: lost(count).as_bytes(), ..line.into() }),
            }
            last = Some((line.source, key));
        }
        let lost_elsewhere = batch.lost_elsewhere();
        if lost_elsewhere > 0 {
            tracing::warn!(lines = lost_elsewhere, "log lines of very many instances were lost");
        }
        let used: Vec<GroupKey> = self
            .open
            .iter()
            .filter(|(_, segment)| !segment.pending.is_empty())
            .map(|(key, _)| key.clone())
            .collect();
        for key in used {
            self.flush(&key);
        }
        if let Some((lines, reason)) = self.hold_off.told(timestamp::now_ms()) {
            tracing::warn!(lines, "log lines were lost: {reason}");
        }
        self.trim();
    }

    fn append(&mut self, key: &GroupKey, record: &Record<'_>) {
        if self.hold_off.holds(key, timestamp::now_ms()) {
            self.hold_off.lose(1);
            self.queue.counters().not_written(1);
            return;
        }
        if let Err(error) = self.ready(key, record.bytes()) {
            self.hold_off.fail(key, 1, &error, timestamp::now_ms());
            self.queue.counters().not_written(1);
            return;
        }
        self.clock += 1;
        let Some(segment) = self.open.get_mut(key) else { return };
        segment.used = self.clock;
        record.encode(&mut segment.pending);
        segment.pending_lines += 1;
        segment.times = Some(segment::widened(segment.times, record.at_ms));
    }

    /// Sees to it that the group's youngest segment is open, and has room for so many bytes. A line that is larger than a
    /// segment has one of its own.
    fn ready(&mut self, key: &GroupKey, bytes: u64) -> io::Result<()> {
        let segment_bytes_max = self.settings.segment_bytes_max();
        match self.open.get(key) {
            Some(open)
                if open.times.is_none()
                    || open.bytes + open.pending.len() as u64 + bytes <= segment_bytes_max =>
            {
                return Ok(());
            }
            Some(_) => {
                self.flush(key);
                self.open.remove(key);
            }
            None => {}
        }
        if self.open.len() >= OPEN_SEGMENTS_MAX {
            let oldest = self.open.iter().min_by_key(|(_, segment)| segment.used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.flush(&oldest);
                self.open.remove(&oldest);
            }
        }
        let last = self.catalog().last(key);
        let opened = match last {
            Some(last) if last.bytes + bytes <= segment_bytes_max => {
                // What somebody has damaged or taken away stays as it is, and another follows it.
                self.reopen(key, last).or_else(|_| self.begin(key, Some(last)))?
            }
            last => self.begin(key, last)?,
        };
        self.open.insert(key.clone(), opened);
        Ok(())
    }

    fn begin(&self, key: &GroupKey, last: Option<Segment>) -> io::Result<OpenSegment> {
        let now = timestamp::now_ms();
        // Later than all before it, also of a group that was gone in the meantime: nobody's place in a group means another.
        let number = last.map_or(now, |last| now.max(last.number + 1));
        self.catalog().make_room(key, &self.settings);
        let path = self.catalog().path(key, number);
        if let Some(parent) = path.parent() {
            folder::make(parent)?;
        }
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        let header = Header { created_ms: now, group: key.name.clone() }.encode();
        let file = with_header(file, &path, &header)?;
        let bytes = header.len() as u64;
        self.catalog().add(key, Segment { number, bytes, written_ms: now, times: None, is_whole: true });
        Ok(OpenSegment::new(file, number, bytes, None))
    }

    fn reopen(&self, key: &GroupKey, last: Segment) -> io::Result<OpenSegment> {
        let path = self.catalog().path(key, last.number);
        let Whole { bytes, times } = match last.is_whole {
            true => Whole { bytes: last.bytes, times: last.times },
            false => segment::whole(&path, last.bytes)?.ok_or(io::ErrorKind::InvalidData)?,
        };
        let file = OpenOptions::new().append(true).open(&path)?;
        file.set_len(bytes)?;
        self.catalog()
            .update_last(key, |segment| *segment = Segment { bytes, times, is_whole: true, ..last });
        Ok(OpenSegment::new(file, last.number, bytes, times))
    }

    /// Writes what is to be appended to the group's open segment, and then lets it be read.
    fn flush(&mut self, key: &GroupKey) {
        let Some(segment) = self.open.get_mut(key) else { return };
        if segment.pending.is_empty() {
            return;
        }
        let written = segment.file.write_all(&segment.pending);
        if let Err(error) = written {
            self.hold_off.fail(key, segment.pending_lines, &error, timestamp::now_ms());
            self.queue.counters().not_written(segment.pending_lines);
            // What was written of them is cut off when the segment is opened again.
            self.open.remove(key);
            return;
        }
        segment.bytes += segment.pending.len() as u64;
        segment.pending.clear();
        segment.pending_lines = 0;
        let (number, bytes, times) = (segment.number, segment.bytes, segment.times);
        let mut catalog = self.catalog();
        catalog.update_last(key, |segment| {
            debug_assert_eq!(segment.number, number, "only the youngest segment is open");
            (segment.bytes, segment.written_ms) = (bytes, timestamp::now_ms());
            segment.times = times;
        });
    }

    fn trim(&mut self) {
        let trimmed = self.catalog().trim_all(&self.settings);
        for key in trimmed {
            let last = self.catalog().last(&key).map(|last| last.number);
            if self.open.get(&key).is_some_and(|open| last != Some(open.number)) {
                self.open.remove(&key);
            }
        }
    }

    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        // The catalog is whole after every statement, so a panic elsewhere leaves it usable.
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenSegment {
    fn new(file: File, number: u64, bytes: u64, times: Option<(u64, u64)>) -> Self {
        Self { file, number, bytes, pending: Vec::new(), pending_lines: 0, times, used: 0 }
    }
}

/// Writes the header of a new file. A file without one would be in no catalog, so it does not stay.
fn with_header<W: Write>(mut file: W, path: &Path, header: &[u8]) -> io::Result<W> {
    if let Err(error) = file.write_all(header) {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!("an empty log file stays on disk, {}: {error}", path.display());
        }
        return Err(error);
    }
    Ok(file)
}

fn lost(count: u64) -> String {
    format!("({count} log lines were lost here: they came faster than they could be written)")
}

fn group_of(source: &LogSource) -> GroupKey {
    GroupKey { region: source.region.clone(), name: source.group.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a full disk the file could be made and its header not be written, so each further line left an empty file behind.
    #[test]
    fn a_file_whose_header_cannot_be_written_does_not_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("segment");
        for room in [0, 3] {
            std::fs::write(&path, "").expect("it is written");
            assert!(with_header(&mut vec![0; room][..], &path, b"header").is_err());
            assert!(!path.exists(), "with room for {room} bytes");
        }
        std::fs::write(&path, "").expect("it is written");
        assert!(with_header(&mut [0; 6][..], &path, b"header").is_ok());
        assert!(path.exists());
    }
}
