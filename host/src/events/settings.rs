//! What the owner of a function says of its events.

use std::fmt;

use crate::function::{FunctionKey, Qualifier, RecursiveLoop, VersionNumber};
use crate::policy::retry::{AGE_S_MAX, RETRIES_MAX, RetryPolicy};
use crate::sqs::QueueArn;

/// Where the record of an event's end goes: a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// To a queue.
    Queue(QueueArn),
    /// To a function, as its event.
    Function {
        /// Which function.
        key: FunctionKey,
        /// Which version or alias of it.
        qualifier: Option<Qualifier>,
    },
}

/// What is to be done with the events of a function, or of one version or alias of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventSettings {
    /// `MaximumRetryAttempts`: how many runs may follow the first, 0 to 2.
    pub(crate) retries_max: u8,
    /// `MaximumEventAgeInSeconds`: 60 to 21,600.
    pub(crate) age_s_max: u32,
    /// Where a record of each success goes.
    pub(crate) on_success: Option<Target>,
    /// Where a record of each failure goes.
    pub(crate) on_failure: Option<Target>,
    /// The dead-letter queue: where the events of failures go.
    pub(crate) dead_letter: Option<QueueArn>,
    /// What is to happen when the function invokes itself in a circle.
    pub(crate) recursion: RecursiveLoop,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            retries_max: RETRIES_MAX,
            age_s_max: AGE_S_MAX,
            on_success: None,
            on_failure: None,
            dead_letter: None,
            recursion: RecursiveLoop::default(),
        }
    }
}

impl EventSettings {
    /// What the rules of retries need of them.
    pub(super) fn retry(&self) -> RetryPolicy {
        RetryPolicy { retries_max: self.retries_max, age_ms_max: u64::from(self.age_s_max) * 1_000 }
    }
}

/// Knows the settings of functions. They are looked up whenever something is decided, so a change counts at once.
pub(crate) trait Settings: fmt::Debug + Send + Sync {
    /// The settings of that version or alias; the usual ones if there is no such function any more. The dead-letter queue is that
    /// of the version that `ran`; before one has, that of the version that an alias means first of all.
    fn settings(
        &self,
        function: &FunctionKey,
        qualifier: Option<&Qualifier>,
        ran: Option<VersionNumber>,
    ) -> EventSettings;
}
