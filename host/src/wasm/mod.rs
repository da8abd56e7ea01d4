//! Running guests. The only part that knows wasmtime.
//!
//! An [`Engine`] per host, a [`Program`] per piece of code, an [`Instance`] per guest. An instance is consumed
//! by running it and comes back only if it may run again.

mod engine;
mod failure;
mod guest;
mod instance;
mod limits;
mod outbound;
mod program;
mod stream;
mod ticker;

pub(crate) use engine::{Engine, LinkHook};
pub use engine::{EngineError, LinkError};
pub use guest::GuestState;
pub(crate) use guest::Surroundings;
pub(crate) use instance::{FailedInit, Instance, InstanceError, LaunchTimes, Run};
pub(crate) use outbound::{Outbound, OutboundHost};
pub(crate) use program::Program;
pub use program::{HANDLER, ProgramError};
