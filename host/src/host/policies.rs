//! Resource policies: who may do what with a function, a version or an alias. They are kept; as long as nobody is
//! authenticated they allow and deny nothing.

use std::sync::Arc;

use super::Host;
use super::aliases::AliasError;
use super::description::new_revision;
use super::errors::{ChangeError, FunctionNotFound, RevisionMismatch, check_revision};
use crate::function::{
    FunctionRef, Permission, PolicyError, PolicyStatement, Qualifier, ResourcePolicy, VersionNumber,
};
use crate::registry::{Function, POLICIES_MAX, PolicyState};
use crate::store::StoreError;

/// A policy as it is, with its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyInfo {
    /// The policy.
    pub policy: ResourcePolicy,
    /// Changes with every change of the policy: a UUID.
    pub revision_id: String,
}

/// Why a policy is not there or was not changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourcePolicyError {
    /// There is no such function or version.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// There is no such alias.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// `$LATEST` has none of its own.
    #[error("we currently do not support adding policies for $LATEST.")]
    Latest,
    /// There are as many policies about the function as there may be.
    #[error("there may be {limit} policies about a function, its versions and its aliases")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// There is no policy.
    #[error("no policy is associated with the given resource.")]
    NoPolicy,
    /// It has been changed meanwhile.
    #[error(transparent)]
    Revision(#[from] RevisionMismatch),
    /// The policy or statement is refused.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for ResourcePolicyError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// The policy of a function, or of a version or alias of it.
    ///
    /// # Errors
    /// When there is no such function, version or alias, or it has no policy.
    pub fn policy(&self, function: &FunctionRef) -> Result<PolicyInfo, ResourcePolicyError> {
        let (_, present) = self.present(function)?;
        self.check_resource(&present, function)?;
        let state = present.policies.get(&resource(function)).ok_or(ResourcePolicyError::NoPolicy)?;
        Ok(PolicyInfo::of(state))
    }

    /// Adds a permission to the policy of a function, or of a version or alias of it, and says which statement that is.
    ///
    /// # Errors
    /// When there is no such function, version or alias, there is a statement of that id, the policy would be too long, or it
    /// has another revision.
    pub async fn add_permission(
        &self,
        function: &FunctionRef,
        permission: Permission,
        revision_id: Option<&str>,
    ) -> Result<PolicyStatement, ResourcePolicyError> {
        let statement = permission.statement(&self.arn_of(function))?;
        let added = statement.clone();
        let add = |present: Option<&ResourcePolicy>| Ok(Some(ResourcePolicy::with(present, added)?));
        self.change_policy("AddPermission", function, revision_id, add).await?;
        Ok(statement)
    }

    /// Takes the statement of that id out of a policy.
    ///
    /// # Errors
    /// When there is no such policy or statement, or the policy has another revision.
    pub async fn remove_permission(
        &self,
        function: &FunctionRef,
        statement_id: &str,
        revision_id: Option<&str>,
    ) -> Result<(), ResourcePolicyError> {
        let remove = |present: Option<&ResourcePolicy>| {
            Ok(present.ok_or(ResourcePolicyError::NoPolicy)?.without(statement_id)?)
        };
        self.change_policy("RemovePermission", function, revision_id, remove).await?;
        Ok(())
    }

    /// Puts a policy in the place of whatever there is.
    ///
    /// # Errors
    /// When there is no such function, version or alias, or the policy there has another revision.
    pub async fn put_policy(
        &self,
        function: &FunctionRef,
        policy: ResourcePolicy,
        revision_id: Option<&str>,
    ) -> Result<PolicyInfo, ResourcePolicyError> {
        let put = |_: Option<&ResourcePolicy>| Ok(Some(policy));
        let changed = self.change_policy("PutResourcePolicy", function, revision_id, put).await?;
        changed.ok_or(ResourcePolicyError::NoPolicy)
    }

    /// Removes a policy.
    ///
    /// # Errors
    /// When there is none, or it has another revision.
    pub async fn delete_policy(
        &self,
        function: &FunctionRef,
        revision_id: Option<&str>,
    ) -> Result<(), ResourcePolicyError> {
        let delete = |present: Option<&ResourcePolicy>| match present {
            Some(_) => Ok(None),
            None => Err(ResourcePolicyError::NoPolicy),
        };
        self.change_policy("DeleteResourcePolicy", function, revision_id, delete).await?;
        Ok(())
    }

    async fn change_policy(
        &self,
        action: &str,
        function: &FunctionRef,
        revision_id: Option<&str>,
        change: impl FnOnce(Option<&ResourcePolicy>) -> Result<Option<ResourcePolicy>, ResourcePolicyError>,
    ) -> Result<Option<PolicyInfo>, ResourcePolicyError> {
        if function.qualifier == Some(Qualifier::Version(VersionNumber::Latest)) {
            return Err(ResourcePolicyError::Latest);
        }
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let audit = self.audit(action, &self.arn_of(function));
        let changed = self.parts.registry.change(&key, audit, |present| {
            let whole = || FunctionRef { qualifier: None, ..function.clone() };
            let mut next = Function::clone(present.ok_or_else(|| self.not_found(&whole()))?);
            self.check_resource(&next, function)?;
            let present = next.policies.get(&resource(function));
            check_revision(revision_id, revision(&next, function, present.map(Arc::as_ref)))?;
            let policy = change(present.map(|state| &state.policy))?;
            let state = policy.map(|policy| PolicyState { policy, revision_id: new_revision() });
            if present.is_none() && state.is_some() && next.policies.len() >= POLICIES_MAX {
                return Err(ResourcePolicyError::TooMany { limit: POLICIES_MAX });
            }
            let info = state.as_ref().map(PolicyInfo::of);
            match state {
                Some(state) => next.policies.insert(resource(function), Arc::new(state)),
                None => next.policies.remove(&resource(function)),
            };
            Ok((next.into(), info))
        });
        changed.await
    }

    /// Checks that what the reference names is there.
    fn check_resource(&self, present: &Function, function: &FunctionRef) -> Result<(), ResourcePolicyError> {
        match &function.qualifier {
            None => Ok(()),
            Some(Qualifier::Version(number)) => match present.version(*number) {
                Some(_) => Ok(()),
                None => Err(self.not_found(function).into()),
            },
            Some(Qualifier::Alias(name)) => match present.aliases.get(name) {
                Some(_) => Ok(()),
                None => Err(AliasError::AliasNotFound { arn: self.alias_arn(function, name) }.into()),
            },
        }
    }
}

impl PolicyInfo {
    fn of(state: &PolicyState) -> Self {
        Self { policy: state.policy.clone(), revision_id: state.revision_id.clone() }
    }
}

/// What a policy is about, within its function: a version, an alias, or all of it.
fn resource(function: &FunctionRef) -> String {
    function.qualifier.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The revision that a change has to name: of the policy, or of what has none yet.
fn revision<'a>(present: &'a Function, function: &FunctionRef, policy: Option<&'a PolicyState>) -> &'a str {
    let own = match &function.qualifier {
        Some(Qualifier::Alias(name)) => present.aliases.get(name).map(|state| &state.alias.revision_id),
        Some(Qualifier::Version(number)) => {
            present.version(*number).map(|version| &version.facts.revision_id)
        }
        None => None,
    };
    policy.map_or(own.unwrap_or(&present.latest.facts.revision_id), |policy| &policy.revision_id)
}
