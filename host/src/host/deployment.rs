//! Publishing in one step, for embedders.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Host;
use super::aliases::{AliasError, AliasInfo, CreateAlias, UpdateAlias};
use super::description::{FunctionVersion, describe};
use super::errors::{ChangeError, CodeStorageExceeded, FunctionNotFound, TooManyVersions, UpdateInProgress};
use super::versions::check_versions;
use crate::artifact::CodeError;
use crate::function::{
    AliasName, AliasRouting, Configuration, ConfigurationError, DeadLetterTarget, Environment,
    EphemeralStorage, FunctionName, FunctionRef, FunctionState, Isolation, MemorySize, NameError,
    OutboundList, PermitWait, Tags, Timeout, VersionNumber,
};
use crate::registry::{Function, Update};
use crate::store::StoreError;

/// Code and configuration to be published under a name, whether or not the function exists.
///
/// ```no_run
/// # async fn example(host: samovar::Host, wasm: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
/// let version = host.publish(samovar::Deployment::new("resize", wasm).memory_mb(512).timeout_seconds(30)).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Deployment {
    pub(crate) name: String,
    pub(crate) package: Bytes,
    pub(crate) memory_mb: Option<u32>,
    pub(crate) ephemeral_storage_mb: Option<u32>,
    pub(crate) timeout_seconds: Option<u32>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) isolation: Isolation,
    pub(crate) permit_wait: PermitWait,
    pub(crate) handler: String,
    pub(crate) outbound: OutboundList,
    pub(crate) dead_letter: Option<DeadLetterTarget>,
}

impl Deployment {
    /// A deployment with 128 MB of memory, 512 MB of ephemeral storage, 3 seconds of time and no environment variables.
    pub fn new(name: impl Into<String>, package: impl Into<Bytes>) -> Self {
        Self {
            name: name.into(),
            package: package.into(),
            memory_mb: None,
            ephemeral_storage_mb: None,
            timeout_seconds: None,
            environment: BTreeMap::new(),
            isolation: Isolation::default(),
            permit_wait: PermitWait::default(),
            handler: String::new(),
            outbound: OutboundList::default(),
            dead_letter: None,
        }
    }

    /// The memory an instance may use, in MiB: 128 to 10,240.
    pub fn memory_mb(self, megabytes: u32) -> Self {
        Self { memory_mb: Some(megabytes), ..self }
    }

    /// What an instance may keep in `/tmp`, in MiB: 512 to 10,240. It counts toward the memory too.
    pub fn ephemeral_storage_mb(self, megabytes: u32) -> Self {
        Self { ephemeral_storage_mb: Some(megabytes), ..self }
    }

    /// How long one invocation may take, in seconds: 1 to 900.
    pub fn timeout_seconds(self, seconds: u32) -> Self {
        Self { timeout_seconds: Some(seconds), ..self }
    }

    /// Adds an environment variable.
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(key.into(), value.into());
        self
    }

    /// Which component is meant, if the package is a zip with several: its path, with or without `.wasm`.
    pub fn handler(self, handler: impl Into<String>) -> Self {
        Self { handler: handler.into(), ..self }
    }

    /// Whether a warm instance handles one event after another, or every event has an instance of its own.
    pub fn isolation(self, isolation: Isolation) -> Self {
        Self { isolation, ..self }
    }

    /// How long a request may wait while as many invocations run as may, instead of being
    /// [throttled](crate::InvokeError::Throttled) at once. Default: not at all.
    pub fn permit_wait(self, wait: PermitWait) -> Self {
        Self { permit_wait: wait, ..self }
    }

    /// Where it may send HTTP requests, of what the host [allows](crate::HostBuilder::outbound). Default: nowhere.
    pub fn outbound(self, allowed: OutboundList) -> Self {
        Self { outbound: allowed, ..self }
    }

    /// The queue that gets the events it could not handle. Default: none.
    pub fn dead_letter(self, target: DeadLetterTarget) -> Self {
        Self { dead_letter: Some(target), ..self }
    }

    pub(crate) fn configuration(&self) -> Result<Configuration, ConfigurationError> {
        let memory = self.memory_mb.map(MemorySize::from_mb).transpose()?.unwrap_or_default();
        let ephemeral_storage =
            self.ephemeral_storage_mb.map(EphemeralStorage::from_mb).transpose()?.unwrap_or_default();
        let timeout = self.timeout_seconds.map(Timeout::from_seconds).transpose()?.unwrap_or_default();
        let environment = Environment::new(self.environment.clone())?;
        Ok(Configuration {
            memory,
            ephemeral_storage,
            timeout,
            environment,
            isolation: self.isolation,
            permit_wait: self.permit_wait,
            handler: self.handler.clone(),
            outbound: self.outbound.clone(),
            dead_letter: self.dead_letter.clone(),
            ..Configuration::default()
        })
    }
}

