//! What becomes of events that are queued: Lambda's configuration for asynchronous invocation.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::destination::Destination;

/// How often an event may be run again.
const RETRY_ATTEMPTS: RangeInclusive<u8> = 0..=2;
/// How old an event may become, in seconds.
const EVENT_AGE_SECONDS: RangeInclusive<u32> = 60..=21_600;

/// What becomes of the events that are queued for a version or an alias: how often they are tried again, how old they
/// become, and who is told what came of them. What is not set is as by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventInvokeConfig {
    /// How often an event is run again whose function has failed: 0 to 2. [In effect](Self::retry_attempts) 2 if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<u8>,
    /// How many seconds old an event may become before it is given up: 60 to 21,600. [In effect](Self::event_age) 21,600 if
    /// it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_event_age_seconds: Option<u32>,
    /// What gets a record of each event that was handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Destination>,
    /// What gets a record of each event that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Destination>,
    /// When it was last changed, in milliseconds since 1970.
    pub last_modified_ms: u64,
}

/// A change of an [`EventInvokeConfig`]. What is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventInvokeChange {
    /// How often an event is run again: 0 to 2.
    pub maximum_retry_attempts: Option<u8>,
    /// How many seconds old an event may become: 60 to 21,600.
    pub maximum_event_age_seconds: Option<u32>,
    /// Who is told what came of it.
    pub destinations: Option<DestinationsChange>,
}

/// A change of destinations. What is not given stays as it is, and `Some(None)` takes one away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestinationsChange {
    /// What gets a record of each event that was handled.
    pub on_success: Option<Option<Destination>>,
    /// What gets a record of each event that was not.
    pub on_failure: Option<Option<Destination>>,
}

/// A number that a configuration for asynchronous invocation cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventInvokeRangeError {
    /// So often no event is run again.
    #[error("maximum retry attempts {attempts} are outside the range from 0 to 2")]
    RetryAttempts {
        /// How often it was to be.
        attempts: u8,
    },
    /// So old no event becomes.
    #[error("maximum event age {seconds} s is outside the range from 60 to 21600 s")]
    EventAge {
        /// How many seconds it was to be.
        seconds: u32,
    },
}

impl EventInvokeConfig {
    /// How often an event is run again whose function has failed.
    pub fn retry_attempts(&self) -> u8 {
        self.maximum_retry_attempts.unwrap_or(*RETRY_ATTEMPTS.end())
    }

    /// How old an event may become before it is given up.
    pub fn event_age(&self) -> Duration {
        let seconds = self.maximum_event_age_seconds.unwrap_or(*EVENT_AGE_SECONDS.end());
        Duration::from_secs(seconds.into())
    }

    /// When it was last changed, as Lambda's API writes it: in seconds since 1970, with a fraction.
    pub fn last_modified_seconds(&self) -> f64 {
        // As many milliseconds as a f64 tells apart last for some 280,000 years.
        self.last_modified_ms as f64 / 1000.0
    }

    /// This configuration, changed at that time.
    pub(crate) fn changed(self, change: EventInvokeChange, now_ms: u64) -> Self {
        let DestinationsChange { on_success, on_failure } = change.destinations.unwrap_or_default();
        Self {
            maximum_retry_attempts: change.maximum_retry_attempts.or(self.maximum_retry_attempts),
            maximum_event_age_seconds: change.maximum_event_age_seconds.or(self.maximum_event_age_seconds),
            on_success: on_success.unwrap_or(self.on_success),
            on_failure: on_failure.unwrap_or(self.on_failure),
            last_modified_ms: now_ms,
        }
    }
}

impl EventInvokeChange {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the numbers that are given.
    ///
    /// # Errors
    /// When one of them is outside its range.
    pub fn check(&self) -> Result<(), EventInvokeRangeError> {
        match (self.maximum_retry_attempts, self.maximum_event_age_seconds) {
            (Some(attempts), _) if !RETRY_ATTEMPTS.contains(&attempts) => {
                Err(EventInvokeRangeError::RetryAttempts { attempts })
            }
            (_, Some(seconds)) if !EVENT_AGE_SECONDS.contains(&seconds) => {
                Err(EventInvokeRangeError::EventAge { seconds })
            }
            _ => Ok(()),
        }
    }

    /// The destinations that are given.
    pub(crate) fn given_destinations(&self) -> impl Iterator<Item = &Destination> {
        let sides = self.destinations.iter().flat_map(|given| [&given.on_success, &given.on_failure]);
        sides.filter_map(|side| side.as_ref()?.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str) -> Destination {
        Destination::parse(&format!("arn:aws:sqs:us-east-1:000000000000:{name}")).expect("a destination")
    }

    #[test]
    fn what_is_not_set_is_as_on_lambda() {
        let config = EventInvokeConfig::default();
        assert_eq!((config.retry_attempts(), config.event_age()), (2, Duration::from_secs(21_600)));
        let none = EventInvokeConfig { maximum_retry_attempts: Some(0), ..EventInvokeConfig::default() };
        assert_eq!(none.retry_attempts(), 0);
        let modified = EventInvokeConfig { last_modified_ms: 1_795_280_400_007, ..config };
        assert_eq!(modified.last_modified_seconds().to_string(), "1795280400.007");
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let first = EventInvokeChange {
            maximum_retry_attempts: Some(1),
            maximum_event_age_seconds: None,
            destinations: Some(DestinationsChange {
                on_success: Some(Some(queue("good"))),
                on_failure: Some(Some(queue("bad"))),
            }),
        };
        assert_eq!(first.given_destinations().count(), 2);
        let config = EventInvokeConfig::default().changed(first, 5);
        let destinations = DestinationsChange { on_success: Some(None), on_failure: None };
        let second = EventInvokeChange {
            maximum_event_age_seconds: Some(60),
            destinations: Some(destinations),
            ..EventInvokeChange::default()
        };
        let expected = EventInvokeConfig {
            maximum_retry_attempts: Some(1),
            maximum_event_age_seconds: Some(60),
            on_success: None,
            on_failure: Some(queue("bad")),
            last_modified_ms: 7,
        };
        assert_eq!(config.changed(second, 7), expected);
    }

    #[test]
    fn numbers_have_lambdas_ranges() {
        let check = |attempts, seconds| {
            let change = EventInvokeChange {
                maximum_retry_attempts: attempts,
                maximum_event_age_seconds: seconds,
                destinations: None,
            };
            change.check()
        };
        assert_eq!((check(None, None), check(Some(0), Some(60))), (Ok(()), Ok(())));
        assert_eq!(check(Some(2), Some(21_600)), Ok(()));
        assert!(check(Some(3), None).is_err() && check(None, Some(59)).is_err());
        assert!(check(None, Some(21_601)).is_err());
    }

    #[test]
    fn an_old_record_reads_as_one_that_sets_nothing() {
        let config: EventInvokeConfig = serde_json::from_str(r#"{"last_modified_ms":7}"#).expect("a record");
        assert_eq!(config, EventInvokeConfig { last_modified_ms: 7, ..EventInvokeConfig::default() });
    }
}
