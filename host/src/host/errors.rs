//! What operations on functions have in common when they are refused.

use crate::store::StoreError;

/// There is no such function or version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("function not found: {arn}")]
pub struct FunctionNotFound {
    /// The ARN that was asked for.
    pub arn: String,
}

/// The function's code is still being compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the operation cannot be performed at this time. The function is currently in the following state: Pending"
)]
pub struct FunctionPending;

/// The function's code is being changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the operation cannot be performed at this time. An update is in progress for resource: {arn}")]
pub struct UpdateInProgress {
    /// The function's ARN.
    pub arn: String,
}

/// A change was meant for another revision than the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the revision id provided does not match the latest revision id")]
pub struct RevisionMismatch;

/// All packages of a region together would be larger than they may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("code storage limit exceeded: all packages together may have {limit_bytes} bytes")]
pub struct CodeStorageExceeded {
    /// How many bytes they may have.
    pub limit_bytes: u64,
}

/// A function would have more versions than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a function may have {limit} published versions; delete some that nothing leads to")]
pub struct TooManyVersions {
    /// How many it may have.
    pub limit: usize,
}

/// Why a change that is otherwise good was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The host is closing.
    #[error("the host is closing")]
    Closing,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn check_revision(wanted: Option<&str>, present: &str) -> Result<(), RevisionMismatch> {
    match wanted {
        Some(wanted) if wanted != present => Err(RevisionMismatch),
        _ => Ok(()),
    }
}
