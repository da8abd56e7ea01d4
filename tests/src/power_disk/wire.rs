//! Requests and answers as the kernel writes and reads them: `linux/fuse.h`, protocol 7.31, in the machine's own byte order.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use rustix::io::Errno;

use super::names::Number;
use super::state::Node;

/// The most bytes that the kernel writes at a time.
pub(super) const WRITE_BYTES_MAX: u32 = 128 << 10;
/// What a buffer for requests has: the largest of them, and some.
pub(super) const REQUEST_BYTES_MAX: usize = WRITE_BYTES_MAX as usize + 4096;

/// What is asked for.
pub(super) mod operation {
    pub(crate) const LOOKUP: u32 = 1;
    pub(crate) const FORGET: u32 = 2;
    pub(crate) const GETATTR: u32 = 3;
    pub(crate) const SETATTR: u32 = 4;
    pub(crate) const MKDIR: u32 = 9;
    pub(crate) const UNLINK: u32 = 10;
    pub(crate) const RMDIR: u32 = 11;
    pub(crate) const RENAME: u32 = 12;
    pub(crate) const OPEN: u32 = 14;
    pub(crate) const READ: u32 = 15;
    pub(crate) const WRITE: u32 = 16;
    pub(crate) const STATFS: u32 = 17;
    pub(crate) const RELEASE: u32 = 18;
    pub(crate) const FSYNC: u32 = 20;
    pub(crate) const INIT: u32 = 26;
    pub(crate) const OPENDIR: u32 = 27;
    pub(crate) const READDIR: u32 = 28;
    pub(crate) const RELEASEDIR: u32 = 29;
    pub(crate) const FSYNCDIR: u32 = 30;
    pub(crate) const CREATE: u32 = 35;
    pub(crate) const INTERRUPT: u32 = 36;
    pub(crate) const DESTROY: u32 = 38;
    pub(crate) const BATCH_FORGET: u32 = 42;
    pub(crate) const RENAME2: u32 = 45;
}

const VERSION: (u32, u32) = (7, 31);
const HEADER_BYTES: usize = 40;
/// Several reads of a file at a time; writes of more than a page.
const ASYNC_READ_BIG_WRITES: u32 = 1 | 1 << 5;
/// What the kernel knows of a file it need not forget when the file is opened: nobody else changes it.
const KEEP_CACHE: u32 = 1 << 1;
/// For how long the kernel may believe what it was told, in seconds: nobody else changes it.
const VALID_SECONDS: u64 = 3600;
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
/// How large the disk is: more than anything here may take.
const BLOCKS: u64 = 16 << 20;
const BLOCK_BYTES: u32 = 4096;

/// A request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) operation: u32,
    /// Its own number, which its answer has too.
    unique: u64,
    /// What it is about.
    pub(super) node: Number,
    /// Whose process it comes from.
    pub(super) owner: (u32, u32),
    body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(HEADER_BYTES)?;
        let head = Request { operation: 0, unique: 0, node: 0, owner: (0, 0), body: head };
        Some(Self {
            operation: head.short(4),
            unique: head.long(8),
            node: head.long(16),
            owner: (head.short(24), head.short(28)),
            body,
        })
    }

    /// The number of 32 bits there; 0 if there is none, which the kernel does not do.
    pub(super) fn short(&self, at: usize) -> u32 {
        let bytes = self.body.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_ne_bytes)
    }

    /// The number of 64 bits there.
    pub(super) fn long(&self, at: usize) -> u64 {
        let bytes = self.body.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_ne_bytes)
    }

    /// What is there to the end.
    pub(super) fn rest(&self, at: usize) -> &'a [u8] {
        self.body.get(at..).unwrap_or_default()
    }

    /// The name that begins there.
    pub(super) fn name(&self, at: usize) -> &'a OsStr {
        self.names(at).0
    }

    /// Two names, of which the first begins there.
    pub(super) fn names(&self, at: usize) -> (&'a OsStr, &'a OsStr) {
        let mut names = self.rest(at).split(|byte| *byte == 0).map(OsStr::from_bytes);
        (names.next().unwrap_or_default(), names.next().unwrap_or_default())
    }

    /// The answer's bytes.
    pub(super) fn answer(&self, answer: Result<Answer, Errno>) -> Vec<u8> {
        let (error, body) = match answer {
            Ok(Answer(body)) => (0, body),
            Err(error) => (-error.raw_os_error(), Vec::new()),
        };
        let length = u32::try_from(16 + body.len()).expect("no answer is so long");
        Answer::default().short(length).short(error as u32).long(self.unique).bytes(&body).0
    }
}

