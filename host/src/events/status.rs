//! What is told of events to whoever asks.

use std::sync::Arc;

use crate::function::{FunctionKey, Qualifier, VersionNumber};
use crate::policy::retry::Condition;
use crate::sqs::QueueArn;
use crate::store::journal::RowId;

use super::event::{Failure, RequestId, Undelivered};

/// An event and how far it has come. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventStatus {
    pub(crate) request_id: RequestId,
    pub(crate) function: FunctionKey,
    pub(crate) qualifier: Option<Qualifier>,
    /// When it was accepted, or put back into the queue from the dead table.
    pub(crate) accepted_ms: u64,
    pub(crate) payload_bytes: u64,
    pub(crate) trace: Option<String>,
    /// Runs that ended with an answer or a function error.
    pub(crate) attempts: u32,
    /// How often it was put back into the queue from the dead table.
    pub(crate) redrives: u32,
    /// What went wrong last.
    pub(crate) failure: Option<Failure>,
    pub(crate) status: Status,
    /// The row whose body is the payload or, after a success, the result.
    pub(super) row: RowId,
}

/// What waits for a queue that is to be told how events ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub(crate) target: QueueArn,
    /// Messages that wait or are on their way.
    pub(crate) waiting: usize,
    /// How often sending failed in a row.
    pub(crate) failures: u32,
    /// Why, the last time.
    pub(crate) last_error: Option<Arc<str>>,
}

/// How far an event has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// It waits for its turn.
    Queued,
    /// It waits for its next attempt.
    Retrying { at_ms: u64 },
    /// It runs, for the nth time.
    Running { attempt: u32, since_ms: u64 },
    /// It has ended, and places are being told.
    Delivering { condition: Condition, targets: Vec<Arc<str>> },
    /// The function answered; its answer is kept.
    Succeeded {
        at_ms: u64,
        version: Option<VersionNumber>,
        places: Vec<Arc<str>>,
        undelivered: Vec<Undelivered>,
    },
    /// It has ended without success.
    Dead {
        at_ms: u64,
        condition: Condition,
        /// Who was told; nobody, if it is in the dead table for that.
        places: Vec<Arc<str>>,
        /// Who could not be told, and why.
        undelivered: Vec<Undelivered>,
    },
}

/// Which events of the dead table are asked for: those that everything fits that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeadFilter {
    pub(crate) function: Option<FunctionKey>,
    pub(crate) condition: Option<Condition>,
    /// Those that ended at least so many milliseconds ago.
    pub(crate) older_than_ms: Option<u64>,
}

/// Where a page of the dead table ends, and the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeadCursor {
    /// When the last event ended, in the core's time.
    pub(super) at: u64,
    pub(super) row: RowId,
}

impl DeadCursor {
    /// The cursor as text, which [`DeadCursor::parse`] takes.
    pub(crate) fn to_text(self) -> String {
        format!("{:x}-{:x}", self.at, self.row.0)
    }

    /// Takes the text of a cursor.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (at, row) = text.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Self { at: number(at)?, row: RowId(number(row)?) })
    }
}

/// How many events are in which state, and how many messages wait for their queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Ready to run, or waiting for their next attempt.
    pub(crate) queued: usize,
    pub(crate) running: usize,
    pub(crate) delivering: usize,
    /// Ended and kept for a while, successes and others whose places were told.
    pub(crate) finished: usize,
    /// In the dead table.
    pub(crate) dead: usize,
    /// Messages that are to be sent.
    pub(crate) deliveries: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_written() {
        let cursor = DeadCursor { at: u64::MAX, row: RowId(17) };
        assert_eq!(DeadCursor::parse(&cursor.to_text()), Some(cursor));
        for bad in ["", "-", "1", "1-", "1-x", "1-2-3"] {
            assert_eq!(DeadCursor::parse(bad), None, "{bad:?}");
        }
    }
}
