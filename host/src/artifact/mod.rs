//! Code on disk: what was uploaded, by digest, and what was compiled from it.
//!
//! Files are written to a temporary name, flushed and renamed, so a file that is there is whole.

mod code;
mod compile_limits;
mod compiled;
mod compiler;
mod digest;
mod disk;
mod loaded;
mod package;
mod packages;
mod worker;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::code::{Code, CodeRecord, LoadError};
use self::code::{CodeKey, Compiled, assets};
pub use self::compile_limits::CompileLimits;
use self::compiled::CompiledCode;
pub use self::compiler::Compiler;
pub use self::digest::{CodeDigest, DigestError};
pub(crate) use self::disk::check_private;
use self::disk::{is_out_of_resources, on_blocking_thread};
use self::loaded::{Budget, Slot};
pub(crate) use self::loaded::{LOADED_BYTES_MIN, Loaded};
use self::package::Package;
pub use self::package::PackageError;
pub(crate) use self::packages::Swept;
#[cfg(feature = "sqlite")]
pub(crate) use self::packages::copy_package;
use self::packages::{PackageFile, Packages};
pub use self::worker::compile_worker;
use crate::function::PACKAGE_BYTES_BOUND;
use crate::metrics::{CompilationMetrics, CompileCounters, Inside};
use crate::wasm::{AssetsError, Engine, Program, ProgramError};

/// Why a package is not taken as a function's code.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The package is too large.
    #[error("the package has {bytes} bytes; zipped size must be smaller than {limit} bytes")]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The package is a zip that is damaged, too large, or does not say which component in it is the function.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The files in the package cannot be a folder of the guest's.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// The package is not a function.
    #[error(transparent)]
    Program(ProgramError),
    /// Compiling it takes longer than it may.
    #[error("the component takes more than {} s to compile, which is the limit", limit.as_secs())]
    CompileTime {
        /// How long it may take.
        limit: Duration,
    },
    /// Compiling it takes more memory than it may.
    #[error("the component takes more than {} MiB to compile, which is the limit", limit_bytes >> 20)]
    CompileMemory {
        /// How much it may take, in bytes.
        limit_bytes: u64,
    },
    /// It comes to more machine code than there may be.
    #[error("the component comes to more than {} MiB of machine code, which is the limit", limit_bytes >> 20)]
    ArtifactTooLarge {
        /// How many bytes there may be.
        limit_bytes: u64,
    },
    /// The compiler broke down on it.
    #[error("the compiler failed on the component: {reason}")]
    Compiler {
        /// How it ended.
        reason: String,
    },
    /// The compile worker could not be run, which is the host's fault.
    #[error("the compile worker could not be run: {reason}")]
    Worker {
        /// Which executable, and what went wrong.
        reason: String,
    },
    /// The system gives the host no more memory or files for it.
    #[error("this host is out of resources: {reason}")]
    OutOfResources {
        /// What could not be done.
        reason: String,
    },
    /// As much code as there is room for is waiting to be compiled.
    #[error(
        "too many functions are being created or updated: the code that waits to be compiled fills {limit_bytes} bytes"
    )]
    Busy {
        /// How many bytes of packages may wait.
        limit_bytes: usize,
    },
    /// It was refused before the host was started again.
    #[error("{reason}")]
    Refused {
        /// What was said then.
        reason: String,
    },
    /// The data folder could not be written.
    #[error("the code could not be stored: {0}")]
    Io(Arc<io::Error>),
    /// The host is closing.
    #[error("the host is closing")]
    Closing,
}

impl From<ProgramError> for CodeError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::OutOfResources { reason } => Self::OutOfResources { reason },
            error => Self::Program(error),
        }
    }
}

impl From<io::Error> for CodeError {
    fn from(error: io::Error) -> Self {
        match is_out_of_resources(&error) {
            true => Self::OutOfResources { reason: error.to_string() },
            false => Self::Io(Arc::new(error)),
        }
    }
}

/// The part of a data folder in which code is kept.
const CODE_FOLDER: &str = "samovar-code";
/// The part of that in which packages are kept.
const PACKAGES_FOLDER: &str = "packages";

const KIB: usize = 1 << 10;
/// How many bytes of packages may wait to be compiled: ten of the largest that Lambda takes.
const WAITING_BYTES_MAX: usize = 512 << 20;
/// What every package counts for at least, so that no more than 256 wait.
const UPLOAD_BYTES_MIN: usize = 2 << 20;

/// A package on its way in; while it lives, its memory is accounted for.
#[derive(Debug)]
pub(crate) struct Upload {
    package: Bytes,
    _room: OwnedSemaphorePermit,
}

