//! Functions as the store keeps them: one record for the function, one for each published version, each alias and each policy.
//!
//! A change writes the records that differ, and no others.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::function::{AliasState, Function, Update};
#[cfg(feature = "sqlite")]
use crate::artifact::CodeDigest;
use crate::artifact::CodeRecord;
use crate::function::{
    Alias, AliasMove, Configuration, EventInvokeConfig, FunctionState, ProvisionedConcurrency, RecursiveLoop,
    Tags, VersionNumber,
};
use crate::store::{Record, Scope, StoreError, Write};
use crate::version::Version;

const FUNCTION: &str = "function";
const VERSION_PREFIX: &str = "version/";
const ALIAS_PREFIX: &str = "alias/";
const POLICY_PREFIX: &str = "policy/";

/// What a function's own record holds.
#[derive(Debug, Serialize, Deserialize)]
struct FunctionRecord {
    latest: VersionRecord,
    #[serde(default)]
    update: UpdateRecord,
    last_number: u64,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    recursive_loop: RecursiveLoop,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reserved_concurrency: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    provisioned: BTreeMap<String, ProvisionedConcurrency>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    event_invoke: BTreeMap<String, EventInvokeConfig>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
enum UpdateRecord {
    #[default]
    Successful,
    InProgress(Box<VersionRecord>),
    Failed {
        reason: String,
    },
}

/// One version, as the store keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    pub(crate) configuration: Configuration,
    pub(crate) code: CodeRecord,
    pub(crate) state: FunctionState,
    pub(crate) last_modified: String,
    pub(crate) revision_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct AliasRecord {
    alias: Alias,
    moves: Vec<AliasMove>,
}

/// What has to be written so that the store has a function as it shall be.
pub(super) fn writes(present: Option<&Function>, next: Option<&Function>) -> Vec<Write> {
    let mut writes = Vec::new();
    let Some(next) = next else {
        let names = present.into_iter().flat_map(names);
        return names.map(|name| Write::Delete { name }).collect();
    };
    writes.push(put(FUNCTION.to_owned(), &FunctionRecord::of(next)));
    for (number, version) in &next.published {
        let before = present.and_then(|present| present.published.get(number));
        if before.is_none_or(|before| !Arc::ptr_eq(before, version)) {
            writes.push(put(version_name(*number), &VersionRecord::of(version)));
        }
    }
    for (name, state) in &next.aliases {
        let before = present.and_then(|present| present.aliases.get(name));
        if before.is_none_or(|before| !Arc::ptr_eq(before, state)) {
            let record = AliasRecord { alias: state.alias.clone(), moves: state.moves.clone() };
            writes.push(put(alias_name(name.as_str()), &record));
        }
    }
    for (about, state) in &next.policies {
        let before = present.and_then(|present| present.policies.get(about));
        if before.is_none_or(|before| !Arc::ptr_eq(before, state)) {
            writes.push(put(policy_name(about), &**state));
        }
    }
    if let Some(present) = present {
        let gone_policies = present.policies.keys().filter(|about| !next.policies.contains_key(*about));
        let gone_versions = present.published.keys().filter(|number| !next.published.contains_key(number));
        let gone_aliases = present.aliases.keys().filter(|name| !next.aliases.contains_key(*name));
        let gone = gone_versions.map(|number| version_name(*number));
        let gone = gone.chain(gone_aliases.map(|name| alias_name(name.as_str())));
        let gone = gone.chain(gone_policies.map(|about| policy_name(about)));
        writes.extend(gone.map(|name| Write::Delete { name }));
    }
    writes
}

/// The function that a scope holds; `revive` makes a version of what the store has of it.
///
/// # Errors
/// When a record does not read as one, or there is one too few or too many.
pub(super) fn function(
    scope: &Scope,
    mut revive: impl FnMut(VersionNumber, VersionRecord) -> Arc<Version>,
) -> Result<Function, StoreError> {
    let find = |name: &str| scope.records.iter().find(|record| record.name == name);
    let own = find(FUNCTION).ok_or_else(|| damaged(scope, "the function's own record is missing"))?;
    let own: FunctionRecord = parsed(scope, own)?;
    let latest = revive(VersionNumber::Latest, own.latest);
    let mut function = Function {
        update: match own.update {
            UpdateRecord::Successful => Update::Successful,
            UpdateRecord::InProgress(next) => Update::InProgress(revive(VersionNumber::Latest, *next)),
            UpdateRecord::Failed { reason } => Update::Failed { reason },
        },
        last_number: own.last_number,
        recursive_loop: own.recursive_loop,
        reserved_concurrency: own.reserved_concurrency,
        provisioned: own.provisioned,
        event_invoke: own.event_invoke,
        generation: scope.generation,
        ..Function::new(latest, own.tags)
    };
    for record in &scope.records {
        if let Some(number) = record.name.strip_prefix(VERSION_PREFIX) {
            let number = number.parse().map_err(|_| damaged(scope, &record.name))?;
            let version = revive(VersionNumber::Published(number), parsed(scope, record)?);
            function.published.insert(number, version);
        } else if record.name.starts_with(ALIAS_PREFIX) {
            let AliasRecord { alias, moves } = parsed(scope, record)?;
            function.aliases.insert(alias.name.clone(), Arc::new(AliasState { alias, moves }));
        } else if let Some(about) = record.name.strip_prefix(POLICY_PREFIX) {
            function.policies.insert(about.to_owned(), Arc::new(parsed(scope, record)?));
        } else if record.name != FUNCTION {
            return Err(damaged(scope, &format!("{} is no record of this version", record.name)));
        }
    }
    for state in function.aliases.values() {
        if state.alias.routing.versions().any(|number| function.version(number).is_none()) {
            let alias = &state.alias.name;
            return Err(damaged(scope, &format!("alias {alias} leads to a version that is not there")));
        }
    }
    Ok(function)
}

/// The packages that a function needs: those of all its versions but the ones that were refused.
///
/// # Errors
/// When a record does not read as one.
#[cfg(feature = "sqlite")]
pub(crate) fn packages_of(scope: &Scope) -> Result<Vec<CodeDigest>, StoreError> {
    let mut versions = Vec::new();
    for record in &scope.records {
        if record.name == FUNCTION {
            let own: FunctionRecord = parsed(scope, record)?;
            versions.push(own.latest);
            if let UpdateRecord::InProgress(next) = own.update {
                versions.push(*next);
            }
        } else if record.name.starts_with(VERSION_PREFIX) {
            versions.push(parsed(scope, record)?);
        }
    }
    versions.retain(|version| !matches!(version.state, FunctionState::Failed { .. }));
    Ok(versions.iter().map(|version| version.code.digest()).collect())
}

impl FunctionRecord {
    fn of(function: &Function) -> Self {
        Self {
            latest: VersionRecord::of(&function.latest),
            update: match &function.update {
                Update::Successful => UpdateRecord::Successful,
                Update::InProgress(next) => UpdateRecord::InProgress(Box::new(VersionRecord::of(next))),
                Update::Failed { reason } => UpdateRecord::Failed { reason: reason.clone() },
            },
            last_number: function.last_number,
            tags: function.tags.clone(),
            recursive_loop: function.recursive_loop,
            reserved_concurrency: function.reserved_concurrency,
            provisioned: function.provisioned.clone(),
            event_invoke: function.event_invoke.clone(),
        }
    }
}

impl VersionRecord {
    fn of(version: &Version) -> Self {
        let facts = &version.facts;
        Self {
            configuration: Configuration::clone(&facts.configuration),
            code: facts.code.record(),
            state: facts.state.clone(),
            last_modified: facts.last_modified.clone(),
            revision_id: facts.revision_id.clone(),
        }
    }
}

/// The names of all records of a function.
fn names(function: &Function) -> impl Iterator<Item = String> {
    let versions = function.published.keys().map(|number| version_name(*number));
    let aliases = function.aliases.keys().map(|name| alias_name(name.as_str()));
    let policies = function.policies.keys().map(|about| policy_name(about));
    std::iter::once(FUNCTION.to_owned()).chain(versions).chain(aliases).chain(policies)
}

fn version_name(number: u64) -> String {
    format!("{VERSION_PREFIX}{number}")
}

fn alias_name(name: &str) -> String {
    format!("{ALIAS_PREFIX}{name}")
}

fn policy_name(about: &str) -> String {
    format!("{POLICY_PREFIX}{about}")
}

fn put(name: String, record: &impl Serialize) -> Write {
    let document = serde_json::to_string(record).expect("records always have a JSON form");
    Write::Put(Record { name, document })
}

fn parsed<T: serde::de::DeserializeOwned>(scope: &Scope, record: &Record) -> Result<T, StoreError> {
    serde_json::from_str(&record.document)
        .map_err(|error| damaged(scope, &format!("{} does not read as one: {error}", record.name)))
}

fn damaged(scope: &Scope, reason: &str) -> StoreError {
    StoreError::Damaged { file: format!("the record of {}", scope.name), reason: reason.to_owned() }
}
