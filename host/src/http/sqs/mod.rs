//! The operations of SQS on the queues that are built in.
//!
//! Protocol JSON 1.0: the operation stands in `X-Amz-Target`, everything else in the body.

mod attributes;
mod batch;
mod done;
mod error;
mod form;
mod move_tasks;
mod permissions;
mod queues;
mod receive;
mod redrive;
mod send;
mod shapes;
mod tags;

use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::api::Api;
use crate::function::{AccountId, Region};
use crate::sqs::{QueueArn, QueueName, Queues};

pub(super) use self::error::SqsWireError;
pub(super) use self::form::{form_error, is_form, is_queue_path, refuse_form};

const CONTENT: &str = "application/x-amz-json-1.0";

/// How large the body of a request with messages may be: 1 MiB of them, every character of which JSON may write with six.
const MESSAGES_BODY_BYTES_MAX: usize = 8 << 20;
/// How large that of any other may be.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What can be done with queues and messages.
const OPERATIONS: [&str; 23] = [
    "AddPermission",
    "CancelMessageMoveTask",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "RemovePermission",
    "SendMessage",
    "SendMessageBatch",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// What an operation answers.
type Done = Result<Response, SqsWireError>;

/// Where a request is made, and what it asks.
struct Call<'a> {
    queues: &'a Queues,
    /// Cancelled when nobody is to wait any longer.
    leaving: &'a CancellationToken,
    /// The region of the signature, or the host's own.
    region: Region,
    /// The host and port by which the client knows this server: URLs of queues have it.
    authority: &'a str,
    body: &'a [u8],
}

/// Whether SQS has that operation.
fn is_operation(name: &str) -> bool {
    OPERATIONS.contains(&name)
}

/// How large the body of a request may be.
pub(super) fn body_bytes_max(operation: &str) -> usize {
    match operation {
        "SendMessage" | "SendMessageBatch" => MESSAGES_BODY_BYTES_MAX,
        _ => BODY_BYTES_MAX,
    }
}

/// Answers a request that names an operation.
pub(super) async fn answer(
    api: &Api,
    region: Option<Region>,
    operation: &str,
    parts: &Parts,
    body: &[u8],
) -> Response {
    let region = region.unwrap_or_else(|| api.host.region().clone());
    // The guard has seen to it that there is one.
    let authority = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let call = Call { queues: api.host.queues(), leaving: &api.leaving, region, authority, body };
    let done = match operation {
        "CreateQueue" => queues::create(&call).await,
        "DeleteQueue" => queues::delete(&call).await,
        "GetQueueUrl" => queues::url(&call),
        "ListQueues" => queues::list(&call),
        "PurgeQueue" => queues::purge(&call).await,
        "TagQueue" => tags::tag(&call).await,
        "UntagQueue" => tags::untag(&call).await,
        "ListQueueTags" => tags::list(&call),
        "AddPermission" => permissions::add(&call).await,
        "RemovePermission" => permissions::remove(&call).await,
        "StartMessageMoveTask" => move_tasks::start(&call).await,
        "CancelMessageMoveTask" => move_tasks::cancel(&call).await,
        "ListMessageMoveTasks" => move_tasks::list(&call).await,
        "ListDeadLetterSourceQueues" => redrive::sources(&call),
        "GetQueueAttributes" => attributes::get(&call),
        "SetQueueAttributes" => attributes::set(&call).await,
        "SendMessage" => send::send(&call).await,
        "SendMessageBatch" => send::send_batch(&call).await,
        "ReceiveMessage" => receive::receive(&call).await,
        "DeleteMessage" => done::delete(&call).await,
        "DeleteMessageBatch" => done::delete_batch(&call).await,
        "ChangeMessageVisibility" => done::change_visibility(&call).await,
        "ChangeMessageVisibilityBatch" => done::change_visibility_batch(&call).await,
        other => Err(SqsWireError::unknown_operation(other)),
    };
    done.unwrap_or_else(SqsWireError::into_response)
}

impl Call<'_> {
    /// What the body asks.
    fn request<T: DeserializeOwned>(&self) -> Result<T, SqsWireError> {
        serde_json::from_slice(self.body).map_err(|error| SqsWireError::serialization(&error))
    }

    /// The queue of that name in this region.
    fn named(&self, name: &QueueName) -> QueueArn {
        QueueArn::new(self.region.clone(), self.queues.account().clone(), name)
    }

    /// The queue's URL as this client knows the server.
    fn url(&self, queue: &QueueArn) -> String {
        format!("http://{}/{}/{}", self.authority, queue.account(), queue.name())
    }

    /// The queue that a URL means, whatever name this server has in it. It is there.
    fn queue(&self, url: Option<&str>) -> Result<QueueArn, SqsWireError> {
        let url = given(url, "QueueUrl")?;
        let address = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let mut segments = address.unwrap_or(url).split('/').skip(1);
        let (account, name, rest) = (segments.next(), segments.next(), segments.next());
        let account = account.and_then(|account| AccountId::parse(account).ok());
        let (Some(_), Some(account), Some(name), None) = (address, account, name, rest) else {
            return Err(SqsWireError::address(url));
        };
        let name = QueueName::parse(name).map_err(|_| SqsWireError::no_such_queue())?;
        let arn = QueueArn::new(self.region.clone(), account, &name);
        self.queues.check(&arn)?;
        Ok(arn)
    }
}

/// A member that must be there.
fn given<T>(member: Option<T>, name: &str) -> Result<T, SqsWireError> {
    member.ok_or_else(|| SqsWireError::missing(name))
}

/// A number that must be in a range, in seconds; `range` is how errors tell of it.
fn seconds(
    name: &str,
    value: i64,
    allowed: &std::ops::RangeInclusive<u32>,
    range: &str,
) -> Result<u32, SqsWireError> {
    let seconds = u32::try_from(value).ok().filter(|seconds| allowed.contains(seconds));
    seconds.ok_or_else(|| SqsWireError::value(name, &value.to_string(), range))
}

fn json(body: &impl Serialize) -> Done {
    let body = serde_json::to_vec(body).expect("the shapes of this API always have a JSON form");
    Ok(([(CONTENT_TYPE, CONTENT)], body).into_response())
}

/// The answer of operations that have nothing to say.
fn nothing() -> Done {
    Ok([(CONTENT_TYPE, CONTENT)].into_response())
}
