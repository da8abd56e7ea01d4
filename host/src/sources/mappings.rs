//! The event source mappings of a host: kept in its store, each with a worker.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::function::QueueArn;
use crate::metrics::MappingMetrics;
use crate::registry::Registry;
use crate::sources::mapping::Mapping;
use crate::sources::poller::{PollerParts, Worker};
use crate::sqs::{ConsumeError, QueueFacts};
use crate::store::{AuditEntry, Commit, Position, Record, Scope, StoreError, Write};

/// How many mappings a host may have: each has at least two requests for messages under way. AWS has no such limit.
pub(crate) const MAPPINGS_MAX: usize = 1_000;
/// What the names of mappings' scopes begin with. No function's does: they have a colon, and no slash.
const SCOPE_PREFIX: &str = "event-source-mapping/";
/// The one record of a mapping's scope.
const RECORD: &str = "mapping";

/// The mappings of a host.
#[derive(Debug)]
pub(crate) struct Mappings {
    registry: Arc<Registry>,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// Held by the one who changes a mapping or makes one.
    changing: Arc<tokio::sync::Mutex<()>>,
    parts: Arc<PollerParts>,
}

/// A mapping and who works for it.
#[derive(Debug)]
struct Entry {
    kept: Mutex<Kept>,
    worker: Worker,
}

#[derive(Debug, Clone)]
struct Kept {
    mapping: Arc<Mapping>,
    /// Which commit made it so.
    generation: Position,
    /// What its worker is about to do, as long as it has not come to it.
    transition: MappingState,
}

/// How far a mapping has come: Lambda's `State`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingState {
    /// It was just made.
    Creating,
    /// It was just enabled.
    Enabling,
    /// Its queue is polled.
    Enabled,
    /// It was disabled, and batches that began before go on.
    Disabling,
    /// Its queue is not polled.
    Disabled,
    /// It was just changed.
    Updating,
    /// It was deleted, and batches that began before go on.
    Deleting,
}

/// A mapping and how it is doing.
#[derive(Debug, Clone)]
pub(crate) struct MappingStatus {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) state: MappingState,
    /// What came of the last batch, if there was one.
    pub(crate) last_result: Option<Arc<str>>,
    pub(crate) metrics: MappingMetrics,
    pub(crate) pollers: usize,
}

/// What was found of mappings in the store.
#[derive(Debug, Default)]
pub(crate) struct FoundMappings(Vec<(Mapping, Position)>);

impl MappingState {
    /// The state as Lambda writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Enabling => "Enabling",
            Self::Enabled => "Enabled",
            Self::Disabling => "Disabling",
            Self::Disabled => "Disabled",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
        }
    }
}

impl FoundMappings {
    /// Takes a scope in, if it is a mapping's.
    ///
    /// # Errors
    /// When it is one, and cannot be read.
    pub(crate) fn take(&mut self, scope: &Scope) -> Result<bool, StoreError> {
        let Some(uuid) = scope.name.strip_prefix(SCOPE_PREFIX) else { return Ok(false) };
        let damaged =
            |reason: String| StoreError::Damaged { file: format!("the event source mapping {uuid}"), reason };
        let [Record { name, document }] = &scope.records[..] else {
            return Err(damaged(format!("it has {} records, not one", scope.records.len())));
        };
        if name != RECORD {
            return Err(damaged(format!("its record is named {name:?}")));
        }
        self.0.push((Mapping::read(uuid, document).map_err(damaged)?, scope.generation));
        Ok(true)
    }
}

impl Mappings {
    /// The mappings that were found; their workers set to work at once.
    pub(crate) fn start(registry: Arc<Registry>, parts: PollerParts, found: FoundMappings) -> Arc<Self> {
        let parts = Arc::new(parts);
        let entry = |(mapping, generation): (Mapping, Position)| {
            let transition =
                if mapping.is_enabled { MappingState::Enabling } else { MappingState::Disabling };
            let entry = Entry::start(&parts, Arc::new(mapping), generation, transition);
            let uuid = entry.kept().mapping.uuid.clone();
            (uuid, entry)
        };
        let entries = RwLock::new(found.0.into_iter().map(entry).collect());
        Arc::new(Self { registry, entries, changing: Arc::default(), parts })
    }

    /// Waits for one's turn to change mappings.
    pub(crate) async fn turn(&self) -> MappingsTurn {
        MappingsTurn(self.changing.clone().lock_owned().await)
    }

    /// A mapping, if it is there. One that was deleted is, until what it began has ended.
    pub(crate) fn get(&self, uuid: &str) -> Option<MappingStatus> {
        self.entry(uuid).map(|entry| entry.status())
    }

    /// Mappings from behind that id on, in the order of their ids.
    pub(crate) fn list(
        &self,
        after: Option<&str>,
        is_meant: impl Fn(&Mapping) -> bool,
        limit: usize,
    ) -> Vec<MappingStatus> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = entries.range::<str, _>((start, Bound::Unbounded));
        let meant = range.filter(|(_, entry)| is_meant(&entry.kept().mapping));
        meant.map(|(_, entry)| entry.status()).take(limit).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What is to be known of a queue before a mapping of it is made.
    pub(crate) async fn queue_facts(&self, queue: &QueueArn) -> Result<QueueFacts, ConsumeError> {
        self.parts.consumer.facts(queue).await
    }

