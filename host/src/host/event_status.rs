//! How far asynchronous events have come, by the ids of their requests.

use std::sync::Arc;

use bytes::Bytes;

use super::Host;
use crate::events::{Depth, EventStatus, Status};
use crate::function::{FunctionArn, Qualifier, VersionNumber};
use crate::policy::retry::Condition;
use crate::store::StoreError;

/// An event that was [accepted](Host::invoke_async), and how far it has come. All times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventInfo {
    /// The id of its request, the same at every attempt.
    pub request_id: Arc<str>,
    /// The ARN of the function, with the version or alias that was asked for: `$LATEST` if none was.
    pub function_arn: String,
    /// When it was accepted, or put back into the queue from the dead letters.
    pub accepted_ms: u64,
    /// How many bytes its payload has; none stand for `{}`.
    pub payload_bytes: u64,
    /// How often the function has run on it, and ended with an answer or an error, since it was accepted or put back.
    pub attempts: u32,
    /// How often it was put back into the queue from the dead letters.
    pub redrives: u32,
    /// What went wrong last, if something did.
    pub last_failure: Option<EventFailure>,
    /// How far it has come.
    pub state: EventState,
}

/// What went wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventFailure {
    /// In the terms of HTTP: 200 is an error of the function itself, 429 a throttle.
    pub code: u16,
    /// What happened, the first 1,024 bytes.
    pub message: Arc<str>,
}

/// How far an event has come. All times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventState {
    /// It waits for its turn.
    Queued,
    /// The function runs on it.
    Running {
        /// For the how manieth time: 1 at first.
        attempt: u32,
        /// Since when.
        since_ms: u64,
    },
    /// It waits for its next attempt.
    Retrying {
        /// When that is due.
        at_ms: u64,
    },
    /// It has ended, and places are being told.
    Delivering {
        /// How it ended.
        condition: Condition,
        /// The ARNs of those that are still to be told.
        targets: Vec<Arc<str>>,
    },
    /// The function answered. Its answer is [there](Host::event_body) for as long as
    /// [results are kept](crate::HostBuilder::event_results_kept).
    Succeeded {
        /// When it ended.
        at_ms: u64,
        /// Which version answered.
        executed_version: Option<VersionNumber>,
        /// The ARNs of those that were told.
        told: Vec<Arc<str>>,
        /// Those that could not be told.
        undelivered: Vec<UndeliveredEvent>,
    },
    /// It has ended without success.
    Dead {
        /// When it ended.
        at_ms: u64,
        /// Why.
        condition: Condition,
        /// The ARNs of those that were told.
        told: Vec<Arc<str>>,
        /// Those that could not be told.
        undelivered: Vec<UndeliveredEvent>,
    },
}

/// A queue or function that could not be told how an event ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UndeliveredEvent {
    /// Its ARN.
    pub target: Arc<str>,
    /// Why not.
    pub reason: Arc<str>,
}

/// What is kept of an event beside how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventBody {
    /// The event itself; empty stands for `{}`.
    Payload(Bytes),
    /// What the function answered.
    Result(Bytes),
}

/// How many asynchronous events are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AsyncDepth {
    /// Those that wait for their turn or their next attempt.
    pub queued: usize,
    /// Those that a function runs on.
    pub running: usize,
    /// Those that have ended, and of whom places are being told.
    pub delivering: usize,
    /// Those that have ended and need nobody's attention.
    pub finished: usize,
    /// [Dead letters](Host::dead_letters).
    pub dead: usize,
    /// Messages that wait to be sent to queues.
    pub deliveries: usize,
}

impl Host {
    /// The event of that request id and how far it has come; nothing, if there was none or it is not kept any longer.
    pub fn event(&self, request_id: &str) -> Option<EventInfo> {
        self.events().show(request_id).map(|status| self.event_info(status))
    }

