//! One piece of code, from its package to its program.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use tokio_util::task::AbortOnDropHandle;

use super::digest::CodeDigest;
use super::disk::{is_out_of_resources, on_blocking_thread};
use super::loaded::{LOADED_BYTES_MIN, Loaded, Slot};
use super::package::Package;
use super::packages::PackageFile;
use super::{Artifacts, CodeError, Upload};
use crate::function::World;
use crate::wasm::{Assets, ProgramError};

/// One piece of code: compiled once, mapped in when first needed. Its package goes with it.
#[derive(Debug)]
pub(crate) struct Code {
    pub(super) artifacts: Weak<Artifacts>,
    pub(super) key: CodeKey,
    pub(super) size_bytes: u64,
    /// None of code that was refused.
    pub(super) package: Option<Arc<PackageFile>>,
    /// What came of compiling it, once that is known.
    pub(super) compiled: OnceCell<Result<Compiled, CodeError>>,
    pub(super) loaded: Arc<Slot>,
    /// Held while it is brought into memory, so that this is done once.
    pub(super) loading: tokio::sync::Mutex<()>,
}

/// What makes two pieces of code the same: the package, and what chooses among the components in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CodeKey {
    pub(super) digest: CodeDigest,
    /// None, if the package is a component itself.
    pub(super) handler: Option<String>,
}

/// What is known of code that was compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Compiled {
    pub(super) component: CodeDigest,
    pub(super) world: World,
    pub(super) has_assets: bool,
}

/// Code, as a later process has it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodeRecord {
    pub(super) sha256: CodeDigest,
    pub(super) size_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) handler: Option<String>,
    /// None, if it is not compiled yet or cannot be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) compiled: Option<Compiled>,
}

#[cfg(feature = "sqlite")]
impl CodeRecord {
    /// The SHA-256 of the package.
    pub(crate) fn digest(&self) -> CodeDigest {
        self.sha256
    }
}

/// Why code that was compiled once could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The host that it belongs to is gone.
    #[error("the host is gone")]
    HostGone,
    /// Its package is not there as it was written.
    #[error("its package {} is damaged: {reason}", file.display())]
    Package { file: PathBuf, reason: String },
    /// The system gives the host no more memory or files for it.
    #[error("this host is out of resources: {reason}")]
    OutOfResources { reason: String },
    /// It had to be compiled anew, which failed.
    #[error(transparent)]
    Code(CodeError),
    /// Something in the host broke.
    #[error("loading it panicked; the host's log says more")]
    Panicked,
}

impl Code {
    pub(crate) fn digest(&self) -> CodeDigest {
        self.key.digest
    }

    /// Whether another handler may mean other code.
    pub(crate) fn depends_on_handler(&self) -> bool {
        self.key.handler.is_some()
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What came of compiling it; none while that goes on.
    pub(crate) fn outcome(&self) -> Option<Result<World, &CodeError>> {
        self.compiled.get().map(|compiled| compiled.as_ref().map(|compiled| compiled.world))
    }

    /// Checks and compiles it, once, however many ask for it.
    pub(crate) async fn compile(self: Arc<Self>, upload: Upload) -> Result<(), CodeError> {
        let artifacts = self.artifacts.upgrade().ok_or(CodeError::Closing)?;
        let compile = async || {
            let compile = artifacts.clone().compile(self.clone(), upload);
            // On a task of its own, so that a panic becomes an outcome: otherwise it would be pending for ever. It ends, and
            // its worker with it, when nobody waits any more.
            let compile = AbortOnDropHandle::new(artifacts.settings.tasks.spawn(compile));
            let panicked =
                || CodeError::Compiler { reason: "it panicked; the host's log says more".to_owned() };
            compile.await.unwrap_or_else(|_| Err(panicked()))
        };
        self.compiled.get_or_init(compile).await.clone().map(drop)
    }

    /// The package as it was uploaded.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was written.
    pub(crate) async fn package(&self) -> io::Result<Bytes> {
        match &self.package {
            Some(file) => file.read().await,
            None => Err(io::Error::new(io::ErrorKind::NotFound, "of code that was refused nothing is kept")),
        }
    }

    /// Puts the package on the disk, unless this process has done so already: for code that is to outlive the process though it
    /// is not compiled yet, and for a file that may be damaged.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) async fn keep_package(&self, package: Bytes) -> io::Result<()> {
        match self.package.clone() {
            Some(file) => on_blocking_thread(move || file.write(&package)).await,
            None => Ok(()),
        }
    }

