//! What is told of events.

use crate::policy::retry::Condition;
use crate::store::journal::RowId;

use super::super::event::{Progress, Stamp};
use super::super::status::{Backlog, Depth, EventStatus, Status};
use super::{Core, Event, Now};

impl Core {
    /// The event with that request id, if it is known.
    pub(crate) fn show(&self, request_id: &str, now: Now) -> Option<EventStatus> {
        let row = *self.by_request.get(request_id)?;
        let event = self.events.get(&row)?;
        Some(self.status(row, event, self.clock.stamp(now)))
    }

    /// How many events are in which state.
    pub(crate) fn depth(&self) -> Depth {
        self.depth
    }

    /// Queues that messages wait for, which tell how events ended.
    pub(crate) fn backlogs(&self) -> Vec<Backlog> {
        self.targets.backlogs()
    }

    pub(super) fn status(&self, row: RowId, event: &Event, stamp: Stamp) -> EventStatus {
        let facts = &event.header.facts;
        let (tries, failure) = match &event.header.progress {
            Progress::Queued { tries, last, .. } | Progress::Running { tries, last, .. } => (*tries, last),
            Progress::Delivering { ending } | Progress::Finished { ending, .. } => {
                (ending.tries, &ending.failure)
            }
        };
        EventStatus {
            request_id: facts.request_id.clone(),
            function: facts.function.clone(),
            qualifier: facts.qualifier.clone(),
            accepted_ms: facts.accepted.wall,
            payload_bytes: facts.payload_bytes,
            trace: facts.trace.clone(),
            attempts: tries.attempts,
            redrives: facts.redrives,
            failure: failure.clone(),
            status: self.status_of(event, stamp),
            row,
        }
    }

    fn status_of(&self, event: &Event, stamp: Stamp) -> Status {
        match &event.header.progress {
            Progress::Queued { due, .. } if *due > stamp.at => {
                Status::Retrying { at_ms: stamp.wall + (due - stamp.at).div_ceil(self.options.time_scale()) }
            }
            Progress::Queued { .. } => Status::Queued,
            Progress::Running { since, tries, .. } => {
                Status::Running { attempt: tries.runs() + 1, since_ms: since.wall }
            }
            Progress::Delivering { ending } => {
                let target =
                    |row: &RowId| self.deliveries.get(row).map(|delivery| delivery.header.target.clone());
                let targets = event.open.iter().filter_map(target).collect();
                Status::Delivering { condition: ending.condition, targets }
            }
            Progress::Finished { ending, .. } => {
                let (at_ms, condition) = (ending.at.wall, ending.condition);
                let (places, undelivered) = (ending.places.clone(), ending.undelivered.clone());
                match condition {
                    Condition::Success => {
                        Status::Succeeded { at_ms, version: ending.version, places, undelivered }
                    }
                    _ => Status::Dead { at_ms, condition, places, undelivered },
                }
            }
        }
    }
}
