//! What invokes functions without being asked: which messages of a queue a function is to get.
//!
//! So far that is decided here and done by nobody: the host does not poll queues yet. Who does can use it.

pub mod pattern;
