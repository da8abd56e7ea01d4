//! What a function has besides its versions and aliases: tags, and what to do in loops.

use super::Host;
use super::errors::{ChangeError, FunctionNotFound};
use crate::function::{FunctionRef, RecursiveLoop, TagError, Tags};
use crate::registry::Function;
use crate::store::StoreError;

/// Why a function's tags or settings were not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// There is no such function.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// The tags are refused.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for SettingError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// What people say of a function.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn tags(&self, function: &FunctionRef) -> Result<Tags, FunctionNotFound> {
        self.present(function).map(|(_, present)| present.tags.clone())
    }

    /// Adds tags to a function; those with the same keys come in place of what was there.
    ///
    /// # Errors
    /// When there is no such function, or it would have too many.
    pub async fn tag_function(&self, function: &FunctionRef, tags: Tags) -> Result<(), SettingError> {
        self.change_setting("TagResource", function, |next| {
            next.tags = next.tags.with(tags)?;
            Ok(())
        })
        .await
    }

    /// Takes the tags with those keys away from a function.
    ///
    /// # Errors
    /// When there is no such function.
    pub async fn untag_function(&self, function: &FunctionRef, keys: &[String]) -> Result<(), SettingError> {
        self.change_setting("UntagResource", function, |next| {
            next.tags = next.tags.without(keys);
            Ok(())
        })
        .await
    }

    /// What is to happen when a function is found in a loop of invocations.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn recursive_loop(&self, function: &FunctionRef) -> Result<RecursiveLoop, FunctionNotFound> {
        self.present(function).map(|(_, present)| present.recursive_loop)
    }

    /// Says what is to happen when a function is found in a loop of invocations.
    ///
    /// # Errors
    /// When there is no such function.
    pub async fn set_recursive_loop(
        &self,
        function: &FunctionRef,
        recursive_loop: RecursiveLoop,
    ) -> Result<(), SettingError> {
        self.change_setting("PutFunctionRecursionConfig", function, |next| {
            next.recursive_loop = recursive_loop;
            Ok(())
        })
        .await
    }

    async fn change_setting(
        &self,
        action: &str,
        function: &FunctionRef,
        change: impl FnOnce(&mut Function) -> Result<(), SettingError>,
    ) -> Result<(), SettingError> {
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let audit = self.audit(action, &self.arn_of(function));
        let changed = self.parts.registry.change(&key, audit, |present| {
            let mut next = Function::clone(present.ok_or_else(|| self.not_found(function))?);
            change(&mut next)?;
            Ok((next.into(), ()))
        });
        changed.await
    }
}
