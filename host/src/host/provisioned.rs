//! Provisioned concurrency: instances that are there before anybody asks for them.

use std::sync::Arc;
use std::time::Duration;

use super::Host;
use super::aliases::AliasError;
use super::errors::{ChangeError, FunctionNotFound, FunctionPending};
use crate::concurrency::{Claim, ClaimRefused};
use crate::function::{
    AliasName, AliasRouting, FunctionRef, FunctionState, ProvisionedConcurrency, Qualifier, VersionNumber,
};
use crate::policy;
use crate::pool::Standing;
use crate::registry::{Change, Function};
use crate::store::StoreError;
use crate::timestamp;
use crate::version::Version;

/// How long an alias that is to be moved waits for the provisioned instances of where it shall lead.
const MOVE_TIME_MAX: Duration = Duration::from_secs(900);

/// How far provisioned concurrency is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvisionedStatus {
    /// Instances are coming up.
    InProgress,
    /// There are, or were and will be again, as many as were asked for.
    Ready,
    /// The last instance that was to come up did not. Others are tried from time to time.
    Failed {
        /// Why: `FUNCTION_ERROR_INIT_FAILURE` if it was the function's own doing.
        reason: String,
    },
}

/// The provisioned concurrency of a version or an alias, as it can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvisionedInfo {
    /// The ARN of the version or alias.
    pub arn: String,
    /// What was asked for, and when.
    pub configuration: ProvisionedConcurrency,
    /// How many instances there are, idle and busy.
    pub allocated: u32,
    /// How far it is.
    pub status: ProvisionedStatus,
}

