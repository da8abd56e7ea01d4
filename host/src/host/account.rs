//! What there is in all, and how much there may be.

use super::Host;
use super::errors::CodeStorageExceeded;
use crate::function::Region;
use crate::registry::{Function, Usage};

/// What a region's functions take up, and how much there may be: Lambda's account settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountUsage {
    /// How many functions there are.
    pub functions: u64,
    /// The bytes of all packages, each version's counted for itself.
    pub code_bytes: u64,
    /// How many bytes all packages may have.
    pub code_bytes_max: u64,
    /// How many invocations may run at a time.
    pub concurrency_max: usize,
    /// How many of them are neither reserved nor provisioned for a function.
    pub unreserved_concurrency: usize,
}

impl Host {
    /// What the functions of a region take up.
    pub fn account_usage(&self, region: &Region) -> AccountUsage {
        let Usage { functions, code_bytes } = self.parts.registry.usage(region.as_str());
        AccountUsage {
            functions,
            code_bytes,
            code_bytes_max: self.parts.code_storage_bytes_max,
            concurrency_max: self.parts.concurrency.settings().limit,
            unreserved_concurrency: self.parts.concurrency.unreserved_max(),
        }
    }

    /// Checks that there is room for what a function becomes.
    pub(super) fn check_growth(
        &self,
        present: Option<&Function>,
        next: &Function,
    ) -> Result<(), CodeStorageExceeded> {
        let limit_bytes = self.parts.code_storage_bytes_max;
        let used = self.parts.registry.usage(next.latest.facts.key.region()).code_bytes;
        let (before, after) = (present.map_or(0, Function::code_bytes), next.code_bytes());
        match after > before && used.saturating_add(after - before) > limit_bytes {
            true => Err(CodeStorageExceeded { limit_bytes }),
            false => Ok(()),
        }
    }

    /// Checks, before work is done for it, that there is room for another package in a region.
    pub(super) fn check_code_storage(&self, region: &str, bytes: usize) -> Result<(), CodeStorageExceeded> {
        let limit_bytes = self.parts.code_storage_bytes_max;
        let used = self.parts.registry.usage(region).code_bytes;
        match used.saturating_add(bytes as u64) > limit_bytes {
            true => Err(CodeStorageExceeded { limit_bytes }),
            false => Ok(()),
        }
    }
}
