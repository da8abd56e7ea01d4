//! Processors for guests that compute: who runs next when there are more of them than cores.
//!
//! A guest begins on its caller's own task and most end there. One that the ticks of the engine's clock find
//! computing moves to the [`Processors`], threads of the host's own, where the share of each is as its weight. So neither
//! the embedder's runtime nor the other guests wait for it. Knows neither wasmtime nor functions: it polls futures, which
//! ask [`at_tick`] whether to go on.

mod context;
mod processors;
mod queue;
mod seat;
mod share;

pub(crate) use context::{Tick, at_tick};
pub(crate) use processors::{Closed, Processors};
pub(crate) use share::Share;
