//! The directory of a zip, read so strictly that there is only one way to read it.
//!
//! Programs that read zips disagree: some go by the directory at the end, some by the headers of the entries, some look
//! for either anywhere in the file. So here both must say the same, every byte must belong to exactly one entry or to
//! the directory, and the directory must end where the file does. That leaves no room for entries that overlap, for
//! hidden ones and for a second file in front of or behind the zip.

use std::ops::Range;

use super::records::{
    CentralHeader, END_64_LOCATOR_BYTES, END_BYTES, END_SIGNATURE, EndRecord, EndRecord64, Fields,
    LocalHeader, Locator,
};
use super::{ENTRIES_MAX, PackageError, shown};

/// The most bytes of the comment at the end of a zip.
const COMMENT_BYTES_MAX: usize = 0xffff;
/// The most bytes of the data descriptor that may stand behind the data of an entry.
const DESCRIPTOR_BYTES_MAX: usize = 24;

/// Bits of the flags: encrypted; strongly encrypted; encrypted with headers that are masked.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Bit of the flags: the sizes come behind the data.
const DESCRIPTOR: u16 = 1 << 3;
/// Bit of the flags: the data is a patch.
const PATCH: u16 = 1 << 5;

/// The type of a file in its Unix mode.
const TYPE_BITS: u32 = 0o170_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_FOLDER: u32 = 0o040_000;

/// One entry.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) compression: Compression,
    /// The content as it is in the zip.
    pub(super) packed: &'a [u8],
    /// How many bytes the content should have, unpacked.
    pub(super) size_bytes: u64,
    /// The checksum that the content should have, unpacked.
    pub(super) crc: u32,
    /// Where header and content are.
    place: Range<usize>,
    /// Whether a data descriptor stands behind the content.
    has_descriptor: bool,
}

/// The ways of compression that are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Compression {
    Stored,
    Deflate,
}

impl Entry<'_> {
    pub(super) fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    /// The name, without the slash at the end of a folder's.
    pub(super) fn path(&self) -> &str {
        self.name.strip_suffix('/').unwrap_or(self.name)
    }
}

/// All entries, in the order of the directory.
pub(super) fn entries(zip: &[u8]) -> Result<Vec<Entry<'_>>, PackageError> {
    let end = End::find(zip)?;
    if end.entries > ENTRIES_MAX {
        return Err(PackageError::Entries { entries: end.entries });
    }
    let mut directory = Fields(&zip[end.directory.clone()]);
    let mut entries = Vec::new();
    for _ in 0..end.entries {
        let header =
            CentralHeader::read(&mut directory).ok_or_else(|| damaged("its directory is damaged"))?;
        entries.push(entry(zip, &header)?);
    }
    if !directory.0.is_empty() {
        return Err(damaged("its directory is larger than its entries"));
    }
    check_places(&entries, end.directory.start)?;
    Ok(entries)
}

/// What the end of a zip says.
struct End {
    entries: u64,
    directory: Range<usize>,
}

impl End {
    fn find(zip: &[u8]) -> Result<Self, PackageError> {
        let tail = zip.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
        let found = zip[tail..].windows(4).rposition(|bytes| bytes == END_SIGNATURE.to_le_bytes());
        let at = tail + found.ok_or_else(|| damaged("it has no end; was it cut off?"))?;
        let end = EndRecord::read(&mut Fields(&zip[at..])).ok_or_else(|| damaged("its end is cut off"))?;
        if at + END_BYTES + usize::from(end.comment_bytes) != zip.len() {
            return Err(damaged("it is followed by other bytes, or its comment is cut off"));
        }
        let locator_at = at.saturating_sub(END_64_LOCATOR_BYTES);
        let locator = Locator::read(&mut Fields(&zip[locator_at..at]));
        let (end, directory_end) = match locator {
            None => (EndRecord64::of(&end), at),
            Some(locator) => {
                let place = usize::try_from(locator.offset).ok().filter(|place| *place <= locator_at);
                let place = place.ok_or_else(|| damaged("its zip64 end is not where it should be"))?;
                let wide = EndRecord64::read(Fields(&zip[place..locator_at]));
                let wide = wide.filter(|wide| wide.agrees_with(&end) && locator.disks <= 1);
                (wide.ok_or_else(|| damaged("its zip64 end contradicts its end"))?, place)
            }
        };
        if end.disk != 0 || end.directory_disk != 0 || end.entries_here != end.entries {
            return Err(damaged("it is one of several parts"));
        }
        if end.directory_offset.checked_add(end.directory_bytes) != Some(directory_end as u64) {
            return Err(damaged(
                "its directory is not where it should be; is there something in front of the zip?",
            ));
        }
        // It ends within the zip, so it begins there as well.
        Ok(Self { entries: end.entries, directory: end.directory_offset as usize..directory_end })
    }
}

