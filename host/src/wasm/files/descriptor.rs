//! An open file or directory, and what may be done with it.

use bytes::Bytes;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, MetadataHashValue, NewTimestamp, OpenFlags,
};

use super::entries::Creation;
use super::tree::{Kind, NodeId, ROOT};
use super::volume::{Handle, Volume};
use super::walk::Follow;

/// An open file or directory.
#[derive(Debug)]
pub(super) struct Descriptor {
    handle: Handle,
    flags: DescriptorFlags,
}

/// How something is to be opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    pub(super) follow: Follow,
    pub(super) how: OpenFlags,
    pub(super) flags: DescriptorFlags,
}

impl Descriptor {
    /// The root directory of a volume.
    pub(super) fn root(volume: &Volume) -> Self {
        Self { handle: Handle::open(volume, ROOT), flags: directory_flags(volume) }
    }

    /// Opens what a path leads to, or makes a file there.
    pub(super) fn open_at(&self, path: &str, opening: Opening) -> Result<Self, ErrorCode> {
        let Opening { follow, how, flags } = opening;
        let creates = how.contains(OpenFlags::CREATE);
        let truncates = how.contains(OpenFlags::TRUNCATE);
        if how.contains(OpenFlags::DIRECTORY) && (creates || truncates) {
            return Err(ErrorCode::Invalid);
        }
        let changes = flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
        let (volume, base) = (self.volume(), self.directory()?);
        if (creates || truncates || changes) && !volume.can_change() {
            return Err(ErrorCode::ReadOnly);
        }
        let node = match creation(how) {
            Creation::Never => volume.look(|tree| tree.find(base, path, follow))?,
            creation => volume.change(|disk| disk.open(base, path, follow, creation))?,
        };
        // Held from here on: a file that was only just made is not left behind half open.
        let handle = Handle::open(volume, node);
        let flags = match volume.look(|tree| tree.node(node).kind.descriptor_type()) {
            DescriptorType::SymbolicLink => return Err(ErrorCode::Loop),
            DescriptorType::Directory if creates || truncates || flags.contains(DescriptorFlags::WRITE) => {
                return Err(ErrorCode::IsDirectory);
            }
            DescriptorType::Directory => directory_flags(volume),
            _ if how.contains(OpenFlags::DIRECTORY) => return Err(ErrorCode::NotDirectory),
            _ if truncates => {
                volume.change(|disk| disk.set_size(node, 0))?;
                file_flags(flags)
            }
            _ => file_flags(flags),
        };
        Ok(Self { handle, flags })
    }

    pub(super) fn flags(&self) -> DescriptorFlags {
        self.flags
    }

    pub(super) fn volume(&self) -> &Volume {
        self.handle.volume()
    }

    pub(super) fn descriptor_type(&self) -> DescriptorType {
        self.volume().look(|tree| tree.node(self.handle.node()).kind.descriptor_type())
    }

    /// The directory that this is.
    pub(super) fn directory(&self) -> Result<NodeId, ErrorCode> {
        let node = self.handle.node();
        self.volume().look(|tree| tree.directory(node).map(|_| node))
    }

    /// The directory that this is, held open by another handle.
    pub(super) fn directory_handle(&self) -> Result<Handle, ErrorCode> {
        self.directory().map(|_| self.handle.clone())
    }

    /// The file that this is, to be read from.
    pub(super) fn to_read(&self) -> Result<Handle, ErrorCode> {
        self.check_file(DescriptorFlags::READ)
    }

    /// The file that this is, to be written to.
    pub(super) fn to_write(&self) -> Result<Handle, ErrorCode> {
        self.check_file(DescriptorFlags::WRITE)
    }

    fn check_file(&self, flag: DescriptorFlags) -> Result<Handle, ErrorCode> {
        let is_directory = self.descriptor_type() == DescriptorType::Directory;
        match self.flags.contains(flag) {
            _ if is_directory => Err(ErrorCode::IsDirectory),
            true => Ok(self.handle.clone()),
            false => Err(ErrorCode::BadDescriptor),
        }
    }

