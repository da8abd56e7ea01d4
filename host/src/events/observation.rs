//! What is worth counting of events, in Lambda's terms.

use std::fmt;

use crate::function::FunctionKey;

/// Something to count, of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observation {
    /// `AsyncEventsReceived`: an event was accepted.
    Received,
    /// `AsyncEventAge`: an event of that age begins to run.
    Age { ms: u64 },
    /// `AsyncEventsDropped`: an event is at its end without success.
    Dropped,
    /// `DeadLetterErrors`: an event could not be sent to its dead-letter queue, this time or for good.
    DeadLetterError,
    /// `DestinationDeliveryFailures`: the same for a record and its destination.
    DestinationDeliveryFailure,
    /// `RecursiveInvocationsDropped`: an event was not run because its function invokes itself in a circle.
    RecursiveInvocationDropped,
}

/// Counts. It is told under a lock, so it does not wait and does not call back.
pub(crate) trait Meter: fmt::Debug + Send + Sync {
    /// Counts one.
    fn observe(&self, function: &FunctionKey, observation: Observation);
}