    /// What is kept of an event that has ended: what the function answered if it did, the event itself otherwise. Nothing, if there is
    /// no such event, it has not ended, or others have been told of it.
    ///
    /// # Errors
    /// When it cannot be read: [`StoreError::Busy`] if too much is being read, [`StoreError::Damaged`] if it is not as it was
    /// written.
    pub async fn event_body(&self, request_id: &str) -> Result<Option<EventBody>, StoreError> {
        let Some(mut status) = self.events().show(request_id) else { return Ok(None) };
        while let Some(kept) = kept(&status.status) {
            let body = self.events().body(&status).await?;
            let Some(now) = self.events().show(request_id) else { return Ok(None) };
            // A dead letter that was put back meanwhile may have ended otherwise since.
            if now.redrives == status.redrives {
                // An empty payload is as good as none where it is kept.
                let is_empty = now.payload_bytes == 0 && matches!(now.status, Status::Dead { .. });
                return Ok(body.or_else(|| is_empty.then(Bytes::new)).map(kept));
            }
            status = now;
        }
        Ok(None)
    }

    /// How many asynchronous events are in which state.
    pub fn async_depth(&self) -> AsyncDepth {
        let Depth { queued, running, delivering, finished, dead, deliveries } = self.events().depth();
        AsyncDepth { queued, running, delivering, finished, dead, deliveries }
    }

    pub(super) fn event_info(&self, status: EventStatus) -> EventInfo {
        let key = &status.function;
        let arn = FunctionArn::new(self.account_id(), key.region(), key.name());
        let qualifier = status.qualifier.unwrap_or(Qualifier::Version(VersionNumber::Latest));
        EventInfo {
            request_id: status.request_id,
            function_arn: arn.qualified(&qualifier),
            accepted_ms: status.accepted_ms,
            payload_bytes: status.payload_bytes,
            attempts: status.attempts,
            redrives: status.redrives,
            last_failure: status
                .failure
                .map(|failure| EventFailure { code: failure.code, message: failure.message }),
            state: state(status.status),
        }
    }
}

#[cfg(test)]
impl EventInfo {
    /// An event for tests of others.
    pub(crate) fn example(request_id: &str) -> Self {
        Self {
            request_id: request_id.into(),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST".to_owned(),
            accepted_ms: 1_795_280_400_000,
            payload_bytes: 2,
            attempts: 0,
            redrives: 0,
            last_failure: None,
            state: EventState::Queued,
        }
    }
}

impl EventInfo {
    /// Whether it is among the [dead letters](Host::dead_letters): it ended without success and nobody was told, or somebody could
    /// not be told how it ended.
    pub fn is_dead_letter(&self) -> bool {
        match &self.state {
            EventState::Succeeded { undelivered, .. } => !undelivered.is_empty(),
            EventState::Dead { told, undelivered, .. } => told.is_empty() || !undelivered.is_empty(),
            _ => false,
        }
    }
}

/// What is kept of an event that has ended.
fn kept(status: &Status) -> Option<fn(Bytes) -> EventBody> {
    match status {
        Status::Succeeded { .. } | Status::Delivering { condition: Condition::Success, .. } => {
            Some(EventBody::Result)
        }
        Status::Dead { .. } | Status::Delivering { .. } => Some(EventBody::Payload),
        Status::Queued | Status::Retrying { .. } | Status::Running { .. } => None,
    }
}

fn state(status: Status) -> EventState {
    let undelivered = |those: Vec<crate::events::Undelivered>| {
        those.into_iter().map(|one| UndeliveredEvent { target: one.target, reason: one.reason }).collect()
    };
    match status {
        Status::Queued => EventState::Queued,
        Status::Running { attempt, since_ms } => EventState::Running { attempt, since_ms },
        Status::Retrying { at_ms } => EventState::Retrying { at_ms },
        Status::Delivering { condition, targets } => EventState::Delivering { condition, targets },
        Status::Succeeded { at_ms, version, places, undelivered: not } => EventState::Succeeded {
            at_ms,
            executed_version: version,
            told: places,
            undelivered: undelivered(not),
        },
        Status::Dead { at_ms, condition, places, undelivered: not } => {
            EventState::Dead { at_ms, condition, told: places, undelivered: undelivered(not) }
        }
    }
}
