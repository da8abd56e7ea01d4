//! Aliases: made, moved, taken back and removed.

use std::sync::Arc;

use super::Host;
use super::description::new_revision;
use super::errors::{ChangeError, FunctionNotFound, FunctionPending, RevisionMismatch, check_revision};
use super::provisioned::check_prepared;
use crate::artifact::Code;
use crate::function::{
    Alias, AliasMove, AliasName, AliasRouting, Configuration, ConfigurationError, FunctionRef, FunctionState,
    Qualifier, RoutingError, VersionNumber, Weight,
};
use crate::registry::{ALIASES_MAX, AliasState, Change, Function};
use crate::store::StoreError;
use crate::timestamp;

/// An alias, as it can be seen from outside.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AliasInfo {
    /// Its ARN: the function's, a colon and its name.
    pub arn: String,
    /// The alias.
    pub alias: Alias,
}

/// A request to make an alias.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateAlias {
    /// The function.
    pub function: FunctionRef,
    /// The alias's name.
    pub name: AliasName,
    /// Where it leads.
    pub routing: AliasRouting,
    /// What people say of it; empty by default.
    pub description: String,
}

impl CreateAlias {
    /// A request for an alias without a description.
    pub fn new(function: impl Into<FunctionRef>, name: AliasName, routing: AliasRouting) -> Self {
        Self { function: function.into(), name, routing, description: String::new() }
    }
}

/// A request to change an alias. What is not given stays.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpdateAlias {
    /// The function.
    pub function: FunctionRef,
    /// The alias's name.
    pub name: AliasName,
    /// The version it shall point at.
    pub version: Option<VersionNumber>,
    /// The additional version and its weight; `Some(None)` takes it away.
    pub additional: Option<Option<(VersionNumber, Weight)>>,
    /// What people say of it.
    pub description: Option<String>,
    /// The revision the change is meant for; any, if none is given.
    pub revision_id: Option<String>,
}

impl UpdateAlias {
    /// A request that changes nothing yet.
    pub fn new(function: impl Into<FunctionRef>, name: AliasName) -> Self {
        let function = function.into();
        Self { function, name, version: None, additional: None, description: None, revision_id: None }
    }

    /// Where an alias leads that has led there.
    fn routing(&self, present: &AliasRouting) -> Result<AliasRouting, RoutingError> {
        let version = self.version.unwrap_or(present.version());
        match self.additional.unwrap_or(present.additional()) {
            None => Ok(AliasRouting::to(version)),
            Some((additional, weight)) => AliasRouting::weighted(version, additional, weight),
        }
    }
}

