//! Whether a version can be invoked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a version of a function can be invoked: Lambda's `State`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FunctionState {
    /// Its code is being checked and compiled.
    Pending,
    /// It can be invoked.
    Active,
    /// Its code was refused after its maker had been told that it is pending.
    Failed {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for FunctionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Failed { .. } => "Failed",
        })
    }
}
