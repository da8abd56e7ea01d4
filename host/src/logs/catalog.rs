//! Which segments there are, and which of them go when there is no room.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::folder::{self, GroupKey};
use super::segment::SegmentReader;
use super::settings::LogSettings;

/// What a file takes on disk is counted in blocks of this size.
const BLOCK_BYTES: u64 = 4096;
/// When the files of all groups take too much, as much goes that this part of the limit is free: looking for the oldest of
/// all takes a look at each.
const FREED_PART: u64 = 16;

/// All groups and their segments, as they are on disk.
#[derive(Debug)]
pub(super) struct Catalog {
    folder: PathBuf,
    groups: BTreeMap<GroupKey, Group>,
    disk_bytes: u64,
}

/// A group, which has a segment at least.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) created_ms: u64,
    pub(super) bytes: u64,
    segments: VecDeque<Segment>,
}

/// A segment of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// Rises within a group, and is never used again.
    pub(super) number: u64,
    /// How much of it is written; nobody reads beyond.
    pub(super) bytes: u64,
    pub(super) written_ms: u64,
    /// The times of its earliest and latest line, once they are known.
    pub(super) times: Option<(u64, u64)>,
    /// Whether it is known to end with a whole record: one that an earlier process has left is not.
    pub(super) is_whole: bool,
}

impl Catalog {
    /// Looks at what there is.
    pub(super) fn load(folder: &Path) -> io::Result<Self> {
        folder::make(folder)?;
        let mut catalog = Self { folder: folder.to_owned(), groups: BTreeMap::new(), disk_bytes: 0 };
        for region in folders(folder)? {
            for group in folders(&region)? {
                catalog.load_group(&region, &group)?;
            }
        }
        Ok(catalog)
    }

