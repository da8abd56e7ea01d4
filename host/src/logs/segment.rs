//! The records of one file.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

use super::record::{HEADER_BYTES_MAX, Header, RECORD_HEAD_BYTES, Record, RecordHead};

/// How much is read at a time.
const READ_BYTES: usize = 64 << 10;

/// The records of a segment, from its first, up to what was written when the reader was made.
#[derive(Debug)]
pub(super) struct SegmentReader {
    input: BufReader<io::Take<File>>,
    header: Header,
    /// Where the next record begins.
    offset: u64,
    body: Vec<u8>,
}

impl SegmentReader {
    /// Opens a segment, of which so many bytes are written. None, if it is gone or is no segment.
    pub(super) fn open(path: &Path, bytes: u64) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut beginning = Vec::new();
        (&file).take(bytes.min(HEADER_BYTES_MAX as u64)).read_to_end(&mut beginning)?;
        let Some((header, length)) = Header::decode(&beginning) else { return Ok(None) };
        let mut file = file;
        io::Seek::seek(&mut file, io::SeekFrom::Start(length as u64))?;
        let input = BufReader::with_capacity(READ_BYTES, file.take(bytes.saturating_sub(length as u64)));
        Ok(Some(Self { input, header, offset: length as u64, body: Vec::new() }))
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Where the next record begins; after the last one, where the next would.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record and where it begins. None at the end, or at what is not whole: the last record of a process that was
    /// killed while it wrote.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Record<'_>)>> {
        let mut head = [0; RECORD_HEAD_BYTES];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let Some(head) = RecordHead::decode(head) else { return Ok(None) };
        let mut body = std::mem::take(&mut self.body);
        body.resize(head.body_bytes, 0);
        let filled = self.fill(&mut body);
        self.body = body;
        if !filled? {
            return Ok(None);
        }
        let Some(record) = head.record(&self.body) else { return Ok(None) };
        let begin = self.offset;
        self.offset += (RECORD_HEAD_BYTES + head.body_bytes) as u64;
        Ok(Some((begin, record)))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        match self.input.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The part of a segment that is whole records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    /// Where the last of them ends.
    pub(super) bytes: u64,
    /// The times of the earliest and the latest; none, if there are no records.
    pub(super) times: Option<(u64, u64)>,
}

/// Reads a segment to the end of its last whole record; none, if it is gone or is no segment.
pub(super) fn whole(path: &Path, bytes: u64) -> io::Result<Option<Whole>> {
    let Some(mut reader) = SegmentReader::open(path, bytes)? else { return Ok(None) };
    let mut times = None;
    while let Some((_, record)) = reader.next()? {
        times = Some(widened(times, record.at_ms));
    }
    Ok(Some(Whole { bytes: reader.offset(), times }))
}

/// The earliest and latest time, with one more.
pub(super) fn widened(times: Option<(u64, u64)>, at_ms: u64) -> (u64, u64) {
    let (first, last) = times.unwrap_or((at_ms, at_ms));
    (first.min(at_ms), last.max(at_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(folder: &Path, texts: &[&str]) -> (std::path::PathBuf, Vec<u8>) {
        let mut bytes = Header { created_ms: 1, group: "g".to_owned() }.encode();
        for text in texts {
            Record { at_ms: 1, stream: "s", request_id: "", text: text.as_bytes() }.encode(&mut bytes);
        }
        let path = folder.join("segment");
        std::fs::write(&path, &bytes).expect("it is written");
        (path, bytes)
    }

    fn texts(path: &Path, bytes: u64) -> Vec<String> {
        let mut reader = SegmentReader::open(path, bytes).expect("it is read").expect("a segment");
        let mut texts = Vec::new();
        while let Some((_, record)) = reader.next().expect("it is read") {
            texts.push(String::from_utf8_lossy(record.text).into_owned());
        }
        texts
    }

    #[test]
    fn a_torn_last_record_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, bytes) = segment(folder.path(), &["one", "two", "three"]);
        let all = bytes.len() as u64;
        assert_eq!(texts(&path, all), ["one", "two", "three"]);
        for cut in 1..15 {
            std::fs::write(&path, &bytes[..bytes.len() - cut]).expect("it is written");
            assert_eq!(texts(&path, all), ["one", "two"], "without {cut} bytes");
        }
        let mut zeroed = bytes.clone();
        let length = zeroed.len();
        zeroed[length - 10..].fill(0);
        std::fs::write(&path, &zeroed).expect("it is written");
        let whole = whole(&path, all).expect("it is read").expect("a segment");
        assert_eq!(
            (texts(&path, whole.bytes), whole.times),
            (vec!["one".to_owned(), "two".to_owned()], Some((1, 1)))
        );
    }

    #[test]
    fn nothing_is_read_beyond_what_is_said_to_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, _) = segment(folder.path(), &["one", "two"]);
        let (_, all) = segment(folder.path(), &["one"]);
        let (path_again, _) = segment(folder.path(), &["one", "two"]);
        assert_eq!(path, path_again);
        assert_eq!(texts(&path, all.len() as u64), ["one"]);
    }

    #[test]
    fn what_is_gone_or_is_no_segment_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("segment");
        assert!(SegmentReader::open(&path, 100).expect("no failure").is_none());
        std::fs::write(&path, "notes").expect("it is written");
        assert!(SegmentReader::open(&path, 5).expect("no failure").is_none());
    }
}
