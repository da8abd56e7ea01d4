//! The atomics and locks of what counts and hands out. In the tests that try the orders in which threads can come, a
//! scheduler's own stand here in their place.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic};
