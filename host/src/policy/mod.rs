//! Decisions as pure functions of values and, where time matters, of a `now`: no clocks, no I/O.

pub(crate) mod address;
mod routing;

pub(crate) use routing::choose;
