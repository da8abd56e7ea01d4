//! Changing `$LATEST`: its code and what it is given.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Host;
use super::description::{FunctionVersion, describe, describe_latest};
use super::errors::{
    ChangeError, CodeStorageExceeded, FunctionNotFound, FunctionPending, RevisionMismatch, TooManyVersions,
    UpdateInProgress, check_revision,
};
use super::versions::check_versions;
use crate::artifact::{Code, CodeError};
use crate::function::{
    Architecture, Configuration, ConfigurationError, FunctionArn, FunctionRef, FunctionState, VersionNumber,
};
use crate::registry::{Function, Update};
use crate::store::StoreError;
use crate::version::VersionFacts;

/// A request to give a function new code.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpdateFunctionCode {
    /// The function.
    pub function: FunctionRef,
    /// The package: a WebAssembly component or core module, or a zip with one and the files it reads.
    pub package: Bytes,
    /// Whether a version is published at once.
    pub publish: bool,
    /// Whether everything is checked and nothing changed.
    pub dry_run: bool,
    /// The architecture that the function is said to have from now on; it has no effect here.
    pub architecture: Option<Architecture>,
    /// The revision the change is meant for; any, if none is given.
    pub revision_id: Option<String>,
    /// How long to wait for the code to be compiled before answering that the update is in progress; to the end, if none is
    /// given.
    pub wait_max: Option<Duration>,
}

impl UpdateFunctionCode {
    /// A request to give `$LATEST` that code and publish nothing.
    pub fn new(function: impl Into<FunctionRef>, package: impl Into<Bytes>) -> Self {
        let (function, package) = (function.into(), package.into());
        Self {
            function,
            package,
            publish: false,
            dry_run: false,
            architecture: None,
            revision_id: None,
            wait_max: None,
        }
    }
}

