//! What invokes functions without being asked: which messages of a queue a function gets, and when a schedule is due.
//!
//! Which messages pass ([`pattern`]), what batches are and what answers say of them ([`mapping`]), and when schedules are due
//! ([`schedule`]) is decided by values. `mappings` and [`schedules`] are kept; `poller` is who works for the ones, and a keeper fires the
//! others.

pub mod mapping;
pub(crate) mod mappings;
pub mod pattern;
mod poller;
pub mod schedule;
pub mod schedules;

pub use self::mappings::MappingState;
pub(crate) use self::poller::{Functions, PollerParts};
