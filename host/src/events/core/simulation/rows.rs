//! What is durable.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::store::StoreError;
use crate::store::journal::{BodyChange, Change, Kind, Row, RowId};

use super::super::Recovery;

#[derive(Debug, Default)]
pub(super) struct Rows(BTreeMap<RowId, Durable>);

#[derive(Debug, Clone)]
pub(super) struct Durable {
    pub(super) kind: Kind,
    pub(super) fence: u64,
    pub(super) header: Vec<u8>,
    pub(super) body: Option<Bytes>,
}

impl Rows {
    pub(super) fn get(&self, row: RowId) -> Option<&Durable> {
        self.0.get(&row)
    }

    /// Whether all of these changes can be made.
    pub(super) fn check(&self, changes: &[Change]) -> Result<(), StoreError> {
        let fits = |change: &Change| match change {
            Change::Insert { id, .. } => !self.0.contains_key(id),
            Change::Update { id, fence, .. } | Change::Delete { id, fence } => {
                self.0.get(id).is_some_and(|row| row.fence == *fence)
            }
        };
        if changes.iter().all(fits) { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Makes a change that can be made.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Insert { id, kind, header, body } => {
                let durable = Durable { kind: *kind, fence: 0, header: header.clone(), body: body.clone() };
                self.0.insert(*id, durable);
            }
            Change::Update { id, header, body, .. } => {
                let durable = self.0.get_mut(id).expect("it was checked");
                durable.fence += 1;
                durable.header.clone_from(header);
                match body {
                    BodyChange::Keep => {}
                    BodyChange::Put(body) => durable.body = Some(body.clone()),
                    BodyChange::Remove => durable.body = None,
                }
            }
            Change::Delete { id, .. } => {
                self.0.remove(id);
            }
        }
    }

    /// What a start reads.
    pub(super) fn read(&self) -> Recovery {
        let mut recovery = Recovery::default();
        for (id, Durable { kind, fence, header, body }) in &self.0 {
            let body_bytes = body.as_ref().map(|body| body.len() as u64);
            let row = Row { id: *id, kind: *kind, fence: *fence, header: header.clone(), body_bytes };
            recovery.take(&row).expect("it was written here");
        }
        recovery
    }
}