/// What is behind the header of an answer, put together piece by piece.
#[derive(Debug, Default)]
pub(super) struct Answer(Vec<u8>);

impl Answer {
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn short(self, number: u32) -> Self {
        self.bytes(&number.to_ne_bytes())
    }

    pub(super) fn long(self, number: u64) -> Self {
        self.bytes(&number.to_ne_bytes())
    }

    pub(super) fn init(request: &Request<'_>) -> Self {
        // As far ahead as the kernel likes to read; so many requests in the background, and busy at so many.
        let read_ahead = request.short(8);
        let answer = Self::default().short(VERSION.0).short(VERSION.1).short(read_ahead);
        let answer = answer.short(ASYNC_READ_BIG_WRITES).short(16 | 12 << 16).short(WRITE_BYTES_MAX);
        // Times are exact to the nanosecond; the rest is not in use.
        answer.short(1).bytes(&[0; 36])
    }

    /// A file or folder by its name.
    pub(super) fn entry(number: Number, node: &Node) -> Self {
        let answer = Self::default().long(number).long(0).long(VALID_SECONDS).long(VALID_SECONDS);
        answer.long(0).attributes(number, node)
    }

    /// What there is to know of a file or folder.
    pub(super) fn node(number: Number, node: &Node) -> Self {
        Self::default().long(VALID_SECONDS).long(0).attributes(number, node)
    }

    fn attributes(self, number: Number, node: &Node) -> Self {
        let answer = self.long(number).long(node.bytes()).long(node.bytes().div_ceil(512));
        let (seconds, nanoseconds) = (node.modified.as_secs(), node.modified.subsec_nanos());
        // Of its last use, change and change of what is known of it.
        let answer = answer.long(seconds).long(seconds).long(seconds);
        let answer = answer.short(nanoseconds).short(nanoseconds).short(nanoseconds);
        let (kind, links) = if node.is_folder { (FOLDER, 2) } else { (FILE, 1) };
        let answer = answer.short(kind | node.mode & 0o7777).short(links);
        answer.short(node.owner.0).short(node.owner.1).short(0).short(BLOCK_BYTES).short(0)
    }

    /// Behind something else, or alone: that a file is open.
    pub(super) fn opened(self) -> Self {
        self.long(0).short(KEEP_CACHE).short(0)
    }

    pub(super) fn written(count: usize) -> Self {
        Self::default().short(count as u32).short(0)
    }

    /// How much room there is.
    pub(super) fn room() -> Self {
        let answer = Self::default().long(BLOCKS).long(BLOCKS).long(BLOCKS).long(1 << 20).long(1 << 20);
        answer.short(BLOCK_BYTES).short(255).short(BLOCK_BYTES).bytes(&[0; 28])
    }

    /// As many of these as fit into so many bytes. They are in the order of their numbers, by which the kernel goes on from there.
    pub(super) fn list<'a>(
        entries: impl Iterator<Item = (&'a OsStr, Number, &'a Node)>,
        bytes_max: usize,
    ) -> Self {
        let mut answer = Self::default();
        for (name, number, node) in entries {
            let name = name.as_bytes();
            let padding = name.len().next_multiple_of(8) - name.len();
            if answer.0.len() + 24 + name.len() + padding > bytes_max {
                break;
            }
            let kind = if node.is_folder { FOLDER } else { FILE } >> 12;
            answer = answer.long(number).long(number).short(name.len() as u32).short(kind);
            answer = answer.bytes(name).bytes(&[0; 8][..padding]);
        }
        answer
    }
}
