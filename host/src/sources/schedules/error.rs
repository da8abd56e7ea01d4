//! Why nothing is done with a schedule.

use super::input::ScheduleInputError;
use super::settings::ScheduleSettingsError;
use crate::store::StoreError;

/// Why a schedule is not made, changed, deleted or told of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There is none of that name.
    #[error("the schedule does not exist")]
    NotFound,
    /// There is one of that name.
    #[error("the schedule exists already")]
    Exists,
    /// There are as many as there may be.
    #[error("there are {limit} schedules, which is the most there may be")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// It is no schedule that can be.
    #[error(transparent)]
    Settings(#[from] ScheduleSettingsError),
    /// Its input cannot be an event.
    #[error(transparent)]
    Input(#[from] ScheduleInputError),
    /// Its start is over: a recurring schedule is made that was to start long ago.
    #[error("the start date cannot be earlier than 5 minutes ago")]
    StartIsOver,
    /// Its target is of another account, of which nothing is here.
    #[error("the target {arn} is not in account {account}")]
    Account {
        /// The target's ARN.
        arn: String,
        /// The account of this host.
        account: String,
    },
    /// The host is closing.
    #[error("the host is closing")]
    Closing,
    /// It cannot be written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
