//! Packages on disk, as they were uploaded: one file for each, named by its SHA-256.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dashmap::DashMap;

use super::digest::CodeDigest;
use super::disk::{is_temporary, on_blocking_thread, write_whole};
#[cfg(feature = "sqlite")]
use super::{CODE_FOLDER, PACKAGES_FOLDER};

/// How long files stay that nothing refers to.
const UNREFERENCED_TIME_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a process found of the packages of the one before it.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// How many were put aside because nothing refers to them.
    pub(crate) unreferenced: usize,
    /// Those that are referred to and not there.
    pub(crate) missing: Vec<CodeDigest>,
}

/// A folder of packages.
#[derive(Debug)]
pub(super) struct Packages {
    folder: PathBuf,
    /// Those that something in this process refers to.
    used: DashMap<CodeDigest, Weak<PackageFile>>,
    /// Whether files stay although nothing in this process refers to them any more: before all that is needed is known, and
    /// when the process ends.
    keep: AtomicBool,
    /// Where files go that nothing refers to when a process starts.
    unreferenced: PathBuf,
}

/// One package. Its file goes when nothing refers to it any more, unless the process ends.
#[derive(Debug)]
pub(super) struct PackageFile {
    packages: Arc<Packages>,
    digest: CodeDigest,
    /// Whether this process has written it. One that an earlier process wrote is written again when it is uploaded again.
    written: Mutex<bool>,
}

impl Packages {
    /// Folders that are there: one for packages, one for those that nothing refers to. Nothing is removed before
    /// [`Packages::sweep`].
    pub(super) fn new(folder: PathBuf, unreferenced: PathBuf) -> Arc<Self> {
        Arc::new(Self { folder, used: DashMap::new(), keep: AtomicBool::new(true), unreferenced })
    }

    /// The package with that digest, whether or not it is there yet.
    pub(super) fn file(self: &Arc<Self>, digest: CodeDigest) -> Arc<PackageFile> {
        // Declared before the entry, so that it goes after it: a file that goes looks into this map.
        let present;
        let mut entry = self.used.entry(digest).or_default();
        present = entry.upgrade();
        if let Some(present) = &present {
            return present.clone();
        }
        let file = Arc::new(PackageFile { packages: self.clone(), digest, written: Mutex::new(false) });
        *entry = Arc::downgrade(&file);
        file
    }

    /// From here on no file is removed because nothing in this process refers to it.
    pub(super) fn keep(&self) {
        self.keep.store(true, Ordering::SeqCst);
    }

    /// Puts the files aside that nothing refers to: what a process that was killed left behind, or what a registry that was
    /// lost referred to. They stay for a week. From here on a file goes with what refers to it. To be called once, when all
    /// that is needed is known, and before packages come in.
    pub(super) fn sweep(&self) -> io::Result<Swept> {
        let mut missing: HashMap<PathBuf, CodeDigest> =
            self.used.iter().map(|used| (self.path(used.key()), *used.key())).collect();
        let mut unreferenced = 0;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_file() || missing.remove(&entry.path()).is_some() {
                continue;
            }
            if is_temporary(&entry.file_name()) {
                fs::remove_file(entry.path())?;
                continue;
            }
            File::options().append(true).open(entry.path())?.set_modified(SystemTime::now())?;
            fs::rename(entry.path(), self.unreferenced.join(entry.file_name()))?;
            unreferenced += 1;
        }
        self.remove_old()?;
        self.keep.store(false, Ordering::SeqCst);
        Ok(Swept { unreferenced, missing: missing.into_values().collect() })
    }

    /// Removes what was put aside a week ago.
    fn remove_old(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.unreferenced)? {
            let entry = entry?;
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if age > UNREFERENCED_TIME_MAX {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: &CodeDigest) -> PathBuf {
        path_in(&self.folder, digest)
    }
}

/// Where a folder of packages has the one with that digest.
fn path_in(folder: &Path, digest: &CodeDigest) -> PathBuf {
    folder.join(format!("{digest}.package"))
}

/// Copies a package from one data folder into another, and says how many bytes it has. It blocks.
///
/// # Errors
/// When it is not there, not what was uploaded, or cannot be written.
#[cfg(feature = "sqlite")]
pub(crate) fn copy_package(from_data_dir: &Path, to_data_dir: &Path, digest: &CodeDigest) -> io::Result<u64> {
    let [from, to] =
        [from_data_dir, to_data_dir].map(|folder| folder.join(CODE_FOLDER).join(PACKAGES_FOLDER));
    let package = fs::read(path_in(&from, digest))?;
    if CodeDigest::of(&package) != *digest {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its SHA-256 is not what it was"));
    }
    std::os::unix::fs::DirBuilderExt::mode(fs::DirBuilder::new().recursive(true), 0o700).create(&to)?;
    write_whole(&path_in(&to, digest), &[&package])?;
    Ok(package.len() as u64)
}

