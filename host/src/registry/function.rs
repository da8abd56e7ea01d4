//! One function, as it is at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::concurrency::Claim;
use crate::function::{
    Alias, AliasMove, AliasName, EventInvokeConfig, ProvisionedConcurrency, Qualifier, RecursiveLoop,
    ResourcePolicy, Tags, VersionNumber,
};
use crate::policy;
use crate::store::Position;
use crate::version::Version;

/// How many published versions a function may have: every change looks at each of them.
pub(crate) const VERSIONS_MAX: usize = 10_000;
/// How many aliases a function may have.
pub(crate) const ALIASES_MAX: usize = 1_000;
/// How many policies there may be about a function, its versions and its aliases.
pub(crate) const POLICIES_MAX: usize = 1_000;
/// How many configurations for asynchronous invocation there may be of a function, its versions and its aliases.
pub(crate) const EVENT_INVOKE_CONFIGS_MAX: usize = 1_000;
/// How many moves of an alias are remembered.
pub(crate) const MOVES_MAX: usize = 100;

/// One function: a snapshot that never changes.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) latest: Arc<Version>,
    /// What becomes of `$LATEST`.
    pub(crate) update: Update,
    pub(crate) published: BTreeMap<u64, Arc<Version>>,
    pub(crate) aliases: BTreeMap<AliasName, Arc<AliasState>>,
    /// By what they are about: a version, an alias, or, under the empty name, all of the function.
    pub(crate) policies: BTreeMap<String, Arc<PolicyState>>,
    /// The highest number ever published; numbers are never used again.
    pub(crate) last_number: u64,
    pub(crate) tags: Tags,
    pub(crate) recursive_loop: RecursiveLoop,
    /// How much of the account's concurrency is reserved for it.
    pub(crate) reserved_concurrency: Option<u32>,
    /// How many instances shall be there, by what they are for: a version's number or an alias's name.
    pub(crate) provisioned: BTreeMap<String, ProvisionedConcurrency>,
    /// What becomes of events that are queued, by what they are for: `$LATEST`, a version's number or an alias's name.
    pub(crate) event_invoke: BTreeMap<String, EventInvokeConfig>,
    /// What it claims of the account's concurrency, if it claims any.
    pub(crate) claim: Option<Arc<Claim>>,
    /// Which commit of the store made it so; set when it has.
    pub(crate) generation: Position,
}

/// What became of the last update of `$LATEST`'s code: Lambda's `LastUpdateStatus`.
#[derive(Debug, Clone)]
pub(crate) enum Update {
    /// There was none, or `$LATEST` is what it made.
    Successful,
    /// This is what `$LATEST` will be when its code is compiled.
    InProgress(Arc<Version>),
    /// The code was refused; `$LATEST` is what it was before.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A policy and its revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PolicyState {
    pub(crate) policy: ResourcePolicy,
    /// Changes with every change of the policy: a UUID.
    pub(crate) revision_id: String,
}

/// An alias and where it led before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AliasState {
    pub(crate) alias: Alias,
    /// Its latest moves, the newest last.
    pub(crate) moves: Vec<AliasMove>,
}

impl Function {
    /// A function of which nothing is published yet.
    pub(crate) fn new(latest: Arc<Version>, tags: Tags) -> Self {
        Self {
            latest,
            update: Update::Successful,
            published: BTreeMap::new(),
            aliases: BTreeMap::new(),
            policies: BTreeMap::new(),
            last_number: 0,
            tags,
            recursive_loop: RecursiveLoop::default(),
            reserved_concurrency: None,
            provisioned: BTreeMap::new(),
            event_invoke: BTreeMap::new(),
            claim: None,
            generation: Position::default(),
        }
    }

    /// The version that a qualifier means; of an alias with two, the draw decides.
    pub(crate) fn resolve(&self, qualifier: Option<&Qualifier>) -> Option<Arc<Version>> {
        let number = match qualifier {
            None => VersionNumber::Latest,
            Some(Qualifier::Version(number)) => *number,
            Some(Qualifier::Alias(name)) => {
                policy::choose(&self.aliases.get(name)?.alias.routing, fastrand::f64)
            }
        };
        self.version(number).cloned()
    }

    /// The version that a qualifier means, if no weight of an alias says otherwise.
    pub(crate) fn main_version(&self, qualifier: Option<&Qualifier>) -> Option<&Arc<Version>> {
        match qualifier {
            None => Some(&self.latest),
            Some(Qualifier::Version(number)) => self.version(*number),
            Some(Qualifier::Alias(name)) => self.version(self.aliases.get(name)?.alias.routing.version()),
        }
    }

