//! TagQueue, UntagQueue and ListQueueTags.

use super::error::SqsWireError;
use super::shapes::{OfQueue, QueueTags, TagQueue, UntagQueue};
use super::{Call, Done, given, json, nothing};
use crate::function::Tags;

pub(super) async fn tag(call: &Call<'_>) -> Done {
    let request: TagQueue = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let tags = request.tags.filter(|tags| !tags.is_empty());
    let tags = Tags::new(given(tags, "Tags")?).map_err(|error| SqsWireError::tag(error, queue.name()))?;
    call.queues.tag(&queue, tags).await.map_err(|error| SqsWireError::tag_queue(error, queue.name()))?;
    nothing()
}

pub(super) async fn untag(call: &Call<'_>) -> Done {
    let request: UntagQueue = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    call.queues.untag(&queue, given(request.tag_keys, "TagKeys")?).await?;
    nothing()
}

pub(super) fn list(call: &Call<'_>) -> Done {
    let request: OfQueue = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    json(&QueueTags { tags: call.queues.tags(&queue)?.by_key().clone() })
}
