//! Making functions.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Host;
use super::description::{FunctionVersion, describe, describe_latest};
use super::errors::{ChangeError, CodeStorageExceeded};
use crate::artifact::CodeError;
use crate::function::{
    Configuration, ConfigurationError, FunctionName, FunctionRef, TagError, Tags, VersionNumber,
};
use crate::registry::Function;
use crate::store::StoreError;

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
    /// What people say of it.
    pub tags: Tags,
    /// Whether version 1 is published at once.
    pub publish: bool,
    /// How long to wait for its code to be compiled before answering that it is pending; to the end, if none is given.
    pub wait_max: Option<Duration>,
}

impl CreateFunction {
    /// A request for a function with the default configuration, of which nothing is published yet.
    pub fn new(function: impl Into<FunctionRef>, package: impl Into<Bytes>) -> Self {
        let (function, package) = (function.into(), package.into());
        Self {
            function,
            package,
            configuration: Configuration::default(),
            tags: Tags::default(),
            publish: false,
            wait_max: None,
        }
    }
}

/// Why a function was not made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CreateFunctionError {
    /// There is one of that name, or it is just being made.
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
    /// The tags are refused.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// The code is refused.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// There is no room for more code.
    #[error(transparent)]
    CodeStorage(#[from] CodeStorageExceeded),
    /// It could not be kept.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for CreateFunctionError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Host {
    /// Makes a function. Its code is checked and compiled first.
    ///
    /// If that takes longer than [`CreateFunction::wait_max`], it is there at once, but
    /// [pending](crate::function::FunctionState::Pending) until then; code that is refused later leaves it as one that has
    /// [failed](crate::function::FunctionState::Failed). Code that is refused earlier leaves nothing behind.
    ///
    /// # Errors
    /// When there is one of that name, configuration or code are refused, or it cannot be kept.
    pub async fn create_function(
        &self,
        request: CreateFunction,
    ) -> Result<FunctionVersion, CreateFunctionError> {
        let reference = &request.function;
        if reference.qualifier.is_some() {
            return Err(CreateFunctionError::Reference(
                "a new function has no versions or aliases to name".to_owned(),
            ));
        }
        let key = self.key(reference).ok_or_else(|| {
            CreateFunctionError::Reference(format!("{} belongs to another account", self.arn_of(reference)))
        })?;
        self.check_open()?;
        request.configuration.check(self.limits())?;
        let registry = &self.parts.registry;
        let exists = || CreateFunctionError::Exists { name: reference.name.clone() };
        let _reservation = registry.reserve(&key).ok_or_else(exists)?;
        if registry.function(&key).is_some() {
            return Err(exists());
        }
        self.check_code_storage(key.region(), request.package.len())?;
        let compiling = self.compile(request.package, &request.configuration.handler).await?;
        let code = compiling.code.clone();
        let progress = compiling.wait(request.wait_max).await?;
        let state = progress.state();
        let _committed = self.follow(&key, progress);
        let configuration = Arc::new(request.configuration);
        let latest = self.version(&key, VersionNumber::Latest, configuration, code, state);
        let audit = self.audit("CreateFunction", latest.arn.as_str());
        let created = registry.change(&key, audit, |present| {
            if present.is_some() {
                return Err(exists());
            }
            let mut function = Function::new(latest, request.tags);
            let shown = match request.publish {
                true => describe(&self.publish_as(&mut function, None)),
                false => describe_latest(&function),
            };
            self.check_growth(None, &function)?;
            Ok((function.into(), shown))
        });
        created.await
    }
}
