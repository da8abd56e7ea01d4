//! StartMessageMoveTask, CancelMessageMoveTask and ListMessageMoveTasks.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::SqsWireError;
use super::shapes::{CancelMove, Cancelled, ListMoves, MoveTaskEntry, MoveTasks, StartMessageMove, Started};
use super::{Call, Done, given, json};
use crate::sqs::limits::{MOVE_TASKS_LISTED, MOVED_PER_SECOND};
use crate::sqs::{CancelMoveError, MoveFailure, MoveStatus, MoveTask, QueueArn, StartMove};

const SOURCE: &str = "SourceArn";
const DESTINATION: &str = "DestinationArn";
const PER_SECOND: &str = "MaxNumberOfMessagesPerSecond";
const HANDLE: &str = "TaskHandle";

/// What names a task, as JSON in base64.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    task_id: String,
    source_arn: QueueArn,
}

pub(super) async fn start(call: &Call<'_>) -> Done {
    let request: StartMessageMove = call.request()?;
    let source = existing(call, request.source_arn, SOURCE)?;
    let destination =
        request.destination_arn.map(|destination| arn(&destination, DESTINATION)).transpose()?;
    let per_second = request.max_number_of_messages_per_second.map(|number| {
        let allowed = u32::try_from(number).ok().filter(|number| MOVED_PER_SECOND.contains(number));
        allowed.ok_or_else(|| {
            let reason = "You must enter a number that's between 1 and 500.";
            SqsWireError::parameter(format!("Value for parameter {PER_SECOND} is invalid. Reason: {reason}"))
        })
    });
    let start = StartMove { source: source.clone(), destination, per_second: per_second.transpose()? };
    let task_id = call.queues.start_move(start).await?;
    json(&Started { task_handle: Handle::of(task_id, &source).text() })
}

pub(super) async fn cancel(call: &Call<'_>) -> Done {
    let request: CancelMove = call.request()?;
    let handle = given(request.task_handle, HANDLE)?;
    let handle = Handle::parse(&handle)
        .ok_or_else(|| SqsWireError::parameter(format!("Value for parameter {HANDLE} is invalid.")))?;
    let source = existing(call, Some(handle.source_arn.to_string()), SOURCE)?;
    let id = Uuid::parse_str(&handle.task_id).map_err(|_| CancelMoveError::NoSuchTask)?;
    let moved = call.queues.cancel_move(&source, id).await?;
    json(&Cancelled { approximate_number_of_messages_moved: moved })
}

pub(super) async fn list(call: &Call<'_>) -> Done {
    let request: ListMoves = call.request()?;
    let source = existing(call, request.source_arn, SOURCE)?;
    let max = match request.max_results {
        None => 1,
        Some(max) => {
            let allowed = usize::try_from(max).ok().filter(|max| MOVE_TASKS_LISTED.contains(max));
            let reason = "Must be between 1 and 10, if provided.";
            allowed.ok_or_else(|| SqsWireError::value("MaxResults", &max.to_string(), reason))?
        }
    };
    let moves = call.queues.moves(&source, max).await?;
    json(&MoveTasks { results: moves.into_iter().map(|task| entry(&source, task)).collect() })
}

fn entry(source: &QueueArn, task: MoveTask) -> MoveTaskEntry {
    let (status, failure_reason) = match task.status {
        MoveStatus::Running => ("RUNNING", None),
        MoveStatus::Completed => ("COMPLETED", None),
        MoveStatus::Cancelled => ("CANCELLED", None),
        MoveStatus::Failed(MoveFailure::NoSource) => ("FAILED", Some("CouldNotDetermineMessageSource")),
        MoveStatus::Failed(MoveFailure::NoSuchQueue) => {
            ("FAILED", Some("AWS.SimpleQueueService.NonExistentQueue"))
        }
    };
    let handle = Handle::of(task.id, source);
    MoveTaskEntry {
        task_handle: (task.status == MoveStatus::Running).then(|| handle.text()),
        status,
        source_arn: source.to_string(),
        destination_arn: task.destination.map(|destination| destination.to_string()),
        max_number_of_messages_per_second: task.per_second,
        approximate_number_of_messages_moved: task.moved,
        approximate_number_of_messages_to_move: task.to_move,
        failure_reason,
        started_timestamp: task.started_ms,
    }
}

/// The queue of that ARN, which is there.
fn existing(call: &Call<'_>, text: Option<String>, member: &str) -> Result<QueueArn, SqsWireError> {
    let arn = arn(&given(text, member)?, member)?;
    call.queues.check(&arn).map_err(|_| SqsWireError::no_resource(member))?;
    Ok(arn)
}

fn arn(text: &str, member: &str) -> Result<QueueArn, SqsWireError> {
    let arn = QueueArn::parse(text).map_err(|_| {
        let form = "arn:<partition>:<service>:<region>:<account-id>:<resource-id>";
        SqsWireError::parameter(format!("You must use this format to specify the {member}: {form}"))
    })?;
    Ok(arn.without_partition())
}

impl Handle {
    fn of(task: Uuid, source: &QueueArn) -> Self {
        Self { task_id: task.to_string(), source_arn: source.clone() }
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64_STANDARD.decode(text).ok()?).ok()
    }

    fn text(&self) -> String {
        let text = serde_json::to_vec(self).expect("texts always have a JSON form");
        BASE64_STANDARD.encode(text)
    }
}
