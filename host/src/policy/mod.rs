//! Decisions as pure functions of values and, where time matters, of a `now`: no clocks, no I/O.

pub(crate) mod address;
mod provisioning;
pub(crate) mod recursion;
pub(crate) mod retry;
mod routing;

pub(crate) use provisioning::shares;
pub(crate) use routing::choose;
