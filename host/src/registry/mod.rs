//! The functions of a host: their versions and aliases, and what a reference means.
//!
//! What is in memory is what the store has: every change goes through [`Registry::change`], which decides on a snapshot,
//! commits what differs, and only then puts the next snapshot in its place. Requests read snapshots and never the store.

mod function;
mod record;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::BuildHasher as _;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use dashmap::DashMap;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::function::{ALIASES_MAX, EVENT_INVOKE_CONFIGS_MAX, POLICIES_MAX, VERSIONS_MAX};
pub(crate) use self::function::{AliasState, Function, PolicyState, Update};
pub(crate) use self::record::VersionRecord;
#[cfg(feature = "sqlite")]
pub(crate) use self::record::packages_of;
use crate::artifact::Artifacts;
use crate::concurrency::Concurrency;
use crate::function::{FunctionKey, FunctionName, Qualifier, Region, VersionNumber};
use crate::metrics::{StoreCounters, StoreMetrics};
use crate::store::{AuditEntry, Commit, Position, Scope, Store, StoreError};
use crate::version::Version;

/// How many functions can be changed at a time: as many as have locks that differ.
const TURNS: usize = 256;

/// All functions of a host, each a snapshot of its own, so that a change costs the same with one function or
/// a hundred thousand.
#[derive(Debug)]
pub(crate) struct Registry {
    functions: DashMap<FunctionKey, Arc<Function>>,
    /// Their names in order, for lists.
    names: RwLock<BTreeSet<FunctionKey>>,
    usage: Mutex<HashMap<String, Usage>>,
    /// Functions that are being made or get other code, which takes time.
    reserved: Mutex<BTreeSet<FunctionKey>>,
    turns: Box<[Arc<tokio::sync::Mutex<()>>]>,
    store: Arc<dyn Store>,
    artifacts: Arc<Artifacts>,
    concurrency: Arc<Concurrency>,
    follower: Box<dyn Follower>,
    /// Where the host waits for commits when it closes.
    tasks: TaskTracker,
    /// Set when all was forgotten: nothing is decided on what is not there any more.
    closed: AtomicBool,
    /// Cancelled when the store has failed for good.
    failed: CancellationToken,
    counters: StoreCounters,
}

/// A commit of which it is not known whether it happened: as long as this lives. When it goes undecided, no package is removed
/// any more, because the store may refer to it.
struct Undecided(Option<Arc<Artifacts>>);

impl Undecided {
    fn decided(mut self) {
        self.0 = None;
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        if let Some(artifacts) = &self.0 {
            artifacts.keep_packages();
        }
    }
}

/// Who brings about what functions shall have beside their records.
pub(crate) trait Follower: fmt::Debug + Send + Sync {
    /// A function has become this, or has gone. It must not block, nor change functions.
    fn follow(&self, before: Option<&Function>, after: Option<&Function>);
}

/// What the functions of one region take up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) functions: u64,
    /// The bytes of all their packages.
    pub(crate) code_bytes: u64,
}

/// What becomes of a function.
#[derive(Debug)]
pub(crate) enum Change {
    /// It stays as it is.
    Keep,
    /// It is made, or becomes this.
    Put(Box<Function>),
    /// It goes.
    Remove,
}

impl From<Function> for Change {
    fn from(function: Function) -> Self {
        Self::Put(Box::new(function))
    }
}

/// The right to make a function or to give it other code; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    registry: Arc<Registry>,
    key: FunctionKey,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.registry.reserved().remove(&self.key);
    }
}

