//! What invokes functions without being asked: which messages of a queue a function is to get, and when a schedule is due.
//!
//! So far that is decided here and done by nobody: the host does not poll queues yet, nor keep schedules. Who does can use it.

pub mod pattern;
pub mod schedule;
