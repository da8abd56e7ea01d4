//! What is to happen when, in the order of its time.

use std::collections::BTreeSet;

use crate::function::FunctionKey;
use crate::sqs::QueueArn;
use crate::store::journal::RowId;

use super::effect::Ticket;

/// What a time is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// An event is due, its lease is over, or it was kept long enough.
    Event(RowId),
    /// A write that was refused is to be tried again.
    Write(Ticket),
    /// A function that was throttled is tried again.
    Lane(FunctionKey),
    /// A queue that failed is tried again.
    Target(QueueArn),
    /// An event that was suspected of ending the host has not done so.
    Suspects,
    /// There was more to do at once than is done at once.
    Turns,
}

/// Timers in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(u64, Timer)>);

impl Timers {
    pub(super) fn set(&mut self, at: u64, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(super) fn unset(&mut self, at: u64, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    /// When the next one is.
    pub(super) fn next(&self) -> Option<u64> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes one whose time has come.
    pub(super) fn pop(&mut self, now: u64) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
