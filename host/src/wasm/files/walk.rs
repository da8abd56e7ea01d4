//! From a path to what it leads to, without ever leaving the directory the walk began in.

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::tree::{Kind, NodeId, Tree};

/// The most bytes a path may have.
pub(super) const PATH_BYTES_MAX: usize = 4096;
/// The most bytes a name may have.
pub(super) const NAME_BYTES_MAX: usize = 255;
/// The most symbolic links one walk follows.
const LINKS_MAX: u32 = 40;

/// Whether a walk goes on where a symbolic link at its very end leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    Yes,
    No,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A directory that was reached without its name: by `.` or `..`.
    Directory(NodeId),
    /// A name in a directory.
    Entry(Entry),
}

/// A name in a directory, whether or not there is something of that name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) parent: NodeId,
    pub(super) name: Box<str>,
    pub(super) node: Option<NodeId>,
    /// The path ended with a slash.
    pub(super) slash: bool,
}

impl Tree {
    /// Goes a path from a directory. All but its last name must be there.
    pub(super) fn walk(&self, base: NodeId, path: &str, follow: Follow) -> Result<Target, ErrorCode> {
        check(path)?;
        // The directories that led here, the base first: what `..` goes back on, and where it ends.
        let mut trail = vec![base];
        // What is still to go: of the path, and of each link on the way, innermost last.
        let mut rests = vec![path];
        let mut links = 0;
        let mut slash = false;
        while let Some(rest) = rests.pop() {
            let (name, after) = first(rest);
            if let Some(after) = after.filter(|after| !after.is_empty()) {
                rests.push(after);
            }
            let here = *trail.last().expect("`..` never takes the base");
            let entries = &self.directory(here)?.entries;
            let last = rests.is_empty();
            slash |= last && after.is_some();
            match name {
                "." => continue,
                ".." if trail.len() == 1 => return Err(ErrorCode::NotPermitted),
                ".." => {
                    trail.pop();
                    continue;
                }
                _ if name.len() > NAME_BYTES_MAX => return Err(ErrorCode::NameTooLong),
                _ => {}
            }
            let Some(&node) = entries.get(name) else {
                let entry = Entry { parent: here, name: name.into(), node: None, slash };
                return if last { Ok(Target::Entry(entry)) } else { Err(ErrorCode::NoEntry) };
            };
            match &self.node(node).kind {
                Kind::Link(target) if !last || slash || follow == Follow::Yes => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(ErrorCode::Loop);
                    }
                    rests.push(target);
                }
                Kind::Directory(_) if !last => trail.push(node),
                Kind::File(_) | Kind::Asset(_) if !last || slash => return Err(ErrorCode::NotDirectory),
                _ => {
                    return Ok(Target::Entry(Entry {
                        parent: here,
                        name: name.into(),
                        node: Some(node),
                        slash,
                    }));
                }
            }
        }
        Ok(Target::Directory(*trail.last().expect("`..` never takes the base")))
    }

    /// Goes a path to something that must be there.
    pub(super) fn find(&self, base: NodeId, path: &str, follow: Follow) -> Result<NodeId, ErrorCode> {
        match self.walk(base, path, follow)? {
            Target::Directory(node) => Ok(node),
            Target::Entry(entry) => entry.node.ok_or(ErrorCode::NoEntry),
        }
    }
}

fn check(path: &str) -> Result<(), ErrorCode> {
    match path {
        "" => Err(ErrorCode::NoEntry),
        _ if path.len() > PATH_BYTES_MAX => Err(ErrorCode::NameTooLong),
        _ if path.contains('\0') => Err(ErrorCode::Invalid),
        // What lies outside the base is for its descriptor to tell, and no descriptor is of the root.
        _ if path.starts_with('/') => Err(ErrorCode::NotPermitted),
        _ => Ok(()),
    }
}

