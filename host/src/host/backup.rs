//! Copies of a data folder, made while a host serves from it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::Host;
use crate::artifact::{self, CodeDigest};
use crate::registry;
use crate::store::{self, StoreError, journal};

/// How often a copy is begun again because packages that it refers to were removed while it was made.
const ATTEMPTS_MAX: usize = 20;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// How many functions.
    pub functions: usize,
    /// How many packages.
    pub packages: usize,
    /// The bytes of these packages.
    pub package_bytes: u64,
}

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The folder to copy to cannot be used.
    #[error("cannot copy to {folder}: {reason}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: io::Error,
    },
    /// The registry or the queue cannot be read, or its copy not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// All but some packages were copied: these are not there as they were uploaded. The copy is there.
    #[error("the copy lacks {}", listed(packages))]
    Incomplete {
        /// What was copied.
        copied: Backup,
        /// The packages that are missing, and what is wrong with each.
        packages: Vec<(CodeDigest, String)>,
    },
}

fn listed(packages: &[(CodeDigest, String)]) -> String {
    let listed = packages.iter().map(|(digest, reason)| format!("the package {digest} ({reason})"));
    listed.collect::<Vec<_>>().join(", ")
}

/// Copies the functions of a data folder, with their code, into another folder, as they are at one moment, and what was queued
/// at a moment before that. The folder may be in use by another process meanwhile. What was compiled is not copied: it is
/// compiled again from the code. A host started on the copy has the same functions, and goes on with what was queued then.
/// It blocks.
///
/// # Errors
/// When the folder to copy to is there and not empty, or reading or writing fails: what was copied by then is removed. Also
/// when packages are not there as they were uploaded; all else is copied then.
pub fn backup(data_dir: &Path, to: &Path) -> Result<Backup, BackupError> {
    copy(data_dir, to, &|| store::sqlite::backup_file(data_dir, to))
}