    fn load_group(&mut self, region: &Path, folder: &Path) -> io::Result<()> {
        let Some(region) = region.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
        let mut segments = Vec::new();
        let mut group: Option<(GroupKey, u64)> = None;
        let mut foreign = 0;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(number) = folder::segment_number(&path) else { continue };
            let metadata = std::fs::metadata(&path)?;
            let Some(reader) = SegmentReader::open(&path, metadata.len())? else {
                // It was begun, and its process was killed: nothing was ever read of it.
                std::fs::remove_file(&path)?;
                continue;
            };
            let header = reader.header();
            let key = GroupKey { region: region.to_owned(), name: header.group.clone() };
            if key.folder(&self.folder) != folder {
                foreign += 1;
                continue;
            }
            let (_, created_ms) = group.get_or_insert((key, header.created_ms));
            *created_ms = header.created_ms.min(*created_ms);
            let written = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            segments.push(Segment {
                number,
                bytes: metadata.len(),
                written_ms: written.map_or(0, |since| since.as_millis() as u64),
                times: None,
                is_whole: false,
            });
        }
        if foreign > 0 {
            let folder = folder.display();
            tracing::warn!(
                files = foreign,
                "log files in {folder} are of groups that lie elsewhere; they stay as they are"
            );
        }
        let Some((key, created_ms)) = group else { return Ok(()) };
        segments.sort_unstable_by_key(|segment| segment.number);
        let bytes = segments.iter().map(|segment| segment.bytes).sum();
        self.disk_bytes += segments.iter().map(|segment| disk_bytes(segment.bytes)).sum::<u64>();
        self.groups.insert(key, Group { created_ms, bytes, segments: segments.into() });
        Ok(())
    }

    /// The file of a segment.
    pub(super) fn path(&self, key: &GroupKey, number: u64) -> PathBuf {
        folder::segment_path(&key.folder(&self.folder), number)
    }

    /// The segments of a group, from the oldest to the youngest.
    pub(super) fn segments(&self, key: &GroupKey) -> Option<Vec<Segment>> {
        Some(self.groups.get(key)?.segments.iter().copied().collect())
    }

    /// The youngest segment of a group.
    pub(super) fn last(&self, key: &GroupKey) -> Option<Segment> {
        self.groups.get(key)?.segments.back().copied()
    }

    /// The groups of a region in the order of their names, from the first that comes after that name.
    pub(super) fn groups(&self, region: &str, after: Option<&str>) -> impl Iterator<Item = (&str, &Group)> {
        let key = |name: &str| GroupKey { region: region.to_owned(), name: name.to_owned() };
        let begin = match after {
            None => std::ops::Bound::Included(key("")),
            Some(name) => std::ops::Bound::Excluded(key(name)),
        };
        let groups = self.groups.range((begin, std::ops::Bound::Unbounded));
        let region = region.to_owned();
        groups.take_while(move |(key, _)| key.region == region).map(|(key, group)| (key.name.as_str(), group))
    }

    /// Adds a segment, as it is on disk.
    pub(super) fn add(&mut self, key: &GroupKey, segment: Segment) {
        let group = self.groups.entry(key.clone()).or_insert_with(|| Group {
            created_ms: segment.written_ms,
            bytes: 0,
            segments: VecDeque::new(),
        });
        group.bytes += segment.bytes;
        self.disk_bytes += disk_bytes(segment.bytes);
        group.segments.push_back(segment);
    }

    /// Takes note of what the youngest segment of a group has become.
    pub(super) fn update_last(&mut self, key: &GroupKey, change: impl FnOnce(&mut Segment)) {
        let Some(group) = self.groups.get_mut(key) else { return };
        let Some(segment) = group.segments.back_mut() else { return };
        let before = segment.bytes;
        change(segment);
        group.bytes = group.bytes - before + segment.bytes;
        self.disk_bytes = self.disk_bytes - disk_bytes(before) + disk_bytes(segment.bytes);
    }

    /// Takes note of the times in a segment, if it is still as it was when somebody read it.
    pub(super) fn learn_times(&mut self, key: &GroupKey, read: Segment, times: (u64, u64)) {
        let group = self.groups.get_mut(key);
        let segment = group.and_then(|group| group.segments.iter_mut().find(|it| it.number == read.number));
        if let Some(segment) = segment.filter(|segment| segment.bytes == read.bytes) {
            segment.times = Some(times);
        }
    }

    /// Lets the oldest segments of a group go until it has room for another one.
    pub(super) fn make_room(&mut self, key: &GroupKey, settings: &LogSettings) {
        while let Some(group) = self.groups.get(key)
            && group.bytes + settings.segment_bytes_max() > settings.group_bytes_max()
        {
            self.remove_first(key);
        }
    }

    /// Lets the oldest segments of all groups go, if all together are over the limit; gives back whose.
    pub(super) fn trim_all(&mut self, settings: &LogSettings) -> Vec<GroupKey> {
        if self.disk_bytes <= settings.bytes_max {
            return Vec::new();
        }
        let all = self.groups.iter().flat_map(|(key, group)| {
            group.segments.iter().map(move |segment| (segment.written_ms, segment.number, key))
        });
        let mut all: Vec<(u64, u64, GroupKey)> =
            all.map(|(written_ms, number, key)| (written_ms, number, key.clone())).collect();
        all.sort_unstable();
        let goal = settings.bytes_max - settings.bytes_max / FREED_PART;
        let mut trimmed = Vec::new();
        for (_, _, key) in all {
            if self.disk_bytes <= goal {
                break;
            }
            // The oldest of all is the first of its group, unless the clock was set back.
            self.remove_first(&key);
            trimmed.push(key);
        }
        trimmed
    }

    fn remove_first(&mut self, key: &GroupKey) {
        let Some(group) = self.groups.get_mut(key) else { return };
        let Some(segment) = group.segments.pop_front() else { return };
        group.bytes -= segment.bytes;
        self.disk_bytes -= disk_bytes(segment.bytes);
        let is_empty = group.segments.is_empty();
        let path = self.path(key, segment.number);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("log lines that should go stay on disk, in {}: {error}", path.display());
        }
        if is_empty {
            self.groups.remove(key);
            // If something else lies there, it stays.
            let _ = std::fs::remove_dir(key.folder(&self.folder));
        }
    }
}

fn disk_bytes(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES)
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
