//! Which queues there are: by their ARNs, and by their rows, by which messages name them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Queue;
use crate::function::QueueArn;
use crate::store::journal::RowId;

/// The queues of a host.
#[derive(Debug, Default)]
pub(super) struct Directory {
    by_arn: BTreeMap<QueueArn, Arc<Queue>>,
    by_row: HashMap<RowId, Arc<Queue>>,
}

/// A part of a list of queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueList {
    /// By name.
    pub(crate) queues: Vec<QueueArn>,
    /// Whether others follow.
    pub(crate) has_more: bool,
}

impl Directory {
    pub(super) fn insert(&mut self, queue: Arc<Queue>) {
        self.by_row.insert(queue.row, queue.clone());
        self.by_arn.insert(queue.arn.clone(), queue);
    }

    pub(super) fn remove(&mut self, queue: &Queue) {
        self.by_row.remove(&queue.row);
        self.by_arn.remove(&queue.arn);
    }

    pub(super) fn named(&self, arn: &QueueArn) -> Option<&Arc<Queue>> {
        self.by_arn.get(arn)
    }

    pub(super) fn of_row(&self, row: RowId) -> Option<&Arc<Queue>> {
        self.by_row.get(&row)
    }

    /// All of them, in the order of their ARNs.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Queue>> {
        self.by_arn.values()
    }

    /// Up to so many of those that are meant, from behind that one on.
    pub(super) fn list(
        &self,
        is_meant: impl Fn(&Queue) -> bool,
        after: Option<&QueueArn>,
        limit: usize,
    ) -> QueueList {
        let behind = self.all().filter(|queue| after.is_none_or(|after| queue.arn > *after));
        let meant = behind.filter(|queue| is_meant(queue)).map(|queue| queue.arn.clone());
        let mut queues: Vec<QueueArn> = meant.take(limit.saturating_add(1)).collect();
        let has_more = queues.len() > limit;
        queues.truncate(limit);
        QueueList { queues, has_more }
    }
}