/// Why provisioned concurrency is not there or was not changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionedError {
    /// There is no such function or version.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// There is no such alias.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// The version's code is still being compiled.
    #[error(transparent)]
    Pending(#[from] FunctionPending),
    /// `$LATEST`, and an alias that leads to it, can have none.
    #[error("provisioned Concurrency Configs cannot be applied to unpublished function versions.")]
    Unpublished,
    /// Only a version or an alias has any.
    #[error("the function resource provided must be an alias or a published version.")]
    Qualifier,
    /// None was asked for.
    #[error("no Provisioned Concurrency Config found for this function")]
    NotConfigured,
    /// A version that the alias leads to has some of its own.
    #[error(
        "alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    )]
    VersionProvisioned,
    /// An alias that leads to the version has some.
    #[error("version is pointed by a Provisioned Concurrency alias")]
    AliasProvisioned,
    /// At least one instance must be asked for.
    #[error("at least 1 provisioned instance must be asked for")]
    Nothing,
    /// The function has less reserved.
    #[error(
        "requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    )]
    Reserved,
    /// There is not so much that nobody has.
    #[error(
        "specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{unreserved}]."
    )]
    Account {
        /// How much nobody has.
        unreserved: u64,
    },
    /// Too little would be left for functions without any of their own.
    #[error(
        "specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum \
         value of [{unreserved_min}]."
    )]
    Unreserved {
        /// How much must be left.
        unreserved_min: u64,
    },
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for ProvisionedError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// Asks for so many instances of a version, or of what an alias leads to, that are there before anybody invokes it, and
    /// stay. This does not wait for them. An alias that moves takes them along.
    ///
    /// # Errors
    /// When there is no such version or alias, it is `$LATEST`, an alias and a version that it leads to would both have some, or
    /// there is not so much concurrency left.
    pub async fn provision_concurrency(
        &self,
        function: &FunctionRef,
        instances: u32,
    ) -> Result<ProvisionedInfo, ProvisionedError> {
        if instances == 0 {
            return Err(ProvisionedError::Nothing);
        }
        let about = about(function).ok_or(ProvisionedError::Unpublished)?;
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let audit = self.audit("PutProvisionedConcurrencyConfig", &self.arn_of(function));
        let changed = self.parts.registry.change(&key, audit, |present| {
            let present = present.ok_or_else(|| self.not_there(function))?;
            self.check_there(present, function)?;
            check_provisionable(present, &about)?;
            let mut next = Function::clone(present);
            let configuration = ProvisionedConcurrency::new(instances, timestamp::now());
            next.provisioned.insert(about.clone(), configuration);
            if next.reserved_concurrency.is_some_and(|reserved| reserved < next.provisioned_units()) {
                return Err(ProvisionedError::Reserved);
            }
            next.claim = Some(Arc::new(self.claim(&next)?));
            Ok((next.into(), ()))
        });
        changed.await?;
        self.provisioned_concurrency(function)
    }

    /// How far the provisioned concurrency of a version or an alias is.
    ///
    /// # Errors
    /// When there is no such version or alias, or it has none.
    pub fn provisioned_concurrency(
        &self,
        function: &FunctionRef,
    ) -> Result<ProvisionedInfo, ProvisionedError> {
        let about = about(function).ok_or(ProvisionedError::Qualifier)?;
        let (_, present) = self.present(function).map_err(|_| self.not_there(function))?;
        self.check_there(&present, function)?;
        self.provisioned_info(&present, function, &about).ok_or(ProvisionedError::NotConfigured)
    }

    /// All provisioned concurrency of a function: that of versions first, in the order of their numbers, and then that of
    /// aliases.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn list_provisioned_concurrency(
        &self,
        function: &FunctionRef,
    ) -> Result<Vec<ProvisionedInfo>, FunctionNotFound> {
        let (_, present) = self.present(function)?;
        let mut abouts: Vec<&String> = present.provisioned.keys().collect();
        abouts.sort_by_key(|about| (about.parse().unwrap_or(u64::MAX), about.as_str()));
        Ok(abouts.into_iter().filter_map(|about| self.provisioned_info(&present, function, about)).collect())
    }

    /// Takes provisioned concurrency away from a version or an alias; what runs goes on. Whether there was any does not matter.
    ///
    /// # Errors
    /// When there is no such version or alias.
    pub async fn unprovision_concurrency(&self, function: &FunctionRef) -> Result<(), ProvisionedError> {
        let about = about(function).ok_or(ProvisionedError::Qualifier)?;
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.check_open()?;
        let audit = self.audit("DeleteProvisionedConcurrencyConfig", &self.arn_of(function));
        let changed = self.parts.registry.change(&key, audit, |present| {
            let present = present.ok_or_else(|| self.not_there(function))?;
            self.check_there(present, function)?;
            let mut next = Function::clone(present);
            match next.provisioned.remove(&about) {
                None => Ok((Change::Keep, ())),
                Some(_) => Ok((next.into(), ())),
            }
        });
        changed.await
    }

    fn claim(&self, next: &Function) -> Result<Claim, ProvisionedError> {
        let units = next.concurrency_units();
        let key = &next.latest.facts.key;
        self.parts.concurrency.claim(key, units).map_err(|ClaimRefused { unreserved, unreserved_min }| {
            match u64::from(units) > unreserved {
                true => ProvisionedError::Account { unreserved },
                false => ProvisionedError::Unreserved { unreserved_min },
            }
        })
    }

    fn provisioned_info(
        &self,
        present: &Function,
        function: &FunctionRef,
        about: &str,
    ) -> Option<ProvisionedInfo> {
        let configuration = present.provisioned.get(about)?.clone();
        let ProvisionedUse { up: allocated, reached, failure, .. } = ProvisionedUse::of(present, about);
        let status = match failure {
            Some(reason) => ProvisionedStatus::Failed { reason },
            None if reached => ProvisionedStatus::Ready,
            None => ProvisionedStatus::InProgress,
        };
        let arn = self.arn_of(&FunctionRef { qualifier: None, ..function.clone() });
        Some(ProvisionedInfo { arn: format!("{arn}:{about}"), configuration, allocated, status })
    }

    /// What is not there, if the function is not.
    fn not_there(&self, function: &FunctionRef) -> ProvisionedError {
        match &function.qualifier {
            Some(Qualifier::Alias(_)) => AliasError::AliasNotFound { arn: self.arn_of(function) }.into(),
            _ => self.not_found(function).into(),
        }
    }

    fn check_there(&self, present: &Function, function: &FunctionRef) -> Result<(), ProvisionedError> {
        let there = match &function.qualifier {
            Some(Qualifier::Alias(name)) => present.aliases.contains_key(name),
            Some(Qualifier::Version(number)) => present.version(*number).is_some(),
            None => true,
        };
        if there { Ok(()) } else { Err(self.not_there(function)) }
    }

    /// Brings up the provisioned instances that an alias needs where it shall lead, if it has any.
    pub(super) async fn prepare_provisioned(
        &self,
        function: &FunctionRef,
        name: &AliasName,
        routing: &AliasRouting,
    ) -> Result<Vec<Prepared>, AliasError> {
        let (_, present) = self.present(function)?;
        let Some(config) = present.provisioned.get(name.as_str()) else { return Ok(Vec::new()) };
        let targets = present.provisioned_targets();
        let leads = present.provisioned_shares(name.as_str(), config.requested);
        let mut prepared = Vec::new();
        for (version, share) in policy::shares(routing, config.requested) {
            let VersionNumber::Published(number) = version else { return Err(AliasError::Unpublished) };
            if present.provisioned.contains_key(&number.to_string()) {
                return Err(AliasError::VersionProvisioned { version });
            }
            let Some(version) = present.published.get(&number) else { continue };
            let had = leads.iter().find(|(to, _)| *to == number).map_or(0, |(_, share)| *share);
            let target = targets.get(&number).copied().unwrap_or(0) - had + share;
            if version.provision().prepare(target) {
                self.parts.provisioning.keep(version.clone());
            }
            prepared.push(Prepared { version: version.clone(), target });
        }
        // What it claims may change while this waits.
        drop(present);
        let ready = async {
            for Prepared { version, .. } in &prepared {
                reached(version).await?;
            }
            Ok(prepared)
        };
        let version = routing.version();
        let late =
            || AliasError::NotReady { version, reason: "its provisioned instances take too long".to_owned() };
        match self.until_closed(tokio::time::timeout(MOVE_TIME_MAX, ready)).await {
            Ok(ready) => ready.unwrap_or_else(|_elapsed| Err(late())),
            Err(_closing) => Err(ChangeError::Closing.into()),
        }
    }
}