    pub(super) fn stat(&self) -> DescriptorStat {
        self.volume().look(|tree| tree.stat(self.handle.node()))
    }

    pub(super) fn stat_at(&self, follow: Follow, path: &str) -> Result<DescriptorStat, ErrorCode> {
        let base = self.directory()?;
        self.volume().look(|tree| Ok(tree.stat(tree.find(base, path, follow)?)))
    }

    pub(super) fn set_times(
        &self,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> Result<(), ErrorCode> {
        self.volume().change(|disk| disk.set_times(self.handle.node(), access, modification))
    }

    pub(super) fn set_times_at(
        &self,
        follow: Follow,
        path: &str,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> Result<(), ErrorCode> {
        let base = self.directory()?;
        self.volume().change(|disk| {
            let node = disk.tree().find(base, path, follow)?;
            disk.set_times(node, access, modification)
        })
    }

    pub(super) fn read_link_at(&self, path: &str) -> Result<String, ErrorCode> {
        let base = self.directory()?;
        self.volume().look(|tree| match &tree.node(tree.find(base, path, Follow::No)?).kind {
            Kind::Link(target) => Ok(target.to_string()),
            _ => Err(ErrorCode::Invalid),
        })
    }

    pub(super) fn link_at(
        &self,
        follow: Follow,
        path: &str,
        new: &Self,
        new_path: &str,
    ) -> Result<(), ErrorCode> {
        let (base, new_base) = (self.directory()?, new.directory()?);
        self.check_same_volume(new)?;
        self.volume().change(|disk| {
            let node = disk.tree().find(base, path, follow)?;
            disk.link(node, new_base, new_path)
        })
    }

    pub(super) fn rename_at(&self, path: &str, new: &Self, new_path: &str) -> Result<(), ErrorCode> {
        let (base, new_base) = (self.directory()?, new.directory()?);
        self.check_same_volume(new)?;
        self.volume().change(|disk| disk.rename(base, path, new_base, new_path))
    }

    fn check_same_volume(&self, other: &Self) -> Result<(), ErrorCode> {
        if self.volume().is(other.volume()) { Ok(()) } else { Err(ErrorCode::CrossDevice) }
    }

    pub(super) fn is_same_object(&self, other: &Self) -> bool {
        self.volume().is(other.volume()) && self.handle.node() == other.handle.node()
    }

    pub(super) fn metadata_hash(&self) -> MetadataHashValue {
        metadata_hash(self.volume(), self.handle.node())
    }

    pub(super) fn metadata_hash_at(
        &self,
        follow: Follow,
        path: &str,
    ) -> Result<MetadataHashValue, ErrorCode> {
        let base = self.directory()?;
        let node = self.volume().look(|tree| tree.find(base, path, follow))?;
        Ok(metadata_hash(self.volume(), node))
    }
}

impl Handle {
    /// Up to `length` bytes of a file. At its end there are none.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Bytes, ErrorCode> {
        self.volume().look(|tree| tree.read(self.node(), offset, length))
    }
}

fn creation(how: OpenFlags) -> Creation {
    match (how.contains(OpenFlags::CREATE), how.contains(OpenFlags::EXCLUSIVE)) {
        (false, _) => Creation::Never,
        (true, false) => Creation::IfMissing,
        (true, true) => Creation::Always,
    }
}

/// What may be done with a directory is decided by where it is, not by how it was opened: guests open directories for
/// reading and then remove what is in them.
fn directory_flags(volume: &Volume) -> DescriptorFlags {
    match volume.can_change() {
        true => DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY,
        false => DescriptorFlags::READ,
    }
}

fn file_flags(asked: DescriptorFlags) -> DescriptorFlags {
    let flags = asked & !DescriptorFlags::MUTATE_DIRECTORY;
    match flags.intersects(DescriptorFlags::READ | DescriptorFlags::WRITE) {
        true => flags,
        false => flags | DescriptorFlags::READ,
    }
}

/// Tells objects apart and stays the same while one lives: C libraries make it the number of the inode.
fn metadata_hash(volume: &Volume, node: NodeId) -> MetadataHashValue {
    let device = u64::from(volume.can_change());
    // Zero is for "unknown" in some of them.
    MetadataHashValue { lower: (node.0 << 1 | device) + 1, upper: device }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::assets::Assets;
    use super::super::disk::Disk;
    use super::super::listing::Listing;
    use super::super::volume::SharedDisk;
    use super::*;
    use crate::wasm::account::{Account, SharedAccount};

    const WRITE: DescriptorFlags = DescriptorFlags::WRITE;
    const READ: DescriptorFlags = DescriptorFlags::READ;

    fn disk() -> (Descriptor, SharedAccount) {
        let account = SharedAccount::new(Account::new(1 << 20, 1 << 20));
        (Descriptor::root(&Volume::Disk(SharedDisk::new(Disk::new(account.clone())))), account)
    }

    fn assets() -> Descriptor {
        let files = [("a/file".to_owned(), Bytes::from_static(b"tea"))];
        Descriptor::root(&Volume::Assets(Arc::new(Assets::new(files).expect("files"))))
    }

    fn opening(how: OpenFlags, flags: DescriptorFlags) -> Opening {
        Opening { follow: Follow::Yes, how, flags }
    }

    fn write(root: &Descriptor, path: &str, text: &str) -> Descriptor {
        let file = root.open_at(path, opening(OpenFlags::CREATE, READ | WRITE)).expect("a file");
        let handle = file.to_write().expect("it is for writing");
        handle.volume().change(|disk| disk.write(handle.node(), 0, text.as_bytes())).expect("room");
        file
    }

    #[test]
    fn a_file_is_opened_for_what_it_is_then_used_for() {
        let (root, _) = disk();
        write(&root, "file", "tea");
        let reads =
            root.open_at("file", opening(OpenFlags::empty(), DescriptorFlags::empty())).expect("a file");
        assert_eq!(reads.flags(), READ);
        assert_eq!(reads.to_read().expect("for reading").read(0, 10).expect("a file"), &b"tea"[..]);
        assert_eq!(reads.to_write().map(drop), Err(ErrorCode::BadDescriptor));
        let writes = root.open_at("file", opening(OpenFlags::TRUNCATE, WRITE)).expect("a file");
        assert_eq!(writes.to_read().map(drop), Err(ErrorCode::BadDescriptor));
        assert_eq!(reads.stat().size, 0, "it was cut off");
        assert_eq!(root.to_read().map(drop), Err(ErrorCode::IsDirectory));
        assert_eq!(reads.directory(), Err(ErrorCode::NotDirectory));
    }

    #[test]
    fn flags_that_do_not_fit_are_refused() {
        let (root, _) = disk();
        write(&root, "file", "tea");
        root.volume().change(|disk| disk.create_link("file", ROOT, "link")).expect("a link");
        let none = OpenFlags::empty();
        for (path, how, flags, expected) in [
            ("file", OpenFlags::DIRECTORY, READ, ErrorCode::NotDirectory),
            ("new", OpenFlags::DIRECTORY | OpenFlags::CREATE, READ, ErrorCode::Invalid),
            (".", none, WRITE, ErrorCode::IsDirectory),
            (".", OpenFlags::CREATE, READ, ErrorCode::IsDirectory),
            (".", OpenFlags::TRUNCATE, READ, ErrorCode::IsDirectory),
            ("file", OpenFlags::CREATE | OpenFlags::EXCLUSIVE, WRITE, ErrorCode::Exist),
            ("none", none, READ, ErrorCode::NoEntry),
            ("..", none, READ, ErrorCode::NotPermitted),
        ] {
            let opened = root.open_at(path, opening(how, flags)).map(drop);
            assert_eq!(opened, Err(expected), "{path} {how:?} {flags:?}");
        }
        let unfollowed = Opening { follow: Follow::No, ..opening(none, READ) };
        assert_eq!(root.open_at("link", unfollowed).map(drop), Err(ErrorCode::Loop));
    }

    #[test]
    fn nothing_changes_a_package() {
        let (root, (disk, _)) = (assets(), disk());
        let file = root.open_at("a/file", opening(OpenFlags::empty(), READ)).expect("a file");
        assert_eq!(file.to_read().expect("for reading").read(1, 10).expect("a file"), &b"ea"[..]);
        for (how, flags) in
            [(OpenFlags::empty(), WRITE), (OpenFlags::TRUNCATE, READ), (OpenFlags::CREATE, READ)]
        {
            let opened = root.open_at("a/file", opening(how, flags)).map(drop);
            assert_eq!(opened, Err(ErrorCode::ReadOnly), "{how:?} {flags:?}");
        }
        let times = file.set_times(NewTimestamp::Now, NewTimestamp::Now);
        assert_eq!(times, Err(ErrorCode::ReadOnly));
        assert_eq!(root.rename_at("a/file", &root, "b"), Err(ErrorCode::ReadOnly));
        assert_eq!(root.rename_at("a/file", &disk, "b"), Err(ErrorCode::CrossDevice));
        assert_eq!(root.link_at(Follow::No, "a/file", &disk, "b"), Err(ErrorCode::CrossDevice));
        assert_eq!(root.volume().change(|disk| disk.unlink_file(ROOT, "a/file")), Err(ErrorCode::ReadOnly));
    }

    #[test]
    fn objects_are_told_apart_by_what_they_are() {
        let (root, _) = disk();
        let (one, other) = (write(&root, "one", ""), write(&root, "other", ""));
        root.link_at(Follow::No, "one", &root, "again").expect("a second name");
        let again = root.open_at("again", opening(OpenFlags::empty(), READ)).expect("a file");
        assert!(one.is_same_object(&again) && !one.is_same_object(&other));
        let hash =
            |descriptor: &Descriptor| (descriptor.metadata_hash().lower, descriptor.metadata_hash().upper);
        assert_eq!(hash(&one), hash(&again));
        assert_ne!(hash(&one), hash(&other));
        assert_ne!(hash(&root), hash(&assets()));
        assert_eq!(root.metadata_hash_at(Follow::No, "one").expect("it is there").lower, hash(&one).0);
    }

    #[test]
    fn a_listing_goes_on_while_its_names_go() {
        let (root, account) = disk();
        for name in ["b", "a", "c", "d"] {
            write(&root, name, name);
        }
        let mut listing = Listing::new(root.directory_handle().expect("a directory"));
        let mut names = Vec::new();
        while let Some(entry) = listing.next() {
            root.volume().change(|disk| disk.unlink_file(ROOT, &entry.name)).expect("it is there");
            names.push(entry.name);
        }
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!(account.lock().used_bytes(), 0, "whatever was closed without a name is gone");
    }

    #[test]
    fn an_open_file_outlives_its_name_and_its_descriptor() {
        let (root, account) = disk();
        let file = write(&root, "file", "tea");
        let handle = file.to_read().expect("for reading");
        root.volume().change(|disk| disk.unlink_file(ROOT, "file")).expect("it is there");
        drop(file);
        assert_eq!(handle.read(0, 10).expect("a file"), &b"tea"[..]);
        assert!(account.lock().used_bytes() > 4096);
        drop(handle);
        assert_eq!(account.lock().used_bytes(), 0);
    }

    #[test]
    fn links_are_read_and_not_followed_by_reading_them() {
        let (root, _) = disk();
        root.volume().change(|disk| disk.create_link("../out", ROOT, "link")).expect("a link");
        assert_eq!(root.read_link_at("link").as_deref(), Ok("../out"));
        assert_eq!(root.read_link_at("."), Err(ErrorCode::Invalid));
        assert_eq!(root.stat_at(Follow::No, "link").expect("the link").type_, DescriptorType::SymbolicLink);
        assert_eq!(root.stat_at(Follow::Yes, "link").map(drop), Err(ErrorCode::NotPermitted));
    }
}
