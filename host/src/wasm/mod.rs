//! Running guests. The only part that knows wasmtime.
//!
//! An [`Engine`] per host, a [`Program`] per piece of code, an [`Instance`] per guest. An instance is consumed
//! by running it and comes back only if it may run again.

mod account;
mod componentize;
mod deadline;
mod engine;
mod failure;
mod files;
mod guest;
mod http_event;
mod instance;
mod kind;
mod limits;
mod outbound;
mod places;
mod program;
mod program_error;
mod room;
mod stream;
mod ticker;
mod transcript;
mod world;

pub(crate) use engine::{Engine, FIBRE_STACK_BYTES, LinkHook, MEMORY_SLOT_BYTES};
pub use engine::{EngineError, LinkError};
pub(crate) use files::Assets;
pub use files::AssetsError;
pub use guest::GuestState;
pub(crate) use guest::Surroundings;
pub(crate) use instance::{FailedInit, Instance, InstanceError, LaunchTimes, Run};
pub(crate) use outbound::{Outbound, OutboundHost};
pub(crate) use program::{Program, compile_alone};
pub use program_error::{HANDLER, ProgramError};
pub(crate) use room::NoRoom;
