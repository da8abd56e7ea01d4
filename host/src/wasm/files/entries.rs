//! What is done to a disk by paths, under the rules of POSIX.

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::blocks::Blocks;
use super::disk::Disk;
use super::tree::{Directory, Kind, NodeId, ROOT};
use super::walk::{Entry, Follow, PATH_BYTES_MAX, Target};

/// How many directories up it is looked whether a directory would be moved into itself.
const DEPTH_MAX: u32 = 4096;

/// What is to be there after a file was opened by a name that may be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Creation {
    /// It must be there.
    Never,
    /// It is made if it is not there.
    IfMissing,
    /// It must not be there.
    Always,
}

impl Disk {
    /// Finds what is to be opened, or makes a file of that name.
    pub(super) fn open(
        &mut self,
        base: NodeId,
        path: &str,
        follow: Follow,
        creation: Creation,
    ) -> Result<NodeId, ErrorCode> {
        // What must not be there is not there either if a link of that name leads elsewhere.
        let follow = if creation == Creation::Always { Follow::No } else { follow };
        match self.tree().walk(base, path, follow)? {
            Target::Directory(_) | Target::Entry(Entry { node: Some(_), .. })
                if creation == Creation::Always =>
            {
                Err(ErrorCode::Exist)
            }
            Target::Directory(node) | Target::Entry(Entry { node: Some(node), .. }) => Ok(node),
            Target::Entry(_) if creation == Creation::Never => Err(ErrorCode::NoEntry),
            Target::Entry(entry) if entry.slash => Err(ErrorCode::IsDirectory),
            Target::Entry(entry) => {
                self.check_alive(entry.parent)?;
                self.create(entry, Kind::File(Blocks::default()))
            }
        }
    }

    pub(super) fn create_directory(&mut self, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        let entry = self.new_entry(base, path)?;
        let directory = Kind::Directory(Directory::within(entry.parent));
        self.create(entry, directory).map(drop)
    }

    pub(super) fn create_link(&mut self, target: &str, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        match target {
            "" => return Err(ErrorCode::NoEntry),
            // A link to the root leads out of every directory.
            _ if target.starts_with('/') => return Err(ErrorCode::NotPermitted),
            _ if target.len() > PATH_BYTES_MAX => return Err(ErrorCode::NameTooLong),
            _ if target.contains('\0') => return Err(ErrorCode::Invalid),
            _ => {}
        }
        let entry = self.new_entry(base, path)?;
        if entry.slash {
            return Err(ErrorCode::NoEntry);
        }
        self.create(entry, Kind::Link(target.into())).map(drop)
    }

    /// Gives a file or link another name.
    pub(super) fn link(&mut self, node: NodeId, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        if matches!(self.tree().node(node).kind, Kind::Directory(_)) {
            return Err(ErrorCode::NotPermitted);
        }
        let entry = self.new_entry(base, path)?;
        if entry.slash {
            return Err(ErrorCode::NoEntry);
        }
        self.create_name(entry, node)
    }

    pub(super) fn unlink_file(&mut self, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        let (entry, node) = self.existing(base, path, ErrorCode::IsDirectory)?;
        if matches!(self.tree().node(node).kind, Kind::Directory(_)) {
            return Err(ErrorCode::IsDirectory);
        }
        self.remove_name(entry.parent, &entry.name)
    }

    pub(super) fn remove_directory(&mut self, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        let (entry, node) = self.existing(base, path, ErrorCode::Busy)?;
        if !self.tree().directory(node)?.entries.is_empty() {
            return Err(ErrorCode::NotEmpty);
        }
        self.remove_name(entry.parent, &entry.name)
    }

    /// Gives something another name and takes its old one away; what had the new name before is gone.
    pub(super) fn rename(
        &mut self,
        old_base: NodeId,
        old_path: &str,
        new_base: NodeId,
        new_path: &str,
    ) -> Result<(), ErrorCode> {
        let (old, node) = self.existing(old_base, old_path, ErrorCode::Busy)?;
        let new = match self.tree().walk(new_base, new_path, Follow::No)? {
            Target::Entry(new) => new,
            Target::Directory(_) => return Err(ErrorCode::Busy),
        };
        if new.node == Some(node) {
            return Ok(());
        }
        self.check_alive(new.parent)?;
        let is_directory = matches!(self.tree().node(node).kind, Kind::Directory(_));
        if is_directory {
            self.check_not_within(new.parent, node)?;
        } else if new.slash {
            return Err(ErrorCode::NotDirectory);
        }
        if let Some(replaced) = new.node {
            self.check_replaceable(replaced, is_directory)?;
        }
        self.move_name(&old, new, node)
    }

    /// A name that nothing has yet, in a directory that is still there.
    fn new_entry(&self, base: NodeId, path: &str) -> Result<Entry, ErrorCode> {
        match self.tree().walk(base, path, Follow::No)? {
            Target::Entry(entry) if entry.node.is_none() => {
                self.check_alive(entry.parent)?;
                Ok(entry)
            }
            _ => Err(ErrorCode::Exist),
        }
    }

