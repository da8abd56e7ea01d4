//! What a guest writes: a tree in memory in which everything is counted before it is there.

use std::sync::MutexGuard;

use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, NewTimestamp};

use super::blocks::{BLOCK_BYTES, Blocks};
use super::clock::now;
use super::tree::{Kind, Node, NodeId, Times, Tree};
use super::walk::Entry;
use crate::heap;
use crate::wasm::account::{Account, SharedAccount};

/// What a file, directory or link is counted as, beside its content: what the host keeps for it, rounded up.
const NODE_BYTES: u64 = 512;
/// What a name is counted as, beside its bytes.
const NAME_BYTES: u64 = 96;
/// What a block is counted as: itself and where to find it.
const BLOCK_COUNTED_BYTES: u64 = BLOCK_BYTES as u64 + 64;
/// The most bytes a file may have, holes included, as everywhere.
const FILE_BYTES_MAX: u64 = i64::MAX as u64;

/// A disk that ever had more than this goes back to the system when it goes, and not only to the allocator.
const GIVEN_BACK_BYTES_MIN: u64 = 4 << 20;

/// The tree of `/tmp`.
#[derive(Debug)]
pub(super) struct Disk {
    tree: Tree,
    account: SharedAccount,
}

impl Drop for Disk {
    fn drop(&mut self) {
        let most_bytes = self.account().files_peak_bytes();
        if most_bytes >= GIVEN_BACK_BYTES_MIN {
            drop(std::mem::replace(&mut self.tree, Tree::new(None)));
            heap::give_back();
        }
    }
}

