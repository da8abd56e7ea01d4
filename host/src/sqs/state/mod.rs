//! One queue as a value: its messages, and what becomes of them as time goes by and people receive and delete.
//!
//! Pure: knows no clock, no journal and no task. A change of a message has two halves: it is *held* while the change is being
//! written, so that nobody else can change it, and *settled* when that is done or has failed.

mod groups;
mod hold;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use self::groups::Groups;
pub(super) use self::groups::Sent;
pub(super) use self::hold::Hold;
pub(crate) use self::hold::VisibilityError;
use super::fifo::{InGroup, QueueKind};
use super::limits::{DEDUPLICATION_MS, IN_FLIGHT_MAX, RECEIVE_BYTES_MAX};
use super::record::{MessageRecord, QueueRecord};
use crate::store::journal::RowId;
use uuid::Uuid;

/// How many messages that are not for a receiver one call takes out at most.
pub(super) const ASIDE_MAX: usize = 256;

/// How long a queue that was purged is not purged again.
const PURGE_PERIOD_MS: u64 = 60_000;

/// A queue and the headers of its messages.
#[derive(Debug)]
pub(super) struct QueueState {
    /// What is written of the queue.
    pub(super) record: QueueRecord,
    /// The fence of its row.
    pub(super) fence: u64,
    /// When it was last purged, if it was in this process.
    purged_ms: Option<u64>,
    /// Whether it is there no more. Its messages are then on their way out.
    pub(super) is_deleted: bool,
    messages: HashMap<RowId, Message>,
    /// Those that can be received, by the time from when on, then by their order of being sent.
    ready: BTreeSet<(u64, RowId)>,
    /// Those that cannot be received yet, by the same.
    waiting: BTreeSet<(u64, RowId)>,
    /// All of them, by the time they were sent.
    by_age: BTreeSet<(u64, RowId)>,
    /// The order of messages, if it keeps one.
    groups: Option<Box<Groups>>,
    /// How many wait that nobody received from this queue yet.
    delayed: usize,
}

#[derive(Debug)]
struct Message {
    record: MessageRecord,
    fifo: Option<Box<InGroup>>,
    fence: u64,
    place: Place,
}

/// Where a message is: in one of the sets, or in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Waiting,
    Held,
}

/// A message that is held, and how it is to be written; or one that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) row: RowId,
    /// The fence it has now.
    pub(super) fence: u64,
    pub(super) record: MessageRecord,
    pub(super) fifo: Option<InGroup>,
}

/// What is wanted by a receiver.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    pub(super) messages_max: usize,
    pub(super) visibility_ms: u64,
    /// How often a message is handed out at most, if there is a dead-letter queue for it then.
    pub(super) receives_max: Option<u32>,
}

/// What a receive takes out.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Those for the receiver, as they are from now on.
    pub(super) received: Vec<Held>,
    /// Those that were received as often as may be, for the dead-letter queue.
    pub(super) dead: Vec<Held>,
    /// Those that are too old, to be deleted.
    pub(super) expired: Vec<Held>,
    /// Whether it brought less because too many are in flight.
    pub(super) over_limit: bool,
}

/// What became of a held message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Settled {
    /// It was written so.
    Written(MessageRecord),
    /// Nothing was written.
    Unchanged,
    /// It was deleted, or is in another queue.
    Gone,
    /// It was deleted, and something is left of it, by which it is known if it is sent again.
    Remembered,
}

/// How much there is of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueueFigures {
    /// How many messages can be received.
    pub(crate) visible: usize,
    /// How many were received, and are kept from others.
    pub(crate) in_flight: usize,
    /// How many were sent with a delay that is not over.
    pub(crate) delayed: usize,
    /// How old the oldest message is, in milliseconds.
    pub(crate) oldest_age_ms: Option<u64>,
}

impl Taken {
    /// Whether nothing was taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.received.is_empty() && self.others() == 0
    }

    /// How many are not for the receiver.
    fn others(&self) -> usize {
        self.dead.len() + self.expired.len()
    }
}

impl QueueState {
    pub(super) fn new(kind: QueueKind, record: QueueRecord, fence: u64) -> Self {
        Self {
            record,
            fence,
            purged_ms: None,
            is_deleted: false,
            messages: HashMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            by_age: BTreeSet::new(),
            groups: (kind == QueueKind::Fifo).then(Box::default),
            delayed: 0,
        }
    }