    /// The version of that number.
    pub(crate) fn version(&self, number: VersionNumber) -> Option<&Arc<Version>> {
        match number {
            VersionNumber::Latest => Some(&self.latest),
            VersionNumber::Published(number) => self.published.get(&number),
        }
    }

    /// Every version there is, `$LATEST` first and then by number.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &Arc<Version>> {
        std::iter::once(&self.latest).chain(self.published.values())
    }

    /// The bytes of all packages, each version's counted for itself, as Lambda counts them.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.versions().map(|version| version.facts.code.size_bytes()).sum()
    }

    /// Removes an alias, and all that is about it.
    pub(crate) fn remove_alias(&mut self, name: &AliasName) -> bool {
        self.policies.remove(name.as_str());
        self.provisioned.remove(name.as_str());
        self.event_invoke.remove(name.as_str());
        self.aliases.remove(name).is_some()
    }

    /// Removes a published version, and all that is about it.
    pub(crate) fn remove_version(&mut self, number: u64) -> bool {
        self.policies.remove(&number.to_string());
        self.provisioned.remove(&number.to_string());
        self.event_invoke.remove(&number.to_string());
        self.published.remove(&number).is_some()
    }

    /// How much of the account's concurrency has to be its own: what is reserved, of which what is provisioned is a part.
    pub(crate) fn concurrency_units(&self) -> u32 {
        self.reserved_concurrency.unwrap_or_else(|| self.provisioned_units())
    }

    /// How many provisioned instances it shall have, of all versions.
    pub(crate) fn provisioned_units(&self) -> u32 {
        self.provisioned.values().fold(0, |sum, config| sum.saturating_add(config.requested))
    }

    /// How many provisioned instances each published version shall have, if it shall have any.
    pub(crate) fn provisioned_targets(&self) -> BTreeMap<u64, u32> {
        let mut targets = BTreeMap::new();
        for (about, config) in &self.provisioned {
            for (version, units) in self.provisioned_shares(about, config.requested) {
                *targets.entry(version).or_default() += units;
            }
        }
        targets
    }

    /// The published versions that units provisioned for a version's number or an alias's name go to.
    pub(crate) fn provisioned_shares(&self, about: &str, units: u32) -> Vec<(u64, u32)> {
        let published = |(version, units)| match version {
            VersionNumber::Published(number) => Some((number, units)),
            VersionNumber::Latest => None,
        };
        match about.parse() {
            Ok(number) => vec![(number, units)],
            Err(_) => {
                let alias = self.aliases.iter().find(|(name, _)| name.as_str() == about);
                let shares = alias.map(|(_, state)| policy::shares(&state.alias.routing, units));
                shares.into_iter().flatten().filter_map(published).collect()
            }
        }
    }

    /// The names of the aliases that lead to a version.
    pub(crate) fn aliases_to(&self, number: VersionNumber) -> impl Iterator<Item = &AliasName> {
        let leads = move |state: &&Arc<AliasState>| state.alias.routing.versions().any(|to| to == number);
        self.aliases.values().filter(leads).map(|state| &state.alias.name)
    }
}

impl AliasState {
    /// The alias as it is changed, and the move that this is, if it is one.
    pub(crate) fn changed(present: Option<&Self>, alias: Alias, time: &str, principal: &str) -> Self {
        let mut moves = present.map_or_else(Vec::new, |present| present.moves.clone());
        let from = present.map(|present| present.alias.routing);
        if from != Some(alias.routing) {
            if moves.len() >= MOVES_MAX {
                moves.drain(..=moves.len() - MOVES_MAX);
            }
            let (time, principal, to) = (time.to_owned(), principal.to_owned(), alias.routing);
            moves.push(AliasMove { time, principal, from, to });
        }
        Self { alias, moves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::AliasRouting;

    #[test]
    fn an_alias_remembers_its_latest_moves_and_only_moves() {
        let alias = |number| Alias {
            name: AliasName::parse("live").expect("a name"),
            routing: AliasRouting::to(VersionNumber::Published(number)),
            description: String::new(),
            revision_id: String::new(),
        };
        let mut state = AliasState::changed(None, alias(1), "t", "p");
        assert_eq!((state.moves.len(), state.moves[0].from), (1, None));
        state =
            AliasState::changed(Some(&state), Alias { description: "d".to_owned(), ..alias(1) }, "t", "p");
        assert_eq!(state.moves.len(), 1, "a description is no move");
        for number in 2..=150 {
            state = AliasState::changed(Some(&state), alias(number), "t", "p");
        }
        assert_eq!(state.moves.len(), MOVES_MAX);
        let last = state.moves.last().expect("a move");
        assert_eq!((last.from, last.to), (Some(alias(149).routing), alias(150).routing));
    }
}
