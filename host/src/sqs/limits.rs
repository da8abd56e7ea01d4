//! What queues and messages may have at most: SQS's own limits, unless it says otherwise.

use std::ops::RangeInclusive;

use crate::invocation::TRACE_ID_BYTES_MAX;

/// The most bytes of a message, its attributes counted, and of all messages of one batch.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The most attributes of a message.
pub(crate) const MESSAGE_ATTRIBUTES_MAX: usize = 10;
/// The most characters of an attribute's name, and of its type.
pub(crate) const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;
/// The most bytes of the trace header that a message has beside its size: what an invocation may have, whose end it may tell of.
pub(crate) const TRACE_HEADER_BYTES_MAX: usize = TRACE_ID_BYTES_MAX;
/// How many entries a batch may have, and how many messages one receive may bring.
pub(crate) const BATCH_ENTRIES_MAX: usize = 10;
/// The most characters of the id of a batch's entry.
pub(crate) const BATCH_ENTRY_ID_CHARS_MAX: usize = 80;
/// How many messages of one queue may be in flight.
pub(crate) const IN_FLIGHT_MAX: usize = 120_000;
/// How many bytes of messages one receive brings at most, unless one message alone has more.
pub(crate) const RECEIVE_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// How many queues there may be. AWS has no such limit.
pub(crate) const QUEUES_MAX: usize = 10_000;
/// How many messages all queues may have together; their headers are in memory. AWS has no such limit.
pub(crate) const MESSAGES_MAX: usize = 5_000_000;
/// How many queues a `RedriveAllowPolicy` may name.
pub(crate) const REDRIVE_SOURCES_MAX: usize = 10;
/// The most bytes of a queue's `Policy`.
pub(crate) const POLICY_BYTES_MAX: usize = 8192;
/// The most statements of a queue's `Policy`.
pub(crate) const POLICY_STATEMENTS_MAX: usize = 20;
/// The most actions that `AddPermission` takes.
pub(crate) const PERMISSION_ACTIONS_MAX: usize = 7;
/// The most characters of the label of a permission.
pub(crate) const LABEL_CHARS_MAX: usize = 80;
/// How many messages a task that moves them may move in a second.
pub(crate) const MOVED_PER_SECOND: RangeInclusive<u32> = 1..=500;
/// How many tasks that move messages a list has.
pub(crate) const MOVE_TASKS_LISTED: RangeInclusive<usize> = 1..=10;
/// The most characters of `MessageGroupId` and of `MessageDeduplicationId`.
pub(crate) const GROUP_ID_CHARS_MAX: usize = 128;
/// How long a message is not sent to a FIFO queue again under the same deduplication id, in milliseconds.
pub(crate) const DEDUPLICATION_MS: u64 = 300_000;
/// What `maxReceiveCount` of a `RedrivePolicy` may be.
pub(crate) const RECEIVES_MAX: RangeInclusive<u32> = 1..=1000;

/// How long a message may be held back when it is sent, in seconds.
pub(crate) const DELAY_SECONDS: RangeInclusive<u32> = 0..=900;
/// How long a received message may be kept from others, in seconds.
pub(crate) const VISIBILITY_SECONDS: RangeInclusive<u32> = 0..=43_200;
/// How long a message may be kept, in seconds.
pub(crate) const RETENTION_SECONDS: RangeInclusive<u32> = 60..=1_209_600;
/// How long a receive may wait for messages, in seconds.
pub(crate) const WAIT_SECONDS: RangeInclusive<u32> = 0..=20;
/// What a queue's own limit on the bytes of its messages may be.
pub(crate) const QUEUE_MESSAGE_BYTES: RangeInclusive<u32> = 1024..=1_048_576;