impl Registry {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        artifacts: Arc<Artifacts>,
        concurrency: Arc<Concurrency>,
        follower: Box<dyn Follower>,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            functions: DashMap::new(),
            names: RwLock::default(),
            usage: Mutex::default(),
            reserved: Mutex::default(),
            turns: (0..TURNS).map(|_| Arc::default()).collect(),
            store,
            artifacts,
            concurrency,
            follower,
            tasks,
            closed: AtomicBool::new(false),
            failed: CancellationToken::new(),
            counters: StoreCounters::default(),
        })
    }

    /// Takes over what the store has; what is no function's may be somebody else's, who says whether it is. It blocks.
    ///
    /// # Errors
    /// When something is not as it was written.
    pub(crate) fn load(
        &self,
        mut revive: impl FnMut(&FunctionKey, VersionNumber, VersionRecord) -> Arc<Version>,
        mut others: impl FnMut(&Scope) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut refused = None;
        self.store.load(&mut |scope| {
            if refused.is_some() {
                return;
            }
            match others(&scope) {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    refused = Some(error);
                    return;
                }
            }
            let Some(key) = FunctionKey::parse(&scope.name) else {
                let reason = "it is no function's".to_owned();
                refused = Some(StoreError::Damaged { file: format!("the record of {}", scope.name), reason });
                return;
            };
            match record::function(&scope, |number, record| revive(&key, number, record)) {
                Ok(function) => self.put(&key, Some(function), scope.generation),
                Err(error) => refused = Some(error),
            }
        })?;
        self.concurrency.check_claims();
        refused.map_or(Ok(()), Err)
    }

    /// The version that a request for that function and qualifier runs, decided for this request alone.
    pub(crate) fn resolve(&self, key: &FunctionKey, qualifier: Option<&Qualifier>) -> Option<Arc<Version>> {
        let function = self.functions.get(key)?;
        function.resolve(qualifier)
    }

    /// The function as it is now.
    pub(crate) fn function(&self, key: &FunctionKey) -> Option<Arc<Function>> {
        self.functions.get(key).map(|function| function.value().clone())
    }

    /// Functions of a region in the order of their names: those from `from` on, at most so many.
    pub(crate) fn list(
        &self,
        region: &Region,
        from: Option<&FunctionName>,
        limit: usize,
    ) -> Vec<Arc<Function>> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let start = match from {
            None => FunctionKey::first_of(region),
            Some(name) => FunctionKey::new(region, name),
        };
        let range = names.range((Bound::Included(start), Bound::Unbounded));
        let own = range.take_while(|key| key.region() == region.as_str());
        own.filter_map(|key| self.function(key)).take(limit).collect()
    }

    /// What the functions of a region take up.
    pub(crate) fn usage(&self, region: &str) -> Usage {
        self.usages().get(region).copied().unwrap_or_default()
    }

    /// The right to make a function or to give it other code; none, if somebody has it.
    pub(crate) fn reserve(self: &Arc<Self>, key: &FunctionKey) -> Option<Reservation> {
        let reserved = self.reserved().insert(key.clone());
        reserved.then(|| Reservation { registry: self.clone(), key: key.clone() })
    }

    /// Changes a function, or makes it: `decide` gets it as it is and says what it shall be, or refuses. Nobody else changes
    /// it meanwhile. When this answers, the change is in the store; it is made to its end although the caller goes away.
    pub(crate) async fn change<T, E: From<StoreError>>(
        self: &Arc<Self>,
        key: &FunctionKey,
        audit: AuditEntry,
        decide: impl FnOnce(Option<&Arc<Function>>) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        let turn = self.turn(key).lock_owned().await;
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Closed.into());
        }
        let present = self.function(key);
        let (change, result) = decide(present.as_ref())?;
        let next = match change {
            Change::Keep => return Ok(result),
            Change::Put(function) => Some(*function),
            Change::Remove => None,
        };
        let commit = Commit {
            scope: key.as_str().to_owned(),
            expected: present.as_ref().map(|present| present.generation),
            writes: record::writes(present.as_deref(), next.as_ref()),
            audit,
        };
        drop(present);
        let (registry, key) = (self.clone(), key.clone());
        let committed = self.tasks.spawn(async move {
            let undecided = Undecided(Some(registry.artifacts.clone()));
            match registry.store.commit(commit).await {
                Ok(position) => {
                    registry.put(&key, next, position);
                    undecided.decided();
                    drop(turn);
                    Ok(())
                }
                Err(error) => {
                    if !registry.not_committed(&error) {
                        undecided.decided();
                    }
                    Err(error)
                }
            }
        });
        joined(committed).await?;
        Ok(result)
    }

    /// Commits a change of a scope that is no function's, and then lets it be done in memory; both although the caller goes away.
    pub(crate) async fn commit_beside(
        self: &Arc<Self>,
        commit: Commit,
        done: impl FnOnce(Position) + Send + 'static,
    ) -> Result<(), StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        let registry = self.clone();
        let committed = self.tasks.spawn(async move {
            match registry.store.commit(commit).await {
                Ok(position) => {
                    done(position);
                    Ok(())
                }
                Err(error) => {
                    registry.not_committed(&error);
                    Err(error)
                }
            }
        });
        joined(committed).await
    }

    /// A commit did not happen, or it is not known whether it did, which is said.
    fn not_committed(&self, error: &StoreError) -> bool {
        self.count(error);
        let is_unknown = !matches!(error, StoreError::Conflict | StoreError::Busy | StoreError::Full);
        if is_unknown {
            self.failed.cancel();
        }
        is_unknown
    }

    /// Notes that something was asked for and refused.
    pub(crate) fn note(&self, entry: AuditEntry) {
        self.store.note(entry);
    }

    /// The latest audit entries, the newest first.
    pub(crate) async fn audit(&self, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.store.audit(limit).await
    }

    /// Writes a copy of the store into a folder. It blocks.
    #[cfg(feature = "sqlite")]
    pub(crate) fn backup(&self, folder: &std::path::Path) -> Result<(), StoreError> {
        self.store.backup(folder)
    }

    /// How many changes could not be kept.
    pub(crate) fn store_metrics(&self) -> StoreMetrics {
        self.counters.read()
    }

    /// Whether the store has failed for good.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Waits until the store has failed for good, which it may never do.
    pub(crate) async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Forgets all functions, and with them their idle instances. The store keeps them.
    pub(crate) fn clear(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.functions.clear();
    }

    fn count(&self, error: &StoreError) {
        let counter = match error {
            StoreError::Conflict => &self.counters.conflict,
            StoreError::Busy => &self.counters.busy,
            StoreError::Full => &self.counters.full,
            StoreError::Closed
            | StoreError::Damaged { .. }
            | StoreError::Newer { .. }
            | StoreError::Failed { .. } => &self.counters.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn put(&self, key: &FunctionKey, function: Option<Function>, generation: Position) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let code_bytes = function.as_ref().map(Function::code_bytes);
        let new =
            function.map(|function| Arc::new(Function { generation, ..self.with_claim(key, function) }));
        let old = match &new {
            Some(function) => {
                names.insert(key.clone());
                self.functions.insert(key.clone(), function.clone())
            }
            None => {
                names.remove(key);
                self.functions.remove(key).map(|(_, function)| function)
            }
        };
        let old_bytes = old.as_ref().map(|old| old.code_bytes());
        let mut usages = self.usages();
        let usage = usages.entry(key.region().to_owned()).or_default();
        usage.functions = usage.functions + u64::from(code_bytes.is_some()) - u64::from(old_bytes.is_some());
        usage.code_bytes = usage.code_bytes + code_bytes.unwrap_or(0) - old_bytes.unwrap_or(0);
        drop((usages, names));
        self.limit(old.as_deref(), new.as_deref());
        self.follower.follow(old.as_deref(), new.as_deref());
        // The old snapshot goes after the locks: it may be the last to hold instances.
        drop(old);
    }

    /// The function with a claim on as much of the account's concurrency as has to be its own.
    fn with_claim(&self, key: &FunctionKey, function: Function) -> Function {
        let units = function.concurrency_units();
        let claim = match function.claim {
            Some(claim) if claim.units() == units => Some(claim),
            _ => (units > 0).then(|| Arc::new(self.concurrency.claim_again(key, units))),
        };
        Function { claim, ..function }
    }

    /// Lets as many invocations of a function run as it shall have.
    fn limit(&self, old: Option<&Function>, new: Option<&Function>) {
        let Some(gate) = new.or(old).map(|function| &function.latest.gate) else { return };
        let reserved = new.and_then(|function| function.reserved_concurrency);
        if gate.reserved() != reserved {
            gate.set_reserved(reserved);
        }
    }

    fn turn(&self, key: &FunctionKey) -> Arc<tokio::sync::Mutex<()>> {
        let hash = self.functions.hasher().hash_one(key);
        self.turns[hash as usize % self.turns.len()].clone()
    }

    fn reserved(&self) -> MutexGuard<'_, BTreeSet<FunctionKey>> {
        // A set is whole after every statement, so a panic elsewhere leaves it usable; so are the others.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usages(&self) -> MutexGuard<'_, HashMap<String, Usage>> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of a commit.
async fn joined(committed: JoinHandle<Result<(), StoreError>>) -> Result<(), StoreError> {
    match committed.await {
        Ok(committed) => committed,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(StoreError::Failed {
                file: "the registry".to_owned(),
                reason: "the runtime is shutting down".to_owned(),
            }),
        },
    }
}
