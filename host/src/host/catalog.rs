//! What a host does to its functions: make, change, publish, point aliases.
//!
//! Each operation decides on one snapshot of one function, inside [`Registry::change`](crate::registry::Registry).

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;

use super::Host;
use super::operations::{
    AliasError, AliasInfo, CreateAlias, CreateFunction, CreateFunctionError, Deployment, FunctionNotFound,
    FunctionPending, FunctionVersion, PublishError, PublishVersion, PublishVersionError, RevisionMismatch,
    UpdateAlias, UpdateFunctionCode, UpdateFunctionError,
};
use crate::artifact::{Code, CodeError};
use crate::function::{
    Alias, AliasName, AliasRouting, Configuration, FunctionKey, FunctionName, FunctionRef, FunctionState,
    NameError, Qualifier, Region, VersionNumber,
};
use crate::registry::Function;
use crate::timestamp;
use crate::version::{Version, VersionFacts};

impl Host {
    /// Makes a function, which is [pending](FunctionState::Pending) until its code was checked and compiled.
    ///
    /// Answers when that is done, or when [`CreateFunction::wait_max`] is over. Code that is refused by then leaves no function
    /// behind; later, the function stays as one that has [failed](FunctionState::Failed).
    ///
    /// # Errors
    /// When there is one of that name, or configuration or code are refused.
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
        if self.is_closing() {
            return Err(CreateFunctionError::Closing);
        }
        request.configuration.check()?;
        let exists = || CreateFunctionError::Exists { name: reference.name.clone() };
        if self.parts().registry.function(&key).is_some() {
            return Err(exists());
        }
        let handler = &request.configuration.handler;
        let upload = self.parts().artifacts.admit(request.package)?;
        let code = self.parts().artifacts.take_in(&upload, handler).await;
        let configuration = Arc::new(request.configuration);
        let latest = self.version(&key, VersionNumber::Latest, configuration, code.clone());
        let created = self.parts().registry.change(&key, |present| {
            if present.is_some() {
                return Err(exists());
            }
            let mut function = Function::new(latest);
            let shown = if request.publish {
                self.publish_latest(&mut function, None)
            } else {
                function.latest.clone()
            };
            Ok((function, shown))
        })?;
        let compilation = self.compile_pending(key.clone(), code.clone(), upload);
        match compilation.end_within(request.wait_max).await {
            Some(done) => done?,
            None => self.announce(&key, &code)?,
        }
        Ok(describe(&created))
    }

    /// Notes that a caller is told of a function that is still pending; if its code was refused at this very moment, says so
    /// instead.
    fn announce(&self, key: &FunctionKey, code: &Arc<Code>) -> Result<(), CodeError> {
        let announced = self.parts().registry.change(key, |present| {
            let present = present.filter(|present| Arc::ptr_eq(&present.latest.facts.code, code));
            let present = present.ok_or(())?;
            Ok((Function { announced: true, ..present.clone() }, ()))
        });
        match (announced, code.outcome()) {
            (Err(()), Some(Err(refused))) => Err(refused.clone()),
            // Changed or gone meanwhile by the will of somebody else.
            (Err(()) | Ok(()), _) => Ok(()),
        }
    }

    /// The function, or the version or alias of it that the reference names. Of an alias with two versions it is
    /// the first.
    ///
    /// # Errors
    /// When there is none.
    pub fn function(&self, function: &FunctionRef) -> Result<FunctionVersion, FunctionNotFound> {
        self.find(function).map(|version| describe(&version))
    }

    /// The package of a function, as it was uploaded.
    ///
    /// # Errors
    /// When there is no such function. The error of a file that cannot be read is inside.
    pub async fn package(&self, function: &FunctionRef) -> Result<std::io::Result<Bytes>, FunctionNotFound> {
        let version = self.find(function)?;
        Ok(version.facts.code.package().await)
    }

    /// Gives `$LATEST` new code; published versions keep theirs.
    ///
    /// # Errors
    /// When there is no such function, it has changed meanwhile, or the code is refused.
    pub async fn update_function_code(
        &self,
        request: UpdateFunctionCode,
    ) -> Result<FunctionVersion, UpdateFunctionError> {
        self.changeable(&request.function)?;
        let (key, present) = self.present(&request.function)?;
        check_revision(request.revision_id.as_deref(), &present.latest.facts.revision_id)?;
        check_not_pending(&present.latest.facts.code)?;
        if self.is_closing() {
            return Err(UpdateFunctionError::Closing);
        }
        let handler = &present.latest.facts.configuration.handler;
        let code = self.compiled(request.package, handler).await?;
        let updated = |function: &Function| {
            let configuration = function.latest.facts.configuration.clone();
            self.version(&key, VersionNumber::Latest, configuration, code)
        };
        if request.dry_run {
            return Ok(describe(&updated(&present)));
        }
        self.parts().registry.change(&key, |function| {
            let mut function = function.ok_or_else(|| self.not_found(&request.function))?.clone();
            check_revision(request.revision_id.as_deref(), &function.latest.facts.revision_id)?;
            if function.latest.facts.configuration.handler != *handler {
                // It may name another component than the one that was compiled.
                return Err(UpdateFunctionError::InProgress { arn: self.arn_of(&request.function) });
            }
            function.latest = updated(&function);
            let shown = if request.publish {
                self.publish_latest(&mut function, None)
            } else {
                function.latest.clone()
            };
            Ok((function, describe(&shown)))
        })
    }

    /// Changes what `$LATEST` is given; published versions keep theirs. A handler that names another component of the
    /// package has that compiled.
    ///
    /// # Errors
    /// When there is no such function, it has changed meanwhile, or the configuration is refused.
    pub async fn update_function_configuration(
        &self,
        function: &FunctionRef,
        revision_id: Option<&str>,
        change: impl FnOnce(&mut Configuration),
    ) -> Result<FunctionVersion, UpdateFunctionError> {
        self.changeable(function)?;
        let (key, present) = self.present(function)?;
        let present = &present.latest.facts;
        check_revision(revision_id, &present.revision_id)?;
        check_not_pending(&present.code)?;
        let mut configuration = Configuration::clone(&present.configuration);
        change(&mut configuration);
        configuration.check()?;
        // Of code that was refused there is no package any more: it has to be uploaded again in any case.
        let same_code = configuration.handler == present.configuration.handler
            || !present.code.depends_on_handler()
            || matches!(present.code.outcome(), Some(Err(_)));
        let code = match same_code {
            true => present.code.clone(),
            false => {
                let package = present.code.package().await.map_err(CodeError::from)?;
                self.compiled(package, &configuration.handler).await?
            }
        };
        self.parts().registry.change(&key, |now| {
            let mut next = now.ok_or_else(|| self.not_found(function))?.clone();
            if next.latest.facts.revision_id != present.revision_id {
                return Err(UpdateFunctionError::InProgress { arn: self.arn_of(function) });
            }
            next.latest = self.version(&key, VersionNumber::Latest, Arc::new(configuration), code);
            let shown = describe(&next.latest);
            Ok((next, shown))
        })
    }

    /// Publishes `$LATEST` as a version that never changes. If nothing has changed since the last version was
    /// published, that one is given back.
    ///
    /// # Errors
    /// When there is no such function, it has changed meanwhile, or has other code than the caller believes.
    pub fn publish_version(&self, request: &PublishVersion) -> Result<FunctionVersion, PublishVersionError> {
        let key = self.changeable(&request.function)?;
        let described = request
            .description
            .clone()
            .map(|description| Configuration { description, ..Default::default() });
        described.as_ref().map_or(Ok(()), Configuration::check)?;
        self.parts().registry.change(&key, |present| {
            let mut function = present.ok_or_else(|| self.not_found(&request.function))?.clone();
            check_revision(request.revision_id.as_deref(), &function.latest.facts.revision_id)?;
            check_not_pending(&function.latest.facts.code)?;
            check_code(request.code_sha256.as_deref(), &function.latest.facts.code)?;
            let version = self.publish_latest(&mut function, request.description.as_deref());
            Ok((function, describe(&version)))
        })
    }

    /// Makes an alias.
    ///
    /// # Errors
    /// When the function or a version it shall lead to does not exist, or there is an alias of that name.
    pub fn create_alias(&self, request: &CreateAlias) -> Result<AliasInfo, AliasError> {
        let alias = Alias {
            name: request.name.clone(),
            routing: request.routing,
            description: request.description.clone(),
            revision_id: new_revision(),
        };
        self.change_alias(&request.function, &request.name, |present| match present {
            Some(_) => Err(AliasError::Exists { arn: self.alias_arn(&request.function, &request.name) }),
            None => Ok(alias),
        })
    }

    /// Changes an alias: every request after this one goes where it leads now.
    ///
    /// # Errors
    /// When the function, the alias or a version it shall lead to does not exist, or it has changed meanwhile.
    pub fn update_alias(&self, request: &UpdateAlias) -> Result<AliasInfo, AliasError> {
        self.change_alias(&request.function, &request.name, |present| {
            let arn = || self.alias_arn(&request.function, &request.name);
            let present = present.ok_or_else(|| AliasError::AliasNotFound { arn: arn() })?;
            check_revision(request.revision_id.as_deref(), &present.revision_id)?;
            let version = request.version.unwrap_or(present.routing.version());
            let routing = match request.additional.unwrap_or(present.routing.additional()) {
                None => AliasRouting::to(version),
                Some((additional, weight)) => AliasRouting::weighted(version, additional, weight)?,
            };
            let description = request.description.clone().unwrap_or_else(|| present.description.clone());
            Ok(Alias { name: present.name.clone(), routing, description, revision_id: new_revision() })
        })
    }

    /// An alias as it is now.
    ///
    /// # Errors
    /// When there is no such function or alias.
    pub fn alias_info(&self, function: &FunctionRef, name: &AliasName) -> Result<AliasInfo, AliasError> {
        let (_, present) = self.present(function)?;
        let arn = self.alias_arn(function, name);
        match present.aliases.get(name) {
            Some(alias) => Ok(AliasInfo { arn, alias: alias.clone() }),
            None => Err(AliasError::AliasNotFound { arn }),
        }
    }

    /// Publishes code and configuration under a name, making the function if there is none: for embedders, in one
    /// step, what [`Host::create_function`], [`Host::update_function_code`], [`Host::update_function_configuration`]
    /// and [`Host::publish_version`] do in several.
    ///
    /// # Errors
    /// When the name is not one, or configuration or code are refused.
    pub async fn publish(&self, deployment: Deployment) -> Result<FunctionVersion, PublishError> {
        let reference = FunctionRef::from(FunctionName::parse(&deployment.name)?);
        let key = self.key(&reference).ok_or_else(|| self.not_found(&reference))?;
        let configuration = Arc::new(deployment.configuration()?);
        if self.is_closing() {
            return Err(PublishError::Closing);
        }
        let code = self.compiled(deployment.package, &configuration.handler).await?;
        let latest = self.version(&key, VersionNumber::Latest, configuration, code);
        self.parts().registry.change(&key, |present| {
            let mut function = match present {
                None => Function::new(latest),
                Some(present) => Function { latest, ..present.clone() },
            };
            let version = self.publish_latest(&mut function, None);
            Ok((function, describe(&version)))
        })
    }

    /// Points an alias at a version, making the alias if there is none: a shorter way for embedders through
    /// [`Host::create_alias`] and [`Host::update_alias`].
    ///
    /// # Errors
    /// When a name is not one, or the function or version does not exist.
    pub fn alias(
        &self,
        function: &str,
        alias: &str,
        version: VersionNumber,
    ) -> Result<AliasInfo, PublishAliasError> {
        let function = FunctionRef::from(FunctionName::parse(function)?);
        let name = AliasName::parse(alias)?;
        let create = CreateAlias::new(function.clone(), name.clone(), AliasRouting::to(version));
        match self.create_alias(&create) {
            Err(AliasError::Exists { .. }) => {}
            created => return Ok(created?),
        }
        let update = UpdateAlias {
            version: Some(version),
            additional: Some(None),
            ..UpdateAlias::new(function, name)
        };
        Ok(self.update_alias(&update)?)
    }

    fn change_alias(
        &self,
        function: &FunctionRef,
        name: &AliasName,
        decide: impl FnOnce(Option<&Alias>) -> Result<Alias, AliasError>,
    ) -> Result<AliasInfo, AliasError> {
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        self.parts().registry.change(&key, |present| {
            let mut next = present.ok_or_else(|| self.not_found(function))?.clone();
            let alias = decide(next.aliases.get(name))?;
            check_description(&alias)?;
            for version in alias.routing.versions() {
                next.version(version).ok_or_else(|| self.version_not_found(function, version))?;
            }
            next.aliases.insert(name.clone(), alias.clone());
            next.announced = true;
            Ok((next, AliasInfo { arn: self.alias_arn(function, name), alias }))
        })
    }

    fn publish_latest(&self, function: &mut Function, description: Option<&str>) -> Arc<Version> {
        let latest = &function.latest.facts;
        let mut configuration = Configuration::clone(&latest.configuration);
        if let Some(description) = description {
            description.clone_into(&mut configuration.description);
        }
        if let Some(last) = function.published.get(&function.last_number) {
            let same_code = last.facts.code.digest() == latest.code.digest();
            let described_as_before = Configuration {
                description: last.facts.configuration.description.clone(),
                ..configuration.clone()
            };
            if same_code && *last.facts.configuration == described_as_before {
                return last.clone();
            }
        }
        let number = function.last_number + 1;
        let code = latest.code.clone();
        let version = self.version(
            &latest.key.clone(),
            VersionNumber::Published(number),
            Arc::new(configuration),
            code,
        );
        function.last_number = number;
        function.published.insert(number, version.clone());
        version
    }

    fn version(
        &self,
        key: &FunctionKey,
        number: VersionNumber,
        configuration: Arc<Configuration>,
        code: Arc<Code>,
    ) -> Arc<Version> {
        let (last_modified, revision_id) = (timestamp::now(), new_revision());
        let facts =
            VersionFacts { key: key.clone(), number, configuration, code, last_modified, revision_id };
        Version::new(facts, &self.parts().shared)
    }

    /// The key of a function that shall be changed: only `$LATEST` can be.
    fn changeable(&self, function: &FunctionRef) -> Result<FunctionKey, FunctionNotFound> {
        let latest = Qualifier::Version(VersionNumber::Latest);
        let changeable = function.qualifier.as_ref().is_none_or(|qualifier| *qualifier == latest);
        self.key(function).filter(|_| changeable).ok_or_else(|| self.not_found(function))
    }

    fn present(&self, function: &FunctionRef) -> Result<(FunctionKey, Arc<Function>), FunctionNotFound> {
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        let present = self.parts().registry.function(&key).ok_or_else(|| self.not_found(function))?;
        Ok((key, present))
    }

    fn find(&self, function: &FunctionRef) -> Result<Arc<Version>, FunctionNotFound> {
        let (_, present) = self.present(function)?;
        let number = match &function.qualifier {
            None => Some(VersionNumber::Latest),
            Some(Qualifier::Version(number)) => Some(*number),
            Some(Qualifier::Alias(name)) => present.aliases.get(name).map(|alias| alias.routing.version()),
        };
        number.and_then(|number| present.version(number)).cloned().ok_or_else(|| self.not_found(function))
    }

    fn not_found(&self, function: &FunctionRef) -> FunctionNotFound {
        FunctionNotFound { arn: self.arn_of(function) }
    }

    fn version_not_found(&self, function: &FunctionRef, version: VersionNumber) -> FunctionNotFound {
        let qualifier = Some(Qualifier::Version(version));
        self.not_found(&FunctionRef { qualifier, ..function.clone() })
    }

    fn alias_arn(&self, function: &FunctionRef, name: &AliasName) -> String {
        let qualifier = Some(Qualifier::Alias(name.clone()));
        self.arn_of(&FunctionRef { qualifier, ..function.clone() })
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

fn describe(version: &Version) -> FunctionVersion {
    let facts = &version.facts;
    FunctionVersion {
        name: FunctionName::parse(facts.key.name()).expect("a key is made of a name"),
        region: Region::parse(facts.key.region()).expect("a key is made of a region"),
        function_arn: version.arn.as_str().to_owned(),
        number: facts.number,
        configuration: Configuration::clone(&facts.configuration),
        state: state(&facts.code),
        world: facts.code.outcome().and_then(Result::ok),
        code_sha256: facts.code.digest(),
        code_size_bytes: facts.code.size_bytes(),
        last_modified: facts.last_modified.clone(),
        revision_id: facts.revision_id.clone(),
    }
}

fn state(code: &Code) -> FunctionState {
    match code.outcome() {
        None => FunctionState::Pending,
        Some(Ok(_)) => FunctionState::Active,
        Some(Err(error)) => FunctionState::Failed { reason: error.to_string() },
    }
}

fn check_not_pending(code: &Code) -> Result<(), FunctionPending> {
    match code.outcome() {
        None => Err(FunctionPending),
        Some(_) => Ok(()),
    }
}

fn new_revision() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn check_revision(wanted: Option<&str>, present: &str) -> Result<(), RevisionMismatch> {
    match wanted {
        Some(wanted) if wanted != present => Err(RevisionMismatch),
        _ => Ok(()),
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

fn check_description(alias: &Alias) -> Result<(), AliasError> {
    Configuration { description: alias.description.clone(), ..Default::default() }.check()?;
    Ok(())
}