/// Why a function was not changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateFunctionError {
    /// There is no such function.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// It has been changed meanwhile.
    #[error(transparent)]
    Revision(#[from] RevisionMismatch),
    /// It is still being made.
    #[error(transparent)]
    Pending(#[from] FunctionPending),
    /// Somebody else changes it at the same time.
    #[error(transparent)]
    InProgress(#[from] UpdateInProgress),
    /// The configuration is refused.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The code is refused.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// There is no room for more code.
    #[error(transparent)]
    CodeStorage(#[from] CodeStorageExceeded),
    /// It has as many versions as it may have.
    #[error(transparent)]
    Versions(#[from] TooManyVersions),
    /// The change could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// What `$LATEST` was before it is changed. Not the function itself, which has a claim on the account's concurrency: who
/// removes a function gives that back at once, although new code is still being compiled for it.
struct Before {
    arn: FunctionArn,
    facts: VersionFacts,
}

impl From<StoreError> for UpdateFunctionError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// Gives `$LATEST` new code; published versions keep theirs. Until the new code is compiled the old one is run.
    ///
    /// If that takes longer than [`UpdateFunctionCode::wait_max`], this answers that the update is
    /// [in progress](super::LastUpdate::InProgress).
    ///
    /// # Errors
    /// When there is no such function, it has changed meanwhile or is being changed, or the code is refused.
    pub async fn update_function_code(
        &self,
        request: UpdateFunctionCode,
    ) -> Result<FunctionVersion, UpdateFunctionError> {
        let in_progress = || UpdateInProgress { arn: self.arn_of(&request.function) };
        let key = self.changeable(&request.function)?;
        // First: nobody else changes the code between the look at it and the change.
        let reservation = self.parts.registry.reserve(&key);
        let before = self.updatable(&request.function, request.revision_id.as_deref())?;
        let _reservation = reservation.ok_or_else(in_progress)?;
        self.check_code_storage(key.region(), request.package.len())?;
        let handler = &before.facts.configuration.handler;
        let compiling = self.compile(request.package, handler).await?;
        let code = compiling.code.clone();
        let wait_max = request.wait_max.filter(|_| !request.dry_run);
        let progress = compiling.wait(wait_max).await?;
        let state = progress.state();
        let _committed = self.follow(&key, progress);
        let next = |present: &VersionFacts| {
            let mut configuration = present.configuration.clone();
            if let Some(architecture) = request.architecture {
                Arc::make_mut(&mut configuration).architecture = architecture;
            }
            self.version(&key, VersionNumber::Latest, configuration, code.clone(), state.clone())
        };
        if request.dry_run {
            return Ok(describe(&next(&before.facts)));
        }
        let audit = self.audit("UpdateFunctionCode", before.arn.as_str());
        let updated = self.parts.registry.change::<_, UpdateFunctionError>(&key, audit, |present| {
            let present = present.ok_or_else(|| self.not_found(&request.function))?;
            check_revision(request.revision_id.as_deref(), &present.latest.facts.revision_id)?;
            if matches!(present.update, Update::InProgress(_)) {
                return Err(in_progress().into());
            }
            if present.latest.facts.configuration.handler != *handler {
                // It may name another component than the one that was compiled.
                return Err(in_progress().into());
            }
            let mut function = Function::clone(present);
            let next = next(&function.latest.facts);
            let published = request.publish.then(|| self.publish_of(&mut function, &next, None));
            check_versions(&function)?;
            match state {
                FunctionState::Pending => function.update = Update::InProgress(next),
                _ => (function.latest, function.update) = (next, Update::Successful),
            }
            self.check_growth(Some(present), &function)?;
            let shown = published.map_or_else(|| describe_latest(&function), |version| describe(&version));
            Ok((function.into(), shown))
        });
        updated.await
    }

    /// Changes what `$LATEST` is given; published versions keep theirs. A handler that names another component of the
    /// package has that compiled.
    ///
    /// # Errors
    /// When there is no such function, it has changed meanwhile or is being changed, or the configuration is refused: by
    /// `change`, too.
    pub async fn update_function_configuration<E: From<UpdateFunctionError>>(
        &self,
        function: &FunctionRef,
        revision_id: Option<&str>,
        change: impl FnOnce(&mut Configuration) -> Result<(), E>,
    ) -> Result<FunctionVersion, E> {
        let in_progress = || UpdateInProgress { arn: self.arn_of(function) };
        let key = self.changeable(function).map_err(UpdateFunctionError::from)?;
        let reservation = self.parts.registry.reserve(&key);
        let before = self.updatable(function, revision_id)?;
        let _reservation = reservation.ok_or_else(|| UpdateFunctionError::from(in_progress()))?;
        let present = &before.facts;
        let mut configuration = Configuration::clone(&present.configuration);
        change(&mut configuration)?;
        configuration.check(self.limits()).map_err(UpdateFunctionError::from)?;
        let (code, state) = self.code_for(present, &configuration.handler).await?;
        let audit = self.audit("UpdateFunctionConfiguration", before.arn.as_str());
        let updated = self.parts.registry.change::<_, UpdateFunctionError>(&key, audit, |now| {
            let mut next = Function::clone(now.ok_or_else(|| self.not_found(function))?);
            let updating = matches!(next.update, Update::InProgress(_));
            if updating || next.latest.facts.revision_id != present.revision_id {
                return Err(in_progress().into());
            }
            next.latest = self.version(&key, VersionNumber::Latest, Arc::new(configuration), code, state);
            next.update = Update::Successful;
            let shown = describe_latest(&next);
            Ok((next.into(), shown))
        });
        Ok(updated.await?)
    }

    /// The code that a version has with that handler, and the state that this puts it in.
    async fn code_for(
        &self,
        facts: &VersionFacts,
        handler: &str,
    ) -> Result<(Arc<Code>, FunctionState), UpdateFunctionError> {
        let failed = matches!(facts.state, FunctionState::Failed { .. });
        // Of code that was refused there is no package any more: it has to be uploaded again in any case.
        if handler == facts.configuration.handler || !facts.code.depends_on_handler() || failed {
            return Ok((facts.code.clone(), facts.state.clone()));
        }
        let package = facts.code.package().await.map_err(CodeError::from)?;
        Ok((self.compiled(package, handler).await?, FunctionState::Active))
    }

    /// What `$LATEST` of a function is, if it can be changed now and has that revision.
    fn updatable(
        &self,
        function: &FunctionRef,
        revision_id: Option<&str>,
    ) -> Result<Before, UpdateFunctionError> {
        let (_, present) = self.present(function)?;
        self.check_open()?;
        if let Update::InProgress(_) = present.update {
            return Err(UpdateInProgress { arn: self.arn_of(function) }.into());
        }
        check_revision(revision_id, &present.latest.facts.revision_id)?;
        match present.latest.facts.state {
            FunctionState::Pending => Err(FunctionPending.into()),
            FunctionState::Active | FunctionState::Failed { .. } => {
                Ok(Before { arn: present.latest.arn.clone(), facts: present.latest.facts.clone() })
            }
        }
    }
}