    /// What there is to note of it, so that a later process has it again.
    pub(crate) fn record(&self) -> CodeRecord {
        let compiled = self.compiled.get().and_then(|compiled| compiled.as_ref().ok());
        CodeRecord {
            sha256: self.key.digest,
            size_bytes: self.size_bytes,
            handler: self.key.handler.clone(),
            compiled: compiled.copied(),
        }
    }

    /// What instances are made of, brought into memory if it is not there. Call it on code that was compiled.
    ///
    /// # Errors
    /// When files of it are damaged and cannot be made anew.
    pub(crate) async fn load(self: &Arc<Self>) -> Result<Arc<Loaded>, LoadError> {
        let artifacts = self.artifacts.upgrade().ok_or(LoadError::HostGone)?;
        match artifacts.budget.find(&self.loaded) {
            Some(loaded) => Ok(loaded),
            None => {
                // On a task of its own: the next to ask profits although the first may have gone away.
                let (code, tasks) = (self.clone(), artifacts.settings.tasks.clone());
                let loading = tasks.spawn(async move {
                    let loaded = artifacts.settings.stop.run_until_cancelled(code.bring_in(&artifacts));
                    loaded.await.unwrap_or(Err(LoadError::HostGone))
                });
                loading.await.unwrap_or(Err(LoadError::Panicked))
            }
        }
    }

    async fn bring_in(&self, artifacts: &Arc<Artifacts>) -> Result<Arc<Loaded>, LoadError> {
        let _loading = self.loading.lock().await;
        if let Some(loaded) = artifacts.budget.find(&self.loaded) {
            return Ok(loaded);
        }
        let Some(Ok(compiled)) = self.compiled.get() else { return Err(CodeError::Closing.into()) };
        // Unpacking takes memory, so as few do it at a time as compile.
        let (package, _turn) = match compiled.has_assets {
            true => {
                let turn = artifacts.unpacking.acquire().await.expect("the semaphore is never closed");
                (Some(self.opened().await?), Some(turn))
            }
            false => (None, None),
        };
        let (program, code_bytes) = match artifacts.load(compiled.component).await {
            Some(loaded) => loaded?,
            None => {
                let component = match &package {
                    Some(package) => package.component.clone(),
                    None => self.opened().await?.component,
                };
                tracing::debug!(code = %self.key.digest, "compiled code is not there: it is compiled anew");
                artifacts.compile_anew(component).await?
            }
        };
        let asset_bytes = package.as_ref().map_or(0, Package::asset_bytes);
        let assets = package.map(assets).transpose()?.unwrap_or_default();
        let bytes = LOADED_BYTES_MIN.max(code_bytes + asset_bytes);
        let loaded = Arc::new(Loaded { program, assets, bytes });
        artifacts.budget.fill(&self.loaded, loaded.clone());
        tracing::debug!(code = %self.key.digest, bytes = loaded.bytes, "code was brought into memory");
        Ok(loaded)
    }

    async fn opened(&self) -> Result<Package, LoadError> {
        let damaged = |reason: String| LoadError::Package {
            file: self.package.as_ref().map(|file| file.path()).unwrap_or_default(),
            reason,
        };
        let package = self.package().await.map_err(|error| match is_out_of_resources(&error) {
            true => LoadError::OutOfResources { reason: error.to_string() },
            false => damaged(error.to_string()),
        })?;
        let handler = self.key.handler.clone().unwrap_or_default();
        let read = on_blocking_thread(move || Package::read(&package, &handler)).await;
        read.map_err(|error| damaged(error.to_string()))
    }
}

/// The files of a package that are not its component.
pub(super) fn assets(package: Package) -> Result<Arc<Assets>, CodeError> {
    match package.assets.is_empty() {
        true => Ok(Arc::default()),
        false => Ok(Arc::new(Assets::new(package.assets)?)),
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // What was compiled stays for whoever uploads the same again.
        if let Some(artifacts) = self.artifacts.upgrade() {
            artifacts.forget(&self.key);
        }
    }
}

impl From<ProgramError> for LoadError {
    fn from(error: ProgramError) -> Self {
        CodeError::from(error).into()
    }
}

impl From<CodeError> for LoadError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::OutOfResources { reason } => Self::OutOfResources { reason },
            error => Self::Code(error),
        }
    }
}
