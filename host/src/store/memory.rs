//! A store that ends with its process, for hosts that keep nothing.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{AuditBounds, AuditEntry, Commit, Pending, Position, Record, Scope, Store, StoreError, Write};

/// Records in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
    audit_bounds: AuditBounds,
}

#[derive(Debug, Default)]
struct State {
    position: Position,
    scopes: BTreeMap<String, Kept>,
    changes: Ring,
    refusals: Ring,
    /// How many audit entries there were.
    audited: u64,
}

/// Audit entries with their numbers among all, the newest last.
#[derive(Debug, Default)]
struct Ring(VecDeque<(u64, AuditEntry)>);

#[derive(Debug)]
struct Kept {
    generation: Position,
    records: BTreeMap<String, String>,
}

impl MemoryStore {
    /// With other bounds on the audit entries.
    #[cfg(test)]
    pub(super) fn keeping_audit_entries(audit_bounds: AuditBounds) -> Self {
        Self { state: Mutex::default(), audit_bounds }
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
        let committed = self.state().commit(commit, self.audit_bounds);
        Box::pin(std::future::ready(committed))
    }

    fn note(&self, entry: AuditEntry) {
        let mut state = self.state();
        let number = state.next_number();
        state.refusals.add(number, entry, self.audit_bounds.refusals_max);
    }

    fn audit(&self, limit: usize) -> Pending<'_, Vec<AuditEntry>> {
        let latest = self.state().latest(limit);
        Box::pin(std::future::ready(Ok(latest)))
    }

    fn backup(&self, folder: &Path) -> Result<(), StoreError> {
        let reason = "this store is only in memory, so there is nothing to copy".to_owned();
        Err(StoreError::Failed { file: folder.display().to_string(), reason })
    }
}

impl State {
    fn commit(&mut self, commit: Commit, audit_bounds: AuditBounds) -> Result<Position, StoreError> {
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
        let number = self.next_number();
        self.changes.add(number, commit.audit, audit_bounds.changes_max);
        Ok(self.position)
    }

    fn next_number(&mut self) -> u64 {
        self.audited += 1;
        self.audited
    }

    fn latest(&self, limit: usize) -> Vec<AuditEntry> {
        let latest = |ring: &Ring| ring.0.iter().rev().take(limit).cloned().collect::<Vec<_>>();
        let mut both = [latest(&self.changes), latest(&self.refusals)].concat();
        both.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        both.into_iter().take(limit).map(|(_, entry)| entry).collect()
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

impl Ring {
    fn add(&mut self, number: u64, entry: AuditEntry, entries_max: usize) {
        self.0.push_back((number, entry));
        while self.0.len() > entries_max {
            self.0.pop_front();
        }
    }
}

fn record((name, document): (&String, &String)) -> Record {
    Record { name: name.clone(), document: document.clone() }
}
