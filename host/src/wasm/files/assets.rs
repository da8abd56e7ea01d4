//! The files of a package, which all instances of a version share.

use bytes::Bytes;

use super::tree::{Directory, Kind, NodeId, ROOT, Tree};
use super::walk::{NAME_BYTES_MAX, PATH_BYTES_MAX};

/// How many directories deep a file may lie.
const DEPTH_MAX: usize = 64;

/// The files of a package: what `/var/task` shows. They never change.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(super) tree: Tree,
}

/// Why files cannot be those of a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssetsError {
    /// A part of the path is empty, `.` or `..`, or holds a NUL character.
    #[error("the path {path:?} of a file has a part {part:?} that no file can have")]
    Part {
        /// The path.
        path: String,
        /// The part of it.
        part: String,
    },
    /// A part of the path is too long.
    #[error("the path {path:?} of a file has a part of more than {NAME_BYTES_MAX} bytes")]
    PartTooLong {
        /// The path.
        path: String,
    },
    /// The path is too long.
    #[error("the path of a file has {bytes} bytes; at most {PATH_BYTES_MAX} are allowed")]
    PathTooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// The path has too many parts.
    #[error("the path {path:?} of a file has more than {DEPTH_MAX} parts")]
    TooDeep {
        /// The path.
        path: String,
    },
    /// A path is there twice, or is of a file and of a directory.
    #[error("the path {path:?} is taken by another file or directory")]
    Taken {
        /// The path.
        path: String,
    },
}

impl Default for Assets {
    fn default() -> Self {
        Self { tree: Tree::new(None) }
    }
}

impl Assets {
    /// Makes a tree of files under their paths, whose parts are separated by slashes. Directories come of the paths.
    ///
    /// # Errors
    /// When a path is not relative and plain, too long or too deep, or taken.
    pub(crate) fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> Result<Self, AssetsError> {
        let mut assets = Self::default();
        for (path, content) in files {
            check(&path)?;
            if !assets.put(&path, content) {
                return Err(AssetsError::Taken { path });
            }
        }
        Ok(assets)
    }

    /// Puts a file under a path that was checked, unless it is taken.
    fn put(&mut self, path: &str, content: Bytes) -> bool {
        let (directories, name) =
            path.rsplit_once('/').map_or((None, path), |(above, name)| (Some(above), name));
        let mut here = ROOT;
        for part in directories.into_iter().flat_map(|above| above.split('/')) {
            let Ok(directory) = self.tree.directory(here) else { return false };
            here = match directory.entries.get(part) {
                Some(&node) => node,
                None => self.add(here, part, Kind::Directory(Directory::within(here))),
            };
        }
        match self.tree.directory(here) {
            Ok(directory) if !directory.entries.contains_key(name) => {
                self.add(here, name, Kind::Asset(content));
                true
            }
            _ => false,
        }
    }

    fn add(&mut self, parent: NodeId, name: &str, kind: Kind) -> NodeId {
        let node = self.tree.insert(kind, None);
        self.tree.node_mut(node).names = 1;
        let parent = self.tree.directory_mut(parent).expect("it was looked at");
        parent.entries.insert(name.into(), node);
        node
    }
}

fn check(path: &str) -> Result<(), AssetsError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(AssetsError::PathTooLong { bytes: path.len() });
    }
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") || part.contains('\0') {
            return Err(AssetsError::Part { path: path.to_owned(), part: part.to_owned() });
        }
        if part.len() > NAME_BYTES_MAX {
            return Err(AssetsError::PartTooLong { path: path.to_owned() });
        }
    }
    match path.split('/').count() {
        parts if parts > DEPTH_MAX => Err(AssetsError::TooDeep { path: path.to_owned() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::Follow;
    use super::*;

    fn assets(paths: &[&str]) -> Result<Assets, AssetsError> {
        Assets::new(paths.iter().map(|&path| (path.to_owned(), Bytes::from(path.to_owned()))))
    }

    #[test]
    fn files_lie_where_their_paths_say() {
        let assets = assets(&["data.txt", "a/b/one", "a/b/two", "a/three"]).expect("files");
        for path in ["data.txt", "a/b/one", "a/b/two", "a/three"] {
            let node = assets.tree.find(ROOT, path, Follow::No).expect(path);
            assert_eq!(assets.tree.read(node, 0, 100).expect("a file"), path);
        }
        let a = assets.tree.find(ROOT, "a", Follow::No).expect("a directory");
        let first = assets.tree.entry_after(a, None).expect("an entry").name;
        let second = assets.tree.entry_after(a, Some(&first)).expect("an entry").name;
        assert_eq!((&*first, &*second), ("b", "three"));
        assert!(assets.tree.entry_after(a, Some(&second)).is_none());
    }

    #[test]
    fn paths_that_no_file_can_have_are_refused() {
        for bad in ["", "/etc/passwd", "a/", "a//b", ".", "..", "../x", "a/../b", "a/./b", "a\0b"] {
            assert!(matches!(assets(&[bad]), Err(AssetsError::Part { .. })), "{bad:?}");
        }
        assert!(matches!(assets(&[&"n".repeat(256)]), Err(AssetsError::PartTooLong { .. })));
        assert!(matches!(assets(&[&"n/".repeat(2100)]), Err(AssetsError::PathTooLong { bytes: 4200 })));
        let deep = |parts| vec!["d"; parts].join("/");
        assert!(assets(&[&deep(64)]).is_ok());
        assert!(matches!(assets(&[&deep(65)]), Err(AssetsError::TooDeep { .. })));
    }

    #[test]
    fn no_name_is_of_two_things() {
        for taken in [["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a/b", "a/b/c"]] {
            let error = assets(&taken).expect_err("refused");
            assert_eq!(error, AssetsError::Taken { path: taken[1].to_owned() });
        }
    }
}