/// The first name of a path, and what comes after its slashes, if it has any.
fn first(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((name, after)) => (name, Some(after.trim_start_matches('/'))),
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::Blocks;
    use super::super::tree::{Directory, ROOT};
    use super::*;

    fn put(tree: &mut Tree, parent: NodeId, name: &str, kind: Kind) -> NodeId {
        let node = tree.insert(kind, None);
        tree.directory_mut(parent).expect("a directory").entries.insert(name.into(), node);
        node
    }

    /// `a/`, `a/b/`, `a/b/file`, and links: `a/up` to `../a/b`, `loop` to `loop`, `out` to `../x`, `new` to `a/new`.
    fn tree() -> (Tree, NodeId, NodeId, NodeId) {
        let mut tree = Tree::new(None);
        let a = put(&mut tree, ROOT, "a", Kind::Directory(Directory::within(ROOT)));
        let b = put(&mut tree, a, "b", Kind::Directory(Directory::within(a)));
        let file = put(&mut tree, b, "file", Kind::File(Blocks::default()));
        for (parent, name, target) in
            [(a, "up", "../a/b"), (ROOT, "loop", "loop"), (ROOT, "out", "../x"), (ROOT, "new", "a/new")]
        {
            put(&mut tree, parent, name, Kind::Link(target.into()));
        }
        (tree, a, b, file)
    }

    #[test]
    fn paths_lead_through_dots_slashes_and_links() {
        let (tree, a, b, file) = tree();
        for path in ["a/b/file", "./a//b/./file", "a/b/../b/file", "a/up/file", "a/up/../b/file"] {
            assert_eq!(tree.find(ROOT, path, Follow::No), Ok(file), "{path}");
        }
        for path in ["a/up", "a/up/", "a/b", "a/b///", "a/b/."] {
            assert_eq!(tree.find(ROOT, path, Follow::Yes), Ok(b), "{path}");
        }
        for path in [".", "./", "a/..", "a/b/../.."] {
            assert_eq!(tree.walk(ROOT, path, Follow::Yes), Ok(Target::Directory(ROOT)), "{path}");
        }
        assert_eq!(tree.find(a, "b/..", Follow::No), Ok(a));
    }

    #[test]
    fn no_path_leaves_its_base() {
        let (tree, a, b, _) = tree();
        for (base, path) in [
            (ROOT, ".."),
            (ROOT, "../a"),
            (ROOT, "a/../.."),
            (ROOT, "/a"),
            (ROOT, "/"),
            (ROOT, "out"),
            (b, ".."),
            (b, "../b/file"),
            // From within `a`, the link's way over `a`'s parent is one out of the base.
            (a, "up/file"),
        ] {
            assert_eq!(tree.find(base, path, Follow::Yes), Err(ErrorCode::NotPermitted), "{path}");
        }
    }

    #[test]
    fn links_are_followed_only_so_often() {
        let (mut tree, ..) = tree();
        assert_eq!(tree.find(ROOT, "loop", Follow::Yes), Err(ErrorCode::Loop));
        assert!(tree.find(ROOT, "loop", Follow::No).is_ok(), "the link itself is there");
        assert_eq!(tree.find(ROOT, "loop/x", Follow::No), Err(ErrorCode::Loop));
        put(&mut tree, ROOT, "l0", Kind::Link("a".into()));
        for number in 1..=40 {
            put(&mut tree, ROOT, &format!("l{number}"), Kind::Link(format!("l{}", number - 1).into()));
        }
        assert!(tree.find(ROOT, "l39", Follow::Yes).is_ok());
        assert_eq!(tree.find(ROOT, "l40", Follow::Yes), Err(ErrorCode::Loop));
    }

    #[test]
    fn the_last_name_may_be_new_and_no_other() {
        let (tree, a, ..) = tree();
        let new = |parent, slash| Target::Entry(Entry { parent, name: "new".into(), node: None, slash });
        assert_eq!(tree.walk(ROOT, "a/new", Follow::Yes), Ok(new(a, false)));
        assert_eq!(tree.walk(ROOT, "a/new/", Follow::Yes), Ok(new(a, true)));
        assert_eq!(tree.walk(ROOT, "new", Follow::Yes), Ok(new(a, false)), "where the link leads");
        assert_eq!(tree.find(ROOT, "a/new", Follow::Yes), Err(ErrorCode::NoEntry));
        assert_eq!(tree.walk(ROOT, "c/new", Follow::Yes), Err(ErrorCode::NoEntry));
        assert_eq!(tree.walk(ROOT, "a/b/file/new", Follow::Yes), Err(ErrorCode::NotDirectory));
        assert_eq!(tree.walk(ROOT, "a/b/file/", Follow::Yes), Err(ErrorCode::NotDirectory));
    }

    #[test]
    fn paths_and_names_are_bounded() {
        let (tree, ..) = tree();
        let walk = |path: &str| tree.walk(ROOT, path, Follow::Yes);
        assert_eq!(walk(""), Err(ErrorCode::NoEntry));
        assert_eq!(walk("a\0b"), Err(ErrorCode::Invalid));
        assert!(walk(&"n".repeat(255)).is_ok());
        assert_eq!(walk(&"n".repeat(256)), Err(ErrorCode::NameTooLong));
        assert!(walk(&"./".repeat(2048)).is_ok());
        assert_eq!(walk(&"./".repeat(2049)), Err(ErrorCode::NameTooLong));
    }
}
