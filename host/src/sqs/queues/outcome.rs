//! What becomes of messages that are held, written down as one: of some they are updated, of some deleted, and some go to another
//! queue.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::record::MessageRecord;
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
    /// It goes to that queue, and is so there. Its row stays, and its body with it, so that no crash loses or doubles it.
    Moved(Arc<Queue>, MessageRecord),
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
        let changes = outcome.iter().map(|(held, fate)| change(held, fate, queue.row)).chain(beside);
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
                };
                gone += usize::from(written.is_ok() && matches!(fate, Fate::Gone));
                state.settle(held.row, settled, now_ms);
            }
        }
        self.message_count.fetch_sub(gone, Ordering::Relaxed);
        if written.is_ok() {
            arrive(&outcome, now_ms);
        }
        queue.settled.notify_waiters();
        queue.arrivals.notify_one();
        Ok(written?)
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

/// All of them deleted.
pub(super) fn gone(held: Vec<Held>) -> Vec<(Held, Fate)> {
    held.into_iter().map(|held| (held, Fate::Gone)).collect()
}

fn change(held: &Held, fate: &Fate, queue: RowId) -> Change {
    let Held { row: id, fence, .. } = *held;
    let update = |header| Change::Update { id, fence, header, body: BodyChange::Keep };
    match fate {
        Fate::Written(record) => update(record.header(queue)),
        Fate::Gone => Change::Delete { id, fence },
        Fate::Moved(target, record) => update(record.header(target.row)),
    }
}

/// Puts those that go to other queues there. Nobody holds the locks of two queues: for a moment they are in none.
fn arrive(outcome: &[(Held, Fate)], now_ms: u64) {
    for (held, fate) in outcome {
        if let Fate::Moved(target, record) = fate {
            target.state().insert(held.row, held.fence + 1, *record, now_ms);
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
