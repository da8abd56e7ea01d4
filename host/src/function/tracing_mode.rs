//! Whether a function's requests are traced.

use serde::{Deserialize, Serialize};

/// Which requests are traced: Lambda's `TracingConfig`. It is kept for clients; nothing here samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TracingMode {
    /// Those whose caller says so.
    #[default]
    PassThrough,
    /// Some of all.
    Active,
}
