//! The guard against functions that invoke themselves in a circle, for invocations that are waited for; those that are queued are
//! counted when they run.

use super::Host;
use crate::function::{FunctionRef, RecursiveLoop};
use crate::policy::recursion::{self, Recursive};

impl Host {
    /// The trace header that a function is given, this invocation counted in it.
    ///
    /// # Errors
    /// [`Recursive`] if the function has run as often in this chain as it may.
    pub(crate) fn hop(&self, function: &FunctionRef, trace: &str) -> Result<String, Recursive> {
        // Of another account nothing exists here: whoever resolves it says so.
        let Some(key) = self.key(function) else { return Ok(trace.to_owned()) };
        let hop = |setting| recursion::hop(Some(trace), &key, setting, String::new);
        // What the function allows matters only when it is refused otherwise: so nobody else looks it up.
        hop(RecursiveLoop::Terminate).or_else(|Recursive| match self.parts.registry.function(&key) {
            Some(function) => hop(function.recursive_loop),
            None => hop(RecursiveLoop::Allow),
        })
    }
}
