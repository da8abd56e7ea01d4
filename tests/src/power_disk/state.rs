//! The files of the disk, what of them is safe, and what a flush does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use super::Losses;
use super::content::Content;
use super::names::{Names, Number, Place};

/// The number of the root, as the kernel wants it.
pub(super) const ROOT: Number = 1;

/// What flushes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushing {
    /// What they promise.
    Honest,
    /// Nothing, but they say that all is well.
    Lying,
    /// What they promise for so many times, and then they fail, each of them, and make nothing safe.
    FailingAfter(u64),
    /// The same, but only the first of them says so, and those after it lie: as Linux drops what it could not write once it has told.
    FailingOnceAfter(u64),
}

/// A file or folder. Its mode, owner and time count as safe at once: nothing that is tested here depends on them.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) is_folder: bool,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    /// Since 1970.
    pub(super) modified: Duration,
    written: Content,
    flushed: Content,
    /// Which flush that was.
    flushed_by: u64,
}

/// A flush that has begun: what it makes safe when it ends.
#[derive(Debug)]
pub(super) struct Flush {
    number: u64,
    node: Number,
    content: Content,
    names_made: u64,
    is_lie: bool,
}

/// Everything on the disk. Nothing is ever taken out of it but by a cut: it does not live long.
#[derive(Debug)]
pub(super) struct State {
    nodes: BTreeMap<Number, Node>,
    names: Names,
    last: Number,
    flushing: Flushing,
    flushes: u64,
    pub(super) is_off: bool,
}

impl Node {
    pub(super) fn new(is_folder: bool, mode: u32, owner: (u32, u32)) -> Self {
        let (written, flushed) = <(Content, Content)>::default();
        Self { is_folder, mode, owner, modified: now(), written, flushed, flushed_by: 0 }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.written.bytes()
    }
}

impl State {
    /// An empty disk with that root.
    pub(super) fn new(root: Node) -> Self {
        let nodes = BTreeMap::from([(ROOT, root)]);
        let names = Names::default();
        Self { nodes, names, last: ROOT, flushing: Flushing::Honest, flushes: 0, is_off: false }
    }

    pub(super) fn node(&self, number: Number) -> Result<&Node, Errno> {
        self.nodes.get(&number).ok_or(Errno::STALE)
    }

    pub(super) fn node_mut(&mut self, number: Number) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&number).ok_or(Errno::STALE)
    }

    pub(super) fn find(&self, folder: Number, name: &OsStr) -> Result<Number, Errno> {
        self.names.find(folder, name).ok_or(Errno::NOENT)
    }

    /// What is in a folder.
    pub(super) fn list(&self, folder: Number) -> impl Iterator<Item = (&OsStr, Number)> {
        self.names.list(folder)
    }

    pub(super) fn make(&mut self, place: Place, node: Node) -> Result<Number, Errno> {
        if self.names.find(place.0, &place.1).is_some() {
            return Err(Errno::EXIST);
        }
        self.last += 1;
        self.nodes.insert(self.last, node);
        self.names.add(place, self.last);
        Ok(self.last)
    }

    pub(super) fn remove(&mut self, place: Place) -> Result<(), Errno> {
        let number = self.find(place.0, &place.1)?;
        self.check_empty(number)?;
        self.names.remove(place);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: Place, to: Place, may_replace: bool) -> Result<(), Errno> {
        let number = self.find(from.0, &from.1)?;
        match self.find(to.0, &to.1) {
            Ok(_) if !may_replace => return Err(Errno::EXIST),
            Ok(other) if other == number => return Ok(()),
            Ok(other) => self.check_empty(other)?,
            Err(_free) => {}
        }
        self.names.rename(from, to);
        Ok(())
    }

    /// A folder goes only without anything in it.
    fn check_empty(&self, number: Number) -> Result<(), Errno> {
        if self.names.list(number).next().is_some() { Err(Errno::NOTEMPTY) } else { Ok(()) }
    }

    pub(super) fn read(&self, number: Number, offset: u64, count: usize) -> Result<Vec<u8>, Errno> {
        Ok(self.node(number)?.written.read(offset, count))
    }

    pub(super) fn write(&mut self, number: Number, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let node = self.node_mut(number)?;
        node.written.write(offset, data);
        node.modified = now();
        Ok(())
    }

    pub(super) fn resize(&mut self, number: Number, bytes: u64) -> Result<(), Errno> {
        let node = self.node_mut(number)?;
        node.written.resize(bytes);
        node.modified = now();
        Ok(())
    }

    /// From now on flushes do that.
    pub(super) fn set_flushing(&mut self, flushing: Flushing) {
        self.flushing = flushing;
    }

    pub(super) fn flushes(&self) -> u64 {
        self.flushes
    }

    /// Begins a flush: what is written from now on it does not promise anything of.
    pub(super) fn begin_flush(&mut self, number: Number) -> Result<Flush, Errno> {
        self.flushes += 1;
        match &mut self.flushing {
            Flushing::Honest | Flushing::Lying => {}
            Flushing::FailingAfter(0) => return Err(Errno::IO),
            Flushing::FailingOnceAfter(0) => {
                self.flushing = Flushing::Lying;
                return Err(Errno::IO);
            }
            Flushing::FailingAfter(left) | Flushing::FailingOnceAfter(left) => *left -= 1,
        }
        let is_lie = self.flushing == Flushing::Lying;
        let content = self.node(number)?.written.clone();
        Ok(Flush { number: self.flushes, node: number, content, names_made: self.names.made(), is_lie })
    }

    /// Ends a flush. It fails when the power went meanwhile.
    pub(super) fn end_flush(&mut self, flush: Flush) -> Result<(), Errno> {
        if self.is_off {
            return Err(Errno::IO);
        }
        if flush.is_lie {
            return Ok(());
        }
        self.names.flush(flush.node, flush.names_made);
        let node = self.node_mut(flush.node)?;
        // One that began later may have ended earlier.
        if node.flushed_by < flush.number {
            (node.flushed, node.flushed_by) = (flush.content, flush.number);
        }
        Ok(())
    }

    /// What is there after a cut.
    pub(super) fn remains(&self, keeps: &mut impl FnMut() -> bool) -> (Self, Losses) {
        let (entries, changes) = self.names.remains(keeps);
        let mut losses = Losses { names: changes.lost, names_kept: changes.kept, ..Losses::default() };
        let mut nodes = BTreeMap::new();
        for number in std::iter::once(&ROOT).chain(entries.values()) {
            let Some(node) = self.nodes.get(number) else { continue };
            let (content, blocks) = Content::remains(&node.flushed, &node.written, keeps);
            losses.blocks += blocks.lost;
            losses.blocks_kept += blocks.kept;
            let (written, flushed) = (content.clone(), content);
            nodes.insert(*number, Node { written, flushed, flushed_by: 0, ..node.clone() });
        }
        let names = Names::of(entries);
        let left =
            Self { nodes, names, last: self.last, flushing: Flushing::Honest, flushes: 0, is_off: false };
        (left, losses)
    }
}

pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> State {
        State::new(Node::new(true, 0o700, (0, 0)))
    }

    fn file(state: &mut State, name: &str) -> Number {
        state.make((ROOT, name.into()), Node::new(false, 0o600, (0, 0))).expect("the name is free")
    }

    fn flush(state: &mut State, number: Number) -> Result<(), Errno> {
        let flush = state.begin_flush(number)?;
        state.end_flush(flush)
    }

    /// What a file has after a cut that takes all that it may.
    fn left(state: &State, name: &str) -> Option<Vec<u8>> {
        let (left, _) = state.remains(&mut || false);
        let number = left.find(ROOT, OsStr::new(name)).ok()?;
        Some(left.read(number, 0, 100).expect("it is there"))
    }

    #[test]
    fn only_what_was_written_before_a_flush_began_is_safe() {
        let mut state = disk();
        let number = file(&mut state, "f");
        state.write(number, 0, b"one").expect("written");
        assert_eq!(left(&state, "f"), None);
        let flush = state.begin_flush(number).expect("it begins");
        state.write(number, 0, b"two").expect("written");
        state.end_flush(flush).expect("flushed");
        assert_eq!(left(&state, "f"), Some(b"one".to_vec()));
    }

    #[test]
    fn a_flush_that_began_earlier_and_ends_later_takes_nothing_back() {
        let mut state = disk();
        let number = file(&mut state, "f");
        state.write(number, 0, b"one").expect("written");
        let earlier = state.begin_flush(number).expect("it begins");
        state.write(number, 0, b"two").expect("written");
        flush(&mut state, number).expect("flushed");
        state.end_flush(earlier).expect("flushed");
        assert_eq!(left(&state, "f"), Some(b"two".to_vec()));
    }

    #[test]
    fn a_lying_disk_makes_nothing_safe_and_a_failing_one_says_so() {
        let mut state = disk();
        let number = file(&mut state, "f");
        state.set_flushing(Flushing::Lying);
        assert_eq!(flush(&mut state, number), Ok(()));
        assert_eq!(left(&state, "f"), None);
        state.set_flushing(Flushing::FailingAfter(1));
        assert_eq!(flush(&mut state, number), Ok(()));
        state.write(number, 0, b"more").expect("written");
        assert_eq!(flush(&mut state, number), Err(Errno::IO));
        assert_eq!(flush(&mut state, number), Err(Errno::IO));
        state.set_flushing(Flushing::FailingOnceAfter(0));
        assert_eq!(flush(&mut state, number), Err(Errno::IO));
        assert_eq!(flush(&mut state, number), Ok(()));
        assert_eq!(left(&state, "f"), Some(Vec::new()));
    }

    #[test]
    fn a_flush_under_way_when_the_power_goes_promises_nothing() {
        let mut state = disk();
        let number = file(&mut state, "f");
        let flush = state.begin_flush(number).expect("it begins");
        state.is_off = true;
        assert_eq!(state.end_flush(flush), Err(Errno::IO));
        assert_eq!(left(&state, "f"), None);
    }

    #[test]
    fn what_a_cut_left_is_safe() {
        let mut state = disk();
        let number = file(&mut state, "f");
        state.write(number, 0, b"kept").expect("written");
        let (state, losses) = state.remains(&mut || true);
        assert_eq!(losses, Losses { blocks_kept: 1, names_kept: 1, ..Losses::default() });
        assert_eq!(left(&state, "f"), Some(b"kept".to_vec()));
    }
}