impl Host {
    /// Copies the functions of this host, with their code, into a folder, as [`backup`] does.
    ///
    /// # Errors
    /// As [`backup`]; also when the host keeps its functions in memory.
    pub async fn backup(&self, to: impl Into<PathBuf>) -> Result<Backup, BackupError> {
        let (host, to) = (self.clone(), to.into());
        let copied = tokio::task::spawn_blocking(move || {
            copy(host.parts.data_dir.path(), &to, &|| host.parts.registry.backup(&to))
        });
        match copied.await {
            Ok(copied) => copied,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn copy(
    data_dir: &Path,
    to: &Path,
    copy_store: &dyn Fn() -> Result<(), StoreError>,
) -> Result<Backup, BackupError> {
    let made = make_empty(to).map_err(|reason| BackupError::Folder { folder: to.to_owned(), reason })?;
    // The queue comes first: what is queued is for functions that are copied too, or were deleted in the meantime, as may
    // happen to it anyway. It may be large, so it is copied once.
    let queued = journal::backup_file(data_dir, to).map_err(BackupError::from);
    let mut copied = queued.and_then(|()| copy_once(data_dir, to, copy_store));
    for _ in 1..ATTEMPTS_MAX {
        // Perhaps a function went with its package after the registry was copied: then that copy is too old already.
        let Err(BackupError::Incomplete { packages, .. }) = &copied else { break };
        let lacking: Vec<CodeDigest> = packages.iter().map(|(digest, _)| *digest).collect();
        empty_but(to, &[journal::FILE_NAME])
            .map_err(|reason| BackupError::Folder { folder: to.to_owned(), reason })?;
        copied = copy_once(data_dir, to, copy_store);
        match &copied {
            Err(BackupError::Incomplete { packages, .. })
                if packages.iter().map(|(digest, _)| *digest).eq(lacking) =>
            {
                break;
            }
            _ => {}
        }
    }
    if matches!(copied, Err(BackupError::Folder { .. } | BackupError::Store(_))) {
        // The first error is the one that counts.
        let _ = empty_but(to, &[]);
        if made {
            let _ = fs::remove_dir(to);
        }
    }
    copied
}

fn copy_once(
    data_dir: &Path,
    to: &Path,
    copy_store: &dyn Fn() -> Result<(), StoreError>,
) -> Result<Backup, BackupError> {
    copy_store()?;
    let (mut digests, mut functions) = (BTreeSet::new(), 0);
    let mut refused = None;
    store::sqlite::read(to, &mut |scope| {
        functions += 1;
        match registry::packages_of(&scope) {
            Ok(own) => digests.extend(own),
            Err(error) => refused = Some(error),
        }
    })?;
    if let Some(error) = refused {
        return Err(error.into());
    }
    let mut copied = Backup { functions, packages: 0, package_bytes: 0 };
    let mut lacking = Vec::new();
    for digest in digests {
        match artifact::copy_package(data_dir, to, &digest) {
            Ok(bytes) => {
                copied.packages += 1;
                copied.package_bytes += bytes;
            }
            Err(reason) if reason.kind() == io::ErrorKind::StorageFull => {
                return Err(BackupError::Folder { folder: to.to_owned(), reason });
            }
            Err(reason) => lacking.push((digest, reason.to_string())),
        }
    }
    match lacking.is_empty() {
        true => Ok(copied),
        false => Err(BackupError::Incomplete { copied, packages: lacking }),
    }
}

/// Makes a folder for its owner alone; one that is there has to be empty. Says whether it was made.
fn make_empty(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is not empty")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Removes what is in a folder that was empty, except for what has one of these names.
fn empty_but(folder: &Path, kept: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if kept.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::journal::conformance::loaded;
    use crate::store::journal::{Change, Kind};

    /// The events that were accepted are a part of what a data folder is kept for.
    #[tokio::test]
    async fn what_is_queued_is_copied_too() {
        let (data_dir, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let _store = store::open(Some(data_dir.path())).expect("it opens");
        let journal = store::open_journal(Some(data_dir.path())).expect("it opens");
        let id = journal.allocate();
        let body = Some(Bytes::from("payload"));
        let change = Change::Insert { id, kind: Kind(1), header: b"header".to_vec(), body: body.clone() };
        journal.write(vec![change]).await.expect("it is written");
        let copied = backup(data_dir.path(), to.path()).expect("it is copied");
        assert_eq!(copied, Backup { functions: 0, packages: 0, package_bytes: 0 });
        let copy = store::open_journal(Some(to.path())).expect("it opens");
        let rows = loaded(&*copy).expect("it loads");
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
        assert_eq!(copy.body(id).await, Ok(body));
    }

    #[test]
    fn without_a_copy_of_the_queue_there_is_none_at_all() {
        let (data_dir, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let _store = store::open(Some(data_dir.path())).expect("it opens");
        fs::write(data_dir.path().join(journal::FILE_NAME), "something else").expect("it is written");
        let refused = backup(data_dir.path(), to.path());
        assert!(matches!(refused, Err(BackupError::Store(StoreError::Damaged { .. }))), "{refused:?}");
        assert_eq!(fs::read_dir(to.path()).expect("it can be read").count(), 0);
    }

    #[test]
    fn when_the_rest_is_copied_again_the_copy_of_the_queue_stays() {
        let to = tempfile::tempdir().expect("a folder");
        for name in [journal::FILE_NAME, "registry.db"] {
            fs::write(to.path().join(name), name).expect("it is written");
        }
        fs::create_dir(to.path().join("packages")).expect("it is made");
        empty_but(to.path(), &[journal::FILE_NAME]).expect("it is emptied");
        let left = fs::read_dir(to.path()).expect("it can be read");
        let left: Vec<_> = left.map(|entry| entry.expect("it can be read").file_name()).collect();
        assert_eq!(left, [journal::FILE_NAME]);
    }
}
