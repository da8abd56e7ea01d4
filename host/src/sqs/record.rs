//! What of queues and messages is written down, and the headers of their rows.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fifo::InGroup;
use super::settings::QueueSettings;
use crate::function::{QueueArn, Tags};
use crate::store::StoreError;
use crate::store::journal::{Kind, Row, RowId};

/// Rows of queues.
pub(crate) const QUEUE: Kind = Kind(16);
/// Rows of messages.
pub(crate) const MESSAGE: Kind = Kind(17);
/// Rows of tasks that move messages.
pub(crate) const MOVE_TASK: Kind = Kind(18);

/// What is written of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueueRecord {
    pub(super) arn: String,
    pub(super) settings: QueueSettings,
    #[serde(default, skip_serializing_if = "has_no_tags")]
    pub(super) tags: Tags,
    /// Milliseconds since 1970.
    pub(super) created_ms: u64,
    pub(super) modified_ms: u64,
}

/// What is written of a message beside its content, and kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MessageRecord {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    pub(super) bytes: u32,
    /// In milliseconds of the queues' own clock, as all times here.
    #[serde(rename = "sent")]
    pub(super) sent_ms: u64,
    /// By how much the clock on the wall was ahead of that one then.
    #[serde(rename = "ahead", default, skip_serializing_if = "is_zero")]
    pub(super) ahead_ms: i64,
    /// From when on it can be received.
    #[serde(rename = "visible")]
    pub(super) visible_ms: u64,
    /// How often it was received, by whatever queue.
    pub(super) receives: u32,
    /// How many of these receipts were those of queues that it was in before.
    #[serde(default, skip_serializing_if = "is_no_count")]
    pub(super) elsewhere: u32,
    /// How many of them count no more, because it was moved and is a new message since.
    #[serde(default, skip_serializing_if = "is_no_count")]
    pub(super) forgotten: u32,
    /// The row of the queue whose dead letter it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<NonZeroU64>,
    /// When it was first received, if it was.
    #[serde(rename = "first", default, skip_serializing_if = "Option::is_none")]
    pub(super) first_received_ms: Option<u64>,
    /// When it was last received, if it was.
    #[serde(rename = "last", default, skip_serializing_if = "Option::is_none")]
    pub(super) last_received_ms: Option<u64>,
}

/// A message's header: the record, and whose it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MessageHeader {
    queue: u64,
    #[serde(flatten)]
    pub(super) record: MessageRecord,
    /// Of messages of FIFO queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fifo: Option<InGroup>,
}

impl QueueRecord {
    pub(super) fn new(arn: &QueueArn, settings: QueueSettings, now_ms: u64) -> Self {
        let tags = Tags::default();
        Self { arn: arn.to_string(), settings, tags, created_ms: now_ms, modified_ms: now_ms }
    }

    pub(super) fn header(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts always have a JSON form")
    }

    /// The queue of a row.
    pub(super) fn of(row: &Row) -> Result<(QueueArn, Self), StoreError> {
        let record: Self = serde_json::from_slice(&row.header).map_err(|error| damaged(row.id, &error))?;
        let arn = QueueArn::parse(&record.arn).map_err(|error| damaged(row.id, &error))?;
        Ok((arn, record))
    }
}

impl MessageRecord {
    /// A time in milliseconds since 1970, had nobody set the clock since the message was sent.
    pub(super) fn wall_ms(&self, at_ms: u64) -> u64 {
        at_ms.saturating_add_signed(self.ahead_ms)
    }

    /// How often it was received by the queue that it is in.
    pub(super) fn receives_here(&self) -> u32 {
        self.receives.saturating_sub(self.elsewhere)
    }

    /// How often it was received, as far as people are told.
    pub(super) fn receives_told(&self) -> u32 {
        self.receives.saturating_sub(self.forgotten)
    }

    /// The message as a new one, which it is when somebody moves it out of a dead-letter queue. Only who counts receipts for handles
    /// goes on, so that those of before stay stale.
    pub(super) fn redriven(self, id: Uuid, (now_ms, ahead_ms): (u64, i64), delay_ms: u64) -> Self {
        Self {
            id,
            bytes: self.bytes,
            sent_ms: now_ms,
            ahead_ms,
            visible_ms: now_ms.saturating_add(delay_ms),
            receives: self.receives,
            elsewhere: self.receives,
            forgotten: self.receives,
            source: None,
            first_received_ms: None,
            last_received_ms: None,
        }
    }

