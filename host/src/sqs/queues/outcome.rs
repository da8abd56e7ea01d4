//! What becomes of messages that are held, written down as one: of some they are updated, of some deleted, and some go to another
//! queue.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::super::fifo::InGroup;
use super::super::record::{MESSAGE, MessageRecord};
use super::super::state::{Held, Settled};
use super::{Inner, Queue, QueueError};
use crate::store::journal::{BodyChange, Change, RowId};

/// What becomes of a message that is held.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It stays in its queue, and is so from now on.
    Written(MessageRecord),
    /// It is deleted.
    Gone,
    /// It is deleted but for what it takes to know it when it is sent again.
    Remembered,
    /// It goes to that queue, and is so there. Its row stays, and its body with it, so that no crash loses or doubles it.
    Moved(Arc<Queue>, Held),
}

impl Inner {
    /// Writes what becomes of held messages, and lets them go: so, or as they were if it cannot be written.
    pub(super) async fn carry_out(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        outcome: Vec<(Held, Fate)>,
    ) -> Result<(), QueueError> {
        self.carry_out_with(queue, outcome, Vec::new()).await
    }

    /// The same, with something else that is written down with it.
    pub(super) async fn carry_out_with(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        outcome: Vec<(Held, Fate)>,
        beside: Vec<Change>,
    ) -> Result<(), QueueError> {
        let mut touched = targets(&outcome);
        touched.push(queue.clone());
        let written = self.write_outcome(queue, outcome, beside).await;
        for queue in touched {
            let is_deleted = queue.state().is_deleted;
            if is_deleted {
                self.empty(&queue).await;
            }
        }
        written
    }

    /// The same, whether the queues are still there or not.
    pub(super) async fn write_outcome(
        &self,
        queue: &Queue,
        outcome: Vec<(Held, Fate)>,
        beside: Vec<Change>,
    ) -> Result<(), QueueError> {
        let left = self.left_behind(&outcome);
        let changes = outcome.iter().map(|(held, fate)| change(held, fate, queue.row));
        let changes = changes.chain(left.iter().map(|left| memory(left, queue.row))).chain(beside);
        let written = self.journal.write(changes.collect()).await;
        let now_ms = self.clock.now_ms();
        let mut gone = 0;
        {
            let mut state = queue.state();
            for (held, fate) in &outcome {
                let settled = match fate {
                    _ if written.is_err() => Settled::Unchanged,
                    Fate::Written(record) => Settled::Written(*record),
                    Fate::Gone | Fate::Moved(..) => Settled::Gone,
                    Fate::Remembered => Settled::Remembered,
                };
                gone += usize::from(written.is_ok() && matches!(fate, Fate::Gone));
                state.settle(held.row, settled, now_ms);
            }
            if written.is_ok() {
                left.iter().for_each(|left| state.remember(left));
            }
        }
        self.message_count.fetch_sub(gone, Ordering::Relaxed);
        if written.is_ok() {
            self.message_count.fetch_add(left.len(), Ordering::Relaxed);
            arrive(outcome, now_ms);
        }
        queue.settled.notify_waiters();
        queue.arrivals.notify_one();
        Ok(written?)
    }

    /// What is left behind of messages that go to other queues, so that they are known when they are sent again: new rows.
    fn left_behind(&self, outcome: &[(Held, Fate)]) -> Vec<Held> {
        let now_ms = self.clock.now_ms();
        let moved = outcome.iter().filter(|(held, fate)| {
            matches!(fate, Fate::Moved(..)) && matches!(deleted(held, now_ms), Fate::Remembered)
        });
        let left = |held: &Held| Held { row: self.journal.allocate(), fence: 0, ..left_of(held) };
        moved.map(|(held, _)| left(held)).collect()
    }

