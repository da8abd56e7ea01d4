//! Provisioned concurrency, as it is asked for.

use serde::{Deserialize, Serialize};

/// How many instances of a version, or of what an alias leads to, shall be there before anybody asks for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProvisionedConcurrency {
    /// How many: at least 1.
    pub requested: u32,
    /// When that was last asked for, in Lambda's form.
    pub last_modified: String,
}

impl ProvisionedConcurrency {
    pub(crate) fn new(requested: u32, last_modified: String) -> Self {
        Self { requested, last_modified }
    }
}