    /// The message as it is in its dead-letter queue, where it comes from that one. There it counts anew how often it is received,
    /// or two queues that are each other's would hand it to and fro and to nobody.
    pub(super) fn dead_letter_of(self, source: RowId, now_ms: u64) -> Self {
        let source = NonZeroU64::new(source.0);
        Self { visible_ms: now_ms, elsewhere: self.receives, source, ..self }
    }

    /// The header of a message of that queue.
    pub(super) fn header(&self, queue: RowId, fifo: Option<InGroup>) -> Vec<u8> {
        let header = MessageHeader { queue: queue.0, record: *self, fifo };
        serde_json::to_vec(&header).expect("numbers and texts always have a JSON form")
    }

    /// The message of a row, with its queue and where it stands there.
    pub(super) fn of(row: &Row) -> Result<(RowId, Self, Option<InGroup>), StoreError> {
        let header: MessageHeader =
            serde_json::from_slice(&row.header).map_err(|error| damaged(row.id, &error))?;
        Ok((RowId(header.queue), header.record, header.fifo))
    }
}

fn has_no_tags(tags: &Tags) -> bool {
    tags.by_key().is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_no_count(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A UUID as its text.
pub(super) mod uuid_text {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use uuid::Uuid;

    pub(in super::super) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&id.simple())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Uuid, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Uuid::parse_str(&text).map_err(serde::de::Error::custom)
    }
}

/// What is said of a row that cannot be read.
pub(super) fn damaged(row: RowId, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { file: "queue.db".to_owned(), reason: format!("row {}: {reason}", row.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_were_written() {
        let record = MessageRecord {
            id: Uuid::nil(),
            bytes: 7,
            sent_ms: 1,
            ahead_ms: -3,
            visible_ms: 2,
            receives: 0,
            elsewhere: 0,
            forgotten: 0,
            source: None,
            first_received_ms: None,
            last_received_ms: None,
        };
        let row = |header| Row { id: RowId(5), kind: MESSAGE, fence: 0, header, body_bytes: None };
        assert_eq!(MessageRecord::of(&row(record.header(RowId(3), None))), Ok((RowId(3), record, None)));
        assert!(record.header(RowId(3), None).len() < 128, "there are many of them");
        let old = r#"{"queue":3,"id":"00000000000000000000000000000000","bytes":7,"sent":1,"visible":2,"receives":0}"#;
        let of_before = MessageRecord { ahead_ms: 0, ..record };
        assert_eq!(of_before.header(RowId(3), None), old.as_bytes());
        assert_eq!(
            MessageRecord::of(&row(old.into())),
            Ok((RowId(3), of_before, None)),
            "as it was before it had that"
        );
        let dead = MessageRecord { receives: 3, ..record }.dead_letter_of(RowId(3), 9);
        assert_eq!(MessageRecord::of(&row(dead.header(RowId(4), None))), Ok((RowId(4), dead, None)));
        assert_eq!((dead.receives, dead.receives_here(), dead.sent_ms, dead.visible_ms), (3, 0, 1, 9));
        let moved = dead.redriven(Uuid::max(), (100, -3), 5);
        assert_eq!(MessageRecord::of(&row(moved.header(RowId(3), None))), Ok((RowId(3), moved, None)));
        assert_eq!((moved.receives, moved.receives_told(), moved.receives_here()), (3, 0, 0));
        assert_eq!((moved.sent_ms, moved.visible_ms, moved.source), (100, 105, None));
        let fifo = InGroup::sent(super::super::fifo::DeduplicationScope::Queue, "g", "once", 4).gone();
        let read = MessageRecord::of(&row(record.header(RowId(3), Some(fifo))));
        assert_eq!(read, Ok((RowId(3), record, Some(fifo))));
        assert!(matches!(MessageRecord::of(&row(b"{}".to_vec())), Err(StoreError::Damaged { .. })));
        let arn = QueueArn::parse("arn:aws:sqs:us-east-1:000000000000:q").expect("an ARN");
        let queue = QueueRecord::new(&arn, QueueSettings::default(), 9);
        assert_eq!(QueueRecord::of(&row(queue.header())), Ok((arn, queue)));
    }
}