    /// Adds a message that is safe.
    pub(super) fn insert(&mut self, message: Held, now_ms: u64) {
        let Held { row, fence, record, fifo } = message;
        self.by_age.insert((record.sent_ms, row));
        if let (Some(groups), Some(fifo)) = (&mut self.groups, fifo) {
            groups.insert(row, &record, fifo);
        }
        let fifo = fifo.map(Box::new);
        self.messages.insert(row, Message { record, fifo, fence, place: Place::Held });
        self.place(row, now_ms);
    }

    /// Takes in what is left of a message that was deleted.
    pub(super) fn remember(&mut self, gone: &Held) {
        if let (Some(groups), Some(fifo)) = (&mut self.groups, gone.fifo) {
            groups.remember(gone, fifo);
        }
    }

    /// What was sent under that name of late, whatever became of it.
    pub(super) fn sent(&self, once: Uuid, now_ms: u64) -> Option<Sent> {
        self.groups.as_ref()?.sent(once, now_ms)
    }

    /// The number of the next message of a FIFO queue, which is not below that one.
    pub(super) fn next_number(&mut self, at_least: u64) -> u64 {
        self.groups.as_mut().map_or(at_least, |groups| groups.next_number(at_least))
    }

    /// Takes out what is left of messages that were sent too long ago to come again: rows and fences.
    pub(super) fn forget_old(&mut self, now_ms: u64) -> Vec<(RowId, u64)> {
        let Some(sent_by_ms) = now_ms.checked_sub(DEDUPLICATION_MS) else { return Vec::new() };
        self.groups.as_mut().map_or_else(Vec::new, |groups| groups.forget(Some(sent_by_ms)))
    }

    /// Takes out all that is left of messages, and forgets what was sent.
    pub(super) fn forget_all(&mut self) -> Vec<(RowId, u64)> {
        let Some(groups) = &mut self.groups else { return Vec::new() };
        groups.forget_sent();
        groups.forget(None)
    }

    /// Takes out messages for one receiver.
    pub(super) fn receive(&mut self, now_ms: u64, demand: Demand) -> Taken {
        self.advance(now_ms);
        let (mut taken, mut bytes, mut last) = (Taken::default(), 0, None);
        while taken.received.len() < demand.messages_max && taken.others() < ASIDE_MAX {
            let Some(mut held) = self.next(last) else { break };
            last = held.fifo;
            if self.is_expired(&held.record, now_ms) {
                self.hold(held.row);
                taken.expired.push(held);
                continue;
            }
            let record = &mut held.record;
            if demand.receives_max.is_some_and(|max| record.receives_here() >= max) {
                self.hold(held.row);
                taken.dead.push(held);
                continue;
            }
            bytes += record.bytes as usize;
            let is_full = self.in_flight() >= IN_FLIGHT_MAX;
            // As on AWS, a FIFO queue does not say so.
            taken.over_limit = is_full && self.groups.is_none();
            if is_full || (bytes > RECEIVE_BYTES_MAX && !taken.received.is_empty()) {
                break;
            }
            record.visible_ms = now_ms.saturating_add(demand.visibility_ms);
            record.receives = record.receives.saturating_add(1);
            record.first_received_ms.get_or_insert(now_ms);
            record.last_received_ms = Some(now_ms);
            self.hold(held.row);
            taken.received.push(held);
        }
        taken
    }

    /// The message that is to be taken out next, behind the last that was: that which can be received for longest, or in a FIFO queue
    /// the next of the same group, or the first of another in which none stands before it.
    fn next(&self, last: Option<InGroup>) -> Option<Held> {
        let Some(groups) = &self.groups else { return Some(self.held(self.ready.first()?.1)) };
        let is_ready = |row: &RowId| self.messages[row].place == Place::Ready;
        let behind = last.and_then(|last| groups.behind(last)).filter(is_ready);
        Some(self.held(behind.or_else(|| groups.first())?))
    }

    /// A message as it is.
    fn held(&self, row: RowId) -> Held {
        let Message { record, fifo, fence, .. } = &self.messages[&row];
        Held { row, fence: *fence, record: *record, fifo: fifo.as_deref().copied() }
    }

