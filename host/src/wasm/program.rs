//! A piece of code, compiled and linked, of which instances can be made.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Lower};

use super::engine::Engine;
use super::guest::GuestState;

/// The interface a function exports.
pub const HANDLER: &str = "samovar:function/handler@0.1.0";
/// The interface a function may export beside it.
const LIFECYCLE: &str = "samovar:function/lifecycle@0.1.0";

/// The record `context` of the interface `samovar:function/types`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct EventContext {
    #[component(name = "request-id")]
    pub(super) request_id: Arc<str>,
    #[component(name = "deadline-ms")]
    pub(super) deadline_ms: u64,
    #[component(name = "invoked-function-arn")]
    pub(super) invoked_function_arn: String,
    #[component(name = "trace-id")]
    pub(super) trace_id: Option<String>,
    #[component(name = "client-context")]
    pub(super) client_context: Option<String>,
    #[component(name = "tenant-id")]
    pub(super) tenant_id: Option<String>,
}

/// The record `function-error` of the interface `samovar:function/types`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct ReportedError {
    #[component(name = "error-type")]
    pub(super) error_type: String,
    #[component(name = "error-message")]
    pub(super) error_message: String,
    #[component(name = "stack-trace")]
    pub(super) stack_trace: Vec<String>,
}

pub(super) type HandleParams = (Bytes, EventContext);
pub(super) type HandleResults = (Result<Bytes, ReportedError>,);
pub(super) type InitResults = (Result<(), ReportedError>,);

/// Why a piece of code is not a function this host can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// The bytes are a core module.
    #[error(
        "a core WebAssembly module, not a component; build for the target wasm32-wasip2 with samovar-sdk, which \
         makes a component that exports {HANDLER}"
    )]
    CoreModule,
    /// The component exports other things than a function does.
    #[error(
        "the component does not export {HANDLER}; it exports {exports}. Build it with samovar-sdk, or for the \
         world samovar:function/function"
    )]
    NoHandler {
        /// What it exports.
        exports: String,
    },
    /// An export has the right name and another type.
    #[error(
        "the component's export {export} has another type than samovar:function@0.1.0 gives it: {reason}"
    )]
    ExportType {
        /// The export.
        export: &'static str,
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
    pub(super) handle: ComponentExportIndex,
    pub(super) init: Option<ComponentExportIndex>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

impl Program {
    /// Compiles a component and checks that it is a function; gives back its artifact, which
    /// [`Program::load`] maps in.
    ///
    /// Takes from milliseconds to many seconds of both processor and memory.
    pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, ProgramError> {
        check_kind(wasm)?;
        let failed = |error| ProgramError::Compile { reason: one_line(&error) };
        let component = Component::from_binary(engine.wasmtime(), wasm).map_err(failed)?;
        Self::link(engine, &component)?;
        component.serialize().map_err(failed)
    }

    /// Maps a compiled artifact in.
    ///
    /// The file must have been written by this host from [`Program::compile`]: it is machine code, and it is
    /// not looked at before it runs.
    pub(crate) fn load(engine: &Engine, artifact: &Path) -> Result<Self, ProgramError> {
        #[expect(unsafe_code, reason = "wasmtime cannot know where the machine code comes from; we do")]
        // SAFETY: the artifact store hands out only files that this process has itself written, from the output of
        // `Component::serialize`, into a folder of mode 0700 that it has checked to be its own user's alone.
        let component = unsafe { Component::deserialize_file(engine.wasmtime(), artifact) };
        let component = component.map_err(|error| ProgramError::Load { reason: one_line(&error) })?;
        Self::link(engine, &component)
    }

    fn link(engine: &Engine, component: &Component) -> Result<Self, ProgramError> {
        let handle = export(component, HANDLER, "handle")
            .ok_or_else(|| ProgramError::NoHandler { exports: exports(engine, component) })?;
        let init = export(component, LIFECYCLE, "init");
        check_types(engine, component)?;
        let pre = engine.linker().instantiate_pre(component);
        let pre = pre.map_err(|error| ProgramError::Import { reason: one_line(&error) })?;
        Ok(Self { pre, handle, init })
    }
}

/// Tells components from what people upload by mistake, before any work is done on it.
fn check_kind(wasm: &[u8]) -> Result<(), ProgramError> {
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    match wasm {
        _ if wasm.starts_with(COMPONENT) => Ok(()),
        _ if wasm.starts_with(b"\0asm\x01\0\0\0") => Err(ProgramError::CoreModule),
        _ => Err(ProgramError::NotWasm { beginning: beginning(wasm) }),
    }
}

fn beginning(bytes: &[u8]) -> String {
    match bytes {
        [] => "nothing (it is empty)".to_owned(),
        [b'P', b'K', ..] => "a zip header (a zip within a zip)".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => "an ELF header (a program for this machine)".to_owned(),
        [b'#', b'!', ..] => "#! (a script)".to_owned(),
        _ => format!("{:02x?}", &bytes[..bytes.len().min(8)]),
    }
}

fn export(component: &Component, interface: &str, function: &str) -> Option<ComponentExportIndex> {
    let interface = component.get_export_index(None, interface)?;
    component.get_export_index(Some(&interface), function)
}

fn exports(engine: &Engine, component: &Component) -> String {
    let ty = component.component_type();
    let names: Vec<String> =
        ty.exports(engine.wasmtime()).map(|(name, _)| name.to_owned()).take(16).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Checks the types of our exports now, so that no instance has to find them wrong.
fn check_types(engine: &Engine, component: &Component) -> Result<(), ProgramError> {
    let ty = component.component_type();
    let engine = engine.wasmtime();
    for (export, function) in [(HANDLER, "handle"), (LIFECYCLE, "init")] {
        let wrong = |reason: String| ProgramError::ExportType { export, reason };
        let Some(interface) = ty.get_export(engine, export) else { continue };
        let ComponentItem::ComponentInstance(interface) = interface.ty else {
            return Err(wrong("it is not an interface".to_owned()));
        };
        let item = interface.get_export(engine, function).map(|found| found.ty);
        let Some(ComponentItem::ComponentFunc(found)) = item else {
            return Err(wrong(format!("it has no function {function}")));
        };
        let types = ty.instance_type();
        let checked = match export {
            HANDLER => found.typecheck::<HandleParams, HandleResults>(&types),
            _ => found.typecheck::<(), InitResults>(&types),
        };
        checked.map_err(|error| wrong(one_line(&error)))?;
    }
    Ok(())
}

/// An error with its causes on one line.
pub(super) fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_component_is_named_before_any_work() {
        assert!(matches!(check_kind(b"\0asm\x01\0\0\0"), Err(ProgramError::CoreModule)));
        let named = |bytes: &[u8]| check_kind(bytes).expect_err("not a component").to_string();
        assert!(named(b"").contains("empty"));
        assert!(named(b"PK\x03\x04rest").contains("zip"));
        assert!(named(b"\x7fELF").contains("ELF"));
        assert!(named(b"hello, world").contains("68, 65"));
    }
}
