//! How each thing that the core asks for is done.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use crate::failpoint;
use crate::sqs::{QueueArn, SendError};
use crate::store::StoreError;
use crate::store::journal::RowId;

use super::super::core::{Claim, Effect, Input, RunEffect, Spare};
use super::super::delivery::DeliveryHeader;
use super::super::outcome::{RunOutcome, RunRequest};
use super::super::record;
use super::Shared;

/// How soon a payload is read again that could not be read because too much is being read.
const READ_AGAIN: Duration = Duration::from_millis(100);
/// How long a run gets to end when it is told to.
pub(super) const END_TIME_MAX: Duration = Duration::from_secs(1);
/// How long the journal gets for what is given up at the end.
pub(super) const RELEASE_TIME_MAX: Duration = Duration::from_secs(5);

impl Shared {
    pub(super) fn carry_out(self: &Arc<Self>, effect: Effect) {
        match effect {
            Effect::Write { ticket, changes, is_new } => {
                let shared = self.clone();
                self.tasks.spawn(async move {
                    let journal = &shared.parts.journal;
                    let write = if is_new { journal.write_new(changes) } else { journal.write(changes) };
                    match write.await {
                        // Whether it is durable is not known: only a start can tell.
                        Err(error) if ends_all(&error) => shared.fail(error),
                        result => shared.tell(Input::Written { ticket, result }),
                    }
                });
            }
            Effect::Run(run) => {
                let shared = self.clone();
                self.tasks.spawn(async move { shared.run(run).await });
            }
            Effect::Fetch(claim) => {
                let shared = self.clone();
                self.tasks.spawn(async move {
                    let payload = shared.payload_for_good(claim.row).await;
                    let spare = shared.spare();
                    shared.tell(Input::Fetched { claim, payload, spare });
                });
            }
            Effect::Send { delivery, target, header } => {
                let shared = self.clone();
                self.tasks.spawn(async move { shared.send(delivery, &target, &header).await });
            }
            Effect::Answer { ask, result } => {
                failpoint::reached("event.answer");
                if let Some(answer) = self.asked().remove(&ask) {
                    // Whoever asked may be gone; what was asked for is done all the same.
                    let _ = answer.send(result);
                }
            }
            Effect::Count { function, observation } => self.parts.meter.observe(&function, observation),
            Effect::Lost(row) => {
                tracing::error!("row {} of the queue of events was written by somebody else", row.0);
            }
        }
    }

    async fn run(self: &Arc<Self>, run: RunEffect) {
        let RunEffect { claim, request_id, function, qualifier, trace } = run;
        let (outcome, payload) = match self.payload(claim.row).await {
            Ok(payload) => {
                failpoint::reached("event.run");
                let request = RunRequest { function, qualifier, payload: payload.clone(), request_id, trace };
                (self.run_guarded(request).await, Some(payload))
            }
            Err(error) => (RunOutcome::Unreadable { reason: error.to_string() }, None),
        };
        self.ended(claim, outcome, payload);
    }

    /// Runs in a task of its own, so that a panic is an outcome and not a run that is never heard of.
    async fn run_guarded(self: &Arc<Self>, request: RunRequest) -> RunOutcome {
        let run = self.parts.run.clone();
        let task = self.tasks.spawn(async move { run.run(request).await });
        task.await.unwrap_or_else(|error| RunOutcome::System { reason: error.to_string() })
    }

    fn ended(self: &Arc<Self>, claim: Claim, outcome: RunOutcome, payload: Option<Bytes>) {
        failpoint::reached("event.ran");
        let spare = self.spare();
        self.tell(Input::Ended { claim, outcome, payload, spare });
    }

    async fn send(self: &Arc<Self>, delivery: RowId, target: &QueueArn, header: &DeliveryHeader) {
        let unreachable = |reason: String| Err(SendError::Unreachable { reason });
        let result = match self.parts.journal.body(delivery).await {
            Ok(body) => {
                failpoint::reached("event.send");
                let message = record::message(header, &body.unwrap_or_default());
                self.parts.sender.send(target, &message).await.map(drop)
            }
            // What is damaged stays so.
            Err(error @ StoreError::Damaged { .. }) => Err(SendError::Refused { reason: error.to_string() }),
            Err(error) => unreachable(error.to_string()),
        };
        if let Err(error) = &result {
            tracing::warn!("{target} was not told of {}: {error}", header.request_id);
        }
        failpoint::reached("event.sent");
        self.tell(Input::Sent { delivery, result });
    }

    /// The payload of an event; none is empty.
    async fn payload(&self, row: RowId) -> Result<Bytes, StoreError> {
        Ok(self.parts.journal.body(row).await?.unwrap_or_default())
    }

    /// The payload of an event, as soon as it can be read; nothing, if it never can.
    async fn payload_for_good(&self, row: RowId) -> Option<Bytes> {
        loop {
            match self.payload(row).await {
                Ok(payload) => return Some(payload),
                Err(StoreError::Busy) => tokio::time::sleep(READ_AGAIN).await,
                Err(_) => return None,
            }
        }
    }

    fn spare(&self) -> Spare {
        let journal = &self.parts.journal;
        let request_id = Uuid::new_v4().to_string().into();
        Spare { rows: [journal.allocate(), journal.allocate()], request_id }
    }
}

/// Whether nothing can be written any more after this.
fn ends_all(error: &StoreError) -> bool {
    !matches!(error, StoreError::Busy | StoreError::Full | StoreError::Conflict)
}