impl Disk {
    /// An empty tree.
    pub(super) fn new(account: SharedAccount) -> Self {
        Self { tree: Tree::new(Some(Times::all(now()))), account }
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Notes that a descriptor or stream holds a node open.
    pub(super) fn hold(&mut self, node: NodeId) {
        self.tree.node_mut(node).opens += 1;
    }

    /// Notes that a descriptor or stream let go of a node, which then goes if no name leads to it.
    pub(super) fn release(&mut self, node: NodeId) {
        self.tree.node_mut(node).opens -= 1;
        self.collect(node);
    }

    /// Writes all of these bytes, or none.
    pub(super) fn write(&mut self, node: NodeId, offset: u64, bytes: &[u8]) -> Result<(), ErrorCode> {
        let end = offset.checked_add(bytes.len() as u64);
        end.filter(|&end| end <= FILE_BYTES_MAX).ok_or(ErrorCode::FileTooLarge)?;
        let missing = self.blocks(node)?.missing(offset, bytes.len());
        self.take(missing * BLOCK_COUNTED_BYTES)?;
        self.blocks(node)?.write(offset, bytes);
        self.touch(node, now());
        Ok(())
    }

    /// Writes all of these bytes at the end of a file, or none.
    pub(super) fn append(&mut self, node: NodeId, bytes: &[u8]) -> Result<(), ErrorCode> {
        let end = self.blocks(node)?.size();
        self.write(node, end, bytes)
    }

    /// Cuts a file off, or makes it longer with zeros, which take no memory.
    pub(super) fn set_size(&mut self, node: NodeId, size: u64) -> Result<(), ErrorCode> {
        if size > FILE_BYTES_MAX {
            return Err(ErrorCode::FileTooLarge);
        }
        let blocks = self.blocks(node)?;
        let before = blocks.count();
        blocks.set_size(size);
        let gone = before - blocks.count();
        self.account().give_back_from_files(gone * BLOCK_COUNTED_BYTES);
        self.touch(node, now());
        Ok(())
    }

    pub(super) fn set_times(
        &mut self,
        node: NodeId,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> Result<(), ErrorCode> {
        let now = now();
        let new = |given| match given {
            NewTimestamp::NoChange => Ok(None),
            NewTimestamp::Now => Ok(Some(now)),
            NewTimestamp::Timestamp(time) if time.nanoseconds < 1_000_000_000 => Ok(Some(time)),
            NewTimestamp::Timestamp(_) => Err(ErrorCode::Invalid),
        };
        let (access, modification) = (new(access)?, new(modification)?);
        if let Some(times) = &mut self.tree.node_mut(node).times {
            times.access = access.unwrap_or(times.access);
            times.modification = modification.unwrap_or(times.modification);
            times.change = now;
        }
        Ok(())
    }

    /// Makes something of a new name.
    pub(super) fn create(&mut self, entry: Entry, kind: Kind) -> Result<NodeId, ErrorCode> {
        self.take(kind_bytes(&kind) + name_bytes(&entry.name))?;
        let node = self.tree.insert(kind, Some(Times::all(now())));
        self.name(entry, node)?;
        Ok(node)
    }

    /// Gives what is there another name.
    pub(super) fn create_name(&mut self, entry: Entry, node: NodeId) -> Result<(), ErrorCode> {
        self.take(name_bytes(&entry.name))?;
        self.name(entry, node)
    }

    /// Lets a new name, which was counted, lead to a node.
    fn name(&mut self, entry: Entry, node: NodeId) -> Result<(), ErrorCode> {
        self.tree.directory_mut(entry.parent)?.entries.insert(entry.name, node);
        self.touch(entry.parent, now());
        self.tree.node_mut(node).names += 1;
        Ok(())
    }

    /// Takes a name away, and what had it if it has no other and is not open.
    pub(super) fn remove_name(&mut self, parent: NodeId, name: &str) -> Result<(), ErrorCode> {
        let node = self.tree.directory_mut(parent)?.entries.remove(name).ok_or(ErrorCode::NoEntry)?;
        self.touch(parent, now());
        self.account().give_back_from_files(name_bytes(name));
        self.tree.node_mut(node).names -= 1;
        self.collect(node);
        Ok(())
    }

    /// Moves a node from one name to another; what had that name before is gone.
    pub(super) fn move_name(&mut self, old: &Entry, new: Entry, node: NodeId) -> Result<(), ErrorCode> {
        // The old name is given back before the new one is taken: a full disk can be tidied up.
        self.exchange(name_bytes(&old.name), if new.node.is_some() { 0 } else { name_bytes(&new.name) })?;
        let time = now();
        let old_parent = self.tree.directory_mut(old.parent)?;
        old_parent.entries.remove(&old.name);
        self.touch(old.parent, time);
        if let Kind::Directory(directory) = &mut self.tree.node_mut(node).kind {
            directory.parent = new.parent;
        }
        let replaced = self.tree.directory_mut(new.parent)?.entries.insert(new.name, node);
        self.touch(new.parent, time);
        if let Some(replaced) = replaced {
            self.tree.node_mut(replaced).names -= 1;
            self.collect(replaced);
        }
        Ok(())
    }

    fn collect(&mut self, id: NodeId) {
        let Node { names: 0, opens: 0, .. } = self.tree.node(id) else { return };
        if let Some(node) = self.tree.remove(id) {
            self.account().give_back_from_files(kind_bytes(&node.kind));
        }
    }

    fn blocks(&mut self, node: NodeId) -> Result<&mut Blocks, ErrorCode> {
        match &mut self.tree.node_mut(node).kind {
            Kind::File(blocks) => Ok(blocks),
            Kind::Asset(_) => Err(ErrorCode::ReadOnly),
            Kind::Directory(_) => Err(ErrorCode::IsDirectory),
            Kind::Link(_) => Err(ErrorCode::Invalid),
        }
    }

    fn touch(&mut self, node: NodeId, time: Datetime) {
        if let Some(times) = &mut self.tree.node_mut(node).times {
            (times.modification, times.change) = (time, time);
        }
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock()
    }

    fn take(&self, bytes: u64) -> Result<(), ErrorCode> {
        if self.account().take_for_files(bytes) { Ok(()) } else { Err(ErrorCode::InsufficientSpace) }
    }

    fn exchange(&self, given_bytes: u64, taken_bytes: u64) -> Result<(), ErrorCode> {
        let mut account = self.account();
        account.give_back_from_files(given_bytes);
        if account.take_for_files(taken_bytes) {
            return Ok(());
        }
        let again = account.take_for_files(given_bytes);
        debug_assert!(again, "what was given back a moment ago is there");
        Err(ErrorCode::InsufficientSpace)
    }
}

/// What a node is counted as.
fn kind_bytes(kind: &Kind) -> u64 {
    NODE_BYTES
        + match kind {
            Kind::File(blocks) => blocks.count() * BLOCK_COUNTED_BYTES,
            Kind::Link(target) => target.len() as u64,
            Kind::Directory(_) | Kind::Asset(_) => 0,
        }
}

fn name_bytes(name: &str) -> u64 {
    NAME_BYTES + name.len() as u64
}

#[cfg(test)]
mod tests {
    use super::super::entries::Creation;
    use super::super::tree::ROOT;
    use super::super::walk::Follow;
    use super::*;

    fn disk(limit_bytes: u64) -> (Disk, SharedAccount) {
        let account = SharedAccount::new(Account::new(limit_bytes, limit_bytes));
        (Disk::new(account.clone()), account)
    }

    fn file(disk: &mut Disk, path: &str) -> Result<NodeId, ErrorCode> {
        disk.open(ROOT, path, Follow::Yes, Creation::IfMissing)
    }

    #[test]
    fn everything_is_counted_and_all_of_it_comes_back() {
        let (mut disk, account) = disk(1 << 20);
        disk.create_directory(ROOT, "folder").expect("there is room");
        disk.create_link("folder", ROOT, "link").expect("there is room");
        let node = file(&mut disk, "link/file").expect("there is room");
        disk.write(node, 10_000, b"tea").expect("there is room");
        disk.link(node, ROOT, "other").expect("there is room");
        let (nodes, names) = (3 * NODE_BYTES + 6, 4 * NAME_BYTES + 6 + 4 + 4 + 5);
        assert_eq!(account.lock().used_bytes(), nodes + names + BLOCK_COUNTED_BYTES);
        disk.rename(ROOT, "other", ROOT, "folder/file").expect("it is the same file");
        disk.rename(ROOT, "other", ROOT, "a-longer-name").expect("there is room");
        assert_eq!(account.lock().used_bytes(), nodes + names + 8 + BLOCK_COUNTED_BYTES);
        for name in ["a-longer-name", "link", "folder/file"] {
            disk.unlink_file(ROOT, name).expect(name);
        }
        disk.remove_directory(ROOT, "folder").expect("it is empty");
        assert_eq!(account.lock().used_bytes(), 0);
    }

    #[test]
    fn a_write_for_which_there_is_no_room_writes_nothing() {
        let (mut disk, account) = disk(20_000);
        let node = file(&mut disk, "file").expect("there is room");
        disk.write(node, 0, &[1; 8192]).expect("there is room");
        let used = account.lock().used_bytes();
        assert_eq!(disk.write(node, 8000, &[2; 16_000]), Err(ErrorCode::InsufficientSpace));
        assert_eq!(disk.append(node, &[2; 16_000]), Err(ErrorCode::InsufficientSpace));
        assert_eq!((disk.tree().stat(node).size, account.lock().used_bytes()), (8192, used));
        assert_eq!(disk.tree().read(node, 0, 9000).expect("a file"), [1; 8192][..]);
        disk.write(node, 0, &[3; 8192]).expect("what is there is written over for nothing");
        disk.set_size(node, 0).expect("a file");
        disk.append(node, &[2; 16_000]).expect("there is room again");
    }

    #[test]
    fn a_file_without_a_name_is_counted_until_it_is_closed() {
        let (mut disk, account) = disk(1 << 20);
        let node = file(&mut disk, "file").expect("there is room");
        disk.hold(node);
        disk.hold(node);
        disk.unlink_file(ROOT, "file").expect("it is there");
        disk.write(node, 0, b"tea").expect("it is open");
        assert_eq!(account.lock().used_bytes(), NODE_BYTES + BLOCK_COUNTED_BYTES);
        disk.release(node);
        assert_eq!(disk.tree().read(node, 0, 10).expect("it is open"), &b"tea"[..]);
        disk.release(node);
        assert_eq!(account.lock().used_bytes(), 0);
    }

    #[test]
    fn a_file_that_is_replaced_gives_back_what_it_held() {
        let (mut disk, account) = disk(1 << 20);
        let (old, new) = (file(&mut disk, "old").expect("room"), file(&mut disk, "new").expect("room"));
        disk.write(old, 0, b"old").expect("room");
        disk.write(new, 0, &[0; 100_000]).expect("room");
        disk.rename(ROOT, "old", ROOT, "new").expect("both are files");
        assert_eq!(account.lock().used_bytes(), NODE_BYTES + NAME_BYTES + 3 + BLOCK_COUNTED_BYTES);
        let node = file(&mut disk, "new").expect("it is there");
        assert_eq!(disk.tree().read(node, 0, 10).expect("a file"), &b"old"[..]);
    }

    #[test]
    fn names_are_bounded_however_empty_their_files_are() {
        let (mut disk, account) = disk(1 << 20);
        let made = (0..1_000_000).take_while(|number| file(&mut disk, &number.to_string()).is_ok()).count();
        assert!((1000..2000).contains(&made), "{made} files");
        assert!(account.lock().used_bytes() <= 1 << 20);
        assert_eq!(disk.create_directory(ROOT, "folder"), Err(ErrorCode::InsufficientSpace));
        assert_eq!(disk.create_link("0", ROOT, "link"), Err(ErrorCode::InsufficientSpace));
        let link = disk.tree().find(ROOT, "0", Follow::No).expect("it is there");
        let more = (0..100).take_while(|number| disk.link(link, ROOT, &format!("more{number}")).is_ok());
        assert!(more.count() < 10, "further names of one file are counted too");
        disk.rename(ROOT, "100", ROOT, "001").expect("a name for another");
        let long = disk.rename(ROOT, "101", ROOT, &"n".repeat(255));
        assert!(matches!(long, Ok(()) | Err(ErrorCode::InsufficientSpace)));
        assert!(account.lock().used_bytes() <= 1 << 20);
    }

    #[test]
    fn no_file_is_longer_than_a_signed_number_can_say() {
        let (mut disk, _) = disk(1 << 20);
        let node = file(&mut disk, "file").expect("room");
        for (offset, bytes) in [(u64::MAX, 1), (u64::MAX, 2), (FILE_BYTES_MAX, 1)] {
            assert_eq!(disk.write(node, offset, &vec![1; bytes]), Err(ErrorCode::FileTooLarge));
        }
        assert_eq!(disk.set_size(node, FILE_BYTES_MAX + 1), Err(ErrorCode::FileTooLarge));
        disk.set_size(node, FILE_BYTES_MAX).expect("a hole takes no memory");
        assert_eq!(disk.append(node, b"x"), Err(ErrorCode::FileTooLarge));
        assert_eq!(disk.tree().read(node, FILE_BYTES_MAX - 2, 10).expect("a file"), [0, 0][..]);
    }

    #[test]
    fn times_are_set_and_bad_ones_refused() {
        let (mut disk, _) = disk(1 << 20);
        let node = file(&mut disk, "file").expect("room");
        let time = |nanoseconds| NewTimestamp::Timestamp(Datetime { seconds: 7, nanoseconds });
        disk.set_times(node, NewTimestamp::NoChange, time(999_999_999)).expect("a time");
        let stat = disk.tree().stat(node);
        assert_eq!(stat.data_modification_timestamp.map(|time| time.seconds), Some(7));
        assert!(stat.data_access_timestamp.is_some_and(|time| time.seconds > 7));
        let refused = disk.set_times(node, time(1_000_000_000), NewTimestamp::Now);
        assert_eq!(refused, Err(ErrorCode::Invalid));
        disk.write(node, 0, b"tea").expect("room");
        assert!(disk.tree().stat(node).data_modification_timestamp.is_some_and(|time| time.seconds > 7));
    }
}
