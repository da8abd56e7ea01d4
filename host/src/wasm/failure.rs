//! How a guest ended that gave no answer.

use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::guest::GuestState;
use super::program_error::one_line;
use super::world::ReportedError;
use crate::function::MemorySize;
use crate::invocation::FunctionError;

/// What wasmtime says when a guest hands over more bytes at once than the host takes; it has no type for it that could
/// be told by. An answer of more than 16 MiB ends so, before its size can be looked at.
const FUEL_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";

/// The error by which a guest is ended when its time is over.
#[derive(Debug, thiserror::Error)]
#[error("the deadline has passed")]
pub(super) struct DeadlinePassed;

/// How a guest ended that gave no answer. With the request's id it becomes the error the caller gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It reported an error itself, or handed one over before it ended.
    Reported(FunctionError),
    /// It exited or trapped: Lambda's sentence for it.
    Exited(String),
    /// It wanted more memory than it may have, and trapped for it.
    OutOfMemory,
    /// It gave an answer of more bytes than these, which an answer may have.
    AnswerTooLarge(usize),
    /// Its time, as long as this, was over.
    TimedOut(Duration),
}

impl Ending {
    /// Finds out how the guest ended that left this error; writes the trace of a trap to its log.
    pub(super) fn of(guest: &mut GuestState, time_limit: Duration, error: &wasmtime::Error) -> Self {
        if error.downcast_ref::<DeadlinePassed>().is_some() {
            return Self::TimedOut(time_limit);
        }
        if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
            return Self::Exited(match code {
                0 => "Runtime exited without providing a reason".to_owned(),
                code => format!("Runtime exited with error: exit status {code}"),
            });
        }
        if let Some(handed_over) = guest.log.take_handed_over() {
            return Self::Reported(handed_over);
        }
        if guest.memory.take_refused() {
            return Self::OutOfMemory;
        }
        let what = error.downcast_ref::<Trap>().map_or_else(|| one_line(error), ToString::to_string);
        let trace = error.downcast_ref::<WasmBacktrace>();
        // With a trace it was a call of a host function that handed over too much, which is a trap like any other.
        if trace.is_none() && what.contains(FUEL_EXHAUSTED) {
            return Self::AnswerTooLarge(guest.answer_bytes_max);
        }
        if let Some(trace) = trace {
            guest.log.note(&trace.to_string());
        }
        Self::Exited(format!("Runtime exited with error: {what}"))
    }

    /// The error for the caller of that request, on a function with that much memory.
    pub(crate) fn into_error(self, request_id: &str, memory: MemorySize) -> FunctionError {
        match self {
            Self::Reported(error) => error,
            Self::Exited(reason) => FunctionError::exited(request_id, &reason),
            Self::OutOfMemory => FunctionError::out_of_memory(request_id, memory.mb()),
            Self::AnswerTooLarge(limit) => FunctionError::answer_too_large(limit),
            Self::TimedOut(limit) => FunctionError::timed_out(request_id, limit),
        }
    }
}

impl From<ReportedError> for FunctionError {
    fn from(error: ReportedError) -> Self {
        Self::reported(error.error_type, error.error_message, error.stack_trace)
    }
}
