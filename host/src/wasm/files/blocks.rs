//! The content of a file that can be changed: blocks, of which those that were never written are not there.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The bytes of a block. A file of one byte has one.
pub(super) const BLOCK_BYTES: usize = 4 << 10;

/// The content of a file. What lies between blocks reads as zeros and takes no memory.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    size: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl Blocks {
    /// The size of the file, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How many blocks it has.
    pub(super) fn count(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Up to `length` bytes from there. At the end there are none.
    pub(super) fn read(&self, offset: u64, length: usize) -> Bytes {
        let left = self.size.saturating_sub(offset);
        let length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut bytes = vec![0; length];
        if length == 0 {
            return bytes.into();
        }
        for (&number, block) in self.blocks.range(numbers(offset, length)) {
            let begin = number * BLOCK_BYTES as u64;
            let (from, to) = (offset.saturating_sub(begin) as usize, begin.saturating_sub(offset) as usize);
            let count = (BLOCK_BYTES - from).min(length - to);
            bytes[to..to + count].copy_from_slice(&block[from..from + count]);
        }
        bytes.into()
    }

    /// How many blocks a write there would add.
    pub(super) fn missing(&self, offset: u64, length: usize) -> u64 {
        if length == 0 {
            return 0;
        }
        let numbers = numbers(offset, length);
        let there = self.blocks.range(numbers.clone()).count() as u64;
        numbers.end() - numbers.start() + 1 - there
    }

    /// Writes bytes there, and makes the file longer if they reach beyond its end.
    pub(super) fn write(&mut self, offset: u64, mut bytes: &[u8]) {
        let mut at = offset;
        while !bytes.is_empty() {
            let from = (at % BLOCK_BYTES as u64) as usize;
            let count = (BLOCK_BYTES - from).min(bytes.len());
            let (now, later) = bytes.split_at(count);
            let block = self.blocks.entry(at / BLOCK_BYTES as u64).or_insert_with(empty_block);
            block[from..from + count].copy_from_slice(now);
            at += count as u64;
            bytes = later;
        }
        if at > offset {
            self.size = self.size.max(at);
        }
    }

    /// Cuts the file off there, or makes it longer with zeros.
    pub(super) fn set_size(&mut self, size: u64) {
        if size < self.size {
            drop(self.blocks.split_off(&size.div_ceil(BLOCK_BYTES as u64)));
            // What was cut off of the last block must not come back when the file grows.
            if let Some(block) = self.blocks.get_mut(&(size / BLOCK_BYTES as u64)) {
                block[(size % BLOCK_BYTES as u64) as usize..].fill(0);
            }
        }
        self.size = size;
    }
}

/// The numbers of the blocks in which these bytes lie, of which there is at least one.
fn numbers(offset: u64, length: usize) -> std::ops::RangeInclusive<u64> {
    let last = offset.saturating_add(length as u64 - 1);
    offset / BLOCK_BYTES as u64..=last / BLOCK_BYTES as u64
}

fn empty_block() -> Box<[u8]> {
    vec![0; BLOCK_BYTES].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = BLOCK_BYTES as u64;

    #[test]
    fn what_is_written_anywhere_is_read_there() {
        let mut blocks = Blocks::default();
        let bytes: Vec<u8> = (0..3 * BLOCK_BYTES).map(|at| (at % 251) as u8).collect();
        blocks.write(BLOCK - 10, &bytes);
        assert_eq!(blocks.size(), 4 * BLOCK - 10);
        assert_eq!(blocks.read(BLOCK - 10, usize::MAX), bytes);
        assert_eq!(blocks.read(BLOCK + 5, 4000), bytes[15..4015]);
        assert_eq!(blocks.read(0, BLOCK_BYTES - 10), vec![0; BLOCK_BYTES - 10]);
        assert!(blocks.read(4 * BLOCK - 10, 1).is_empty());
        assert!(blocks.read(u64::MAX, 1).is_empty());
    }

    #[test]
    fn holes_take_no_blocks_and_read_as_zeros() {
        let mut blocks = Blocks::default();
        let far = i64::MAX as u64 - 1;
        assert_eq!(blocks.missing(far, 1), 1);
        blocks.write(far, b"x");
        assert_eq!((blocks.count(), blocks.size()), (1, far + 1));
        assert_eq!(blocks.read(1 << 40, 10), [0; 10][..]);
        assert_eq!(blocks.read(far - 1, 10), b"\0x"[..]);
    }

    #[test]
    fn missing_blocks_are_those_that_a_write_then_adds() {
        let mut blocks = Blocks::default();
        for (offset, length) in [(0, 1), (0, BLOCK_BYTES), (BLOCK - 1, 2), (7, 5 * BLOCK_BYTES), (0, 0)] {
            let (missing, before) = (blocks.missing(offset, length), blocks.count());
            blocks.write(offset, &vec![1; length]);
            assert_eq!(blocks.count() - before, missing, "{length} bytes at {offset}");
        }
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let mut blocks = Blocks::default();
        blocks.write(0, &[7; 2 * BLOCK_BYTES]);
        blocks.set_size(10);
        assert_eq!((blocks.size(), blocks.count()), (10, 1));
        blocks.set_size(20);
        assert_eq!(blocks.read(0, 100), [[7; 10], [0; 10]].concat());
        blocks.set_size(0);
        assert_eq!(blocks.count(), 0);
    }

    #[test]
    fn writing_nothing_makes_no_file_longer() {
        let mut blocks = Blocks::default();
        blocks.write(100, b"");
        assert_eq!((blocks.size(), blocks.count()), (0, 0));
    }
}