    /// The messages that are there now, all of which are to be deleted; none, if that was asked for less than a minute ago.
    pub(super) fn begin_purge(&mut self, now_ms: u64) -> Option<Vec<RowId>> {
        if self.purged_ms.is_some_and(|purged_ms| now_ms < purged_ms.saturating_add(PURGE_PERIOD_MS)) {
            return None;
        }
        self.purged_ms = Some(now_ms);
        Some(self.messages.keys().copied().collect())
    }

    /// It failed, so it may be tried again at once.
    pub(super) fn end_purge(&mut self) {
        self.purged_ms = None;
    }

    /// Puts a held message to where it belongs now.
    pub(super) fn settle(&mut self, row: RowId, settled: Settled, now_ms: u64) {
        let Some(message) = self.messages.get_mut(&row) else { return };
        debug_assert_eq!(message.place, Place::Held, "only who holds a message settles it");
        match settled {
            Settled::Gone | Settled::Remembered => {
                let gone = self.remove(row);
                if let (Some(mut gone), Settled::Remembered) = (gone, settled) {
                    gone.fence += 1;
                    self.remember(&gone);
                }
                return;
            }
            Settled::Written(record) => {
                message.record = record;
                message.fence += 1;
            }
            Settled::Unchanged => {}
        }
        self.place(row, now_ms);
    }

    fn remove(&mut self, row: RowId) -> Option<Held> {
        let Message { record, fifo, fence, .. } = self.messages.remove(&row)?;
        self.by_age.remove(&(record.sent_ms, row));
        let fifo = fifo.map(|fifo| *fifo);
        if let (Some(groups), Some(fifo)) = (&mut self.groups, fifo) {
            groups.remove(row, fifo);
        }
        self.look(fifo);
        Some(Held { row, fence, record, fifo })
    }

    /// Looks anew which message is the first of a group.
    fn look(&mut self, fifo: Option<InGroup>) {
        if let (Some(groups), Some(fifo)) = (&mut self.groups, fifo) {
            groups.look(fifo.group, |row| {
                self.messages.get(&row).is_some_and(|message| message.place == Place::Ready)
            });
        }
    }

    /// When something can be received next that cannot be received yet.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.waiting.first().map(|(due_ms, _)| *due_ms)
    }

    pub(super) fn figures(&mut self, now_ms: u64) -> QueueFigures {
        self.advance(now_ms);
        let oldest = self.by_age.first();
        QueueFigures {
            visible: self.ready.len(),
            in_flight: self.in_flight(),
            delayed: self.delayed,
            oldest_age_ms: oldest.map(|(sent_ms, _)| now_ms.saturating_sub(*sent_ms)),
        }
    }

    #[cfg(test)]
    fn message_count(&self) -> usize {
        self.messages.len()
    }

    /// Those that are held were received, or are about to be deleted.
    fn in_flight(&self) -> usize {
        self.messages.len() - self.ready.len() - self.delayed
    }

    fn is_expired(&self, record: &MessageRecord, now_ms: u64) -> bool {
        let kept_ms = u64::from(self.record.settings.retention_seconds) * 1000;
        record.sent_ms.saturating_add(kept_ms) <= now_ms
    }

    /// What is due by now can be received.
    fn advance(&mut self, now_ms: u64) {
        while let Some(&(due_ms, row)) = self.waiting.first()
            && due_ms <= now_ms
        {
            self.hold(row);
            self.place(row, now_ms);
        }
    }

    fn hold(&mut self, row: RowId) {
        let message = self.messages.get_mut(&row).expect("what is in a set is in the map");
        let place = std::mem::replace(&mut message.place, Place::Held);
        let (key, was_received) = ((message.record.visible_ms, row), message.record.receives_here() > 0);
        match place {
            Place::Ready => drop(self.ready.remove(&key)),
            Place::Waiting => {
                self.waiting.remove(&key);
                self.delayed -= usize::from(!was_received);
            }
            Place::Held => {}
        }
        let fifo = message.fifo.as_deref().copied();
        self.look(fifo);
    }

    fn place(&mut self, row: RowId, now_ms: u64) {
        let message = self.messages.get_mut(&row).expect("who places a message has it");
        let (due_ms, was_received) = (message.record.visible_ms, message.record.receives_here() > 0);
        if due_ms <= now_ms {
            message.place = Place::Ready;
            self.ready.insert((due_ms, row));
        } else {
            message.place = Place::Waiting;
            self.waiting.insert((due_ms, row));
            self.delayed += usize::from(!was_received);
        }
        let fifo = message.fifo.as_deref().copied();
        self.look(fifo);
    }
}