/// Why a [`Deployment`] was not published.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name belongs to another account.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// The configuration is refused.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The code is refused.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// It is being changed by somebody else.
    #[error(transparent)]
    InProgress(#[from] UpdateInProgress),
    /// There is no room for more code.
    #[error(transparent)]
    CodeStorage(#[from] CodeStorageExceeded),
    /// It has as many versions as it may have.
    #[error(transparent)]
    Versions(#[from] TooManyVersions),
    /// It could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// Why [`Host::alias`] did not point an alias anywhere.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishAliasError {
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The alias could not be made or changed.
    #[error(transparent)]
    Alias(#[from] AliasError),
}

impl Host {
    /// Publishes code and configuration under a name, making the function if there is none: for embedders, in one
    /// step, what [`Host::create_function`], [`Host::update_function_code`], [`Host::update_function_configuration`]
    /// and [`Host::publish_version`] do in several.
    ///
    /// # Errors
    /// When the name is not one, configuration or code are refused, or the function is being changed by somebody else.
    pub async fn publish(&self, deployment: Deployment) -> Result<FunctionVersion, PublishError> {
        let reference = FunctionRef::from(FunctionName::parse(&deployment.name)?);
        let key = self.key(&reference).ok_or_else(|| self.not_found(&reference))?;
        let configuration = Arc::new(deployment.configuration()?);
        configuration.check(self.limits())?;
        self.check_open()?;
        self.check_code_storage(key.region(), deployment.package.len())?;
        let code = self.compiled(deployment.package, &configuration.handler).await?;
        let latest = self.version(&key, VersionNumber::Latest, configuration, code, FunctionState::Active);
        let audit = self.audit("Publish", latest.arn.as_str());
        let published = self.parts.registry.change(&key, audit, |present| {
            let mut function = match present {
                None => Function::new(latest, Tags::default()),
                Some(present) if matches!(present.update, Update::InProgress(_)) => {
                    return Err(UpdateInProgress { arn: self.arn_of(&reference) }.into());
                }
                Some(present) => Function { latest, update: Update::Successful, ..Function::clone(present) },
            };
            let version = self.publish_as(&mut function, None);
            check_versions(&function)?;
            self.check_growth(present.map(Arc::as_ref), &function)?;
            Ok((function.into(), describe(&version)))
        });
        published.await
    }

    /// Points an alias at a version, making the alias if there is none: a shorter way for embedders through
    /// [`Host::create_alias`] and [`Host::update_alias`].
    ///
    /// # Errors
    /// When a name is not one, or the function or version does not exist.
    pub async fn alias(
        &self,
        function: &str,
        alias: &str,
        version: VersionNumber,
    ) -> Result<AliasInfo, PublishAliasError> {
        let function = FunctionRef::from(FunctionName::parse(function)?);
        let name = AliasName::parse(alias)?;
        let create = CreateAlias::new(function.clone(), name.clone(), AliasRouting::to(version));
        match self.create_alias(&create).await {
            Err(AliasError::Exists { .. }) => {}
            created => return Ok(created?),
        }
        let update = UpdateAlias {
            version: Some(version),
            additional: Some(None),
            ..UpdateAlias::new(function, name)
        };
        Ok(self.update_alias(&update).await?)
    }
}
