//! What goes into the core and what comes out of it.

use bytes::Bytes;

use crate::function::{FunctionKey, Qualifier};
use crate::sqs::{QueueArn, SendError};
use crate::store::StoreError;
use crate::store::journal::{Change, RowId};

use super::super::event::{NewEvent, RequestId};
use super::super::observation::Observation;
use super::super::outcome::RunOutcome;

/// Which write. None is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(super) u64);

/// Which request to the core, for the answer to find its way. The driver chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ask(pub(crate) u64);

/// The right to say what becomes of an event. It is void as soon as the row was written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Claim {
    pub(crate) row: RowId,
    pub(crate) fence: u64,
}

/// Ids that nobody has, for what may come of an event's end: a row for each place that is told, and an event's own.
#[derive(Debug, Clone)]
pub(crate) struct Spare {
    pub(crate) rows: [RowId; 2],
    pub(crate) request_id: RequestId,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// An event is to be accepted, together with changes of rows that are somebody else's: all of it, or nothing.
    Accept { ask: Ask, row: RowId, event: NewEvent, beside: Vec<Change> },
    /// What came of a write.
    Written { ticket: Ticket, result: Result<(), StoreError> },
    /// What came of a run, with the event's payload; none, if it cannot be read.
    Ended { claim: Claim, outcome: RunOutcome, payload: Option<Bytes>, spare: Spare },
    /// The payload of an event that ends without a run; none, if it cannot be read.
    Fetched { claim: Claim, payload: Option<Bytes>, spare: Spare },
    /// What came of sending a message.
    Sent { delivery: RowId, result: Result<(), SendError> },
    /// A time has come.
    Tick,
    /// A dead letter is to be tried again.
    Redrive { ask: Ask, request_id: RequestId },
    /// A dead letter is to be forgotten.
    Purge { ask: Ask, request_id: RequestId },
    /// No event is to run any more, for now; those that come are accepted.
    Pause,
    /// Nothing is to begin any more.
    Drain,
    /// What still runs is given up, to be run by the next process.
    Release,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Write this; then [`Input::Written`]. Whether all of it is new decides how much room there is for it.
    Write { ticket: Ticket, changes: Vec<Change>, is_new: bool },
    /// Run this, with the body of the claim's row; then [`Input::Ended`].
    Run(RunEffect),
    /// Read the body of the claim's row; then [`Input::Fetched`].
    Fetch(Claim),
    /// Send the message of this row; then [`Input::Sent`].
    Send { delivery: RowId, target: QueueArn, header: Box<super::super::delivery::DeliveryHeader> },
    /// Answer a request.
    Answer { ask: Ask, result: Result<(), Refusal> },
    /// Count this.
    Count { function: FunctionKey, observation: Observation },
    /// Another process wrote this row, which none should: it is theirs from now on.
    Lost(RowId),
}

/// A run that is to begin.
#[derive(Debug, Clone)]
pub(crate) struct RunEffect {
    pub(crate) claim: Claim,
    pub(crate) request_id: RequestId,
    pub(crate) function: FunctionKey,
    pub(crate) qualifier: Option<Qualifier>,
    pub(crate) trace: String,
}

/// Why the core did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Refusal {
    /// There is an event with that id.
    #[error("there is an event with that request id already")]
    Duplicate,
    /// There are too many events.
    #[error("{limit} events wait already; no more are accepted")]
    QueueFull {
        /// How many there may be.
        limit: usize,
    },
    /// There are too many of the function.
    #[error("{limit} events of the function wait already; no more of it are accepted")]
    ShareFull {
        /// How many there may be.
        limit: usize,
    },
    /// The host is closing.
    #[error("the host is closing")]
    Draining,
    /// There is no such event.
    #[error("there is no event with that request id")]
    NotFound,
    /// The event is not in the dead table, or it succeeded and is not to run again.
    #[error("the event is not in the dead table")]
    NotDead,
    /// It could not be written down.
    #[error("{0}")]
    Store(StoreError),
}
