//! How much of functions' logs is kept.

/// How much of functions' logs is kept, in the data folder: the oldest lines go first.
///
/// ```no_run
/// # async fn example() -> Result<(), samovar::StartError> {
/// let mut logs = samovar::LogSettings::default();
/// logs.bytes_max = 512 << 20;
/// let host = samovar::Host::builder().data_dir("/var/lib/samovar").logs(logs).start().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogSettings {
    /// The bytes that a group's files may have together, but for a line that is longer than an eighth of it. Default: 64 MiB,
    /// at least 256 KiB.
    pub group_bytes_max: u64,
    /// The bytes that all files may take on disk together, but for what is being written. Default: 4 GiB.
    pub bytes_max: u64,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { group_bytes_max: 64 << 20, bytes_max: 4 << 30 }
    }
}

/// The least that a group may be given.
const GROUP_BYTES_MIN: u64 = 256 << 10;
/// Of how many segments a full group consists, at least: so much of it goes at a time.
const SEGMENTS_PER_GROUP: u64 = 8;
/// The largest segment. A request may have to read one to its end.
const SEGMENT_BYTES_MAX: u64 = 8 << 20;

impl LogSettings {
    pub(super) fn group_bytes_max(&self) -> u64 {
        self.group_bytes_max.max(GROUP_BYTES_MIN)
    }

    /// The size at which a segment is followed by another.
    pub(super) fn segment_bytes_max(&self) -> u64 {
        (self.group_bytes_max() / SEGMENTS_PER_GROUP).min(SEGMENT_BYTES_MAX)
    }
}