/// Why an alias was not made or changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AliasError {
    /// There is no such function, or no such version of it.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// There is no such alias.
    #[error("cannot find alias arn: {arn}")]
    AliasNotFound {
        /// The ARN that was asked for.
        arn: String,
    },
    /// The function has as many aliases as it may have.
    #[error("a function may have {limit} aliases")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// There is an alias of that name.
    #[error("alias already exists: {arn}")]
    Exists {
        /// Its ARN.
        arn: String,
    },
    /// It has been changed meanwhile.
    #[error(transparent)]
    Revision(#[from] RevisionMismatch),
    /// It cannot lead where it was asked to.
    #[error(transparent)]
    Routing(#[from] RoutingError),
    /// A version that it shall lead to is still being compiled.
    #[error(transparent)]
    Pending(#[from] FunctionPending),
    /// A version that it shall lead to cannot be run.
    #[error("version {version} cannot be run: {reason}")]
    NotReady {
        /// The version.
        version: VersionNumber,
        /// Why.
        reason: String,
    },
    /// It has provisioned concurrency, which `$LATEST` cannot have.
    #[error("provisioned Concurrency Configs cannot be applied to unpublished function versions.")]
    Unpublished,
    /// It has provisioned concurrency, and so has a version that it shall lead to.
    #[error(
        "alias can't be used for Provisioned Concurrency configuration on an already Provisioned version: {version}"
    )]
    VersionProvisioned {
        /// The version.
        version: VersionNumber,
    },
    /// It has never led anywhere else, so it cannot be rolled back.
    #[error("{arn} has not led to another version before")]
    NothingBefore {
        /// Its ARN.
        arn: String,
    },
    /// The description is too long.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for AliasError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// Makes an alias.
    ///
    /// # Errors
    /// When the function or a version it shall lead to does not exist, or there is an alias of that name.
    pub async fn create_alias(&self, request: &CreateAlias) -> Result<AliasInfo, AliasError> {
        self.prepare(&request.function, &request.routing).await?;
        self.change_alias("CreateAlias", &request.function, &request.name, |present| match present {
            Some(_) => Err(AliasError::Exists { arn: self.alias_arn(&request.function, &request.name) }),
            None => Ok(Alias {
                name: request.name.clone(),
                routing: request.routing,
                description: request.description.clone(),
                revision_id: new_revision(),
            }),
        })
        .await
    }

    /// Changes an alias: every request after this one goes where it leads now. The code of the versions it leads to is
    /// compiled and in memory before it moves, and so is every instance of its
    /// [provisioned concurrency](Host::provision_concurrency).
    ///
    /// # Errors
    /// When the function, the alias or a version it shall lead to does not exist or cannot be run, or it has changed
    /// meanwhile.
    pub async fn update_alias(&self, request: &UpdateAlias) -> Result<AliasInfo, AliasError> {
        let present = self.alias_info(&request.function, &request.name)?.alias;
        check_revision(request.revision_id.as_deref(), &present.revision_id)?;
        let routing = request.routing(&present.routing)?;
        self.prepare(&request.function, &routing).await?;
        let _prepared = match routing == present.routing {
            true => Vec::new(),
            false => self.prepare_provisioned(&request.function, &request.name, &routing).await?,
        };
        self.change_alias("UpdateAlias", &request.function, &request.name, |present| {
            let arn = || self.alias_arn(&request.function, &request.name);
            let present = present.ok_or_else(|| AliasError::AliasNotFound { arn: arn() })?;
            check_revision(request.revision_id.as_deref(), &present.revision_id)?;
            let routing = request.routing(&present.routing)?;
            let description = request.description.clone().unwrap_or_else(|| present.description.clone());
            Ok(Alias { name: present.name.clone(), routing, description, revision_id: new_revision() })
        })
        .await
    }

    /// Takes the last move of an alias back: ends a canary, if it leads to two versions, or else leads it to the version
    /// that it led to before. With a revision it does so only if the alias is still of that revision: two who roll the same
    /// move back would otherwise lead the alias on again.
    ///
    /// # Errors
    /// When there is no such alias, it has changed meanwhile, it has never led to another version, or that version is gone or cannot be run.
    pub async fn roll_back_alias(
        &self,
        function: &FunctionRef,
        name: &AliasName,
        revision_id: Option<&str>,
    ) -> Result<AliasInfo, AliasError> {
        let arn = || self.alias_arn(function, name);
        let state = self.present(function)?.1.aliases.get(name).cloned();
        let state = state.ok_or_else(|| AliasError::AliasNotFound { arn: arn() })?;
        check_revision(revision_id, &state.alias.revision_id)?;
        let before = before(&state).ok_or_else(|| AliasError::NothingBefore { arn: arn() })?;
        let update = UpdateAlias {
            version: Some(before),
            additional: Some(None),
            // The change itself looks at it again.
            revision_id: Some(state.alias.revision_id.clone()),
            ..UpdateAlias::new(function.clone(), name.clone())
        };
        self.update_alias(&update).await
    }

    /// An alias as it is now.
    ///
    /// # Errors
    /// When there is no such function or alias.
    pub fn alias_info(&self, function: &FunctionRef, name: &AliasName) -> Result<AliasInfo, AliasError> {
        let (_, present) = self.present(function)?;
        let arn = self.alias_arn(function, name);
        match present.aliases.get(name) {
            Some(state) => Ok(AliasInfo { arn, alias: state.alias.clone() }),
            None => Err(AliasError::AliasNotFound { arn }),
        }
    }

    /// Where an alias has led: its last hundred moves, the newest first.
    ///
    /// # Errors
    /// When there is no such function or alias.
    pub fn alias_history(
        &self,
        function: &FunctionRef,
        name: &AliasName,
    ) -> Result<Vec<AliasMove>, AliasError> {
        let (_, present) = self.present(function)?;
        match present.aliases.get(name) {
            Some(state) => Ok(state.moves.iter().rev().cloned().collect()),
            None => Err(AliasError::AliasNotFound { arn: self.alias_arn(function, name) }),
        }
    }

    /// Removes an alias. Whether there was one does not matter.
    ///
    /// # Errors
    /// When there is no such function, or the change cannot be kept.
    pub async fn delete_alias(&self, function: &FunctionRef, name: &AliasName) -> Result<(), AliasError> {
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let audit = self.audit("DeleteAlias", &self.alias_arn(function, name));
        let deleted = self.parts.registry.change(&key, audit, |present| {
            let mut next = Function::clone(present.ok_or_else(|| self.not_found(function))?);
            match next.remove_alias(name) {
                false => Ok((Change::Keep, ())),
                true => Ok((next.into(), ())),
            }
        });
        deleted.await
    }

    async fn change_alias(
        &self,
        action: &str,
        function: &FunctionRef,
        name: &AliasName,
        decide: impl FnOnce(Option<&Alias>) -> Result<Alias, AliasError>,
    ) -> Result<AliasInfo, AliasError> {
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let arn = self.alias_arn(function, name);
        let audit = self.audit(action, &arn);
        let changed = self.parts.registry.change(&key, audit, |present| {
            let mut next = Function::clone(present.ok_or_else(|| self.not_found(function))?);
            let present = next.aliases.get(name);
            let alias = decide(present.map(|state| &state.alias))?;
            check_description(&alias)?;
            if present.is_none() && next.aliases.len() >= ALIASES_MAX {
                return Err(AliasError::TooMany { limit: ALIASES_MAX });
            }
            let provisioned = next.provisioned.contains_key(name.as_str());
            for version in alias.routing.versions() {
                if provisioned && version == VersionNumber::Latest {
                    return Err(AliasError::Unpublished);
                }
                if provisioned && next.provisioned.contains_key(&version.to_string()) {
                    return Err(AliasError::VersionProvisioned { version });
                }
                next.version(version).ok_or_else(|| self.version_not_found(function, version))?;
            }
            let state = AliasState::changed(
                present.map(Arc::as_ref),
                alias.clone(),
                &timestamp::now(),
                &self.principal(),
            );
            let moves = present.is_some_and(|present| present.alias.routing != alias.routing);
            next.aliases.insert(name.clone(), Arc::new(state));
            if moves {
                check_prepared(&next, name)?;
            }
            Ok((next.into(), AliasInfo { arn, alias }))
        });
        changed.await
    }

    /// Sees to it that the versions an alias is to lead to can be run at once.
    async fn prepare(&self, function: &FunctionRef, routing: &AliasRouting) -> Result<(), AliasError> {
        for number in routing.versions() {
            let not_ready = |reason: String| AliasError::NotReady { version: number, reason };
            let code = self.active_code(function, number)?;
            code.load().await.map_err(|error| not_ready(error.to_string()))?;
        }
        Ok(())
    }

    /// The code of a version that an alias can lead to. What waits for it to be loaded holds neither the function, with its
    /// claim on the account's concurrency, nor the version's instances.
    fn active_code(&self, function: &FunctionRef, number: VersionNumber) -> Result<Arc<Code>, AliasError> {
        let present = self.present(function).ok();
        let version = present.as_ref().and_then(|(_, present)| present.version(number));
        let facts = &version.ok_or_else(|| self.version_not_found(function, number))?.facts;
        match &facts.state {
            FunctionState::Pending => Err(FunctionPending.into()),
            FunctionState::Failed { reason } => {
                Err(AliasError::NotReady { version: number, reason: reason.clone() })
            }
            FunctionState::Active => Ok(facts.code.clone()),
        }
    }

    fn version_not_found(&self, function: &FunctionRef, version: VersionNumber) -> FunctionNotFound {
        let qualifier = Some(Qualifier::Version(version));
        self.not_found(&FunctionRef { qualifier, ..function.clone() })
    }

    pub(super) fn alias_arn(&self, function: &FunctionRef, name: &AliasName) -> String {
        let qualifier = Some(Qualifier::Alias(name.clone()));
        self.arn_of(&FunctionRef { qualifier, ..function.clone() })
    }
}

