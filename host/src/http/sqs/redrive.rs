//! ListDeadLetterSourceQueues.

use super::queues::{after, limit, next_token};
use super::shapes::{ListSourceQueues, SourceQueues};
use super::{Call, Done, json};

pub(super) fn sources(call: &Call<'_>) -> Done {
    let request: ListSourceQueues = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let limit = limit(request.max_results)?;
    let after = request.next_token.as_deref().map(|token| after(call, token)).transpose()?;
    let list = call.queues.sources(&queue, after.as_ref(), limit)?;
    let next_token = next_token(&list, request.max_results);
    let queue_urls = list.queues.iter().map(|arn| call.url(arn)).collect();
    json(&SourceQueues { queue_urls, next_token })
}
