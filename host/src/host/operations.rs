//! What can be asked of a host about its functions, and what it answers.

use std::time::Duration;

use bytes::Bytes;

use crate::artifact::{CodeDigest, CodeError};
use crate::function::{
    AliasName, AliasRouting, Configuration, ConfigurationError, Environment, EphemeralStorage, FunctionName,
    FunctionRef, FunctionState, Isolation, MemorySize, OutboundList, Region, RoutingError, Timeout,
    VersionNumber, World,
};

/// One version of a function, as it can be seen from outside.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FunctionVersion {
    /// The function's name.
    pub name: FunctionName,
    /// The function's region.
    pub region: Region,
    /// The function's ARN, without a qualifier.
    pub function_arn: String,
    /// Which version this is.
    pub number: VersionNumber,
    /// What it is locked with.
    pub configuration: Configuration,
    /// Whether it can be invoked.
    pub state: FunctionState,
    /// The world its component is made for, once its code was compiled.
    pub world: Option<World>,
    /// The SHA-256 of its package.
    pub code_sha256: CodeDigest,
    /// The bytes of its package.
    pub code_size_bytes: u64,
    /// When it last changed: `2026-11-21T17:00:00.000+0000`.
    pub last_modified: String,
    /// Changes with every change: a UUID.
    pub revision_id: String,
}

/// An alias, as it can be seen from outside.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AliasInfo {
    /// Its ARN: the function's, a colon and its name.
    pub arn: String,
    /// The alias.
    pub alias: crate::function::Alias,
}

/// A request to make a function.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateFunction {
    /// Its name; of an ARN, the qualifier is not allowed.
    pub function: FunctionRef,
    /// The package: a WebAssembly component or core module, or a zip with one and the files it reads.
    pub package: Bytes,
    /// What it is given.
    pub configuration: Configuration,
    /// Whether version 1 is published at once.
    pub publish: bool,
    /// How long to wait for its code to be compiled before answering that it is pending; to the end, if none is given.
    pub wait_max: Option<Duration>,
}

impl CreateFunction {
    /// A request for a function with the default configuration, of which nothing is published yet.
    pub fn new(function: impl Into<FunctionRef>, package: impl Into<Bytes>) -> Self {
        let (function, package) = (function.into(), package.into());
        Self { function, package, configuration: Configuration::default(), publish: false, wait_max: None }
    }
}

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
    /// The revision the change is meant for; any, if none is given.
    pub revision_id: Option<String>,
}

impl UpdateFunctionCode {
    /// A request to give `$LATEST` that code and publish nothing.
    pub fn new(function: impl Into<FunctionRef>, package: impl Into<Bytes>) -> Self {
        let (function, package) = (function.into(), package.into());
        Self { function, package, publish: false, dry_run: false, revision_id: None }
    }
}

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
    pub additional: Option<Option<(VersionNumber, crate::function::Weight)>>,
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
}

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
    pub(crate) environment: std::collections::BTreeMap<String, String>,
    pub(crate) isolation: Isolation,
    pub(crate) handler: String,
    pub(crate) outbound: OutboundList,
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
            environment: std::collections::BTreeMap::new(),
            isolation: Isolation::default(),
            handler: String::new(),
            outbound: OutboundList::default(),
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

    /// Where it may send HTTP requests, of what the host [allows](crate::HostBuilder::outbound). Default: nowhere.
    pub fn outbound(self, allowed: OutboundList) -> Self {
        Self { outbound: allowed, ..self }
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
            handler: self.handler.clone(),
            outbound: self.outbound.clone(),
            ..Configuration::default()
        })
    }
}

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

/// A change was meant for another revision than the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the revision id provided does not match the latest revision id")]
pub struct RevisionMismatch;

/// Why a function was not made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CreateFunctionError {
    /// There is one of that name.
    #[error("function already exist: {name}")]
    Exists {
        /// The name.
        name: FunctionName,
    },
    /// The reference carries what a new function's cannot: a qualifier, or another account.
    #[error("{0}")]
    Reference(String),
    /// The configuration is refused.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The code is refused.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The host is closing.
    #[error("the host is closing")]
    Closing,
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
    #[error("the operation cannot be performed at this time. An update is in progress for resource: {arn}")]
    InProgress {
        /// The function's ARN.
        arn: String,
    },
    /// The configuration is refused.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The code is refused.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The host is closing.
    #[error("the host is closing")]
    Closing,
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
    /// The description is too long.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

/// Why a [`Deployment`] was not published.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The name is not one.
    #[error(transparent)]
    Name(#[from] crate::function::NameError),
    /// The name belongs to another account.
    #[error(transparent)]
    NotFound(#[from] FunctionNotFound),
    /// The configuration is refused.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The code is refused.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The host is closing.
    #[error("the host is closing")]
    Closing,
}
