//! The limits of the queue of events.

use crate::function::AccountId;

/// How many events run at a time, and how many of one function.
const RUNNING_MAX: usize = 512;
const RUNNING_PER_FUNCTION_MAX: usize = 64;
/// How many messages are on their way to one queue at a time.
const SENDING_PER_TARGET_MAX: usize = 8;
/// How many events may be there that have not ended, or are in the dead table; then no more are accepted.
const EVENTS_MAX: usize = 2_000_000;
/// How many of one function.
const EVENTS_PER_FUNCTION_MAX: usize = EVENTS_MAX / 2;
/// The largest payload of an event: 1 MiB. Here it bounds the records that destinations get that are functions.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;
const HOUR_MS: u64 = 3_600_000;
/// How long results are kept.
const RESULTS_KEPT_MS: u64 = 24 * HOUR_MS;
/// How many results are kept, and how many bytes of them.
const RESULTS_MAX: usize = 100_000;
const RESULTS_BYTES_MAX: u64 = 1 << 30;
/// After which time a run that was not heard of is taken for lost: longer than the longest that a function may run.
const LEASE_MS: u64 = HOUR_MS;
/// How long a queue that is not there is looked for. It is as old as an event may become.
const QUEUE_MISSING_MS: u64 = 6 * HOUR_MS;
/// How long a message is tried to be sent to a queue that is there, or cannot be reached.
const DELIVERY_MS: u64 = 14 * 24 * HOUR_MS;

/// The limits of the queue of events; times are in the core's, which a time scale may make faster.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Whose functions they are; it is a part of their ARNs.
    pub(crate) account: AccountId,
    /// How many events run at a time.
    pub(crate) running_max: usize,
    /// How many of one function.
    pub(crate) running_per_function_max: usize,
    /// How many messages are on their way to one queue at a time.
    pub(crate) sending_per_target_max: usize,
    /// How many events may be there that have not ended, or are in the dead table.
    pub(crate) events_max: usize,
    /// How many of one function.
    pub(crate) events_per_function_max: usize,
    /// The largest record that a function gets as its event, in bytes.
    pub(crate) payload_bytes_max: usize,
    /// How long results are kept, in milliseconds; 0 is not at all.
    pub(crate) results_kept_ms: u64,
    /// How many results are kept; those that ended first give way.
    pub(crate) results_max: usize,
    /// How many bytes they may have together.
    pub(crate) results_bytes_max: u64,
    /// After which time a run that was not heard of is taken for lost, in milliseconds.
    pub(crate) lease_ms: u64,
    /// How long a queue that is not there is looked for, in milliseconds.
    pub(crate) queue_missing_ms: u64,
    /// How long a message is tried to be sent at all, in milliseconds.
    pub(crate) delivery_ms: u64,
    /// By how much the core's time is faster than that of people: 1, but for manual trials.
    pub(crate) time_scale: u32,
}

impl Options {
    /// The usual limits.
    pub(crate) fn new(account: AccountId) -> Self {
        Self {
            account,
            running_max: RUNNING_MAX,
            running_per_function_max: RUNNING_PER_FUNCTION_MAX,
            sending_per_target_max: SENDING_PER_TARGET_MAX,
            events_max: EVENTS_MAX,
            events_per_function_max: EVENTS_PER_FUNCTION_MAX,
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            results_kept_ms: RESULTS_KEPT_MS,
            results_max: RESULTS_MAX,
            results_bytes_max: RESULTS_BYTES_MAX,
            lease_ms: LEASE_MS,
            queue_missing_ms: QUEUE_MISSING_MS,
            delivery_ms: DELIVERY_MS,
            time_scale: 1,
        }
    }

    /// The time scale; it is at least 1.
    pub(crate) fn time_scale(&self) -> u64 {
        u64::from(self.time_scale.max(1))
    }
}