    /// A message as it is in its dead-letter queue, where it comes from that one. Of a FIFO queue it is a new one there, as on AWS.
    pub(super) fn dead_letter(&self, held: &Held, source: RowId, target: &Queue) -> Held {
        let now_ms = self.clock.now_ms();
        let mut record = held.record.dead_letter_of(source, now_ms);
        if held.fifo.is_some() {
            (record.sent_ms, record.ahead_ms) = (now_ms, self.ahead_ms(now_ms));
        }
        self.arriving(held, record, target)
    }

    /// A message as it comes to another queue, at whose turn that is.
    pub(super) fn arriving(&self, held: &Held, record: MessageRecord, target: &Queue) -> Held {
        let number = || target.state().next_number(self.journal.allocate().0);
        let fifo = held.fifo.map(|fifo| fifo.moved(record.id, number()));
        Held { row: held.row, fence: held.fence + 1, record, fifo }
    }

    /// Leaves what is remembered of messages to be deleted.
    pub(super) fn forget_rows(&self, rows: Vec<(RowId, u64)>) {
        self.message_count.fetch_sub(rows.len(), Ordering::Relaxed);
        self.orphans.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
    }

    /// Lets messages go with which nothing was done.
    pub(super) fn let_go(&self, queue: &Queue, held: &[Held]) {
        if held.is_empty() {
            return;
        }
        let now_ms = self.clock.now_ms();
        {
            let mut state = queue.state();
            held.iter().for_each(|held| state.settle(held.row, Settled::Unchanged, now_ms));
        }
        queue.settled.notify_waiters();
        queue.arrivals.notify_one();
    }
}

/// All of them deleted, with what is remembered of them.
pub(super) fn gone(held: Vec<Held>) -> Vec<(Held, Fate)> {
    held.into_iter().map(|held| (held, Fate::Gone)).collect()
}

/// All of them deleted, but remembered where they may be sent again.
pub(super) fn all_deleted(held: Vec<Held>, now_ms: u64) -> Vec<(Held, Fate)> {
    held.into_iter().map(|held| (held, deleted(&held, now_ms))).collect()
}

/// What becomes of a message that is deleted.
pub(super) fn deleted(held: &Held, now_ms: u64) -> Fate {
    match held.fifo.is_some_and(|fifo| fifo.is_remembered(&held.record, now_ms)) {
        true => Fate::Remembered,
        false => Fate::Gone,
    }
}

/// What is left of a message that is deleted.
fn left_of(held: &Held) -> Held {
    Held { fifo: held.fifo.map(InGroup::gone), ..*held }
}

fn memory(left: &Held, queue: RowId) -> Change {
    let header = left.record.header(queue, left.fifo);
    Change::Insert { id: left.row, kind: MESSAGE, header, body: None }
}

fn change(held: &Held, fate: &Fate, queue: RowId) -> Change {
    let Held { row: id, fence, .. } = *held;
    let update = |header| Change::Update { id, fence, header, body: BodyChange::Keep };
    match fate {
        Fate::Written(record) => update(record.header(queue, held.fifo)),
        Fate::Gone => Change::Delete { id, fence },
        Fate::Remembered => {
            let header = held.record.header(queue, left_of(held).fifo);
            Change::Update { id, fence, header, body: BodyChange::Remove }
        }
        Fate::Moved(target, moved) => update(moved.record.header(target.row, moved.fifo)),
    }
}

/// Puts those that go to other queues there. Nobody holds the locks of two queues: for a moment they are in none.
fn arrive(outcome: Vec<(Held, Fate)>, now_ms: u64) {
    for (_, fate) in outcome {
        if let Fate::Moved(target, moved) = fate {
            target.state().insert(moved, now_ms);
            target.arrivals.notify_one();
        }
    }
}

/// The queues to which messages go, each once.
fn targets(outcome: &[(Held, Fate)]) -> Vec<Arc<Queue>> {
    let mut targets: Vec<Arc<Queue>> = Vec::new();
    for (_, fate) in outcome {
        if let Fate::Moved(target, _) = fate
            && !targets.iter().any(|known| Arc::ptr_eq(known, target))
        {
            targets.push(target.clone());
        }
    }
    targets
}
