//! Who compiles: a worker process with limits, or this process.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::compile_limits::CompileLimits;
use super::worker::Worker;
use super::{CodeError, on_blocking_thread};
use crate::wasm::{Engine, Program};

/// Where WebAssembly is compiled to machine code.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Compiler {
    /// In the host's own process. Hostile code can make a compiler take minutes and gigabytes, or bring it down: this is for
    /// hosts whose functions are their own.
    #[default]
    InProcess,
    /// In a process of its own for every component, with limits on its time and memory and without files: this executable,
    /// which is run as `EXECUTABLE compile-worker`. The program `samovar` is one, as is any that hands that command over to
    /// [`compile_worker`](crate::compile_worker).
    Worker(PathBuf),
}

impl Compiler {
    /// Compiles WebAssembly that may be anything at all.
    pub(super) async fn compile(
        &self,
        limits: CompileLimits,
        engine: &Arc<Engine>,
        wasm: Bytes,
    ) -> Result<Vec<u8>, CodeError> {
        match self {
            Self::InProcess => in_process(engine.clone(), wasm).await,
            Self::Worker(executable) => Worker { executable, limits }.compile(&wasm).await,
        }
    }
}

async fn in_process(engine: Arc<Engine>, wasm: Bytes) -> Result<Vec<u8>, CodeError> {
    // A compiler that panics has failed on this component, and nothing of it is left.
    let compile = move || {
        let compile = std::panic::AssertUnwindSafe(|| Program::compile(&engine, &wasm));
        std::panic::catch_unwind(compile)
    };
    match on_blocking_thread(compile).await {
        Ok(compiled) => Ok(compiled?),
        Err(_panic) => {
            Err(CodeError::Compiler { reason: "it panicked; the host's log says more".to_owned() })
        }
    }
}
