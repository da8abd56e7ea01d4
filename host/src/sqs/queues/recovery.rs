//! Queues and messages of an earlier process.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::super::fifo::QueueKind;
use super::super::move_task::MoveTask;
use super::super::record::{MESSAGE, MOVE_TASK, MessageRecord, QUEUE, QueueRecord};
use super::super::state::{Held, QueueState};
use super::clock::Last;
use super::moving::KeptTask;
use super::{Queue, Queues};
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::{Row, RowId};

/// Takes rows in whatever order they come; rows of other kinds are passed over.
#[derive(Debug)]
pub(crate) struct Recovery<'a> {
    queues: &'a Queues,
    found: HashMap<RowId, (QueueArn, QueueState)>,
    /// Messages that came before their queue.
    early: HashMap<RowId, Vec<Held>>,
    /// Tasks that move messages, of each queue.
    moves: HashMap<RowId, Vec<KeptTask>>,
    messages: usize,
    /// How far the process before had come, as far as is known yet.
    last: Last,
    /// The first row that could not be read.
    damaged: Option<StoreError>,
}

impl Queues {
    /// Begins to take up what an earlier process has left.
    pub(crate) fn recovery(&self) -> Recovery<'_> {
        Recovery {
            queues: self,
            found: HashMap::new(),
            early: HashMap::new(),
            moves: HashMap::new(),
            messages: 0,
            last: Last::default(),
            damaged: None,
        }
    }

    #[cfg(test)]
    /// Takes up what an earlier process has left.
    ///
    /// # Errors
    /// When a row is no queue and no message although its kind says so; then nothing is taken up.
    pub(crate) fn recover(&self, rows: impl IntoIterator<Item = Row>) -> Result<(), StoreError> {
        let mut recovery = self.recovery();
        rows.into_iter().for_each(|row| recovery.add(&row));
        recovery.finish()
    }
}

impl Recovery<'_> {
    /// Takes a row.
    pub(crate) fn add(&mut self, row: &Row) {
        let added = match row.kind {
            QUEUE => self.add_queue(row),
            MESSAGE => self.add_message(row),
            MOVE_TASK => self.add_move(row),
            _ => Ok(()),
        };
        if let Err(error) = added {
            self.damaged.get_or_insert(error);
        }
    }

    fn add_queue(&mut self, row: &Row) -> Result<(), StoreError> {
        let (arn, record) = QueueRecord::of(row)?;
        let mut state = QueueState::new(QueueKind::of(&arn), record, row.fence);
        for message in self.early.remove(&row.id).unwrap_or_default() {
            take_up(&mut state, message, self.last.see(&message.record));
        }
        self.found.insert(row.id, (arn, state));
        Ok(())
    }

    fn add_message(&mut self, row: &Row) -> Result<(), StoreError> {
        let (queue, record, fifo) = MessageRecord::of(row)?;
        let message = Held { row: row.id, fence: row.fence, record, fifo };
        self.messages += 1;
        // It is as late at the least: what is due by then is placed so at once, and the others when the queue is asked for something.
        let now_ms = self.last.see(&record);
        match self.found.get_mut(&queue) {
            Some((_, state)) => take_up(state, message, now_ms),
            None => self.early.entry(queue).or_default().push(message),
        }
        Ok(())
    }

    fn add_move(&mut self, row: &Row) -> Result<(), StoreError> {
        let (queue, task) = MoveTask::of(row)?;
        let kept = KeptTask { row: row.id, fence: row.fence, task };
        self.moves.entry(queue).or_default().push(kept);
        Ok(())
    }

    /// Puts all in place. Messages and tasks without a queue are deleted later: their queue was, before a crash.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        if let Some(damaged) = self.damaged {
            return Err(damaged);
        }
        let inner = &self.queues.0;
        inner.clock.resume(self.last);
        let orphans: Vec<_> =
            self.early.into_values().flatten().map(|message| (message.row, message.fence)).collect();
        inner.message_count.fetch_add(self.messages - orphans.len(), Ordering::Relaxed);
        inner.orphans.lock().unwrap_or_else(PoisonError::into_inner).extend(orphans);
        let mut queues = inner.queues.write().unwrap_or_else(PoisonError::into_inner);
        for (row, (arn, state)) in self.found {
            let mut moves = self.moves.remove(&row).unwrap_or_default();
            moves.sort_unstable_by_key(|kept| kept.row);
            queues.insert(Queue::new(arn, row, state, moves));
        }
        self.moves.into_values().flatten().for_each(|kept| inner.forget(&kept));
        Ok(())
    }
}

/// Takes up a message, or what is left of one.
fn take_up(state: &mut QueueState, message: Held, now_ms: u64) {
    match message.fifo.is_some_and(|fifo| fifo.is_gone) {
        true => state.remember(&message),
        false => state.insert(message, now_ms),
    }
}
