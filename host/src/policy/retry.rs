//! What comes of an attempt to run an asynchronous event, and how long it is until the next: Lambda's rules.
//!
//! A function error is an attempt; up to two more follow it, after one and two minutes. What is throttled or fails before the
//! function has run is none, and is tried again for as long as the event may become old.

use serde::{Deserialize, Serialize};

/// The most further runs that may follow a function error.
pub(crate) const RETRIES_MAX: u8 = 2;
/// The oldest an event may become if nothing else is said: six hours. It is the most that may be said, too.
pub(crate) const AGE_S_MAX: u32 = 21_600;
/// After how many crashes of the host an event that ran at each of them is not tried again.
pub(crate) const CRASHES_MAX: u32 = 3;
/// The first wait after something that is worth trying again.
const BACKOFF_MS_MIN: u64 = 1_000;
/// The longest wait after something that is worth trying again.
pub(crate) const BACKOFF_MS_MAX: u64 = 300_000;
/// How long it is from the first function error to the next run; it grows by as much with each.
const RETRY_MS: u64 = 60_000;

/// Why an event is at its end: the `condition` of a destination record. Further ones are added at the end: their order is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Condition {
    /// The function answered.
    Success,
    /// It ended with an error as often as it may run.
    RetriesExhausted,
    /// The next run would come when the event is too old.
    EventAgeExceeded,
    /// No concurrency is left for the function, by reservation.
    ZeroReservedConcurrency,
    /// The host crashed each time it ran. This one is ours.
    HostCrash,
    /// The function invokes itself in a circle. This one is ours: Lambda's name for it is not known.
    RecursiveInvocation,
}

impl Tries {
    /// How often the function began to run on the event, as far as is known.
    pub(crate) fn runs(self) -> u32 {
        self.attempts.saturating_add(self.crashes)
    }
}

impl Condition {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Success,
        Self::RetriesExhausted,
        Self::EventAgeExceeded,
        Self::ZeroReservedConcurrency,
        Self::HostCrash,
        Self::RecursiveInvocation,
    ];

    /// Its name in a record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
            Self::ZeroReservedConcurrency => "ZeroReservedConcurrency",
            Self::HostCrash => "HostCrash",
            Self::RecursiveInvocation => "RecursiveInvocation",
        }
    }

    /// Takes the name of one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.as_str() == text)
    }
}

/// What a function's settings say of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// How many runs may follow the first: at most [`RETRIES_MAX`].
    pub(crate) retries_max: u8,
    /// How old an event may become, in milliseconds.
    pub(crate) age_ms_max: u64,
}

/// How often an event has been tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tries {
    /// Runs that ended with an answer or a function error.
    pub(crate) attempts: u32,
    /// Throttles and failures of the host in a row, since the last run.
    pub(crate) backoffs: u32,
    /// Times that the host crashed, or lost the run, while it ran.
    pub(crate) crashes: u32,
}

/// What came of trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The function answered.
    Answered,
    /// The function ended with an error.
    FunctionError,
    /// The function did not run, for the number of others or because the host could not.
    NotRun,
    /// The function may not run at all: its reserved concurrency is 0.
    ZeroReserved,
    /// The host crashed meanwhile, or does not know what came of it.
    Crashed,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after so many milliseconds.
    Again { wait_ms: u64 },
    /// It is at its end.
    End(Condition),
}

/// What comes after an attempt of an event of that age; `tries` is brought up to date.
pub(crate) fn after(attempt: Attempt, tries: &mut Tries, age_ms: u64, policy: RetryPolicy) -> Next {
    let again = |wait_ms: u64| match age_ms.saturating_add(wait_ms) < policy.age_ms_max {
        true => Next::Again { wait_ms },
        false => Next::End(Condition::EventAgeExceeded),
    };
    match attempt {
        Attempt::Answered => {
            tries.attempts += 1;
            Next::End(Condition::Success)
        }
        Attempt::FunctionError => {
            tries.attempts += 1;
            tries.backoffs = 0;
            match tries.attempts > u32::from(policy.retries_max.min(RETRIES_MAX)) {
                true => Next::End(Condition::RetriesExhausted),
                false => again(RETRY_MS * u64::from(tries.attempts)),
            }
        }
        Attempt::NotRun => {
            tries.backoffs += 1;
            // Once more at the last moment.
            let left_ms = policy.age_ms_max.saturating_sub(age_ms).saturating_sub(1);
            match left_ms {
                0 => Next::End(Condition::EventAgeExceeded),
                _ => again(backoff_ms(tries.backoffs).min(left_ms)),
            }
        }
        Attempt::ZeroReserved => Next::End(Condition::ZeroReservedConcurrency),
        Attempt::Crashed => {
            tries.crashes += 1;
            match tries.crashes >= CRASHES_MAX {
                true => Next::End(Condition::HostCrash),
                false => Next::Again { wait_ms: 0 },
            }
        }
    }
}

/// Why an event of that age is not to be tried at all, if it is not.
pub(crate) fn before(tries: Tries, age_ms: u64, policy: RetryPolicy) -> Option<Condition> {
    if tries.crashes >= CRASHES_MAX {
        return Some(Condition::HostCrash);
    }
    (age_ms >= policy.age_ms_max).then_some(Condition::EventAgeExceeded)
}

