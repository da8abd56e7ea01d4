//! What is in a file, block by block. A copy shares its blocks, so that a flush can keep one.

use std::sync::Arc;

/// A disk writes a block as a whole or not at all.
pub(super) const BLOCK_BYTES: usize = 4096;

type Block = [u8; BLOCK_BYTES];

/// The bytes of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// Those that were written; all others are zeros. What a block has behind the end of the file is zeros, too.
    blocks: Vec<Option<Arc<Block>>>,
    bytes: u64,
}

/// How many blocks a cut took and left, of those that were written and not flushed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) lost: usize,
    pub(super) kept: usize,
}

impl Content {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many bytes from there, or as many as there are.
    pub(super) fn read(&self, offset: u64, count: usize) -> Vec<u8> {
        let end = self.bytes.min(offset.saturating_add(count as u64));
        let mut read = Vec::with_capacity(end.saturating_sub(offset) as usize);
        let mut at = offset;
        while at < end {
            let (index, within) = place(at);
            let part = (BLOCK_BYTES - within).min((end - at) as usize);
            match self.block(index) {
                Some(block) => read.extend_from_slice(&block[within..within + part]),
                None => read.resize(read.len() + part, 0),
            }
            at += part as u64;
        }
        read
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        self.bytes = self.bytes.max(offset + data.len() as u64);
        self.blocks.resize(blocks_of(self.bytes), None);
        let (mut at, mut left) = (offset, data);
        while !left.is_empty() {
            let (index, within) = place(at);
            let (part, rest) = left.split_at(left.len().min(BLOCK_BYTES - within));
            let block = self.blocks[index].get_or_insert_with(|| Arc::new([0; BLOCK_BYTES]));
            Arc::make_mut(block)[within..within + part.len()].copy_from_slice(part);
            at += part.len() as u64;
            left = rest;
        }
    }

    /// Cuts off what is behind so many bytes, or appends zeros.
    pub(super) fn resize(&mut self, bytes: u64) {
        self.bytes = bytes;
        self.blocks.resize(blocks_of(bytes), None);
        let (last, within) = place(bytes);
        if within > 0
            && let Some(block) = &mut self.blocks[last]
        {
            Arc::make_mut(block)[within..].fill(0);
        }
    }

    /// What a cut leaves of a file of which one state was flushed and another written: of each block, and of the length, the one
    /// or the other.
    pub(super) fn remains(
        flushed: &Self,
        written: &Self,
        keeps: &mut impl FnMut() -> bool,
    ) -> (Self, Blocks) {
        let mut counted = Blocks::default();
        let bytes = match flushed.bytes == written.bytes || keeps() {
            true => written.bytes,
            false => flushed.bytes,
        };
        let mut choose = |index| {
            let (old, new) = (flushed.block(index), written.block(index));
            let chosen = match is_same(old, new) {
                true => old,
                false if keeps() => {
                    counted.kept += 1;
                    new
                }
                false => {
                    counted.lost += 1;
                    old
                }
            };
            chosen.cloned()
        };
        let blocks = (0..flushed.blocks.len().max(written.blocks.len())).map(&mut choose).collect();
        let mut remains = Self { blocks, bytes };
        remains.resize(bytes);
        (remains, counted)
    }

    fn block(&self, index: usize) -> Option<&Arc<Block>> {
        self.blocks.get(index).and_then(Option::as_ref)
    }
}

fn is_same(one: Option<&Arc<Block>>, other: Option<&Arc<Block>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// The block that a byte is in, and where in it.
fn place(at: u64) -> (usize, usize) {
    ((at / BLOCK_BYTES as u64) as usize, (at % BLOCK_BYTES as u64) as usize)
}

fn blocks_of(bytes: u64) -> usize {
    bytes.div_ceil(BLOCK_BYTES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(data: &[u8]) -> Content {
        let mut content = Content::default();
        content.write(0, data);
        content
    }

    fn all(content: &Content) -> Vec<u8> {
        content.read(0, usize::MAX)
    }

    #[test]
    fn what_was_written_is_read_also_across_blocks_and_holes() {
        let mut content = content(b"begin");
        content.write(2 * BLOCK_BYTES as u64 - 2, b"across");
        assert_eq!(content.bytes(), 2 * BLOCK_BYTES as u64 + 4);
        assert_eq!(content.read(3, 4), b"in\0\0");
        assert_eq!(content.read(2 * BLOCK_BYTES as u64 - 3, 100), b"\0across");
        assert_eq!(content.read(3 * BLOCK_BYTES as u64, 100), b"");
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let mut content = content(b"secret");
        content.resize(2);
        content.resize(6);
        assert_eq!(all(&content), b"se\0\0\0\0");
        content.resize(0);
        content.write(BLOCK_BYTES as u64, b"x");
        assert_eq!(content.read(0, 6), [0; 6]);
    }

    #[test]
    fn a_copy_stays_as_it_is_while_the_file_is_written_to() {
        let mut written = content(b"before");
        let flushed = written.clone();
        written.write(0, b"after!");
        assert_eq!((all(&flushed), all(&written)), (b"before".to_vec(), b"after!".to_vec()));
    }

    #[test]
    fn a_cut_leaves_whole_blocks_of_the_one_or_the_other() {
        let flushed = content(&[1; 3 * BLOCK_BYTES]);
        let mut written = flushed.clone();
        written.write(0, &[2; BLOCK_BYTES + 1]);
        let (remains, counted) = Content::remains(&flushed, &written, &mut || false);
        assert_eq!((all(&remains), counted), (all(&flushed), Blocks { lost: 2, kept: 0 }));
        let (remains, counted) = Content::remains(&flushed, &written, &mut || true);
        assert_eq!((all(&remains), counted), (all(&written), Blocks { lost: 0, kept: 2 }));
        let mut turn = false;
        let mut every_other = || std::mem::replace(&mut turn, true);
        let (remains, _) = Content::remains(&flushed, &written, &mut every_other);
        assert_eq!(all(&remains)[..BLOCK_BYTES], [1; BLOCK_BYTES]);
        assert_eq!(all(&remains)[BLOCK_BYTES..BLOCK_BYTES + 2], [2, 1]);
    }

    #[test]
    fn a_cut_leaves_one_of_both_lengths() {
        let flushed = content(&[1; 10]);
        let mut written = flushed.clone();
        written.write(10, &[2; 10]);
        // The block is lost, and the length is kept, or the other way round.
        for (length, block, left) in [
            (true, false, [&[1; 10][..], &[0; 10]].concat()),
            (false, true, vec![1; 10]),
            (true, true, all(&written)),
        ] {
            let mut coins = [length, block].into_iter();
            let mut keeps = || coins.next().expect("two are asked for");
            let (remains, _) = Content::remains(&flushed, &written, &mut keeps);
            assert_eq!(all(&remains), left);
        }
    }
}
