//! One piece of code, from its package to its program.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::Artifacts;
use super::digest::CodeDigest;
use super::disk::on_blocking_thread;
use crate::wasm::{Engine, Program, ProgramError};

/// One piece of code: compiled once, mapped in when first needed. Its files go with it.
#[derive(Debug)]
pub(crate) struct Code {
    pub(super) artifacts: Weak<Artifacts>,
    pub(super) digest: CodeDigest,
    pub(super) size_bytes: u64,
    pub(super) package: PathBuf,
    pub(super) artifact: OnceCell<PathBuf>,
    pub(super) program: OnceCell<Arc<Program>>,
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
        if let Some(artifacts) = self.artifacts.upgrade() {
            artifacts.forget(self.digest);
        }
    }
}