impl PackageFile {
    pub(super) fn path(&self) -> PathBuf {
        self.packages.path(&self.digest)
    }

    /// Writes it, unless this process has done so and it is still as it was; it is on the disk then, also after a crash. It
    /// blocks.
    pub(super) fn write(&self, package: &Bytes) -> io::Result<()> {
        // Held while it is written, so that this is done once. A panic elsewhere leaves it as it was.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = || fs::read(self.path()).is_ok_and(|bytes| CodeDigest::of(&bytes) == self.digest);
        if !(*written && whole()) {
            write_whole(&self.path(), &[package])?;
            *written = true;
        }
        Ok(())
    }

    /// The package as it was uploaded.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was written.
    pub(super) async fn read(&self) -> io::Result<Bytes> {
        let (path, digest) = (self.path(), self.digest);
        on_blocking_thread(move || {
            let package = Bytes::from(fs::read(path)?);
            match CodeDigest::of(&package) == digest {
                true => Ok(package),
                false => Err(io::Error::new(io::ErrorKind::InvalidData, "its SHA-256 is not what it was")),
            }
        })
        .await
    }
}

impl Drop for PackageFile {
    fn drop(&mut self) {
        let packages = &self.packages;
        packages.used.remove_if(&self.digest, |digest, used| {
            let unused = used.strong_count() == 0;
            if unused && !packages.keep.load(Ordering::SeqCst) {
                // A file that cannot be removed, or was never written, does no harm: the next start removes it. While it
                // goes, the map's lock keeps the same package from coming in.
                let _ = fs::remove_file(packages.path(digest));
            }
            unused
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(folder: &Path) -> (Arc<Packages>, Bytes, CodeDigest) {
        let package = Bytes::from_static(b"a package");
        let [own, unreferenced] = ["packages", "unreferenced"].map(|name| folder.join(name));
        for folder in [&own, &unreferenced] {
            fs::create_dir_all(folder).expect("made");
        }
        (Packages::new(own, unreferenced), package.clone(), CodeDigest::of(&package))
    }

    #[tokio::test]
    async fn a_package_stays_as_long_as_something_refers_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (packages, package, digest) = packages(folder.path());
        packages.sweep().expect("swept");
        let (one, other) = (packages.file(digest), packages.file(digest));
        one.write(&package).expect("written");
        drop(one);
        assert_eq!(other.read().await.expect("read"), package);
        let path = other.path();
        drop(other);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_kept_is_there_for_the_next_and_what_nobody_wants_is_swept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, package, digest) = packages(folder.path());
        let file = first.file(digest);
        file.write(&package).expect("written");
        let path = file.path();
        // Before it was swept nothing is known to be wanted by nobody.
        drop(file);
        assert!(path.exists());
        first.sweep().expect("swept");
        let put_aside = folder.path().join("unreferenced").join(path.file_name().expect("a name"));
        assert!(!path.exists() && put_aside.exists());

        let file = first.file(digest);
        file.write(&package).expect("written");
        first.keep();
        drop(file);
        fs::write(folder.path().join("packages/partial-x"), "torn").expect("written");
        let (next, ..) = packages(folder.path());
        let (file, gone) = (next.file(digest), next.file(CodeDigest::of(b"gone")));
        let swept = next.sweep().expect("swept");
        assert_eq!((swept.unreferenced, swept.missing), (0, vec![CodeDigest::of(b"gone")]));
        assert_eq!(file.read().await.expect("read"), package);
        drop((file, gone));
        assert_eq!(fs::read_dir(folder.path().join("packages")).expect("a folder").count(), 0);
        // A week later.
        let week = SystemTime::now() - UNREFERENCED_TIME_MAX - Duration::from_secs(1);
        File::options().append(true).open(&put_aside).and_then(|file| file.set_modified(week)).expect("set");
        next.sweep().expect("swept");
        assert!(!put_aside.exists());
    }

    #[tokio::test]
    async fn a_changed_package_is_not_given_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let (packages, package, digest) = packages(folder.path());
        let file = packages.file(digest);
        file.write(&package).expect("written");
        std::fs::write(file.path(), "another").expect("written");
        assert_eq!(file.read().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
