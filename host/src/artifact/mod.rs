//! Code on disk: what was uploaded, by digest, and what was compiled from it.
//!
//! Files are written to a temporary name, flushed and renamed, so a file that is there is whole.

mod code;
mod digest;
mod disk;
mod package;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::{OnceCell, Semaphore};

pub(crate) use self::code::Code;
pub use self::digest::CodeDigest;
use self::disk::{TEMPORARY_PREFIX, on_blocking_thread, write_whole};
use self::package::Package;
pub use self::package::{PACKAGE_BYTES_MAX, PackageError, UNZIPPED_BYTES_MAX};
use crate::wasm::{Engine, Program, ProgramError};

/// Why a package is not taken as a function's code.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The package is too large.
    #[error("the package has {bytes} bytes; zipped size must be smaller than {PACKAGE_BYTES_MAX} bytes")]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
    },
    /// The package is a zip that is damaged, dangerous, or without a component.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The package is not a function.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The data folder could not be written.
    #[error("the code could not be stored: {0}")]
    Io(Arc<io::Error>),
}

impl From<io::Error> for CodeError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// The code this host knows, on disk and mapped in.
#[derive(Debug)]
pub(crate) struct Artifacts {
    folder: PathBuf,
    engine: Arc<Engine>,
    /// Compiling takes much time and memory, so no more compile at a time than there are cores.
    compiling: Arc<Semaphore>,
    /// What this process has taken in and still uses. Only artifacts that it compiled itself are ever loaded:
    /// one found in the folder would be machine code of unknown origin.
    known: DashMap<CodeDigest, Weak<Code>>,
    /// Tells the files of one piece of code from those of the same code taken in again after it was dropped.
    taken_in: AtomicU64,
    /// Held for as long as the folder is used.
    _lock: File,
}

impl Artifacts {
    /// Opens a folder that no other process uses, and removes what an earlier one left of its code there.
    pub(crate) fn open(data_dir: &Path, engine: Arc<Engine>) -> io::Result<Self> {
        check_private(data_dir)?;
        let lock = data_dir.join("samovar.lock");
        let lock = File::options().create(true).truncate(false).write(true).open(lock)?;
        lock.try_lock()
            .map_err(|_| io::Error::new(io::ErrorKind::ResourceBusy, "another process uses this folder"))?;
        let folder = data_dir.join("samovar-code");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        check_private(&folder)?;
        remove_left_overs(&folder)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (compiling, known) = (Arc::new(Semaphore::new(cores)), DashMap::new());
        Ok(Self { folder, engine, compiling, known, taken_in: AtomicU64::new(0), _lock: lock })
    }

    /// Takes a package in: checks it, compiles it off the request threads and stores both forms.
    ///
    /// The same package is compiled once, however many ask for it at a time. Bad code leaves nothing behind.
    pub(crate) async fn take_in(self: &Arc<Self>, package: Bytes) -> Result<Arc<Code>, CodeError> {
        let bytes = package.len();
        if bytes > PACKAGE_BYTES_MAX {
            return Err(CodeError::TooLarge { bytes });
        }
        let digest = on_blocking_thread({
            let package = package.clone();
            move || CodeDigest::of(&package)
        });
        let code = self.known_or_new(digest.await, bytes);
        code.artifact.get_or_try_init(|| self.compile(code.clone(), package)).await?;
        Ok(code)
    }

    fn known_or_new(self: &Arc<Self>, digest: CodeDigest, size_bytes: usize) -> Arc<Code> {
        let mut entry = self.known.entry(digest).or_default();
        if let Some(code) = entry.upgrade() {
            return code;
        }
        let number = self.taken_in.fetch_add(1, Ordering::Relaxed);
        let code = Arc::new(Code {
            artifacts: Arc::downgrade(self),
            digest,
            size_bytes: size_bytes as u64,
            package: self.folder.join(format!("{digest}-{number}.package")),
            artifact: OnceCell::new(),
            program: OnceCell::new(),
        });
        *entry = Arc::downgrade(&code);
        code
    }

    async fn compile(&self, code: Arc<Code>, package: Bytes) -> Result<PathBuf, CodeError> {
        let turn = self.compiling.clone().acquire_owned().await.expect("the semaphore is never closed");
        let engine = self.engine.clone();
        on_blocking_thread(move || {
            // Both stay until the work is done, also when nobody waits for it any more: the turn, because a core is
            // still busy, and the code, because its files go with it.
            let (_turn, code) = (turn, code);
            let artifact = Program::compile(&engine, &Package::read(&package, "")?.component)?;
            let artifact_path = code.package.with_extension("cwasm");
            write_whole(&code.package, &package)?;
            write_whole(&artifact_path, &artifact)?;
            Ok(artifact_path)
        })
        .await
    }

    /// Forgets code that was dropped, unless the same has been taken in again since.
    fn forget(&self, digest: CodeDigest) {
        self.known.remove_if(&digest, |_, code| code.strong_count() == 0);
    }
}

/// Refuses a folder in which somebody else could put machine code in place of ours.
fn check_private(folder: &Path) -> io::Result<()> {
    let found = fs::metadata(folder)?;
    if found.mode() & 0o022 != 0 {
        let problem = "others may write to it; take that away with `chmod go-w`";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    let own = fs::metadata("/proc/self").map_or(found.uid(), |process| process.uid());
    if found.uid() != own {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    Ok(())
}

/// Removes the files that this module makes, and nothing else, in case somebody keeps other things there.
fn remove_left_overs(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours =
            name.ends_with(".package") || name.ends_with(".cwasm") || name.starts_with(TEMPORARY_PREFIX);
        if ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
