//! What a version is, apart from what runs of it.

use std::sync::Arc;

use crate::artifact::Code;
use crate::function::{Configuration, FunctionKey, FunctionState, VersionNumber};

/// What a version is, apart from what runs of it.
#[derive(Debug, Clone)]
pub(crate) struct VersionFacts {
    pub(crate) key: FunctionKey,
    pub(crate) number: VersionNumber,
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) code: Arc<Code>,
    /// Whether it can be invoked, as far as it was made known: the code itself may be further by now.
    pub(crate) state: FunctionState,
    /// When it last changed, in Lambda's form.
    pub(crate) last_modified: String,
    /// Changes with every change: a UUID.
    pub(crate) revision_id: String,
}
