//! What the batches of all operations have in common: their entries, and how each of them ended.

use std::collections::HashSet;

use super::error::SqsWireError;
use super::given;
use super::shapes::{BatchDone, Entries, EntryDone, EntryFailed, OfReceipt, SendMessage};
use crate::sqs::limits::{BATCH_ENTRIES_MAX, BATCH_ENTRY_ID_CHARS_MAX};

/// What can be asked for in a batch.
pub(super) trait BatchEntry {
    /// The id that it has there, if it has one.
    fn take_id(&mut self) -> Option<String>;
}

impl BatchEntry for SendMessage {
    fn take_id(&mut self) -> Option<String> {
        self.id.take()
    }
}

impl BatchEntry for OfReceipt {
    fn take_id(&mut self) -> Option<String> {
        self.id.take()
    }
}

/// The entries of a batch with their ids: 1 to 10, with ids of their own.
pub(super) fn entries<T: BatchEntry>(
    given_entries: Option<Entries<T>>,
    kind: &str,
) -> Result<Vec<(String, T)>, SqsWireError> {
    let Entries { kept, count } = given_entries.unwrap_or(Entries { kept: Vec::new(), count: 0 });
    if count == 0 {
        let message = format!("There should be at least one {kind} in the request.");
        return Err(SqsWireError::batch(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            message,
        ));
    }
    if count > BATCH_ENTRIES_MAX {
        let message =
            format!("Maximum number of entries per request are {BATCH_ENTRIES_MAX}. You have sent {count}.");
        let code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
        return Err(SqsWireError::batch("TooManyEntriesInBatchRequest", code, message));
    }
    let mut seen = HashSet::new();
    let mut with_ids = Vec::with_capacity(kept.len());
    for mut request in kept {
        let id = given(request.take_id(), "Id")?;
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
    use serde_json::json;

    use super::super::shapes::Batch;
    use super::*;

    fn of(ids: &[&str]) -> Result<Vec<(String, OfReceipt)>, SqsWireError> {
        let list: Vec<_> = ids.iter().map(|id| json!({ "Id": id, "ReceiptHandle": "handle" })).collect();
        let batch: Batch<OfReceipt> =
            serde_json::from_value(json!({ "QueueUrl": "url", "Entries": list })).expect("a batch");
        entries(batch.entries, "Entry")
    }

    fn refused(ids: &[&str]) -> &'static str {
        of(ids).expect_err("it is refused").code()
    }

    #[test]
    fn a_batch_has_one_to_ten_entries_with_ids_of_their_own() {
        let two = of(&["a", "B-_9"]).expect("two");
        assert_eq!(two[1].0, "B-_9");
        assert_eq!(two[1].1.receipt_handle.as_deref(), Some("handle"));
        assert_eq!(of(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]).expect("ten").len(), 10);
        assert_eq!(refused(&[]), "AWS.SimpleQueueService.EmptyBatchRequest");
        assert_eq!(refused(&["a", "a"]), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
        for bad in ["", "a:b", &"x".repeat(81)] {
            assert_eq!(refused(&[bad]), "AWS.SimpleQueueService.InvalidBatchEntryId", "{bad}");
        }
    }

    /// A body of 8 MiB has room for 2.8 million empty entries, which took half a gigabyte before they were counted.
    #[test]
    fn entries_beyond_the_tenth_are_counted_and_not_kept() {
        let list = format!("{{\"Entries\":[{}{{}}]}}", "{},".repeat(100_000));
        let batch: Batch<SendMessage> = serde_json::from_str(&list).expect("a batch");
        let given = batch.entries.expect("entries");
        assert_eq!((given.kept.len(), given.count), (10, 100_001));
        let error = entries(Some(given), "Entry").expect_err("too many");
        assert_eq!(error.code(), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
        assert!(error.message().ends_with("You have sent 100001."), "{}", error.message());
        assert!(serde_json::from_str::<Batch<SendMessage>>("{\"Entries\":{}}").is_err());
        assert!(serde_json::from_str::<Batch<SendMessage>>("{\"Entries\":[1]}").is_err());
    }
}
