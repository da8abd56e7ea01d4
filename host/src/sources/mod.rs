//! What invokes functions without being asked: which messages of a queue a function is to get, and when a schedule is due.
//!
//! Patterns and schedules are decided on by pure functions, and schedules are kept and fired here. Nobody polls queues yet; who does
//! can use the patterns.

pub mod pattern;
pub mod schedule;
pub mod schedules;
