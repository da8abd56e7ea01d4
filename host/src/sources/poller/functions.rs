//! What those who poll need of functions.

use std::pin::Pin;

use crate::events::Run;
use crate::function::{FunctionKey, Qualifier, RecursiveLoop};

/// Runs functions on batches, and says when there is room for one.
pub(crate) trait Functions: Run {
    /// Waits until one more invocation of the function could run. It takes nothing: when the messages are there, there may be no
    /// room any more.
    fn room<'a>(
        &'a self,
        function: &'a FunctionKey,
        qualifier: Option<&'a Qualifier>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    /// What becomes of a message that is part of a loop of the function's invocations.
    fn recursive_loop(&self, function: &FunctionKey) -> RecursiveLoop;
}
