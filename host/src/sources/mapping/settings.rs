//! What a mapping may say of its batches.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::function::QueueArn;
use crate::sources::pattern::{Filters, FiltersError};

/// How many messages a batch may have.
pub const BATCH_SIZE: RangeInclusive<u32> = 1..=10_000;
/// How many messages a batch of a FIFO queue may have at most.
pub const FIFO_BATCH_SIZE_MAX: u32 = 10;
/// How many seconds messages may be gathered.
pub const BATCHING_WINDOW_SECONDS: RangeInclusive<u32> = 0..=300;
/// How many batches of a mapping may be let run at a time.
pub const MAXIMUM_CONCURRENCY: RangeInclusive<u32> = 2..=1_000;
/// How many messages a batch may have that are not gathered: what one request brings.
const AT_ONCE_MAX: u32 = 10;

/// How a mapping makes batches of a queue's messages, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingSettings {
    /// Lambda's `BatchSize`: how many messages a batch has at most, from 1 to 10,000, of a FIFO queue to 10. Default: 10.
    pub batch_size: u32,
    /// Lambda's `MaximumBatchingWindowInSeconds`: how long messages are gathered, from 0 to 300 seconds; at least 1 where a batch
    /// may have more than 10 messages, and not at all of a FIFO queue. Default: 0.
    pub maximum_batching_window_seconds: u32,
    /// Lambda's `ScalingConfig.MaximumConcurrency`: how many batches run at a time at most, from 2 to 1,000. Default: no limit but the
    /// function's.
    pub maximum_concurrency: Option<u32>,
    /// Lambda's `FilterCriteria`: [patterns](crate::sources::pattern), of which a message must match one, or else it is deleted. All
    /// messages pass if there are none, as by default.
    pub filters: Vec<String>,
    /// Whether the function's answers say which messages of a batch failed: Lambda's `FunctionResponseTypes` with
    /// `ReportBatchItemFailures`. Default: no, and a batch succeeds or fails as one.
    pub report_batch_item_failures: bool,
}

/// A change of [`MappingSettings`]: what is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MappingChange {
    /// See [`MappingSettings::batch_size`].
    pub batch_size: Option<u32>,
    /// See [`MappingSettings::maximum_batching_window_seconds`].
    pub maximum_batching_window_seconds: Option<u32>,
    /// See [`MappingSettings::maximum_concurrency`]; `Some(None)` takes the limit away.
    pub maximum_concurrency: Option<Option<u32>>,
    /// See [`MappingSettings::filters`].
    pub filters: Option<Vec<String>>,
    /// See [`MappingSettings::report_batch_item_failures`].
    pub report_batch_item_failures: Option<bool>,
}

/// Why a mapping cannot have such settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingSettingsError {
    /// A batch has another size.
    #[error("Batch size must be between {} and {}, not {size}.", BATCH_SIZE.start(), BATCH_SIZE.end())]
    BatchSize {
        /// How many messages it was to have.
        size: u32,
    },
    /// A batch of a FIFO queue has fewer messages.
    #[error("Batch size must be between 1 and {FIFO_BATCH_SIZE_MAX} for FIFO queues, not {size}.")]
    FifoBatchSize {
        /// How many messages it was to have.
        size: u32,
    },
    /// Messages are gathered for another time.
    #[error(
        "Maximum batch window in seconds must be between {} and {}, not {seconds}.",
        BATCHING_WINDOW_SECONDS.start(), BATCHING_WINDOW_SECONDS.end()
    )]
    Window {
        /// How long it was to be.
        seconds: u32,
    },
    /// A FIFO queue's messages are not gathered.
    #[error("Batching window is not supported for FIFO queues.")]
    FifoWindow,
    /// So many messages have to be gathered. In Lambda's words.
    #[error(
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    )]
    NoWindow,
    /// Another number of batches runs at a time.
    #[error(
        "Maximum concurrency must be between {} and {}, not {batches}.",
        MAXIMUM_CONCURRENCY.start(), MAXIMUM_CONCURRENCY.end()
    )]
    Concurrency {
        /// How many were to run.
        batches: u32,
    },
    /// A filter is no pattern, or there are too many. It begins in Lambda's words.
    #[error("Invalid filter pattern definition. {0}")]
    Filters(FiltersError),
}

impl Default for MappingSettings {
    fn default() -> Self {
        Self {
            batch_size: 10,
            maximum_batching_window_seconds: 0,
            maximum_concurrency: None,
            filters: Vec::new(),
            report_batch_item_failures: false,
        }
    }
}

impl MappingSettings {
    /// These settings, changed.
    #[must_use]
    pub fn changed(self, change: MappingChange) -> Self {
        Self {
            batch_size: change.batch_size.unwrap_or(self.batch_size),
            maximum_batching_window_seconds: change
                .maximum_batching_window_seconds
                .unwrap_or(self.maximum_batching_window_seconds),
            maximum_concurrency: change.maximum_concurrency.unwrap_or(self.maximum_concurrency),
            filters: change.filters.unwrap_or(self.filters),
            report_batch_item_failures: change
                .report_batch_item_failures
                .unwrap_or(self.report_batch_item_failures),
        }
    }

