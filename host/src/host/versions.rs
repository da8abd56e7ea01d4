//! Publishing versions.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::Host;
use super::description::{FunctionVersion, describe};
use super::errors::{
    ChangeError, CodeStorageExceeded, FunctionNotFound, FunctionPending, RevisionMismatch, TooManyVersions,
    UpdateInProgress, check_revision,
};
use crate::artifact::Code;
use crate::function::{
    Configuration, ConfigurationError, FunctionKey, FunctionRef, FunctionState, VersionNumber,
};
use crate::registry::{Change, Function, Update, VERSIONS_MAX};
use crate::store::StoreError;
use crate::timestamp;
use crate::version::{Version, VersionFacts};

/// A request to publish `$LATEST` as a version that never changes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PublishVersion {
    /// The function.
    pub function: FunctionRef,
    /// The version's description; `$LATEST`'s, if none is given.
    pub description: Option<String>,
    /// The digest the code must have, in base64; any, if none is given.
    pub code_sha256: Option<String>,
    /// The revision that is to be published; any, if none is given.
    pub revision_id: Option<String>,
}

impl PublishVersion {
    /// A request to publish `$LATEST` as it is.
    pub fn new(function: impl Into<FunctionRef>) -> Self {
        Self { function: function.into(), description: None, code_sha256: None, revision_id: None }
    }
}

/// Why no version was published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishVersionError {
    /// There is no such function.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// It has been changed meanwhile.
    #[error(transparent)]
    Revision(#[from] RevisionMismatch),
    /// It is still being made.
    #[error(transparent)]
    Pending(#[from] FunctionPending),
    /// It is just being changed.
    #[error(transparent)]
    InProgress(#[from] UpdateInProgress),
    /// The description is refused.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The code has another digest than the caller believes.
    #[error(
        "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({actual}). Please try again with the CodeSHA256 in $LATEST."
    )]
    CodeDiffers {
        /// The digest the caller gave, in base64.
        given: String,
        /// The digest the code has, in base64.
        actual: String,
    },
    /// There is no room for more code.
    #[error(transparent)]
    CodeStorage(#[from] CodeStorageExceeded),
    /// It has as many versions as it may have.
    #[error(transparent)]
    Versions(#[from] TooManyVersions),
    /// The version could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for PublishVersionError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// Publishes `$LATEST` as a version that never changes. If nothing has changed since the last version was
    /// published, that one is given back.
    ///
    /// # Errors
    /// When there is no such function, it has changed meanwhile, or has other code than the caller believes.
    pub async fn publish_version(
        &self,
        request: &PublishVersion,
    ) -> Result<FunctionVersion, PublishVersionError> {
        let key = self.changeable(&request.function)?;
        self.check_open()?;
        let described = request
            .description
            .clone()
            .map(|description| Configuration { description, ..Default::default() });
        described.as_ref().map_or(Ok(()), Configuration::check_description)?;
        let audit = self.audit("PublishVersion", &self.arn_of(&request.function));
        let published = self.parts.registry.change(&key, audit, |present| {
            let mut function = Function::clone(present.ok_or_else(|| self.not_found(&request.function))?);
            if let Update::InProgress(_) = function.update {
                return Err(UpdateInProgress { arn: self.arn_of(&request.function) }.into());
            }
            check_revision(request.revision_id.as_deref(), &function.latest.facts.revision_id)?;
            if function.latest.facts.state == FunctionState::Pending {
                return Err(FunctionPending.into());
            }
            check_code(request.code_sha256.as_deref(), &function.latest.facts.code)?;
            let last_number = function.last_number;
            let version = describe(&self.publish_as(&mut function, request.description.as_deref()));
            if function.last_number == last_number {
                return Ok((Change::Keep, version));
            }
            check_versions(&function)?;
            self.check_growth(present.map(Arc::as_ref), &function)?;
            Ok((function.into(), version))
        });
        published.await
    }

    /// Publishes `$LATEST`, unless the version published last is the same.
    pub(super) fn publish_as(&self, function: &mut Function, description: Option<&str>) -> Arc<Version> {
        let latest = function.latest.clone();
        self.publish_of(function, &latest, description)
    }

    /// Publishes what `$LATEST` is or will be, unless the version published last is the same.
    pub(super) fn publish_of(
        &self,
        function: &mut Function,
        latest: &Version,
        description: Option<&str>,
    ) -> Arc<Version> {
        let facts = &latest.facts;
        let mut configuration = Configuration::clone(&facts.configuration);
        if let Some(description) = description {
            description.clone_into(&mut configuration.description);
        }
        if let Some(last) = function.published.get(&function.last_number) {
            let failed = matches!(last.facts.state, FunctionState::Failed { .. });
            let same_code = last.facts.code.digest() == facts.code.digest();
            let described_as_before = Configuration {
                description: last.facts.configuration.description.clone(),
                ..configuration.clone()
            };
            if !failed && same_code && *last.facts.configuration == described_as_before {
                return last.clone();
            }
        }
        let number = function.last_number + 1;
        let version = self.version(
            &facts.key,
            VersionNumber::Published(number),
            Arc::new(configuration),
            facts.code.clone(),
            facts.state.clone(),
        );
        function.last_number = number;
        function.published.insert(number, version.clone());
        version
    }

    /// A version that is new.
    pub(super) fn version(
        &self,
        key: &FunctionKey,
        number: VersionNumber,
        configuration: Arc<Configuration>,
        code: Arc<Code>,
        state: FunctionState,
    ) -> Arc<Version> {
        let (last_modified, revision_id) = (timestamp::now(), super::description::new_revision());
        let facts =
            VersionFacts { key: key.clone(), number, configuration, code, state, last_modified, revision_id };
        Version::new(facts, &self.parts.shared)
    }
}

/// Checks that a function has no more versions than it may have.
pub(super) fn check_versions(function: &Function) -> Result<(), TooManyVersions> {
    match function.published.len() > VERSIONS_MAX {
        true => Err(TooManyVersions { limit: VERSIONS_MAX }),
        false => Ok(()),
    }
}

fn check_code(wanted: Option<&str>, code: &Code) -> Result<(), PublishVersionError> {
    let actual = BASE64_STANDARD.encode(code.digest().bytes());
    match wanted {
        Some(given) if given != actual => {
            Err(PublishVersionError::CodeDiffers { given: given.to_owned(), actual })
        }
        _ => Ok(()),
    }
}