/// What there is of the provisioned instances of a version or an alias. Those of a version that several aliases lead to are given
/// out among these in their order, so that none counts twice.
#[derive(Debug)]
pub(super) struct ProvisionedUse {
    /// How many there are.
    pub(super) up: u32,
    /// How many of them run an event.
    pub(super) busy: u32,
    reached: bool,
    failure: Option<String>,
}

impl ProvisionedUse {
    pub(super) fn of(present: &Function, about: &str) -> Self {
        let mut all = Self { up: 0, busy: 0, reached: true, failure: None };
        let Some(config) = present.provisioned.get(about) else { return all };
        for (number, share) in present.provisioned_shares(about, config.requested) {
            let Some(version) = present.published.get(&number) else { continue };
            let standing = version.provision().standing();
            let before = shares_before(present, about, number);
            let up = standing.up.saturating_sub(before).min(share);
            all.up += up;
            all.busy += version.provision().busy().saturating_sub(before).min(up);
            all.reached &= standing.reached;
            all.failure = all.failure.or(standing.failure);
        }
        all
    }
}

/// How many instances of a version are for what comes before in the order.
fn shares_before(present: &Function, about: &str, number: u64) -> u32 {
    let earlier = present.provisioned.iter().take_while(|(earlier, _)| earlier.as_str() < about);
    let of_version = |(about, config): (&String, &ProvisionedConcurrency)| {
        let shares = present.provisioned_shares(about, config.requested);
        shares.into_iter().find(|(to, _)| *to == number).map_or(0, |(_, share)| share)
    };
    earlier.map(of_version).sum()
}

/// A version whose provisioned instances were brought up for a move of an alias; those that it does not need go with this.
#[derive(Debug)]
pub(super) struct Prepared {
    version: Arc<Version>,
    target: u32,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.version.provision().end_preparing(self.target);
    }
}

/// Checks that an alias that moves has the provisioned instances that it needs where it leads then: more may have been asked for
/// since they were brought up.
pub(super) fn check_prepared(next: &Function, name: &AliasName) -> Result<(), AliasError> {
    let Some(config) = next.provisioned.get(name.as_str()) else { return Ok(()) };
    let targets = next.provisioned_targets();
    for (number, _) in next.provisioned_shares(name.as_str(), config.requested) {
        let Some(version) = next.published.get(&number) else { continue };
        let standing = version.provision().standing();
        if standing.target < targets.get(&number).copied().unwrap_or(0) || !standing.reached {
            let reason = "its provisioned concurrency was changed meanwhile".to_owned();
            return Err(AliasError::NotReady { version: version.facts.number, reason });
        }
    }
    Ok(())
}

/// Waits until a version has as many provisioned instances as it shall have.
async fn reached(version: &Version) -> Result<(), AliasError> {
    let wanted = |standing: Standing| match standing {
        Standing { reached: true, .. } => Some(Ok(())),
        Standing { failure: Some(reason), .. } => {
            Some(Err(AliasError::NotReady { version: version.facts.number, reason }))
        }
        Standing { .. } => None,
    };
    version.provision().until(wanted).await
}

/// What provisioned concurrency is about, as functions keep it: the number of a version, or the name of an alias.
fn about(function: &FunctionRef) -> Option<String> {
    match &function.qualifier {
        Some(Qualifier::Version(VersionNumber::Published(number))) => Some(number.to_string()),
        Some(Qualifier::Alias(name)) => Some(name.as_str().to_owned()),
        Some(Qualifier::Version(VersionNumber::Latest)) | None => None,
    }
}

/// Checks that a version or an alias may have provisioned concurrency beside what others have.
fn check_provisionable(present: &Function, about: &str) -> Result<(), ProvisionedError> {
    let alias = present.aliases.values().map(|state| &state.alias).find(|alias| alias.name.as_str() == about);
    let versions: Vec<VersionNumber> = match (alias, about.parse()) {
        (Some(alias), _) => alias.routing.versions().collect(),
        (None, Ok(number)) => vec![VersionNumber::Published(number)],
        (None, Err(_)) => Vec::new(),
    };
    for number in versions {
        let VersionNumber::Published(published) = number else { return Err(ProvisionedError::Unpublished) };
        if alias.is_some() && present.provisioned.contains_key(&published.to_string()) {
            return Err(ProvisionedError::VersionProvisioned);
        }
        let mut aliases = present.aliases_to(number);
        if alias.is_none() && aliases.any(|name| present.provisioned.contains_key(name.as_str())) {
            return Err(ProvisionedError::AliasProvisioned);
        }
        let state = present.version(number).map(|version| &version.facts.state);
        if state == Some(&FunctionState::Pending) {
            return Err(FunctionPending.into());
        }
    }
    Ok(())
}
