//! The data folder: private, on a disk of this machine, and used by one process at a time.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::StartError;
use crate::artifact::check_private;

/// Held by the process that uses the folder.
const LOCK_FILE: &str = "samovar.lock";

/// File systems of other machines, by the magic number that Linux gives them (`statfs(2)`): locks and flushes do not keep
/// their promises on all of them.
const NETWORK_FILE_SYSTEMS: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x4750_4653, "GPFS"),
];

/// A data folder that is ours alone for as long as this lives.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    _lock: File,
    /// Removes the folder, if it was made for this host alone.
    temporary: Option<tempfile::TempDir>,
}

impl DataDir {
    /// Takes a folder, which is made for its owner alone if it is not there; a temporary one, if none is given.
    pub(super) fn take(given: Option<PathBuf>, network_allowed: bool) -> Result<Self, StartError> {
        let (path, temporary) = match given {
            Some(path) => (path, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("samovar-").tempdir();
                let failed = |reason| StartError::DataDir { folder: std::env::temp_dir(), reason };
                let temporary = temporary.map_err(failed)?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let failed = |reason| StartError::DataDir { folder: path.clone(), reason };
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
        check_private(&path).and_then(|()| close_to_others(&path)).map_err(failed)?;
        if !network_allowed {
            check_local(&path).map_err(failed)?;
        }
        let lock = lock(&path).map_err(failed)?;
        Ok(Self { path, _lock: lock, temporary })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it goes with this host.
    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

/// Lets nobody else read what functions are configured with, in a folder that others could read so far.
fn close_to_others(folder: &Path) -> io::Result<()> {
    match fs::metadata(folder)?.mode() & 0o077 {
        0 => Ok(()),
        _ => fs::set_permissions(folder, Permissions::from_mode(0o700)),
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK_FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process uses this folder"))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn check_local(folder: &Path) -> io::Result<()> {
    let found = rustix::fs::statfs(folder)?.f_type as u64;
    match network_file_system(found) {
        None => Ok(()),
        Some(name) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "it is on a network file system ({name}), where what is written is not safe after a crash"
            ),
        )),
    }
}

fn network_file_system(magic: u64) -> Option<&'static str> {
    // The type of the number differs between processors, and is sign-extended on some.
    let known = |(number, _): &&(u64, _)| *number == magic & 0xffff_ffff;
    NETWORK_FILE_SYSTEMS.iter().find(known).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_of_other_machines_are_known() {
        assert_eq!(network_file_system(0x6969), Some("NFS"));
        assert_eq!(network_file_system(0xff53_4d42_u32 as i32 as u64), Some("CIFS"));
        for local in [0xef53, 0x0102_1994, 0x9123_683e, 0x5846_5342, 0x794c_7630] {
            assert_eq!(network_file_system(local), None, "{local:x}");
        }
    }

    #[test]
    fn a_folder_is_used_by_one_at_a_time_and_is_its_owners_alone() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("data");
        let first = DataDir::take(Some(path.clone()), false).expect("taken");
        let mode = || fs::metadata(&path).expect("it is there").mode() & 0o777;
        assert_eq!(mode(), 0o700);
        let StartError::DataDir { reason, .. } = DataDir::take(Some(path.clone()), false).unwrap_err() else {
            panic!("another error");
        };
        assert_eq!(reason.kind(), io::ErrorKind::ResourceBusy);
        drop(first);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it is ours");
        DataDir::take(Some(path.clone()), false).expect("taken again");
        assert_eq!(mode(), 0o700);
    }
}
