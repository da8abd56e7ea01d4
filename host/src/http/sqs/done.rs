//! DeleteMessage and ChangeMessageVisibility, and their batches.

use super::batch;
use super::error::SqsWireError;
use super::shapes::{Batch, Nothing, OfReceipt};
use super::{Call, Done, given, json, nothing, seconds};
use crate::sqs::limits::VISIBILITY_SECONDS;
use crate::sqs::{QueueArn, ReceiptHandle};

/// A change of a message's visibility.
struct Change {
    text: String,
    receipt: ReceiptHandle,
    seconds: u32,
}

pub(super) async fn delete(call: &Call<'_>) -> Done {
    let request: OfReceipt = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let (text, receipt) = receipt(call, &queue, request)?;
    match call.queues.delete_messages(&queue, &[receipt]).await?.is_empty() {
        true => nothing(),
        false => Err(SqsWireError::receipt_expired(&text)),
    }
}

pub(super) async fn delete_batch(call: &Call<'_>) -> Done {
    let request: Batch<OfReceipt> = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let entries = batch::entries(request.entries, "DeleteMessageBatchRequestEntry")?.into_iter();
    let entries: Vec<_> = entries.map(|(id, request)| (id, receipt(call, &queue, request))).collect();
    let receipts = entries.iter().filter_map(|(_, parsed)| parsed.as_ref().ok());
    let receipts: Vec<ReceiptHandle> = receipts.map(|(_, receipt)| *receipt).collect();
    let expired = call.queues.delete_messages(&queue, &receipts).await?;
    let outcomes = entries.into_iter().map(|(id, parsed)| {
        let outcome = parsed.and_then(|(text, receipt)| match expired.contains(&receipt) {
            true => Err(SqsWireError::receipt_expired(&text)),
            false => Ok(Nothing {}),
        });
        (id, outcome)
    });
    json(&batch::done(outcomes))
}

pub(super) async fn change_visibility(call: &Call<'_>) -> Done {
    let request: OfReceipt = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let change = change(call, &queue, request)?;
    let changed = call.queues.change_visibility(&queue, &[(change.receipt, change.seconds)]).await?.pop();
    let changed = changed.expect("there is an answer to each receipt");
    changed.map_err(|error| SqsWireError::visibility(&change.text, error, change.seconds.into()))?;
    nothing()
}

pub(super) async fn change_visibility_batch(call: &Call<'_>) -> Done {
    let request: Batch<OfReceipt> = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let entries = batch::entries(request.entries, "ChangeMessageVisibilityBatchRequestEntry")?.into_iter();
    let entries: Vec<_> = entries.map(|(id, request)| (id, change(call, &queue, request))).collect();
    let changes = entries.iter().filter_map(|(_, change)| change.as_ref().ok());
    let changes: Vec<_> = changes.map(|change| (change.receipt, change.seconds)).collect();
    let mut changed = call.queues.change_visibility(&queue, &changes).await?.into_iter();
    let outcomes = entries.into_iter().map(|(id, change)| {
        let outcome = change.and_then(|change| {
            let changed = changed.next().expect("there is an answer to each receipt");
            let error = |error| SqsWireError::visibility(&change.text, error, change.seconds.into());
            changed.map(|()| Nothing {}).map_err(error)
        });
        (id, outcome)
    });
    json(&batch::done(outcomes))
}

/// The receipt of a request, as text and as what it is.
fn receipt(
    call: &Call<'_>,
    queue: &QueueArn,
    request: OfReceipt,
) -> Result<(String, ReceiptHandle), SqsWireError> {
    let text = given(request.receipt_handle, "ReceiptHandle")?;
    let receipt = call.queues.receipt(queue, &text)?;
    let receipt = receipt.ok_or_else(|| SqsWireError::receipt_handle(&text))?;
    Ok((text, receipt))
}

fn change(call: &Call<'_>, queue: &QueueArn, request: OfReceipt) -> Result<Change, SqsWireError> {
    let timeout = given(request.visibility_timeout, "VisibilityTimeout")?;
    let (text, receipt) = receipt(call, queue, request)?;
    let range = "Must be between 0 and 43200.";
    let seconds = seconds("VisibilityTimeout", timeout, &VISIBILITY_SECONDS, range)?;
    Ok(Change { text, receipt, seconds })
}