/// How long to wait after the nth failure in a row, in milliseconds: from one second, doubling, to five minutes.
pub(crate) fn backoff_ms(nth: u32) -> u64 {
    let doublings = nth.saturating_sub(1).min(16);
    (BACKOFF_MS_MIN << doublings).min(BACKOFF_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS_6: RetryPolicy = RetryPolicy { retries_max: 2, age_ms_max: 21_600_000 };

    fn seconds(retries_max: u8, seconds: u64) -> RetryPolicy {
        RetryPolicy { retries_max, age_ms_max: seconds * 1_000 }
    }

    /// How many runs an event gets that always ends with a function error, and its end.
    fn always_failing(policy: RetryPolicy) -> (u32, Vec<u64>, Condition) {
        let (mut tries, mut age_ms, mut waits) = (Tries::default(), 0, Vec::new());
        loop {
            match after(Attempt::FunctionError, &mut tries, age_ms, policy) {
                Next::Again { wait_ms } => {
                    age_ms += wait_ms;
                    waits.push(wait_ms);
                }
                Next::End(condition) => return (tries.attempts, waits, condition),
            }
        }
    }

    #[test]
    fn a_function_error_is_followed_by_two_more_runs_after_one_and_two_minutes() {
        assert_eq!(always_failing(HOURS_6), (3, vec![60_000, 120_000], Condition::RetriesExhausted));
        assert_eq!(always_failing(seconds(1, 21_600)), (2, vec![60_000], Condition::RetriesExhausted));
        assert_eq!(always_failing(seconds(0, 21_600)), (1, vec![], Condition::RetriesExhausted));
        assert_eq!(always_failing(seconds(9, 21_600)).0, 3, "no more than Lambda's most");
    }

    #[test]
    fn an_event_is_not_kept_for_a_run_that_would_come_too_late() {
        // As recorded from AWS: one run within 60 seconds, two within 90.
        assert_eq!(always_failing(seconds(2, 60)), (1, vec![], Condition::EventAgeExceeded));
        assert_eq!(always_failing(seconds(2, 90)), (2, vec![60_000], Condition::EventAgeExceeded));
    }

    #[test]
    fn throttles_back_off_from_a_second_to_five_minutes_until_the_event_is_too_old() {
        let (mut tries, mut age_ms, mut waits) = (Tries::default(), 0, Vec::new());
        let condition = loop {
            match after(Attempt::NotRun, &mut tries, age_ms, HOURS_6) {
                Next::Again { wait_ms } => {
                    age_ms += wait_ms;
                    waits.push(wait_ms / 1_000);
                }
                Next::End(condition) => break condition,
            }
        };
        assert_eq!(waits[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        let (last, others) = waits[10..].split_last().expect("there are some");
        assert!(others.iter().all(|wait| *wait == 300) && *last <= 300, "{waits:?}");
        assert_eq!((condition, tries.attempts), (Condition::EventAgeExceeded, 0));
        assert_eq!(age_ms, HOURS_6.age_ms_max - 1, "it is tried as long as it may be");
    }

    #[test]
    fn a_run_begins_the_back_off_anew() {
        let mut tries = Tries::default();
        for _ in 0..5 {
            after(Attempt::NotRun, &mut tries, 0, HOURS_6);
        }
        assert_eq!(after(Attempt::FunctionError, &mut tries, 0, HOURS_6), Next::Again { wait_ms: 60_000 });
        assert_eq!(after(Attempt::NotRun, &mut tries, 0, HOURS_6), Next::Again { wait_ms: 1_000 });
        assert_eq!(tries, Tries { attempts: 1, backoffs: 1, crashes: 0 });
    }

    #[test]
    fn nothing_is_waited_for_that_is_reserved_to_be_none() {
        let mut tries = Tries::default();
        let next = after(Attempt::ZeroReserved, &mut tries, 0, HOURS_6);
        assert_eq!((next, tries.attempts), (Next::End(Condition::ZeroReservedConcurrency), 0));
    }

    #[test]
    fn an_event_that_ran_at_three_crashes_is_not_tried_again() {
        let mut tries = Tries::default();
        for _ in 0..2 {
            let next = after(Attempt::Crashed, &mut tries, u64::MAX, HOURS_6);
            assert_eq!(next, Next::Again { wait_ms: 0 });
            assert_eq!(before(tries, 0, HOURS_6), None);
        }
        let next = after(Attempt::Crashed, &mut tries, 0, HOURS_6);
        assert_eq!(next, Next::End(Condition::HostCrash));
        assert_eq!(before(tries, 0, HOURS_6), Some(Condition::HostCrash));
    }

    #[test]
    fn an_event_that_became_too_old_while_it_waited_is_not_tried() {
        assert_eq!(before(Tries::default(), 59_999, seconds(2, 60)), None);
        assert_eq!(before(Tries::default(), 60_000, seconds(2, 60)), Some(Condition::EventAgeExceeded));
    }

    #[test]
    fn every_condition_is_known_by_its_name() {
        for condition in Condition::ALL {
            assert_eq!(Condition::parse(condition.as_str()), Some(condition));
            assert_eq!(
                serde_json::to_string(&condition).expect("it can be written"),
                format!("{:?}", condition.as_str())
            );
        }
        assert_eq!(Condition::parse("Unknown"), None);
    }
}
