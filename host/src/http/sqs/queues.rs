//! CreateQueue, DeleteQueue, PurgeQueue, GetQueueUrl and ListQueues.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::attributes::{FIFO, settings};
use super::error::SqsWireError;
use super::shapes::{CreateQueue, GetQueueUrl, ListQueues, OfQueue, QueueUrl, QueueUrls};
use super::{Call, Done, given, json, nothing};
use crate::function::Tags;
use crate::sqs::{QueueArn, QueueKind, QueueList, QueueName};

/// The most queues of a list, which is also what is meant when nothing is said.
const LIST_MAX: usize = 1000;

pub(super) async fn create(call: &Call<'_>) -> Done {
    let request: CreateQueue = call.request()?;
    let name = QueueName::parse(&given(request.queue_name, "QueueName")?)?;
    let arn = call.named(&name);
    let mut attributes = request.attributes.unwrap_or_default();
    match (name.is_fifo(), attributes.remove(FIFO).as_deref()) {
        (true, Some("true")) | (false, None) => {}
        (true, _) => return Err(SqsWireError::queue_name()),
        (false, Some("true")) => return Err(SqsWireError::fifo_name()),
        (false, Some(_)) => return Err(SqsWireError::unknown_attribute(FIFO)),
    }
    let settings = settings(&attributes, QueueKind::of(&arn))?;
    let tags = Tags::new(request.tags.unwrap_or_default());
    let tags = tags.map_err(|error| SqsWireError::tag(error, arn.name()))?;
    call.queues.create(arn.clone(), settings, tags).await?;
    json(&QueueUrl { queue_url: call.url(&arn) })
}

pub(super) async fn delete(call: &Call<'_>) -> Done {
    let request: OfQueue = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    call.queues.delete(&queue).await?;
    nothing()
}

pub(super) async fn purge(call: &Call<'_>) -> Done {
    let request: OfQueue = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    call.queues.purge(&queue).await.map_err(|error| SqsWireError::purge(error, queue.name()))?;
    nothing()
}

pub(super) fn url(call: &Call<'_>) -> Done {
    let request: GetQueueUrl = call.request()?;
    let name = given(request.queue_name, "QueueName")?;
    let arn = call.named(&QueueName::parse(&name).map_err(|_| SqsWireError::no_such_queue())?);
    if request.owner.is_some_and(|owner| owner != arn.account().as_str()) {
        return Err(SqsWireError::no_such_queue());
    }
    call.queues.check(&arn)?;
    json(&QueueUrl { queue_url: call.url(&arn) })
}

pub(super) fn list(call: &Call<'_>) -> Done {
    let request: ListQueues = call.request()?;
    let prefix = request.queue_name_prefix.unwrap_or_default();
    let limit = limit(request.max_results)?;
    let after = request.next_token.as_deref().map(|token| after(call, token)).transpose()?;
    let list = call.queues.list(&call.region, &prefix, after.as_ref(), limit);
    let next_token = next_token(&list, request.max_results);
    let queue_urls = list.queues.iter().map(|arn| call.url(arn)).collect();
    json(&QueueUrls { queue_urls, next_token })
}

/// How many queues a list has at most.
pub(super) fn limit(max_results: Option<i64>) -> Result<usize, SqsWireError> {
    let Some(max) = max_results else { return Ok(LIST_MAX) };
    let allowed = usize::try_from(max).ok().filter(|max| (1..=LIST_MAX).contains(max));
    let reason = "Must be between 1 and 1000, if provided.";
    allowed.ok_or_else(|| SqsWireError::value("MaxResults", &max.to_string(), reason))
}

/// What the list behind that one goes on from. Whoever did not say how many to list is not told.
pub(super) fn next_token(list: &QueueList, max_results: Option<i64>) -> Option<String> {
    let last = list.queues.last().filter(|_| list.has_more && max_results.is_some())?;
    Some(BASE64_URL_SAFE_NO_PAD.encode(last.name()))
}

/// What a list goes on from: the last queue of the one before.
pub(super) fn after(call: &Call<'_>, token: &str) -> Result<QueueArn, SqsWireError> {
    let name = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|name| String::from_utf8(name).ok());
    let name = name.and_then(|name| QueueName::parse(&name).ok());
    name.map(|name| call.named(&name))
        .ok_or_else(|| SqsWireError::value("NextToken", token, "It is not a token of an earlier answer."))
}