/// How code is compiled and kept.
#[derive(Debug)]
pub(crate) struct ArtifactSettings {
    pub(crate) compiler: Compiler,
    pub(crate) compile_limits: CompileLimits,
    /// The most bytes that compiled code may have on disk.
    pub(crate) compiled_bytes_max: u64,
    /// The most bytes that code and files of packages may have in memory.
    pub(crate) loaded_bytes_max: u64,
    /// The most bytes of a package that is uploaded, and of its files.
    pub(crate) package_bytes_max: usize,
    pub(crate) unzipped_bytes_max: u64,
    /// Where the host waits for work to end when it closes, and what tells that work to end.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// The code this host knows, on disk and in memory.
#[derive(Debug)]
pub(crate) struct Artifacts {
    packages: Arc<Packages>,
    engine: Arc<Engine>,
    compiled: Arc<CompiledCode>,
    settings: ArtifactSettings,
    /// Compiling takes much time and memory, so no more compile at a time than there are cores.
    turns: Semaphore,
    counters: CompileCounters,
    /// The same for unpacking what is then loaded.
    unpacking: Semaphore,
    budget: Budget,
    /// The memory of packages that wait for their turn, in KiB.
    room: Arc<Semaphore>,
    /// What this process has taken in and still uses.
    known: DashMap<CodeKey, Weak<Code>>,
}

impl Artifacts {
    /// Opens the part of a data folder in which code is kept; no other process uses it.
    pub(crate) fn open(data_dir: &Path, engine: Arc<Engine>, settings: ArtifactSettings) -> io::Result<Self> {
        let folder = data_dir.join(CODE_FOLDER);
        let [packages, compiled, unreferenced] =
            [PACKAGES_FOLDER, "compiled", "unreferenced"].map(|name| folder.join(name));
        for folder in [&folder, &packages, &compiled, &unreferenced] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            check_private(folder)?;
        }
        let compiled = CompiledCode::open(
            compiled,
            &folder.join("key"),
            engine.fingerprint(),
            settings.compiled_bytes_max,
        )?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            packages: Packages::new(packages, unreferenced),
            engine,
            compiled: Arc::new(compiled),
            turns: Semaphore::new(cores),
            counters: CompileCounters::default(),
            unpacking: Semaphore::new(cores),
            budget: Budget::new(settings.loaded_bytes_max),
            settings,
            room: Arc::new(Semaphore::new(WAITING_BYTES_MAX / KIB)),
            known: DashMap::new(),
        })
    }

    /// Admits a package, if there is room for it.
    pub(crate) fn admit(&self, package: Bytes) -> Result<Upload, CodeError> {
        let bytes = package.len();
        let limit = self.settings.package_bytes_max;
        if bytes > limit {
            return Err(CodeError::TooLarge { bytes, limit });
        }
        let room = bytes.max(UPLOAD_BYTES_MIN).div_ceil(KIB) as u32;
        let room = self.room.clone().try_acquire_many_owned(room);
        let room = room.map_err(|_| CodeError::Busy { limit_bytes: WAITING_BYTES_MAX })?;
        Ok(Upload { package, _room: room })
    }

    /// Takes a package in, which [`Code::compile`] then checks and compiles. The handler says which component of several is
    /// meant.
    pub(crate) async fn take_in(self: &Arc<Self>, upload: &Upload, handler: &str) -> Arc<Code> {
        let package = upload.package.clone();
        let handler = package.starts_with(b"PK").then(|| handler.to_owned());
        let bytes = package.len();
        let digest = on_blocking_thread(move || CodeDigest::of(&package)).await;
        self.known_or_new(CodeKey { digest, handler }, bytes as u64)
    }

    /// Code that an earlier process took in: what was compiled then is used as it is. Code that was refused then gets the
    /// reason it was refused for.
    pub(crate) fn revive(self: &Arc<Self>, record: CodeRecord, refused: Option<&str>) -> Arc<Code> {
        let CodeRecord { sha256, size_bytes, handler, compiled } = record;
        let key = CodeKey { digest: sha256, handler };
        if let Some(reason) = refused {
            // Code of its own, which has no package: the same may be taken in again, and be good.
            let refused = CodeError::Refused { reason: reason.to_owned() };
            return Arc::new(self.new_code(key, size_bytes, None, OnceCell::new_with(Some(Err(refused)))));
        }
        let code = self.known_or_new(key, size_bytes);
        if let Some(compiled) = compiled {
            // Another version may have brought the same already.
            let _ = code.compiled.set(Ok(compiled));
        }
        code
    }

    /// What the compiler does and has done.
    pub(crate) fn metrics(&self) -> CompilationMetrics {
        self.counters.read()
    }

    /// Puts aside what an earlier process left behind, once all that is needed of it was taken over. It blocks.
    pub(crate) fn sweep(&self) -> io::Result<Swept> {
        self.packages.sweep()
    }

    /// From here on packages stay on the disk although nothing in this process refers to them any more.
    pub(crate) fn keep_packages(&self) {
        self.packages.keep();
    }

    /// The package of code that is not compiled yet, on its way in once more.
    pub(crate) async fn admit_again(&self, code: &Code) -> Result<Upload, CodeError> {
        let bytes = usize::try_from(code.size_bytes).unwrap_or(PACKAGE_BYTES_BOUND).max(UPLOAD_BYTES_MIN);
        let room = bytes.min(WAITING_BYTES_MAX).div_ceil(KIB) as u32;
        let room = self.room.clone().acquire_many_owned(room).await.expect("the semaphore is never closed");
        Ok(Upload { package: code.package().await?, _room: room })
    }

    fn known_or_new(self: &Arc<Self>, key: CodeKey, size_bytes: u64) -> Arc<Code> {
        // Declared before the entry, so that it goes after it: code that goes has itself taken out of this map.
        let present;
        let mut entry = self.known.entry(key.clone()).or_default();
        present = entry.upgrade();
        // What has failed may have done so for reasons that are gone.
        if let Some(code) = present.as_ref().filter(|code| !matches!(code.outcome(), Some(Err(_)))) {
            return code.clone();
        }
        let package = Some(self.packages.file(key.digest));
        let code = Arc::new(self.new_code(key, size_bytes, package, OnceCell::new()));
        *entry = Arc::downgrade(&code);
        code
    }

    fn new_code(
        self: &Arc<Self>,
        key: CodeKey,
        size_bytes: u64,
        package: Option<Arc<PackageFile>>,
        compiled: OnceCell<Result<Compiled, CodeError>>,
    ) -> Code {
        Code {
            artifacts: Arc::downgrade(self),
            size_bytes,
            package,
            key,
            compiled,
            loaded: Arc::new(Slot::default()),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// Reads a package, compiles its component and stores both; bad code leaves nothing behind.
    async fn compile(self: Arc<Self>, code: Arc<Code>, upload: Upload) -> Result<Compiled, CodeError> {
        // Held to the end: reading a package may take as much memory as compiling it.
        let _turn = self.turn().await;
        let handler = code.key.handler.clone().unwrap_or_default();
        let unzipped_bytes_max = self.settings.unzipped_bytes_max;
        let read = on_blocking_thread({
            let package = upload.package.clone();
            move || {
                let package = Package::read_within(&package, &handler, unzipped_bytes_max)?;
                let (digest, component) = (CodeDigest::of(&package.component), package.component.clone());
                let has_assets = !package.assets.is_empty();
                assets(package)?;
                Ok::<_, CodeError>((digest, component, has_assets))
            }
        });
        let (digest, component, has_assets) = read.await?;
        let (artifact, is_new) = match self.find(digest).await {
            Some(artifact) => (artifact, false),
            None => (self.machine_code(component).await?, true),
        };
        let (engine, compiled) = (self.engine.clone(), self.compiled.clone());
        on_blocking_thread(move || {
            let world = Program::load(&engine, &artifact)?.world();
            if let Some(file) = &code.package {
                file.write(&upload.package)?;
            }
            if is_new {
                compiled.keep(&digest, &artifact);
            }
            Ok(Compiled { component: digest, world, has_assets })
        })
        .await
    }

    /// Maps a component's code in, if it is there as it was compiled.
    async fn load(&self, component: CodeDigest) -> Option<Result<(Program, u64), ProgramError>> {
        let (engine, compiled) = (self.engine.clone(), self.compiled.clone());
        on_blocking_thread(move || {
            let artifact = compiled.find(&component)?;
            Some(Program::load(&engine, &artifact).map(|program| (program, artifact.len() as u64)))
        })
        .await
    }

    /// Compiles a component once more, whose artifact was damaged or had to go, keeps what comes of it and maps it in.
    async fn compile_anew(&self, component: Bytes) -> Result<(Program, u64), CodeError> {
        let _turn = self.turn().await;
        let artifact = self.machine_code(component.clone()).await?;
        let (engine, compiled) = (self.engine.clone(), self.compiled.clone());
        on_blocking_thread(move || {
            compiled.keep(&CodeDigest::of(&component), &artifact);
            Ok((Program::load(&engine, &artifact)?, artifact.len() as u64))
        })
        .await
    }

    async fn machine_code(&self, component: Bytes) -> Result<Vec<u8>, CodeError> {
        let (compiler, limits) = (&self.settings.compiler, self.settings.compile_limits);
        let started = Instant::now();
        let compiled = compiler.compile(limits, &self.engine, component).await;
        self.counters.done(&compiled, started.elapsed());
        compiled
    }

    /// Waits until there is a core to compile on.
    async fn turn(&self) -> (SemaphorePermit<'_>, Inside<'_>) {
        let waiting = self.counters.waiting.enter();
        let turn = self.turns.acquire().await.expect("the semaphore is never closed");
        drop(waiting);
        (turn, self.counters.running.enter())
    }

    async fn find(&self, component: CodeDigest) -> Option<Vec<u8>> {
        let compiled = self.compiled.clone();
        on_blocking_thread(move || compiled.find(&component)).await
    }

    /// Forgets code that was dropped, unless the same has been taken in again since.
    fn forget(&self, key: &CodeKey) {
        self.known.remove_if(key, |_, code| code.strong_count() == 0);
    }
}