/// The entry that a header in the directory and the entry's own header describe.
fn entry<'a>(zip: &'a [u8], header: &CentralHeader<'a>) -> Result<Entry<'a>, PackageError> {
    let name = std::str::from_utf8(header.name).map_err(|_| {
        let name = shown(&String::from_utf8_lossy(header.name));
        PackageError::Name { name, reason: "it is not UTF-8".to_owned() }
    })?;
    let compression = compression(name, header)?;
    check_kind(name, header)?;
    let damaged = |reason| PackageError::Content { name: shown(name), reason: String::from(reason) };
    let mut sizes = [header.size, header.packed, header.offset];
    header.extra.apply(&mut sizes).ok_or_else(|| damaged("its extra fields are damaged"))?;
    if header.extra.renames(header.name) {
        return Err(PackageError::Contradiction { name: shown(name), what: "names" });
    }
    let [size_bytes, packed_bytes, offset] = sizes;
    let outside = || damaged("it is not within the zip");
    let start = usize::try_from(offset).ok().filter(|start| *start < zip.len()).ok_or_else(outside)?;
    let mut fields = Fields(&zip[start..]);
    let local = LocalHeader::read(&mut fields).ok_or_else(|| damaged("its header is damaged"))?;
    check_same(name, header, &local, [size_bytes, packed_bytes])?;
    let packed =
        usize::try_from(packed_bytes).ok().and_then(|bytes| fields.bytes(bytes)).ok_or_else(outside)?;
    let place = start..zip.len() - fields.0.len();
    let has_descriptor = local.flags & DESCRIPTOR != 0;
    Ok(Entry { name, compression, packed, size_bytes, crc: header.crc, place, has_descriptor })
}

fn compression(name: &str, header: &CentralHeader<'_>) -> Result<Compression, PackageError> {
    if header.flags & ENCRYPTED != 0 || header.method == 99 {
        return Err(PackageError::Encrypted { name: shown(name) });
    }
    let method = match header.method {
        _ if header.flags & PATCH != 0 => "a patch",
        0 => return Ok(Compression::Stored),
        8 => return Ok(Compression::Deflate),
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        9 => "deflate64",
        12 => "bzip2",
        14 => "LZMA",
        93 => "zstd",
        95 => "xz",
        98 => "PPMd",
        other => {
            return Err(PackageError::Compression { name: shown(name), method: format!("method {other}") });
        }
    };
    Err(PackageError::Compression { name: shown(name), method: method.to_owned() })
}

/// Refuses what is neither file nor folder, or is one by its name and the other by its mode.
fn check_kind(name: &str, header: &CentralHeader<'_>) -> Result<(), PackageError> {
    let is_folder = name.ends_with('/');
    let kind = match (header.attributes >> 16) & TYPE_BITS {
        0 => return Ok(()),
        TYPE_FILE if !is_folder => return Ok(()),
        TYPE_FOLDER if is_folder => return Ok(()),
        TYPE_FILE | TYPE_FOLDER => return Err(PackageError::FileAndFolder { name: shown(name) }),
        0o120_000 => "a symbolic link",
        0o010_000 => "a pipe",
        0o140_000 => "a socket",
        0o020_000 | 0o060_000 => "a device",
        _ => "of no known kind",
    };
    Err(PackageError::Special { name: shown(name), kind })
}

/// Both headers must say the same; sizes and checksum may be left to the data descriptor.
fn check_same(
    name: &str,
    header: &CentralHeader<'_>,
    local: &LocalHeader<'_>,
    [size_bytes, packed_bytes]: [u64; 2],
) -> Result<(), PackageError> {
    let left_open = |value: u64| local.flags & DESCRIPTOR != 0 && value == 0;
    let mut sizes = [local.size, local.packed];
    let extra_is_good = local.extra.apply(&mut sizes).is_some();
    let what = match local {
        _ if local.name != header.name || local.extra.renames(local.name) => "names",
        _ if local.method != header.method => "ways of compression",
        _ if (local.flags ^ header.flags) & (ENCRYPTED | PATCH) != 0 => "flags",
        _ if !extra_is_good || sizes[0] != size_bytes && !left_open(sizes[0]) => "sizes",
        _ if sizes[1] != packed_bytes && !left_open(sizes[1]) => "sizes",
        _ if local.crc != header.crc && !left_open(local.crc.into()) => "checksums",
        _ => return Ok(()),
    };
    Err(PackageError::Contradiction { name: shown(name), what })
}

/// Every byte before the directory must belong to exactly one entry.
fn check_places(entries: &[Entry<'_>], directory_start: usize) -> Result<(), PackageError> {
    let mut sorted: Vec<&Entry<'_>> = entries.iter().collect();
    sorted.sort_unstable_by_key(|entry| entry.place.start);
    let starts: Vec<usize> = sorted.iter().map(|entry| entry.place.start).chain([directory_start]).collect();
    if starts[0] != 0 {
        return Err(damaged(&format!("the {} bytes before its first entry belong to none", starts[0])));
    }
    for (entry, next) in sorted.iter().zip(&starts[1..]) {
        let descriptor_bytes_max = if entry.has_descriptor { DESCRIPTOR_BYTES_MAX } else { 0 };
        match next.checked_sub(entry.place.end) {
            None => return Err(PackageError::Overlap { name: shown(entry.name) }),
            Some(gap) if gap > descriptor_bytes_max => {
                let name = shown(entry.name);
                return Err(damaged(&format!("the {gap} bytes behind {name:?} belong to no entry")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn damaged(reason: &str) -> PackageError {
    PackageError::Damaged { reason: reason.to_owned() }
}