    /// Makes a mapping. It is in the store when this resolves, and is made although the caller goes away.
    pub(crate) async fn create(
        self: &Arc<Self>,
        turn: MappingsTurn,
        mapping: Mapping,
        audit: AuditEntry,
    ) -> Result<MappingStatus, StoreError> {
        let mapping = Arc::new(mapping);
        let commit = commit(&mapping, None, Some(&mapping), audit);
        let (mappings, made) = (self.clone(), mapping.clone());
        let done = move |position| {
            let entry = Entry::start(&mappings.parts, made.clone(), position, MappingState::Creating);
            mappings.put(&made.uuid, Some(entry));
            drop(turn);
        };
        self.registry.commit_beside(commit, done).await?;
        Ok(MappingStatus::of(mapping, MappingState::Creating))
    }

    /// Changes a mapping: it is this from now on.
    pub(crate) async fn update(
        self: &Arc<Self>,
        turn: MappingsTurn,
        mapping: Mapping,
        audit: AuditEntry,
    ) -> Result<MappingStatus, StoreError> {
        let Some(entry) = self.entry(&mapping.uuid) else { return Err(StoreError::Conflict) };
        let before = entry.kept().clone();
        let mapping = Arc::new(mapping);
        let transition = match (before.mapping.is_enabled, mapping.is_enabled) {
            (true, false) => MappingState::Disabling,
            (false, true) => MappingState::Enabling,
            (_, _) => MappingState::Updating,
        };
        let is_worked_for_otherwise = before.mapping.settings != mapping.settings
            || before.mapping.is_enabled != mapping.is_enabled
            || (&before.mapping.function, &before.mapping.qualifier)
                != (&mapping.function, &mapping.qualifier);
        let commit = commit(&mapping, Some(before.generation), Some(&mapping), audit);
        let (changed, next) = (entry.clone(), mapping.clone());
        let done = move |generation| {
            let wanted = next.is_enabled.then(|| next.clone());
            let mut kept = changed.kept();
            // What its worker has not come to yet goes on if nothing else is wanted of it.
            let transition = if is_worked_for_otherwise { transition } else { kept.transition };
            *kept = Kept { mapping: next, generation, transition };
            if is_worked_for_otherwise {
                changed.worker.want(wanted);
            }
            drop(kept);
            drop(turn);
        };
        self.registry.commit_beside(commit, done).await?;
        Ok(MappingStatus { state: transition, ..entry.status() })
    }

    /// Deletes a mapping. What it has begun goes on, and until it has ended the mapping is still there to be seen.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        turn: MappingsTurn,
        uuid: &str,
        audit: AuditEntry,
    ) -> Result<MappingStatus, StoreError> {
        let Some(entry) = self.entry(uuid) else { return Err(StoreError::Conflict) };
        let Kept { mapping, generation, .. } = entry.kept().clone();
        let commit = commit(&mapping, Some(generation), None, audit);
        let (mappings, deleted, uuid) = (self.clone(), entry.clone(), uuid.to_owned());
        let done = move |_| {
            deleted.kept().transition = MappingState::Deleting;
            deleted.worker.want(None);
            drop(turn);
            let tasks = mappings.parts.tasks.clone();
            tasks.spawn(async move {
                deleted.worker.settled().await;
                mappings.put(&uuid, None);
            });
        };
        self.registry.commit_beside(commit, done).await?;
        Ok(MappingStatus { state: MappingState::Deleting, ..entry.status() })
    }

    /// Waits until those who poll have ended, who were told to stop.
    pub(crate) async fn ended(&self) {
        self.parts.tasks.close();
        self.parts.tasks.wait().await;
    }

    fn entry(&self, uuid: &str) -> Option<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(uuid).cloned()
    }

    fn put(&self, uuid: &str, entry: Option<Arc<Entry>>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        match entry {
            Some(entry) => entries.insert(uuid.to_owned(), entry),
            None => entries.remove(uuid),
        };
    }
}

/// The turn of one who changes mappings.
#[derive(Debug)]
pub(crate) struct MappingsTurn(#[expect(dead_code, reason = "it is held")] tokio::sync::OwnedMutexGuard<()>);

impl Entry {
    fn start(
        parts: &Arc<PollerParts>,
        mapping: Arc<Mapping>,
        generation: Position,
        transition: MappingState,
    ) -> Arc<Self> {
        let worker = Worker::start(parts, mapping.is_enabled.then(|| mapping.clone()));
        Arc::new(Self { kept: Mutex::new(Kept { mapping, generation, transition }), worker })
    }

    fn status(&self) -> MappingStatus {
        let kept = self.kept();
        let (is_settled, Kept { mapping, transition, .. }) = (self.worker.is_settled(), kept.clone());
        drop(kept);
        let state = match (transition, is_settled, mapping.is_enabled) {
            (MappingState::Deleting, _, _) => MappingState::Deleting,
            (_, true, true) => MappingState::Enabled,
            (_, true, false) => MappingState::Disabled,
            (transition, false, _) => transition,
        };
        let status = self.worker.status();
        MappingStatus {
            last_result: status.last_result(),
            metrics: status.counters.read(),
            pollers: status.pollers(),
            ..MappingStatus::of(mapping, state)
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change is whole, whoever has panicked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MappingStatus {
    fn of(mapping: Arc<Mapping>, state: MappingState) -> Self {
        Self { mapping, state, last_result: None, metrics: MappingMetrics::default(), pollers: 0 }
    }
}

fn commit(
    mapping: &Mapping,
    expected: Option<Position>,
    next: Option<&Mapping>,
    audit: AuditEntry,
) -> Commit {
    let name = RECORD.to_owned();
    let write = match next {
        Some(next) => Write::Put(Record { name, document: next.text() }),
        None => Write::Delete { name },
    };
    Commit { scope: format!("{SCOPE_PREFIX}{}", mapping.uuid), expected, writes: vec![write], audit }
}
