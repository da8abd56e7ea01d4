//! The content of one entry, unpacked and held against what the directory says of it.

use bytes::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::directory::{Compression, Entry};
use super::{PackageError, shown};

/// How much is unpacked at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// The bytes of a file. Whatever the entry declares, no more memory is taken than was really unpacked.
pub(super) fn unpacked(entry: &Entry<'_>) -> Result<Bytes, PackageError> {
    let mut content = Content { entry, bytes: Vec::new(), crc: Crc::new() };
    match entry.compression {
        Compression::Stored => content.push(entry.packed)?,
        Compression::Deflate => inflate(entry, |chunk| content.push(chunk))?,
    }
    content.finish()
}

fn inflate(
    entry: &Entry<'_>,
    mut push: impl FnMut(&[u8]) -> Result<(), PackageError>,
) -> Result<(), PackageError> {
    let mut stream = Decompress::new(false);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let (read, written) = (stream.total_in(), stream.total_out());
        let rest = &entry.packed[read as usize..];
        let status = stream
            .decompress(rest, &mut chunk, FlushDecompress::None)
            .map_err(|_| damaged(entry, "it is not deflate data"))?;
        push(&chunk[..(stream.total_out() - written) as usize])?;
        let moved = stream.total_in() > read || stream.total_out() > written;
        match status {
            Status::StreamEnd if stream.total_in() == entry.packed.len() as u64 => return Ok(()),
            Status::StreamEnd => return Err(damaged(entry, "its data goes on after its end")),
            Status::Ok | Status::BufError if moved => {}
            Status::Ok | Status::BufError => return Err(damaged(entry, "its data is cut off")),
        }
    }
}

struct Content<'a> {
    entry: &'a Entry<'a>,
    bytes: Vec<u8>,
    crc: Crc,
}

impl Content<'_> {
    fn push(&mut self, chunk: &[u8]) -> Result<(), PackageError> {
        if (self.bytes.len() + chunk.len()) as u64 > self.entry.size_bytes {
            return Err(damaged(self.entry, "it is larger than the zip says"));
        }
        self.crc.update(chunk);
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Bytes, PackageError> {
        if (self.bytes.len() as u64) < self.entry.size_bytes {
            return Err(damaged(self.entry, "it is smaller than the zip says"));
        }
        if self.crc.sum() != self.entry.crc {
            return Err(damaged(self.entry, "its checksum does not match"));
        }
        // Without the room that it grew into: files may stay in memory for long.
        Ok(self.bytes.into_boxed_slice().into())
    }
}

fn damaged(entry: &Entry<'_>, reason: &str) -> PackageError {
    PackageError::Content { name: shown(entry.name), reason: reason.to_owned() }
}