    /// A name, and what has it. What is reached without its name cannot be changed by it: then `unnamed` is the error.
    fn existing(&self, base: NodeId, path: &str, unnamed: ErrorCode) -> Result<(Entry, NodeId), ErrorCode> {
        // A slash at the end asks for a directory; a link to one is not one.
        match self.tree().walk(base, path.trim_end_matches('/'), Follow::No)? {
            Target::Directory(_) => Err(unnamed),
            Target::Entry(entry) => {
                let node = entry.node.ok_or(ErrorCode::NoEntry)?;
                if path.ends_with('/') {
                    self.tree().directory(node)?;
                }
                Ok((entry, node))
            }
        }
    }

    /// Nothing new comes into a directory that was removed and is only held open.
    fn check_alive(&self, directory: NodeId) -> Result<(), ErrorCode> {
        if self.tree().node(directory).names == 0 { Err(ErrorCode::NoEntry) } else { Ok(()) }
    }

    fn check_not_within(&self, directory: NodeId, moved: NodeId) -> Result<(), ErrorCode> {
        let mut above = directory;
        for _ in 0..DEPTH_MAX {
            if above == moved {
                return Err(ErrorCode::Invalid);
            }
            if above == ROOT {
                return Ok(());
            }
            above = self.tree().directory(above)?.parent;
        }
        Err(ErrorCode::NameTooLong)
    }

