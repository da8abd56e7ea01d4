//! Zips written by hand, field by field, because no library writes those that lie.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// The general-purpose flag for names in UTF-8, as honest tools set it.
const UTF8: u16 = 1 << 11;

/// One entry, as both of its headers describe it; each field can be replaced by a lie.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name.
    pub name: Vec<u8>,
    /// The name in the entry's own header, if it is another one.
    pub local_name: Option<Vec<u8>>,
    /// The content, compressed.
    pub packed: Vec<u8>,
    /// How large the compressed content is said to be, if that is a lie.
    pub packed_size: Option<u32>,
    /// How large the content is said to be.
    pub size: u32,
    /// The checksum of the content.
    pub crc: u32,
    /// How it is compressed: 0 not at all, 8 with deflate.
    pub method: u16,
    /// The general-purpose flags.
    pub flags: u16,
    /// The Unix mode.
    pub mode: u32,
    /// The extra fields in the directory.
    pub extra: Vec<u8>,
    /// The extra fields in the entry's own header.
    pub local_extra: Vec<u8>,
    /// What stands behind the content, such as a data descriptor.
    pub behind: Vec<u8>,
    /// Where the entry is said to begin, if that is a lie.
    pub offset: Option<u32>,
    /// Whether only the directory knows the entry: no header and no content of it are written.
    pub is_listed_only: bool,
}

impl Entry {
    /// A file that is not compressed.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(content);
        Self {
            name: name.as_bytes().to_vec(),
            local_name: None,
            packed: content.to_vec(),
            packed_size: None,
            size: content.len() as u32,
            crc: crc.sum(),
            method: 0,
            flags: UTF8,
            mode: 0o100_644,
            extra: Vec::new(),
            local_extra: Vec::new(),
            behind: Vec::new(),
            offset: None,
            is_listed_only: false,
        }
    }

    /// A file compressed with deflate.
    pub fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).expect("memory takes it");
        let packed = encoder.finish().expect("memory takes it");
        Self { packed, method: 8, ..Self::stored(name, content) }
    }

    /// A folder.
    pub fn folder(name: &str) -> Self {
        Self { mode: 0o040_755, ..Self::stored(name, b"") }
    }

    fn write_local(&self, to: &mut Vec<u8>) {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        to.extend(b"PK\x03\x04\x14\0");
        self.write_common(to);
        to.extend((name.len() as u16).to_le_bytes());
        to.extend((self.local_extra.len() as u16).to_le_bytes());
        to.extend(name);
        to.extend(&self.local_extra);
        to.extend(&self.packed);
        to.extend(&self.behind);
    }

    fn write_central(&self, to: &mut Vec<u8>, offset: u32) {
        to.extend(b"PK\x01\x02\x14\x03\x14\0");
        self.write_common(to);
        to.extend((self.name.len() as u16).to_le_bytes());
        to.extend((self.extra.len() as u16).to_le_bytes());
        // No comment, the first disk, no attributes of its own.
        to.extend([0; 6]);
        to.extend((self.mode << 16).to_le_bytes());
        to.extend(self.offset.unwrap_or(offset).to_le_bytes());
        to.extend(&self.name);
        to.extend(&self.extra);
    }

    fn write_common(&self, to: &mut Vec<u8>) {
        to.extend(self.flags.to_le_bytes());
        to.extend(self.method.to_le_bytes());
        // Midnight of the first of January 1980.
        to.extend([0, 0, 0x21, 0]);
        to.extend(self.crc.to_le_bytes());
        to.extend(self.packed_size.unwrap_or(self.packed.len() as u32).to_le_bytes());
        to.extend(self.size.to_le_bytes());
    }
}

/// A whole zip; what its end says can be replaced by lies.
#[derive(Debug, Clone, Default)]
pub struct Zip {
    /// What stands before the first entry. The offsets count it in.
    pub before: Vec<u8>,
    /// The entries.
    pub entries: Vec<Entry>,
    /// How many entries there are said to be.
    pub count: Option<u16>,
    /// On which disk the zip is said to end.
    pub disk: u16,
    /// Where the directory is said to begin.
    pub directory_offset: Option<u32>,
    /// How large the directory is said to be.
    pub directory_bytes: Option<u32>,
    /// How many entries a zip64 record says there are, if there shall be one.
    pub count_64: Option<u64>,
    /// The comment at the end.
    pub comment: Vec<u8>,
    /// What stands behind the end.
    pub behind: Vec<u8>,
}

impl Zip {
    /// A zip of those entries without any lie.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { entries: entries.into_iter().collect(), ..Self::default() }
    }

    /// Its bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut zip = self.before.clone();
        let mut directory = Vec::new();
        for entry in &self.entries {
            entry.write_central(&mut directory, zip.len() as u32);
            if !entry.is_listed_only {
                entry.write_local(&mut zip);
            }
        }
        let (offset, bytes) = (zip.len(), directory.len());
        zip.extend(directory);
        if let Some(count) = self.count_64 {
            write_end_64(&mut zip, count, bytes as u64, offset as u64);
        }
        let count = self.count.unwrap_or(self.entries.len() as u16);
        zip.extend(b"PK\x05\x06");
        zip.extend([self.disk.to_le_bytes(), [0; 2], count.to_le_bytes(), count.to_le_bytes()].concat());
        zip.extend(self.directory_bytes.unwrap_or(bytes as u32).to_le_bytes());
        zip.extend(self.directory_offset.unwrap_or(offset as u32).to_le_bytes());
        zip.extend((self.comment.len() as u16).to_le_bytes());
        zip.extend(&self.comment);
        zip.extend(&self.behind);
        zip
    }
}

/// Writes the wide record of the end and the record that says where it is.
fn write_end_64(zip: &mut Vec<u8>, count: u64, bytes: u64, offset: u64) {
    let place = zip.len() as u64;
    zip.extend(b"PK\x06\x06");
    zip.extend(44_u64.to_le_bytes());
    zip.extend([45, 3, 45, 0]);
    // Twice disk 0.
    zip.extend([0; 8]);
    zip.extend([count, count, bytes, offset].map(u64::to_le_bytes).concat());
    zip.extend(b"PK\x06\x07\0\0\0\0");
    zip.extend(place.to_le_bytes());
    zip.extend(1_u32.to_le_bytes());
}
