//! Tasks that move the messages of a dead-letter queue elsewhere: what is written down of one, and how fast it goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record::{damaged, uuid_text};
use super::state::ASIDE_MAX;
use crate::function::QueueArn;
use crate::store::StoreError;
use crate::store::journal::{Row, RowId};

/// How many steps a task with a limit makes in a second at most.
const STEPS_PER_SECOND: u32 = 10;

/// What is written of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveTask {
    #[serde(with = "uuid_text")]
    pub(crate) id: Uuid,
    /// The row of the queue whose messages it moves.
    queue: u64,
    /// Where it moves them; none, if each goes back to where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<QueueArn>,
    /// How many messages it moves in a second at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) per_second: Option<u32>,
    pub(crate) status: MoveStatus,
    /// Milliseconds since 1970.
    pub(crate) started_ms: u64,
    /// How many messages there were to be moved when it began: so many it moves at most, or it could go on for ever.
    pub(crate) to_move: u64,
    pub(crate) moved: u64,
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MoveStatus {
    Running,
    Completed,
    Cancelled,
    Failed(MoveFailure),
}

/// Why a task ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MoveFailure {
    /// The next message was sent to the queue by somebody: it is nobody's dead letter.
    NoSource,
    /// The queue to which the next message would go is not there.
    NoSuchQueue,
}

/// How a task with a limit goes: so many messages, and then a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) messages: usize,
    pub(super) pause: Duration,
}

impl MoveTask {
    /// One that begins now.
    pub(super) fn new(queue: RowId, destination: Option<QueueArn>, per_second: Option<u32>) -> Self {
        let (id, status) = (Uuid::new_v4(), MoveStatus::Running);
        Self { id, queue: queue.0, destination, per_second, status, started_ms: 0, to_move: 0, moved: 0 }
    }

    pub(super) fn header(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts always have a JSON form")
    }

    /// The task of a row, with the queue whose messages it moves.
    pub(super) fn of(row: &Row) -> Result<(RowId, Self), StoreError> {
        let task: Self = serde_json::from_slice(&row.header).map_err(|error| damaged(row.id, &error))?;
        Ok((RowId(task.queue), task))
    }

    /// How many messages it moves at a time, and how long it waits then.
    pub(super) fn pace(&self) -> Pace {
        let Some(per_second) = self.per_second.filter(|per_second| *per_second > 0) else {
            return Pace { messages: ASIDE_MAX, pause: Duration::ZERO };
        };
        let messages = per_second.div_ceil(STEPS_PER_SECOND);
        let pause = Duration::from_secs(messages.into()) / per_second;
        Pace { messages: messages as usize, pause }
    }

    /// How many are still to be moved.
    pub(super) fn left(&self) -> usize {
        usize::try_from(self.to_move.saturating_sub(self.moved)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(per_second: Option<u32>) -> MoveTask {
        MoveTask::new(RowId(3), None, per_second)
    }

    #[test]
    fn a_task_moves_as_many_in_a_second_as_it_may() {
        for per_second in [1, 2, 7, 10, 11, 93, 500] {
            let Pace { messages, pause } = task(Some(per_second)).pace();
            let rate = messages as f64 / pause.as_secs_f64();
            assert!((rate - f64::from(per_second)).abs() < 0.01, "{per_second}: {rate}");
            assert!(pause >= Duration::from_millis(90), "{per_second}: {pause:?}");
        }
        assert_eq!(task(None).pace(), Pace { messages: ASIDE_MAX, pause: Duration::ZERO });
    }

    #[test]
    fn a_task_is_read_as_it_was_written() {
        let header = |task: &MoveTask| Row {
            id: RowId(5),
            kind: crate::store::journal::Kind(18),
            fence: 0,
            header: task.header(),
            body_bytes: None,
        };
        let mut written = task(Some(5));
        written.status = MoveStatus::Failed(MoveFailure::NoSource);
        assert_eq!(MoveTask::of(&header(&written)), Ok((RowId(3), written)));
        written = MoveTask::new(RowId(3), "arn:aws:sqs:us-east-1:000000000000:q".parse().ok(), None);
        assert_eq!(MoveTask::of(&header(&written)), Ok((RowId(3), written)));
    }
}