    fn check_replaceable(&self, replaced: NodeId, by_directory: bool) -> Result<(), ErrorCode> {
        match (&self.tree().node(replaced).kind, by_directory) {
            (Kind::Directory(directory), true) if directory.entries.is_empty() => Ok(()),
            (Kind::Directory(_), true) => Err(ErrorCode::NotEmpty),
            (Kind::Directory(_), false) => Err(ErrorCode::IsDirectory),
            (_, true) => Err(ErrorCode::NotDirectory),
            (_, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::account::{Account, SharedAccount};

    /// `a/`, `a/b/`, `a/b/file`, `file`, and `link` to `a/b`.
    fn disk() -> Disk {
        let mut disk = Disk::new(SharedAccount::new(Account::new(1 << 20, 1 << 20)));
        for directory in ["a", "a/b/"] {
            disk.create_directory(ROOT, directory).expect(directory);
        }
        for file in ["a/b/file", "file"] {
            disk.open(ROOT, file, Follow::Yes, Creation::Always).expect(file);
        }
        disk.create_link("a/b", ROOT, "link").expect("a link");
        disk
    }

    fn find(disk: &Disk, path: &str) -> Result<NodeId, ErrorCode> {
        disk.tree().find(ROOT, path, Follow::No)
    }

    #[test]
    fn files_are_made_where_nothing_is_and_directories_are() {
        let mut disk = disk();
        let mut open = |path, creation| disk.open(ROOT, path, Follow::Yes, creation).map(drop);
        for (path, creation, expected) in [
            ("new", Creation::Never, Err(ErrorCode::NoEntry)),
            ("new/", Creation::IfMissing, Err(ErrorCode::IsDirectory)),
            ("none/new", Creation::IfMissing, Err(ErrorCode::NoEntry)),
            ("file/new", Creation::IfMissing, Err(ErrorCode::NotDirectory)),
            ("file", Creation::IfMissing, Ok(())),
            ("file", Creation::Always, Err(ErrorCode::Exist)),
            ("link", Creation::Always, Err(ErrorCode::Exist)),
            (".", Creation::Always, Err(ErrorCode::Exist)),
            ("link/new", Creation::Always, Ok(())),
        ] {
            assert_eq!(open(path, creation), expected, "{path} {creation:?}");
        }
        assert!(find(&disk, "a/b/new").is_ok(), "it was made where the link leads");
        for taken in ["a", "file", "link", ".", "a/.."] {
            assert_eq!(disk.create_directory(ROOT, taken), Err(ErrorCode::Exist), "{taken}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_where_a_file_can_be_made() {
        let mut disk = disk();
        disk.create_link("later", ROOT, "early").expect("a link");
        assert!(disk.open(ROOT, "early", Follow::Yes, Creation::IfMissing).is_ok());
        assert!(find(&disk, "later").is_ok());
    }

    #[test]
    fn links_lead_to_relative_paths_of_bounded_length_only() {
        let mut disk = disk();
        for (target, expected) in [
            ("/etc/passwd", Err(ErrorCode::NotPermitted)),
            ("", Err(ErrorCode::NoEntry)),
            ("a\0b", Err(ErrorCode::Invalid)),
            (&*"x".repeat(4097), Err(ErrorCode::NameTooLong)),
            ("../../../etc/passwd", Ok(())),
        ] {
            assert_eq!(disk.create_link(target, ROOT, "new"), expected);
        }
        let out = disk.tree().find(ROOT, "new", Follow::Yes);
        assert_eq!(out, Err(ErrorCode::NotPermitted), "it may be made, and leads nowhere");
    }

    #[test]
    fn files_and_directories_are_removed_each_in_its_way() {
        let mut disk = disk();
        for (path, expected) in [
            ("a", ErrorCode::IsDirectory),
            (".", ErrorCode::IsDirectory),
            ("file/", ErrorCode::NotDirectory),
            ("link/", ErrorCode::NotDirectory),
            ("none", ErrorCode::NoEntry),
        ] {
            assert_eq!(disk.unlink_file(ROOT, path), Err(expected), "{path}");
        }
        for (path, expected) in [
            ("a", ErrorCode::NotEmpty),
            (".", ErrorCode::Busy),
            ("file", ErrorCode::NotDirectory),
            ("link", ErrorCode::NotDirectory),
            ("none", ErrorCode::NoEntry),
        ] {
            assert_eq!(disk.remove_directory(ROOT, path), Err(expected), "{path}");
        }
        disk.unlink_file(ROOT, "link").expect("the link goes, not what it leads to");
        disk.unlink_file(ROOT, "a/b/file").expect("a file");
        disk.remove_directory(ROOT, "a/b/").expect("it is empty");
        disk.remove_directory(ROOT, "a").expect("it is empty");
    }

    #[test]
    fn a_name_replaces_its_like_and_nothing_else() {
        let mut disk = disk();
        disk.create_directory(ROOT, "empty").expect("a directory");
        for (old, new, expected) in [
            ("none", "new", ErrorCode::NoEntry),
            ("file", "a", ErrorCode::IsDirectory),
            ("file", "new/", ErrorCode::NotDirectory),
            ("empty", "file", ErrorCode::NotDirectory),
            ("empty", "a", ErrorCode::NotEmpty),
            (".", "new", ErrorCode::Busy),
            ("empty", ".", ErrorCode::Busy),
            ("a", "a/new", ErrorCode::Invalid),
            ("a", "a/b/new", ErrorCode::Invalid),
            ("a", "link/new", ErrorCode::Invalid),
        ] {
            assert_eq!(disk.rename(ROOT, old, ROOT, new), Err(expected), "{old} to {new}");
        }
        let (a, file) = (find(&disk, "a").expect("there"), find(&disk, "file").expect("there"));
        disk.rename(ROOT, "a", ROOT, "empty/").expect("an empty directory is replaced");
        assert_eq!((find(&disk, "empty"), find(&disk, "a")), (Ok(a), Err(ErrorCode::NoEntry)));
        disk.rename(ROOT, "file", ROOT, "empty/b/file").expect("a file is replaced");
        assert_eq!(find(&disk, "empty/b/file"), Ok(file));
        assert_eq!(disk.tree().stat(file).link_count, 1);
    }

    #[test]
    fn a_moved_directory_knows_where_it_is() {
        let mut disk = disk();
        disk.create_directory(ROOT, "c").expect("a directory");
        disk.rename(ROOT, "a/b", ROOT, "c/b").expect("it is moved");
        assert_eq!(disk.rename(ROOT, "c", ROOT, "c/b/c"), Err(ErrorCode::Invalid));
        disk.rename(ROOT, "a", ROOT, "c/b/a").expect("it is no longer above");
    }

    #[test]
    fn nothing_comes_into_a_directory_that_is_gone() {
        let mut disk = disk();
        disk.create_directory(ROOT, "gone").expect("a directory");
        let gone = find(&disk, "gone").expect("it is there");
        disk.hold(gone);
        disk.remove_directory(ROOT, "gone").expect("it is empty");
        assert_eq!(disk.open(gone, "new", Follow::Yes, Creation::Always), Err(ErrorCode::NoEntry));
        assert_eq!(disk.create_directory(gone, "new"), Err(ErrorCode::NoEntry));
        assert_eq!(disk.create_link("x", gone, "new"), Err(ErrorCode::NoEntry));
        assert_eq!(disk.rename(ROOT, "file", gone, "file"), Err(ErrorCode::NoEntry));
        let file = find(&disk, "file").expect("it is there");
        assert_eq!(disk.link(file, gone, "file"), Err(ErrorCode::NoEntry));
        disk.release(gone);
    }

    #[test]
    fn a_file_has_as_many_names_as_it_was_given_and_a_directory_one() {
        let mut disk = disk();
        let (file, a) = (find(&disk, "file").expect("there"), find(&disk, "a").expect("there"));
        disk.link(file, ROOT, "a/other").expect("a second name");
        assert_eq!(disk.tree().stat(file).link_count, 2);
        disk.rename(ROOT, "file", ROOT, "a/other").expect("two names of one file stay as they are");
        assert_eq!(find(&disk, "file"), Ok(file));
        disk.unlink_file(ROOT, "file").expect("one name goes");
        assert_eq!((disk.tree().stat(file).link_count, find(&disk, "a/other")), (1, Ok(file)));
        assert_eq!(disk.link(a, ROOT, "other"), Err(ErrorCode::NotPermitted));
        assert_eq!(disk.link(file, ROOT, "link"), Err(ErrorCode::Exist));
    }
}
