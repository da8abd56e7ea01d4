//! A piece of code, compiled and linked, of which instances can be made.

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, InstancePre};

use super::componentize::component;
use super::engine::Engine;
use super::guest::GuestState;
use super::world::{Entry, HANDLER};
use crate::function::World;

/// Why a piece of code is not a function this host can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProgramError {
    /// The bytes are not WebAssembly at all.
    #[error(
        "not WebAssembly: the file begins with {beginning}; upload a WebAssembly component (cargo build --target \
         wasm32-wasip2 makes one)"
    )]
    NotWasm {
        /// What the file begins with, for a person.
        beginning: String,
    },
    /// The bytes are a core module that cannot be made a component of a world that is run here.
    #[error("a core WebAssembly module that cannot be run: {reason}")]
    CoreModule {
        /// What it is, and what would be right.
        reason: String,
    },
    /// The component exports other things than a function does.
    #[error(
        "the component exports neither {HANDLER} nor wasi:http/incoming-handler nor wasi:cli/run; it exports \
         {exports}. Build it with samovar-sdk, or for one of these worlds"
    )]
    NoHandler {
        /// What it exports.
        exports: String,
    },
    /// An export has the right name and another type.
    #[error("the component's export {export} has another type than its world gives it: {reason}")]
    ExportType {
        /// The export.
        export: String,
        /// The difference.
        reason: String,
    },
    /// The component imports what this host does not have.
    #[error("the component imports what this host does not provide: {reason}")]
    Import {
        /// The import and what is wrong with it.
        reason: String,
    },
    /// wasmtime could not compile it: it is malformed, or uses a proposal that is switched off.
    #[error("the component could not be compiled: {reason}")]
    Compile {
        /// What is wrong, and where.
        reason: String,
    },
    /// A compiled artifact could not be mapped in.
    #[error("the compiled code could not be loaded: {reason}")]
    Load {
        /// What went wrong.
        reason: String,
    },
}

/// A piece of code, compiled and linked.
pub(crate) struct Program {
    pub(super) pre: InstancePre<GuestState>,
    pub(super) entry: Entry,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Program {
    /// Compiles WebAssembly, which is made a component if it is none; gives back the artifact, which
    /// [`Program::load`] maps in.
    ///
    /// Takes from milliseconds to many seconds of both processor and memory.
    pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, ProgramError> {
        compile(engine.wasmtime(), wasm)
    }

    /// Maps a compiled artifact in, and finds out which world it is of.
    ///
    /// The bytes must have been made by this host with [`Program::compile`]: they are machine code, and are not looked at
    /// before they run.
    pub(crate) fn load(engine: &Engine, artifact: &[u8]) -> Result<Self, ProgramError> {
        #[expect(unsafe_code, reason = "wasmtime cannot know where the machine code comes from; we do")]
        // SAFETY: these are bytes that the compiler of this host has just made, or that carry a MAC under the key of its data
        // folder, which was checked on these very bytes; nobody else can change them, as they are in memory.
        let component = unsafe { Component::deserialize(engine.wasmtime(), artifact) };
        let component = component.map_err(|error| ProgramError::Load { reason: one_line(&error) })?;
        let entry = Entry::of(engine.wasmtime(), &component)?;
        let pre = engine.linker().instantiate_pre(&component);
        let pre = pre.map_err(|error| ProgramError::Import { reason: one_line(&error) })?;
        Ok(Self { pre, entry })
    }

    /// The world it is of.
    pub(crate) fn world(&self) -> World {
        self.entry.world()
    }
}

/// Compiles WebAssembly in a process that runs none; the artifact is for the [`Engine`] of another.
pub(crate) fn compile_alone(wasm: &[u8]) -> Result<Vec<u8>, ProgramError> {
    let engine =
        Engine::for_compiling().map_err(|error| ProgramError::Compile { reason: one_line(&error) })?;
    compile(&engine, wasm)
}

/// Compiles with an engine of these settings, which need not be the one that will run the code.
fn compile(engine: &wasmtime::Engine, wasm: &[u8]) -> Result<Vec<u8>, ProgramError> {
    let component = component(wasm)?;
    engine.precompile_component(&component).map_err(|error| {
        let reason = one_line(&error);
        let hint =
            if reason.contains("not enabled") || reason.contains("requires the") { PROPOSALS } else { "" };
        ProgramError::Compile { reason: reason + hint }
    })
}

/// What is said to those whose code wants more than the engine has.
const PROPOSALS: &str = "; this engine has neither garbage-collected references, exceptions, threads and 64-bit memories nor \
                         the asynchronous calls of WASI 0.3";

/// An error with its causes on one line, which names of the guest's own may not make longer than a person would read.
pub(super) fn one_line(error: &wasmtime::Error) -> String {
    shortened(&format!("{error:#}"))
}

/// A text on one line of at most 1,000 bytes.
pub(super) fn shortened(text: &str) -> String {
    const BYTES_MAX: usize = 1000;
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > BYTES_MAX {
        line.truncate(line.floor_char_boundary(BYTES_MAX));
        line.push_str("...");
    }
    line
}
