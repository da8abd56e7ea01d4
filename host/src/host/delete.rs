//! Removing functions and versions.

use std::sync::Arc;

use super::Host;
use super::errors::{ChangeError, FunctionNotFound};
use crate::function::{AliasName, FunctionRef, Qualifier, VersionNumber};
use crate::registry::{Change, Function};
use crate::store::StoreError;

/// Why nothing was deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteFunctionError {
    /// There is no such function.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// `$LATEST` goes with its function only.
    #[error("$LATEST version cannot be deleted without deleting the function.")]
    Latest,
    /// Aliases are deleted by an operation of their own.
    #[error("deletion of functions using an alias is not supported; delete the alias {alias} itself")]
    Alias {
        /// The alias.
        alias: AliasName,
    },
    /// An alias leads to the version.
    #[error("version {version} cannot be deleted because it is currently referenced by alias {alias}")]
    Referenced {
        /// The version.
        version: VersionNumber,
        /// One of the aliases that lead to it.
        alias: AliasName,
    },
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for DeleteFunctionError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// Deletes a function with all its versions and aliases, or one version, if the reference names one. What runs of it is
    /// finished. Whether there was such a version does not matter.
    ///
    /// # Errors
    /// When there is no such function, or an alias leads to the version.
    pub async fn delete_function(&self, function: &FunctionRef) -> Result<(), DeleteFunctionError> {
        let number = match &function.qualifier {
            None => None,
            Some(Qualifier::Version(VersionNumber::Latest)) => return Err(DeleteFunctionError::Latest),
            Some(Qualifier::Version(VersionNumber::Published(number))) => Some(*number),
            Some(Qualifier::Alias(alias)) => return Err(DeleteFunctionError::Alias { alias: alias.clone() }),
        };
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let audit = self.audit("DeleteFunction", &self.arn_of(function));
        let decide = |present: Option<&Arc<Function>>| {
            let unqualified = || FunctionRef { qualifier: None, ..function.clone() };
            let present = present.ok_or_else(|| self.not_found(&unqualified()))?;
            match number {
                None => Ok((Change::Remove, ())),
                Some(number) => Ok((without_version(present, number)?, ())),
            }
        };
        self.parts.registry.change::<_, DeleteFunctionError>(&key, audit, decide).await?;
        if number.is_none() {
            self.parts.shared.counters.forget(&key);
            self.parts.event_counters.forget(&key);
        }
        Ok(())
    }
}

fn without_version(present: &Function, number: u64) -> Result<Change, DeleteFunctionError> {
    let version = VersionNumber::Published(number);
    if let Some(alias) = present.aliases_to(version).next() {
        return Err(DeleteFunctionError::Referenced { version, alias: alias.clone() });
    }
    let mut next = present.clone();
    match next.remove_version(number) {
        false => Ok(Change::Keep),
        true => Ok(next.into()),
    }
}
