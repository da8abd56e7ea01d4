//! What the batches of all operations have in common: their entries, and how each of them ended.

use std::collections::HashSet;

use super::error::SqsWireError;
use super::given;
use super::shapes::{BatchDone, Entry, EntryDone, EntryFailed};
use crate::sqs::limits::{BATCH_ENTRIES_MAX, BATCH_ENTRY_ID_CHARS_MAX};

/// The entries of a batch with their ids: 1 to 10, with ids of their own.
pub(super) fn entries<T>(
    given_entries: Option<Vec<Entry<T>>>,
    kind: &str,
) -> Result<Vec<(String, T)>, SqsWireError> {
    let entries = given_entries.unwrap_or_default();
    if entries.is_empty() {
        let message = format!("There should be at least one {kind} in the request.");
        return Err(SqsWireError::batch(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            message,
        ));
    }
    if entries.len() > BATCH_ENTRIES_MAX {
        let message = format!(
            "Maximum number of entries per request are {BATCH_ENTRIES_MAX}. You have sent {}.",
            entries.len()
        );
        let code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
        return Err(SqsWireError::batch("TooManyEntriesInBatchRequest", code, message));
    }
    let mut seen = HashSet::new();
    let mut with_ids = Vec::with_capacity(entries.len());
    for Entry { id, request } in entries {
        let id = given(id, "Id")?;
        if !is_id(&id) {
            return Err(SqsWireError::batch(
                "InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 \
                 letters long.",
            ));
        }
        if !seen.insert(id.clone()) {
            let code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct";
            return Err(SqsWireError::batch("BatchEntryIdsNotDistinct", code, format!("Id {id} repeated.")));
        }
        with_ids.push((id, request));
    }
    Ok(with_ids)
}

/// What came of entries, in their order.
pub(super) fn done<T>(outcomes: impl IntoIterator<Item = (String, Result<T, SqsWireError>)>) -> BatchDone<T> {
    let mut batch = BatchDone { successful: Vec::new(), failed: Vec::new() };
    for (id, outcome) in outcomes {
        match outcome {
            Ok(done) => batch.successful.push(EntryDone { id, done }),
            Err(error) => batch.failed.push(EntryFailed {
                id,
                sender_fault: error.is_senders(),
                code: error.code(),
                message: error.message().to_owned(),
            }),
        }
    }
    batch
}

fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=BATCH_ENTRY_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[&str]) -> Result<Vec<(String, ())>, &'static str> {
        let given = ids.iter().map(|id| Entry { id: Some((*id).to_owned()), request: () }).collect();
        entries(Some(given), "Entry").map_err(|error| error.code())
    }

    #[test]
    fn a_batch_has_one_to_ten_entries_with_ids_of_their_own() {
        assert_eq!(of(&["a", "B-_9"]).expect("two").len(), 2);
        assert_eq!(of(&[]), Err("AWS.SimpleQueueService.EmptyBatchRequest"));
        assert_eq!(of(&["a", "a"]), Err("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"));
        assert_eq!(of(&["a"; 11]), Err("AWS.SimpleQueueService.TooManyEntriesInBatchRequest"));
        for bad in ["", "a:b", &"x".repeat(81)] {
            assert_eq!(of(&[bad]), Err("AWS.SimpleQueueService.InvalidBatchEntryId"), "{bad}");
        }
    }
}
