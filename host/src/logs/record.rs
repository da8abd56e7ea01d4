//! How a line lies in a segment.
//!
//! A segment begins with a header: the format's name, when it was begun, and the name of its group. Records follow: the length
//! of what comes, its CRC-32, and then the time, the stream, the request and the text. What is cut off in the middle, or was
//! written over, fails its check.

use flate2::Crc;

use crate::telemetry::{KEPT_LINE_BYTES_MAX, KeptLine};

const FORMAT: &[u8; 16] = b"samovar log 1\n\0\0";
const HEADER_BYTES_MIN: usize = FORMAT.len() + 8 + 2;
/// The most bytes a header has.
pub(super) const HEADER_BYTES_MAX: usize = HEADER_BYTES_MIN + NAME_BYTES_MAX;
/// The longest name of a group.
const NAME_BYTES_MAX: usize = 512;
/// The length and the check.
pub(super) const RECORD_HEAD_BYTES: usize = 8;
/// The most bytes that follow a record's head.
pub(super) const RECORD_BODY_BYTES_MAX: usize = KEPT_LINE_BYTES_MAX + 8 + 2 * (1 + 255);

/// What a segment begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) created_ms: u64,
    pub(super) group: String,
}

/// A line as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) at_ms: u64,
    pub(super) stream: &'a str,
    /// Empty, if the line belongs to none.
    pub(super) request_id: &'a str,
    pub(super) text: &'a [u8],
}

/// A record's head.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordHead {
    pub(super) body_bytes: usize,
    crc: u32,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let name = &self.group.as_bytes()[..self.group.len().min(NAME_BYTES_MAX)];
        let mut bytes = FORMAT.to_vec();
        bytes.extend_from_slice(&self.created_ms.to_le_bytes());
        bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
        bytes.extend_from_slice(name);
        bytes
    }

    /// Reads a header from the beginning of a file, and says how long it is.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let (format, rest) = bytes.split_at_checked(FORMAT.len())?;
        let (created_ms, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length));
        let group = std::str::from_utf8(rest.get(..length)?).ok()?.to_owned();
        let header = Self { created_ms: u64::from_le_bytes(*created_ms), group };
        (format == FORMAT).then_some((header, HEADER_BYTES_MIN + length))
    }
}

impl Record<'_> {
    /// How many bytes the record has in a segment, head and all.
    pub(super) fn bytes(&self) -> u64 {
        let names = [self.stream, self.request_id].map(|name| 1 + name.floor_char_boundary(255));
        (RECORD_HEAD_BYTES + 8 + names[0] + names[1] + self.text.len()) as u64
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; RECORD_HEAD_BYTES]);
        bytes.extend_from_slice(&self.at_ms.to_le_bytes());
        for name in [self.stream, self.request_id] {
            let name = &name[..name.floor_char_boundary(255)];
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes.extend_from_slice(self.text);
        let (head, body) = bytes[start..].split_at_mut(RECORD_HEAD_BYTES);
        head[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&crc(body).to_le_bytes());
    }
}

impl<'a> From<KeptLine<'a>> for Record<'a> {
    fn from(line: KeptLine<'a>) -> Self {
        let request_id = line.request_id.unwrap_or_default();
        Self { at_ms: line.at_ms, stream: &line.source.stream, request_id, text: line.text }
    }
}

impl RecordHead {
    /// The head of a record; none, if no record has such a head.
    pub(super) fn decode(bytes: [u8; RECORD_HEAD_BYTES]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h] = bytes;
        let (body_bytes, crc) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]));
        (body_bytes <= RECORD_BODY_BYTES_MAX).then_some(Self { body_bytes, crc })
    }

    /// The record with that head and body; none, if they were not written together.
    pub(super) fn record(self, body: &[u8]) -> Option<Record<'_>> {
        if body.len() != self.body_bytes || crc(body) != self.crc {
            return None;
        }
        let (at_ms, rest) = body.split_first_chunk()?;
        let (stream, rest) = name(rest)?;
        let (request_id, text) = name(rest)?;
        Some(Record { at_ms: u64::from_le_bytes(*at_ms), stream, request_id, text })
    }
}

fn name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(length.into())?;
    Some((std::str::from_utf8(name).ok()?, rest))
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Option<Record<'_>> {
        let (head, body) = bytes.split_first_chunk()?;
        RecordHead::decode(*head)?.record(body)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = Record { at_ms: 7, stream: "s", request_id: "", text: b"\x1b[31m\xff\n" };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        assert_eq!((decoded(&bytes), record.bytes()), (Some(record), bytes.len() as u64));
        let long = Record { stream: &"é".repeat(200), ..record };
        bytes.clear();
        long.encode(&mut bytes);
        assert_eq!(decoded(&bytes).expect("a record").stream, "é".repeat(127));
        assert_eq!(long.bytes(), bytes.len() as u64);
    }

    #[test]
    fn no_byte_of_a_record_can_change_or_be_absent() {
        let mut bytes = Vec::new();
        Record { at_ms: 7, stream: "stream", request_id: "id", text: b"text" }.encode(&mut bytes);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(decoded(&changed), None, "byte {at}");
            assert_eq!(decoded(&bytes[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn a_header_says_what_the_segment_is_of() {
        let header = Header { created_ms: 7, group: "/aws/lambda/f".to_owned() };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Some((header, bytes.len())));
        assert_eq!(Header::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Header::decode(b"something else altogether, and long"), None);
        assert_eq!(Header::decode(b""), None);
    }
}
