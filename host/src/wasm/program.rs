//! A piece of code, compiled and linked, of which instances can be made.

use std::fmt;

use wasmtime::component::{Component, InstancePre};

use super::componentize::component;
use super::engine::Engine;
use super::guest::GuestState;
use super::program_error::{ProgramError, one_line};
use super::room::NoRoom;
use super::world::Entry;
use crate::function::World;

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
        let component = component.map_err(|error| match NoRoom::of(&error) {
            Some(NoRoom::System(reason)) => ProgramError::OutOfResources { reason },
            Some(NoRoom::Pool(_)) | None => ProgramError::Load { reason: one_line(&error) },
        })?;
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
