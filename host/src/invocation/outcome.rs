//! What came of a request that was run.

use std::sync::Arc;

use bytes::Bytes;

use super::function_error::FunctionError;
use super::report::Report;
use super::stages::Stages;
use crate::function::VersionNumber;

/// What came of an invocation that was run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The id of the request: a UUID.
    pub request_id: Arc<str>,
    /// The version that ran: what an alias resolved to.
    pub executed_version: VersionNumber,
    /// The function's answer, or the error it ended with.
    pub answer: Result<Bytes, FunctionError>,
    /// Durations and memory, as the log's REPORT line has them.
    pub report: Report,
    /// The last 4 KiB of the invocation's log, if they were asked for.
    pub log_tail: Option<String>,
    /// How long each stage took, if that was asked for.
    pub stages: Option<Stages>,
}

impl Outcome {
    /// The body the caller gets: the answer, or the error in Lambda's JSON form.
    pub fn body(&self) -> Bytes {
        match &self.answer {
            Ok(answer) => answer.clone(),
            Err(error) => error.to_json().into(),
        }
    }
}
