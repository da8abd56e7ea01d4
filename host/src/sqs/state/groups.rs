//! The order of a FIFO queue's messages, and what was sent to it of late.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::super::fifo::InGroup;
use super::super::limits::DEDUPLICATION_MS;
use super::super::record::MessageRecord;
use super::Held;
use crate::store::journal::RowId;

/// The groups of a FIFO queue.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Uuid, Group>,
    /// The first messages of groups, of those where it can be received: by their numbers.
    heads: BTreeSet<(u64, RowId)>,
    /// The highest number that a message got.
    last: u64,
    /// What was sent in the last minutes.
    sent: HashMap<Uuid, Sent>,
    /// Those of them that were deleted since, by when they were sent.
    gone: BTreeMap<(u64, RowId), Gone>,
}

/// The messages of a group, in their order.
#[derive(Debug, Default)]
struct Group {
    messages: BTreeMap<u64, RowId>,
    /// How the first of them stands in `heads`, if it can be received.
    head: Option<(u64, RowId)>,
}

/// A message that was sent, whatever became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Sent {
    pub(in super::super) id: Uuid,
    pub(in super::super) fifo: InGroup,
    row: RowId,
    sent_ms: u64,
}

/// What is left of a message that was deleted.
#[derive(Debug, Clone, Copy)]
struct Gone {
    once: Uuid,
    fence: u64,
}

impl Sent {
    fn is_recent(&self, now_ms: u64) -> bool {
        now_ms < self.sent_ms.saturating_add(DEDUPLICATION_MS)
    }
}

impl Groups {
    /// A number beyond all before, and not below that one.
    pub(super) fn next_number(&mut self, at_least: u64) -> u64 {
        self.last = at_least.max(self.last.saturating_add(1));
        self.last
    }

    /// What was sent under that name of late.
    pub(super) fn sent(&self, once: Uuid, now_ms: u64) -> Option<Sent> {
        self.sent.get(&once).filter(|sent| sent.is_recent(now_ms)).copied()
    }

    pub(super) fn insert(&mut self, row: RowId, record: &MessageRecord, fifo: InGroup) {
        self.groups.entry(fifo.group).or_default().messages.insert(fifo.number, row);
        self.note(row, record, fifo);
    }

    /// Takes in what is left of a message that was deleted.
    pub(super) fn remember(&mut self, gone: &Held, fifo: InGroup) {
        self.note(gone.row, &gone.record, fifo);
        let left = Gone { once: fifo.once, fence: gone.fence };
        self.gone.insert((gone.record.sent_ms, gone.row), left);
    }

    /// Takes a message out of its group. That it was sent is remembered by whoever remembers it.
    pub(super) fn remove(&mut self, row: RowId, fifo: InGroup) {
        if let Some(group) = self.groups.get_mut(&fifo.group) {
            group.messages.remove(&fifo.number);
            if group.messages.is_empty() {
                group.head.take().map(|head| self.heads.remove(&head));
                self.groups.remove(&fifo.group);
            }
        }
        if self.sent.get(&fifo.once).is_some_and(|sent| sent.row == row) {
            self.sent.remove(&fifo.once);
        }
    }

    /// Takes out what is left of messages that were sent so long ago, or of all: rows and fences.
    pub(super) fn forget(&mut self, sent_by_ms: Option<u64>) -> Vec<(RowId, u64)> {
        let mut forgotten = Vec::new();
        while let Some(entry) = self.gone.first_entry()
            && sent_by_ms.is_none_or(|sent_by_ms| entry.key().0 <= sent_by_ms)
        {
            let ((_, row), Gone { once, fence }) = entry.remove_entry();
            if self.sent.get(&once).is_some_and(|sent| sent.row == row) {
                self.sent.remove(&once);
            }
            forgotten.push((row, fence));
        }
        forgotten
    }

    /// Forgets that anything was sent. What is left of messages stays, to be taken out.
    pub(super) fn forget_sent(&mut self) {
        self.sent.clear();
    }

    /// Looks anew which message is the first of a group, and whether it can be received.
    pub(super) fn look(&mut self, group: Uuid, is_ready: impl FnOnce(RowId) -> bool) {
        let Some(group) = self.groups.get_mut(&group) else { return };
        let first = group.messages.first_key_value().map(|(number, row)| (*number, *row));
        let head = first.filter(|(_, row)| is_ready(*row));
        if head != group.head {
            group.head.map(|head| self.heads.remove(&head));
            head.map(|head| self.heads.insert(head));
            group.head = head;
        }
    }

    /// The first message that can be received.
    pub(super) fn first(&self) -> Option<RowId> {
        self.heads.first().map(|(_, row)| *row)
    }

    /// The message behind that one in its group.
    pub(super) fn behind(&self, fifo: InGroup) -> Option<RowId> {
        let later = (std::ops::Bound::Excluded(fifo.number), std::ops::Bound::Unbounded);
        self.groups.get(&fifo.group)?.messages.range(later).next().map(|(_, row)| *row)
    }

    /// The latest counts: of a deduplication id that came again after its time, the first is deleted at some time, too.
    fn note(&mut self, row: RowId, record: &MessageRecord, fifo: InGroup) {
        self.last = self.last.max(fifo.number);
        let sent = Sent { id: record.id, fifo, row, sent_ms: record.sent_ms };
        let known = self.sent.get(&fifo.once);
        if known.is_none_or(|known| known.sent_ms <= sent.sent_ms) {
            self.sent.insert(fifo.once, sent);
        }
    }
}
