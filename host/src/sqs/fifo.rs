//! What FIFO queues have beside what all queues have: settings, and where each of their messages stands.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::digest::hexadecimal;
use super::limits::DEDUPLICATION_MS;
use super::record::{MessageRecord, uuid_text};
use crate::function::QueueArn;

/// Sequence numbers have 20 digits: this, and the number of the message.
const SEQUENCE_BASE: u64 = 10_000_000_000_000_000_000;

/// Whether a queue keeps an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueKind {
    Standard,
    Fifo,
}

/// The settings of a FIFO queue. Those of others mean nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FifoSettings {
    /// Whether the body is what tells messages apart, where their sender does not say.
    #[serde(rename = "content")]
    pub(crate) content_based: bool,
    pub(crate) scope: DeduplicationScope,
    pub(crate) limit: FifoThroughputLimit,
}

/// Among which messages a deduplication id is one message's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DeduplicationScope {
    #[default]
    Queue,
    MessageGroup,
}

/// What AWS limits the rate of. Here it limits nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FifoThroughputLimit {
    #[default]
    PerQueue,
    PerMessageGroupId,
}

/// Where a message of a FIFO queue stands: written with it, and kept in memory. Of its names there are hashes, so that it is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InGroup {
    #[serde(with = "uuid_text")]
    pub(super) group: Uuid,
    /// Of its deduplication id, in the scope of its queue.
    #[serde(rename = "once", with = "uuid_text")]
    pub(super) once: Uuid,
    /// Rises from message to message of a queue.
    #[serde(rename = "number")]
    pub(super) number: u64,
    /// Whether its own id is its deduplication id: it was moved, and what its sender called it may be another's in this queue.
    #[serde(default, skip_serializing_if = "is_not")]
    pub(super) is_moved: bool,
    /// Whether the message was deleted, and this is left so that it is not sent twice.
    #[serde(default, skip_serializing_if = "is_not")]
    pub(super) is_gone: bool,
}

impl QueueKind {
    /// That of the queue of that ARN: names tell it.
    pub(crate) fn of(queue: &QueueArn) -> Self {
        match queue.is_fifo() {
            true => Self::Fifo,
            false => Self::Standard,
        }
    }
}

impl DeduplicationScope {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Queue, Self::MessageGroup].into_iter().find(|scope| scope.text() == text)
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::MessageGroup => "messageGroup",
        }
    }
}

impl FifoThroughputLimit {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::PerQueue, Self::PerMessageGroupId].into_iter().find(|limit| limit.text() == text)
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::PerQueue => "perQueue",
            Self::PerMessageGroupId => "perMessageGroupId",
        }
    }
}

impl FifoSettings {
    /// Whether they go together: as AWS has it, only groups with deduplication of their own have a rate of their own.
    pub(super) fn agree(&self) -> bool {
        self.limit == FifoThroughputLimit::PerQueue || self.scope == DeduplicationScope::MessageGroup
    }
}

impl InGroup {
    /// A message that is sent under these names.
    pub(super) fn sent(scope: DeduplicationScope, group: &str, deduplication: &str, number: u64) -> Self {
        let once = match scope {
            DeduplicationScope::Queue => hash(&["queue", deduplication]),
            DeduplicationScope::MessageGroup => hash(&["group", group, deduplication]),
        };
        Self { group: hash(&[group]), once, number, is_moved: false, is_gone: false }
    }

    /// The message in another queue, where its own id tells it apart.
    pub(super) fn moved(self, id: Uuid, number: u64) -> Self {
        Self { once: hash(&["moved", &id.to_string()]), number, is_moved: true, ..self }
    }

    /// What is left of it when it is deleted.
    pub(super) fn gone(self) -> Self {
        Self { is_gone: true, ..self }
    }

    /// Whether the message is to be remembered when it is deleted: its sender may send it again, and only once does it count.
    pub(super) fn is_remembered(&self, record: &MessageRecord, now_ms: u64) -> bool {
        !self.is_moved && now_ms < record.sent_ms.saturating_add(DEDUPLICATION_MS)
    }

    /// Its `SequenceNumber`.
    pub(super) fn sequence(&self) -> u64 {
        SEQUENCE_BASE.saturating_add(self.number)
    }
}

/// The deduplication id that a body has: its SHA-256, in hexadecimal.
pub(super) fn deduplication_id(body: &str) -> String {
    hexadecimal(&Sha256::digest(body))
}

fn hash(parts: &[&str]) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    Uuid::from_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash is longer"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_not(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deduplication_id_is_one_messages_within_its_scope() {
        let sent = |scope, group, id| InGroup::sent(scope, group, id, 1).once;
        let queue = |group, id| sent(DeduplicationScope::Queue, group, id);
        let group = |group, id| sent(DeduplicationScope::MessageGroup, group, id);
        assert_eq!(queue("a", "x"), queue("b", "x"));
        assert_ne!(queue("a", "x"), queue("a", "y"));
        assert_eq!(group("a", "x"), group("a", "x"));
        assert_ne!(group("a", "x"), group("b", "x"));
        assert_ne!(group("ab", "c"), group("a", "bc"));
    }

    #[test]
    fn a_body_has_the_id_that_aws_gives_it_and_a_message_a_number_of_20_digits() {
        let id = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(deduplication_id("abc"), id);
        let first = InGroup::sent(DeduplicationScope::Queue, "a", "x", 1);
        let moved = first.moved(Uuid::nil(), 2);
        assert_eq!(first.sequence().to_string().len(), 20);
        assert!(moved.sequence() > first.sequence() && moved.group == first.group);
    }

    #[test]
    fn a_group_has_a_rate_of_its_own_only_with_deduplication_of_its_own() {
        let limit = FifoThroughputLimit::PerMessageGroupId;
        assert!(FifoSettings::default().agree());
        assert!(!FifoSettings { limit, ..FifoSettings::default() }.agree());
        assert!(FifoSettings { limit, scope: DeduplicationScope::MessageGroup, content_based: true }.agree());
        assert_eq!(DeduplicationScope::parse("messageGroup"), Some(DeduplicationScope::MessageGroup));
        assert_eq!(FifoThroughputLimit::parse("perMessageGroupId"), Some(limit));
        assert_eq!((DeduplicationScope::parse("Queue"), FifoThroughputLimit::parse("")), (None, None));
    }
}