    /// Checks whether a mapping of that queue can have these settings.
    ///
    /// # Errors
    /// When a number is outside its range, does not go with another, or a filter is no pattern.
    pub fn check(&self, queue: &QueueArn) -> Result<(), MappingSettingsError> {
        let (size, seconds) = (self.batch_size, self.maximum_batching_window_seconds);
        if !BATCH_SIZE.contains(&size) {
            return Err(MappingSettingsError::BatchSize { size });
        }
        if !BATCHING_WINDOW_SECONDS.contains(&seconds) {
            return Err(MappingSettingsError::Window { seconds });
        }
        if queue.is_fifo() {
            if size > FIFO_BATCH_SIZE_MAX {
                return Err(MappingSettingsError::FifoBatchSize { size });
            }
            if seconds > 0 {
                return Err(MappingSettingsError::FifoWindow);
            }
        }
        if size > AT_ONCE_MAX && seconds == 0 {
            return Err(MappingSettingsError::NoWindow);
        }
        if let Some(batches) =
            self.maximum_concurrency.filter(|batches| !MAXIMUM_CONCURRENCY.contains(batches))
        {
            return Err(MappingSettingsError::Concurrency { batches });
        }
        self.patterns().map(drop)
    }

    /// The filters, parsed.
    pub(crate) fn patterns(&self) -> Result<Filters, MappingSettingsError> {
        Filters::parse(self.filters.iter().map(String::as_str)).map_err(MappingSettingsError::Filters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: MappingChange, queue: &str) -> String {
        let queue = format!("arn:aws:sqs:us-east-1:000000000000:{queue}").parse().expect("an ARN");
        match MappingSettings::default().changed(change).check(&queue) {
            Ok(()) => "none".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn numbers_are_within_their_ranges_and_go_together() {
        let none = MappingChange::default();
        let size = |size| MappingChange { batch_size: Some(size), ..none.clone() };
        let window =
            |size, seconds| MappingChange { maximum_batching_window_seconds: Some(seconds), ..sized(size) };
        let concurrency =
            |batches| MappingChange { maximum_concurrency: Some(Some(batches)), ..none.clone() };
        for (change, queue, expected) in [
            (none.clone(), "q", "none"),
            (none.clone(), "q.fifo", "none"),
            (size(1), "q", "none"),
            (window(10_000, 1), "q", "none"),
            (window(10_000, 300), "q", "none"),
            (concurrency(2), "q", "none"),
            (concurrency(1_000), "q.fifo", "none"),
            (size(0), "q", "Batch size must be between 1 and 10000, not 0."),
            (size(10_001), "q", "Batch size must be between 1 and 10000, not 10001."),
            (size(11), "q.fifo", "Batch size must be between 1 and 10 for FIFO queues, not 11."),
            (window(10, 1), "q.fifo", "Batching window is not supported for FIFO queues."),
            (window(10, 301), "q", "Maximum batch window in seconds must be between 0 and 300, not 301."),
            (
                size(11),
                "q",
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ),
            (concurrency(1), "q", "Maximum concurrency must be between 2 and 1000, not 1."),
            (concurrency(1_001), "q", "Maximum concurrency must be between 2 and 1000, not 1001."),
        ] {
            assert_eq!(problem(change.clone(), queue), expected, "{change:?} {queue}");
        }
    }

    fn sized(size: u32) -> MappingChange {
        MappingChange { batch_size: Some(size), ..MappingChange::default() }
    }

    #[test]
    fn filters_are_patterns_and_not_too_many() {
        let filters = |texts: &[&str]| MappingChange {
            filters: Some(texts.iter().map(|text| (*text).to_owned()).collect()),
            ..MappingChange::default()
        };
        assert_eq!(problem(filters(&[r#"{"body":{"a":["b"]}}"#; 5]), "q"), "none");
        for bad in [filters(&["{"]), filters(&[r#"{"body":{"a":["b"]}}"#; 6])] {
            let problem = problem(bad.clone(), "q");
            assert!(problem.starts_with("Invalid filter pattern definition. "), "{bad:?}: {problem}");
        }
    }

    #[test]
    fn what_a_change_does_not_give_stays() {
        let limited =
            MappingSettings { maximum_concurrency: Some(5), batch_size: 3, ..MappingSettings::default() };
        assert_eq!(limited.clone().changed(MappingChange::default()), limited);
        let lifted = MappingChange { maximum_concurrency: Some(None), ..MappingChange::default() };
        let expected = MappingSettings { maximum_concurrency: None, ..limited.clone() };
        assert_eq!(limited.changed(lifted), expected);
    }
}
