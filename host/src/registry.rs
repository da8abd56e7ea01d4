//! The functions of a host: their versions and aliases, and what a reference means.
//!
//! In memory. Every change of a function goes through [`Registry::change`], which decides on a snapshot and puts
//! the next one in its place: this is where a durable store will commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::function::{Alias, AliasName, FunctionKey, Qualifier, VersionNumber};
use crate::policy;
use crate::version::Version;

/// One function: a snapshot that never changes.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) latest: Arc<Version>,
    pub(crate) published: BTreeMap<u64, Arc<Version>>,
    pub(crate) aliases: BTreeMap<AliasName, Alias>,
    /// The highest number ever published; numbers are never used again.
    pub(crate) last_number: u64,
    /// Whether somebody was told that it exists before its code was known to be good.
    pub(crate) announced: bool,
}

/// All functions of a host, each a snapshot of its own, so that a change costs the same with one function or
/// a hundred thousand.
#[derive(Debug, Default)]
pub(crate) struct Registry(DashMap<FunctionKey, Arc<Function>>);

impl Registry {
    /// The version that a request for that function and qualifier runs, decided for this request alone.
    pub(crate) fn resolve(&self, key: &FunctionKey, qualifier: Option<&Qualifier>) -> Option<Arc<Version>> {
        let function = self.0.get(key)?;
        function.resolve(qualifier)
    }

    /// The function as it is now.
    pub(crate) fn function(&self, key: &FunctionKey) -> Option<Arc<Function>> {
        self.0.get(key).map(|function| function.value().clone())
    }

    /// Changes a function, or makes it: `decide` gets it as it is and gives back what it shall be, or refuses.
    /// Nobody else changes it meanwhile.
    pub(crate) fn change<T, E>(
        &self,
        key: &FunctionKey,
        decide: impl FnOnce(Option<&Function>) -> Result<(Function, T), E>,
    ) -> Result<T, E> {
        match self.0.entry(key.clone()) {
            Entry::Occupied(mut entry) => {
                let (function, result) = decide(Some(entry.get()))?;
                // The old snapshot goes after the lock: it may be the last to hold instances.
                let old = entry.insert(Arc::new(function));
                drop(entry);
                drop(old);
                Ok(result)
            }
            Entry::Vacant(entry) => {
                let (function, result) = decide(None)?;
                entry.insert(Arc::new(function));
                Ok(result)
            }
        }
    }

    /// Forgets a function of which that is true.
    pub(crate) fn remove_if(&self, key: &FunctionKey, condition: impl FnOnce(&Function) -> bool) {
        // What is removed goes after the lock: it may be the last to hold instances.
        drop(self.0.remove_if(key, |_, function| condition(function)));
    }

    /// Forgets all functions, and with them their idle instances.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

impl Function {
    /// A function of which nothing is published yet.
    pub(crate) fn new(latest: Arc<Version>) -> Self {
        Self {
            latest,
            published: BTreeMap::new(),
            aliases: BTreeMap::new(),
            last_number: 0,
            announced: false,
        }
    }

    /// The version that a qualifier means; of an alias with two, the draw decides.
    pub(crate) fn resolve(&self, qualifier: Option<&Qualifier>) -> Option<Arc<Version>> {
        let number = match qualifier {
            None => VersionNumber::Latest,
            Some(Qualifier::Version(number)) => *number,
            Some(Qualifier::Alias(name)) => policy::choose(&self.aliases.get(name)?.routing, fastrand::f64),
        };
        self.version(number).cloned()
    }

    /// The version of that number.
    pub(crate) fn version(&self, number: VersionNumber) -> Option<&Arc<Version>> {
        match number {
            VersionNumber::Latest => Some(&self.latest),
            VersionNumber::Published(number) => self.published.get(&number),
        }
    }
}
