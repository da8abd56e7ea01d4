//! A store that ends with its process, for hosts that keep nothing.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    AUDIT_ENTRIES_MAX, AuditEntry, Commit, Pending, Position, Record, Scope, Store, StoreError, Write,
};

/// Records in memory.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
    audit_entries_max: usize,
}

#[derive(Debug, Default)]
struct State {
    position: Position,
    scopes: BTreeMap<String, Kept>,
    /// The newest last.
    audit: VecDeque<AuditEntry>,
}

#[derive(Debug)]
struct Kept {
    generation: Position,
    records: BTreeMap<String, String>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::keeping_audit_entries(AUDIT_ENTRIES_MAX)
    }
}

impl MemoryStore {
    /// With another bound on the audit entries.
    pub(super) fn keeping_audit_entries(audit_entries_max: usize) -> Self {
        Self { state: Mutex::default(), audit_entries_max }
    }

    /// Every change of the state is whole when its lock is given back, so a panic elsewhere leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self, each: &mut dyn FnMut(Scope)) -> Result<Position, StoreError> {
        // Copied first: whoever takes the scopes may turn to this store again.
        let (scopes, position) = self.state().copied();
        scopes.into_iter().for_each(each);
        Ok(position)
    }

    fn commit(&self, commit: Commit) -> Pending<'_, Position> {
        let committed = self.state().commit(commit, self.audit_entries_max);
        Box::pin(std::future::ready(committed))
    }

    fn note(&self, entry: AuditEntry) {
        self.state().note(entry, self.audit_entries_max);
    }

    fn audit(&self, limit: usize) -> Pending<'_, Vec<AuditEntry>> {
        let latest = self.state().audit.iter().rev().take(limit).cloned().collect();
        Box::pin(std::future::ready(Ok(latest)))
    }

    fn backup(&self, folder: &Path) -> Result<(), StoreError> {
        let reason = "this store is only in memory, so there is nothing to copy".to_owned();
        Err(StoreError::Failed { file: folder.display().to_string(), reason })
    }
}

impl State {
    fn commit(&mut self, commit: Commit, audit_entries_max: usize) -> Result<Position, StoreError> {
        let found = self.scopes.get(&commit.scope).map(|kept| kept.generation);
        if found != commit.expected {
            return Err(StoreError::Conflict);
        }
        self.position.0 += 1;
        let mut records = self.scopes.remove(&commit.scope).map(|kept| kept.records).unwrap_or_default();
        for write in commit.writes {
            match write {
                Write::Put(record) => records.insert(record.name, record.document),
                Write::Delete { name } => records.remove(&name),
            };
        }
        if !records.is_empty() {
            self.scopes.insert(commit.scope, Kept { generation: self.position, records });
        }
        self.note(commit.audit, audit_entries_max);
        Ok(self.position)
    }

    fn note(&mut self, entry: AuditEntry, audit_entries_max: usize) {
        self.audit.push_back(entry);
        while self.audit.len() > audit_entries_max {
            self.audit.pop_front();
        }
    }

    fn copied(&self) -> (Vec<Scope>, Position) {
        let scope = |(name, kept): (&String, &Kept)| Scope {
            name: name.clone(),
            generation: kept.generation,
            records: kept.records.iter().map(record).collect(),
        };
        (self.scopes.iter().map(scope).collect(), self.position)
    }
}

fn record((name, document): (&String, &String)) -> Record {
    Record { name: name.clone(), document: document.clone() }
}