/// The version that an alias goes back to.
fn before(state: &AliasState) -> Option<VersionNumber> {
    let present = state.alias.routing;
    if present.additional().is_some() {
        return Some(present.version());
    }
    let earlier = state.moves.iter().rev().filter_map(|moved| moved.from).map(|from| from.version());
    earlier.into_iter().find(|version| *version != present.version())
}

fn check_description(alias: &Alias) -> Result<(), AliasError> {
    Configuration { description: alias.description.clone(), ..Default::default() }.check_description()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(routings: &[AliasRouting]) -> AliasState {
        let alias = |routing: AliasRouting| Alias {
            name: AliasName::parse("live").expect("a name"),
            routing,
            description: String::new(),
            revision_id: String::new(),
        };
        let mut state = AliasState::changed(None, alias(routings[0]), "t", "p");
        for routing in &routings[1..] {
            state = AliasState::changed(Some(&state), alias(*routing), "t", "p");
        }
        state
    }

    #[test]
    fn a_rollback_ends_a_canary_or_goes_back_to_the_version_before() {
        let published = VersionNumber::Published;
        let to = |number| AliasRouting::to(published(number));
        let half = Weight::new(0.5).expect("a weight");
        let canary = AliasRouting::weighted(published(1), published(2), half).expect("routing");
        assert_eq!(before(&moved(&[to(1)])), None);
        assert_eq!(before(&moved(&[to(1), canary])), Some(published(1)));
        assert_eq!(before(&moved(&[to(1), canary, to(2)])), Some(published(1)));
        assert_eq!(before(&moved(&[to(1), to(2), to(3)])), Some(published(2)));
        assert_eq!(before(&moved(&[to(1), canary, to(1)])), None);
    }
}
