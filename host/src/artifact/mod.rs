//! Code on disk: what was uploaded, by digest, and what was compiled from it.
//!
//! Files are written to a temporary name, flushed and renamed, so a file that is there is whole.

mod code;
mod digest;
mod disk;
mod package;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::{OnceCell, Semaphore};

pub(crate) use self::code::Code;
pub use self::digest::CodeDigest;
use self::disk::{on_blocking_thread, write_whole};
use self::package::component_of;
pub use self::package::{COMPONENT_BYTES_MAX, PACKAGE_BYTES_MAX, PackageError};
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
    /// The package is a zip that is damaged, too large, or holds other than one component.
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
    /// Compiling takes all of a core and much memory, so only so many compile at a time.
    compiling: Semaphore,
    /// What this process has taken in and still uses. Only artifacts that it compiled itself are ever loaded:
    /// one found in the folder would be machine code of unknown origin.
    known: DashMap<CodeDigest, Weak<Code>>,
    /// Tells the files of one piece of code from those of the same code taken in again after it was dropped.
    taken_in: AtomicU64,
    /// Held for as long as the folder is used.
    _lock: File,
}

impl Artifacts {
    /// Opens a folder that no other process uses, and empties it of what an earlier one left.
    pub(crate) fn open(data_dir: &Path, engine: Arc<Engine>) -> io::Result<Self> {
        let lock = File::options().create(true).truncate(false).write(true).open(data_dir.join("lock"))?;
        lock.try_lock()
            .map_err(|_| io::Error::new(io::ErrorKind::ResourceBusy, "another process uses this folder"))?;
        let folder = data_dir.join("code");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (compiling, known, taken_in) = (Semaphore::new(cores), DashMap::new(), AtomicU64::new(0));
        Ok(Self { folder, engine, compiling, known, taken_in, _lock: lock })
    }

    /// Takes a package in: checks it, compiles it off the request threads and stores both forms.
    ///
    /// The same package is compiled once, however many ask for it at a time. Bad code leaves nothing behind.
    pub(crate) async fn take_in(self: &Arc<Self>, package: Bytes) -> Result<Arc<Code>, CodeError> {
        if package.len() > PACKAGE_BYTES_MAX {
            return Err(CodeError::TooLarge { bytes: package.len() });
        }
        let code = self.known_or_new(CodeDigest::of(&package), package.len());
        code.artifact.get_or_try_init(|| self.compile(&code, package)).await?;
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

    async fn compile(self: &Arc<Self>, code: &Code, package: Bytes) -> Result<PathBuf, CodeError> {
        let _turn = self.compiling.acquire().await.expect("the semaphore is never closed");
        let (engine, package_path) = (self.engine.clone(), code.package.clone());
        on_blocking_thread(move || {
            let artifact = Program::compile(&engine, &component_of(&package)?)?;
            let artifact_path = package_path.with_extension("cwasm");
            write_whole(&package_path, &package)?;
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
