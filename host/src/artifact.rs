//! Code on disk: what was uploaded, by digest, and what was compiled from it.
//!
//! Files are written to a temporary name, flushed and renamed, so a file that is there is whole.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use dashmap::DashMap;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OnceCell, Semaphore};

use crate::wasm::{Engine, Program, ProgramError};

/// The most bytes one uploaded package may have: Lambda's 50 MiB.
pub const PACKAGE_BYTES_MAX: usize = 52_428_800;

/// The SHA-256 of a package.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeDigest([u8; 32]);

impl CodeDigest {
    /// The digest of those bytes.
    pub fn of(package: &[u8]) -> Self {
        Self(Sha256::digest(package).into())
    }

    /// The digest's 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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

/// One piece of code: compiled once, mapped in when first needed. Its files go with it.
#[derive(Debug)]
pub(crate) struct Code {
    digest: CodeDigest,
    size_bytes: u64,
    package: PathBuf,
    artifact: OnceCell<PathBuf>,
    program: OnceCell<Arc<Program>>,
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

    fn known_or_new(&self, digest: CodeDigest, size_bytes: usize) -> Arc<Code> {
        let mut entry = self.known.entry(digest).or_default();
        if let Some(code) = entry.upgrade() {
            return code;
        }
        let number = self.taken_in.fetch_add(1, Ordering::Relaxed);
        let code = Arc::new(Code {
            digest,
            size_bytes: size_bytes as u64,
            package: self.folder.join(format!("{digest}-{number}.wasm")),
            artifact: OnceCell::new(),
            program: OnceCell::new(),
        });
        *entry = Arc::downgrade(&code);
        drop(entry);
        self.known.retain(|known, code| *known == digest || code.strong_count() > 0);
        code
    }

    async fn compile(self: &Arc<Self>, code: &Code, package: Bytes) -> Result<PathBuf, CodeError> {
        let _turn = self.compiling.acquire().await.expect("the semaphore is never closed");
        let (engine, package_path) = (self.engine.clone(), code.package.clone());
        on_blocking_thread(move || {
            let artifact = Program::compile(&engine, &package)?;
            let artifact_path = package_path.with_extension("cwasm");
            write_whole(&package_path, &package)?;
            write_whole(&artifact_path, &artifact)?;
            Ok(artifact_path)
        })
        .await
    }
}

impl Code {
    pub(crate) fn digest(&self) -> CodeDigest {
        self.digest
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The package as it was uploaded.
    pub(crate) async fn package(&self) -> io::Result<Bytes> {
        let path = self.package.clone();
        on_blocking_thread(move || fs::read(path)).await.map(Bytes::from)
    }

    /// The program, if it is mapped in already.
    pub(crate) fn loaded(&self) -> Option<&Arc<Program>> {
        self.program.get()
    }

    /// The program, mapped in if it is not yet.
    pub(crate) async fn program(&self, engine: &Arc<Engine>) -> Result<&Arc<Program>, ProgramError> {
        let load = async || {
            let artifact = self.artifact.get().expect("code is handed out once it is compiled").clone();
            let engine = engine.clone();
            on_blocking_thread(move || Program::load(&engine, &artifact).map(Arc::new)).await
        };
        self.program.get_or_try_init(load).await
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // A file that cannot be removed, or was never written, does no harm: the next start empties the folder.
        let _ = fs::remove_file(&self.package);
        let _ = fs::remove_file(self.package.with_extension("cwasm"));
    }
}

async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is shutting down cancels blocking work, and it cancels the waiter too.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

/// Writes a file so that it is there whole or not at all, also after a crash.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().expect("files of this module lie in a folder");
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
