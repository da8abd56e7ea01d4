//! Which messages are held, for what is to become of them: deleted, moved, or kept from others for longer.

use super::super::limits::VISIBILITY_SECONDS;
use super::{ASIDE_MAX, Held, Message, Place, QueueState};
use crate::store::journal::RowId;

/// Whether a message could be held for the holder of one of its receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Hold {
    Held(Held),
    /// Somebody else holds it, for as long as a write takes.
    Busy,
    /// It is not there, or was received again since.
    Stale,
    /// Its visibility timeout is over, after which a FIFO queue deletes nothing: what comes behind it may be handed out in order only.
    Expired,
}

/// Why a visibility cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VisibilityError {
    /// It is not there, or was received again since.
    #[error("the message does not exist or is not available for a change of its visibility timeout")]
    NotThere,
    /// Its visibility timeout is over, so others may have it.
    #[error("the message is not in flight")]
    NotInFlight,
    /// A message is kept from others for 12 hours at most after it was received.
    #[error("the total visibility timeout of the message is beyond the limit of {} seconds", VISIBILITY_SECONDS.end())]
    BeyondTotal,
}

impl QueueState {
    /// Holds a message for whoever has its latest receipt, to be deleted.
    pub(in super::super) fn hold_received(&mut self, row: RowId, receives: u32, now_ms: u64) -> Hold {
        self.advance(now_ms);
        let Some(message) = self.messages.get(&row) else { return Hold::Stale };
        let held = self.held(row);
        match message.place {
            Place::Held => Hold::Busy,
            Place::Ready if self.groups.is_some() => Hold::Expired,
            _ if message.record.receives != receives => match self.groups {
                Some(_) => Hold::Expired,
                None => Hold::Stale,
            },
            Place::Ready | Place::Waiting => {
                self.hold(row);
                Hold::Held(held)
            }
        }
    }

    /// Holds a message for whoever has its latest receipt, with another time from when on others may have it. Busy is an `Ok`.
    pub(in super::super) fn hold_in_flight(
        &mut self,
        (row, receives): (RowId, u32),
        now_ms: u64,
        visibility_ms: u64,
    ) -> Result<Hold, VisibilityError> {
        self.advance(now_ms);
        let message = self.messages.get(&row).ok_or(VisibilityError::NotThere)?;
        let mut held = self.held(row);
        let record = &mut held.record;
        match message.place {
            Place::Held => return Ok(Hold::Busy),
            _ if record.receives != receives => return Err(VisibilityError::NotThere),
            Place::Ready => return Err(VisibilityError::NotInFlight),
            Place::Waiting => {}
        }
        record.visible_ms = now_ms.saturating_add(visibility_ms);
        let end = record.last_received_ms.unwrap_or(now_ms) + u64::from(*VISIBILITY_SECONDS.end()) * 1000;
        if record.visible_ms > end {
            return Err(VisibilityError::BeyondTotal);
        }
        self.hold(row);
        Ok(Hold::Held(held))
    }

    /// Holds messages that are too old, to be deleted: the oldest first, and so many at most.
    pub(in super::super) fn hold_expired(&mut self, now_ms: u64) -> Vec<Held> {
        let old = self.by_age.iter().map(|(_, row)| self.held(*row));
        let expired: Vec<Held> = old
            .take_while(|held| self.is_expired(&held.record, now_ms))
            .take(ASIDE_MAX)
            .filter(|held| self.messages[&held.row].place != Place::Held)
            .collect();
        expired.iter().for_each(|held| self.hold(held.row));
        expired
    }

    /// Holds messages of a queue that is deleted, so many at most.
    pub(in super::super) fn hold_any(&mut self, max: usize) -> Vec<Held> {
        let free = self.ready.iter().chain(&self.waiting).take(max);
        let any: Vec<Held> = free.map(|(_, row)| self.held(*row)).collect();
        any.iter().for_each(|held| self.hold(held.row));
        any
    }

    /// Holds messages that can be received, to be moved: those first that wait for longest, and so many at most.
    pub(in super::super) fn hold_visible(&mut self, now_ms: u64, max: usize) -> Vec<Held> {
        self.advance(now_ms);
        let mut visible: Vec<Held> = Vec::new();
        if self.groups.is_some() {
            // In their order, up to what is too old to be moved and not deleted yet.
            while visible.len() < max
                && let Some(held) = self.next(visible.last().and_then(|last| last.fifo))
                && !self.is_expired(&held.record, now_ms)
            {
                self.hold(held.row);
                visible.push(held);
            }
            return visible;
        }
        let ready = self.ready.iter().map(|(_, row)| self.held(*row));
        visible.extend(ready.filter(|held| !self.is_expired(&held.record, now_ms)).take(max));
        visible.iter().for_each(|held| self.hold(held.row));
        visible
    }

    /// Holds so many of these messages at most, to be deleted. Those are left that somebody else holds, and not those that are gone.
    pub(in super::super) fn hold_of(&mut self, left: &mut Vec<RowId>, max: usize) -> Vec<Held> {
        let (mut held, mut busy) = (Vec::new(), Vec::new());
        while held.len() < max
            && let Some(row) = left.pop()
        {
            match self.messages.get(&row) {
                None => {}
                Some(Message { place: Place::Held, .. }) => busy.push(row),
                Some(_) => {
                    held.push(self.held(row));
                    self.hold(row);
                }
            }
        }
        left.append(&mut busy);
        held
    }
}
