//! What is to happen when a function invokes itself in a circle.

use serde::{Deserialize, Serialize};

/// What is to happen when a function is found in a loop of invocations: Lambda's `RecursiveLoop`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecursiveLoop {
    /// The loop is ended.
    #[default]
    Terminate,
    /// It goes on.
    Allow,
}
