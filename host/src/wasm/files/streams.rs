//! Files as streams. They never wait: all is in memory.

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::volume::Handle;

/// The most bytes that are read at a time.
pub(super) const READ_BYTES_MAX: usize = 1 << 20;
/// The most bytes a stream takes at a time.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// Reads a file from a place on.
#[derive(Debug)]
pub(super) struct Reader {
    file: Handle,
    offset: u64,
}

/// Writes a file from a place on, or always at its end.
#[derive(Debug)]
pub(super) struct Writer {
    file: Handle,
    place: Place,
}

#[derive(Debug)]
enum Place {
    At(u64),
    End,
}

impl Reader {
    pub(super) fn new(file: Handle, offset: u64) -> Self {
        Self { file, offset }
    }
}

impl Writer {
    pub(super) fn at(file: Handle, offset: u64) -> Self {
        Self { file, place: Place::At(offset) }
    }

    pub(super) fn appending(file: Handle) -> Self {
        Self { file, place: Place::End }
    }
}

impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.file.read(self.offset, size.min(READ_BYTES_MAX)).map_err(failed)?;
        if bytes.is_empty() && size > 0 {
            // The end is not for ever: the file may grow, and then this goes on.
            return Err(StreamError::Closed);
        }
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }
}

impl OutputStream for Writer {
    /// A write that fails leaves the stream open: a guest that then makes room can go on, as POSIX has it.
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE_BYTES_MAX {
            // The guest was told how much it may write at a time.
            return Err(StreamError::trap("a write larger than was permitted"));
        }
        let (volume, node) = (self.file.volume(), self.file.node());
        match &mut self.place {
            Place::End => volume.change(|disk| disk.append(node, &bytes)).map_err(failed)?,
            Place::At(offset) => {
                volume.change(|disk| disk.write(node, *offset, &bytes)).map_err(failed)?;
                *offset += bytes.len() as u64;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

/// The error of a stream, which a guest can turn back into its code.
fn failed(code: ErrorCode) -> StreamError {
    StreamError::LastOperationFailed(code.into())
}

#[cfg(test)]
mod tests {
    use super::super::disk::Disk;
    use super::super::entries::Creation;
    use super::super::tree::ROOT;
    use super::super::volume::{SharedDisk, Volume};
    use super::super::walk::Follow;
    use super::*;
    use crate::wasm::account::{Account, SharedAccount};

    fn file() -> Handle {
        let account = SharedAccount::new(Account::new(100_000, 100_000));
        let volume = Volume::Disk(SharedDisk::new(Disk::new(account)));
        let node = volume.change(|disk| disk.open(ROOT, "file", Follow::Yes, Creation::Always));
        Handle::open(&volume, node.expect("room"))
    }

    #[test]
    fn streams_have_places_of_their_own_and_the_end_is_where_it_is_now() {
        let file = file();
        let (mut writer, mut appender) = (Writer::at(file.clone(), 0), Writer::appending(file.clone()));
        writer.write(Bytes::from_static(b"one ")).expect("room");
        appender.write(Bytes::from_static(b"two ")).expect("room");
        writer.write(Bytes::from_static(b"TWO")).expect("room");
        appender.write(Bytes::from_static(b"three")).expect("room");
        assert_eq!(file.read(0, 100).expect("a file"), &b"one TWO three"[..]);
        let mut reader = Reader::new(file, 4);
        assert_eq!(reader.read(4).expect("bytes"), &b"TWO "[..]);
        assert_eq!(reader.read(usize::MAX).expect("bytes"), &b"three"[..]);
    }

    #[test]
    fn the_end_of_a_file_is_no_end_for_ever() {
        let file = file();
        let mut reader = Reader::new(file.clone(), 0);
        assert!(matches!(reader.read(10), Err(StreamError::Closed)));
        assert!(reader.read(0).expect("nothing was asked for").is_empty());
        Writer::appending(file).write(Bytes::from_static(b"more")).expect("room");
        assert_eq!(reader.read(10).expect("bytes"), &b"more"[..]);
    }

    #[test]
    fn a_full_disk_fails_the_write_and_leaves_the_stream() {
        let file = file();
        let mut writer = Writer::at(file.clone(), 0);
        writer.write(vec![1; 60_000].into()).expect("room");
        let Err(StreamError::LastOperationFailed(error)) = writer.write(vec![1; 60_000].into()) else {
            panic!("there was room for more than there is")
        };
        assert_eq!(error.downcast_ref::<ErrorCode>(), Some(&ErrorCode::InsufficientSpace));
        writer.write(vec![2; 10].into()).expect("a little fits");
        assert_eq!(file.read(60_000, 100).expect("a file"), [2; 10][..]);
        assert!(matches!(writer.write(vec![1; 65_537].into()), Err(StreamError::Trap(_))));
    }
}
