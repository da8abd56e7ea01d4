//! Versions as they can be seen from outside.

use crate::artifact::CodeDigest;
use crate::function::{
    Configuration, FunctionKey, FunctionName, FunctionState, Region, VersionNumber, World,
};
use crate::registry::{Function, Update};
use crate::version::Version;

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
    /// What became of the last update of its code.
    pub last_update: LastUpdate,
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

/// What became of the last update of a version's code: Lambda's `LastUpdateStatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastUpdate {
    /// There was none, or it is done.
    Successful,
    /// The new code is being compiled; until it is, the old one is run.
    InProgress,
    /// The new code was refused; the old one is run.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A version as it is.
pub(super) fn describe(version: &Version) -> FunctionVersion {
    let facts = &version.facts;
    let compiled = facts.state == FunctionState::Active;
    FunctionVersion {
        name: name(&facts.key),
        region: Region::parse(facts.key.region()).expect("a key is made of a region"),
        function_arn: version.arn.as_str().to_owned(),
        number: facts.number,
        configuration: Configuration::clone(&facts.configuration),
        state: facts.state.clone(),
        last_update: LastUpdate::Successful,
        world: facts.code.outcome().and_then(Result::ok).filter(|_| compiled),
        code_sha256: facts.code.digest(),
        code_size_bytes: facts.code.size_bytes(),
        last_modified: facts.last_modified.clone(),
        revision_id: facts.revision_id.clone(),
    }
}

/// `$LATEST`, or what it is about to be: while an update goes on, that is what is shown, as on Lambda.
pub(super) fn describe_latest(function: &Function) -> FunctionVersion {
    match &function.update {
        Update::Successful => describe(&function.latest),
        Update::InProgress(next) => FunctionVersion {
            state: FunctionState::Active,
            last_update: LastUpdate::InProgress,
            ..describe(next)
        },
        Update::Failed { reason } => FunctionVersion {
            last_update: LastUpdate::Failed { reason: reason.clone() },
            ..describe(&function.latest)
        },
    }
}

/// The version of that number, as it can be seen from outside.
pub(super) fn describe_number(function: &Function, number: VersionNumber) -> Option<FunctionVersion> {
    match number {
        VersionNumber::Latest => Some(describe_latest(function)),
        VersionNumber::Published(_) => function.version(number).map(|version| describe(version)),
    }
}

/// A revision that nothing has had before.
pub(super) fn new_revision() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn name(key: &FunctionKey) -> FunctionName {
    FunctionName::parse(key.name()).expect("a key is made of a name")
}
