//! Core modules, made components.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use super::kind::{CoreModule, Kind, PREVIEW_1};
use super::program_error::{ProgramError, shortened};

/// The component that the bytes are, or can be made.
///
/// A core module that is a WASI command, or carries the description of its world, becomes a component of that world. What
/// it imports of WASI's first preview is adapted to WASI 0.2.
pub(super) fn component(wasm: &[u8]) -> Result<Cow<'_, [u8]>, ProgramError> {
    match Kind::of(wasm)? {
        Kind::Component => Ok(Cow::Borrowed(wasm)),
        Kind::Core(module) => encode(wasm, &module).map(Cow::Owned),
    }
}

fn encode(wasm: &[u8], module: &CoreModule) -> Result<Vec<u8>, ProgramError> {
    let adapter = if module.starts { COMMAND_ADAPTER } else { REACTOR_ADAPTER };
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder
        .module(wasm)
        .and_then(|encoder| encoder.adapter(PREVIEW_1, adapter))
        .and_then(ComponentEncoder::encode);
    encoded.map_err(|error| {
        let reason = shortened(&format!("{error:#}"));
        ProgramError::CoreModule { reason: format!("it cannot be made a component: {reason}") }
    })
}
