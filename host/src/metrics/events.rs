//! What is counted of functions' events: of each function apart, in bounded number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::counters::OTHER;
use super::histogram::{AGE_BOUNDS, DurationHistogram, Histogram};
use crate::function::FunctionKey;

/// The counters of all functions' events.
#[derive(Debug)]
pub(crate) struct EventCounters {
    functions_max: usize,
    functions: RwLock<HashMap<FunctionKey, Arc<EventSeries>>>,
    /// For what is beyond the bound.
    other: Arc<EventSeries>,
}

/// The counters of one function's events.
#[derive(Debug)]
pub(crate) struct EventSeries {
    pub(crate) received: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) dead_letter_errors: AtomicU64,
    pub(crate) destination_delivery_failures: AtomicU64,
    pub(crate) recursive_invocations_dropped: AtomicU64,
    ages: Histogram,
}

/// What was counted of one function's events since the host was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMetrics {
    /// The function's region.
    pub region: String,
    /// The function's name.
    pub function: String,
    /// How many events were accepted: Lambda's AsyncEventsReceived.
    pub received: u64,
    /// How old events were when runs of theirs began, further attempts too: Lambda's AsyncEventAge.
    pub ages: DurationHistogram,
    /// How many events came to their end without success: Lambda's AsyncEventsDropped. They may be in a dead-letter queue, in a
    /// destination or in the host's dead table.
    pub dropped: u64,
    /// How many times a dead letter could not be sent, this time or for good: Lambda's DeadLetterErrors.
    pub dead_letter_errors: u64,
    /// How many times a record could not be sent to a destination: Lambda's DestinationDeliveryFailures.
    pub destination_delivery_failures: u64,
    /// How many of those dropped were not run because the function invokes itself in a circle: Lambda's
    /// RecursiveInvocationsDropped.
    pub recursive_invocations_dropped: u64,
}

impl EventCounters {
    pub(crate) fn new(functions_max: usize) -> Arc<Self> {
        Arc::new(Self { functions_max, functions: RwLock::default(), other: Arc::default() })
    }

    /// The counters of a function. They are made when something is counted for the first time.
    pub(crate) fn of(&self, function: &FunctionKey) -> Arc<EventSeries> {
        // The map is whole after every statement, so a panic elsewhere leaves it usable.
        let present = self.functions.read().unwrap_or_else(PoisonError::into_inner).get(function).cloned();
        if let Some(series) = present {
            return series;
        }
        let mut functions = self.functions.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = functions.len() >= self.functions_max;
        match functions.get(function) {
            Some(present) => present.clone(),
            None if is_full => self.other.clone(),
            None => functions.entry(function.clone()).or_default().clone(),
        }
    }

    /// Forgets the counters of functions that are not there any more, as the caller knows.
    pub(crate) fn keep(&self, is_there: impl Fn(&FunctionKey) -> bool) {
        let mut functions = self.functions.write().unwrap_or_else(PoisonError::into_inner);
        functions.retain(|function, _| is_there(function));
    }

    /// Forgets the counters of a function that is no more.
    pub(crate) fn forget(&self, function: &FunctionKey) {
        self.functions.write().unwrap_or_else(PoisonError::into_inner).remove(function);
    }

    /// What was counted, in the order of regions and names; beyond the bound under `other`.
    pub(crate) fn read(&self) -> Vec<EventMetrics> {
        let functions = self.functions.read().unwrap_or_else(PoisonError::into_inner);
        let all = functions
            .iter()
            .map(|(key, series)| (key.region().to_owned(), key.name().to_owned(), series.clone()));
        let mut all: Vec<_> = all.collect();
        // Read without the lock, so that no first event waits for it.
        drop(functions);
        all.sort_by(|one, another| (&one.0, &one.1).cmp(&(&another.0, &another.1)));
        let is_other_used = self.other.read() != EventSeries::default().read();
        let other = is_other_used.then(|| (OTHER.to_owned(), OTHER.to_owned(), self.other.clone()));
        let read = |(region, function, series): (_, _, Arc<EventSeries>)| EventMetrics {
            region,
            function,
            ..series.read()
        };
        all.into_iter().chain(other).map(read).collect()
    }
}

impl EventSeries {
    /// Counts a run that begins when its event is that old.
    pub(crate) fn began(&self, age: Duration) {
        self.ages.observe(age);
    }

    /// What was counted, of a function without a name.
    fn read(&self) -> EventMetrics {
        EventMetrics {
            region: String::new(),
            function: String::new(),
            received: self.received.load(Ordering::Relaxed),
            ages: self.ages.read(),
            dropped: self.dropped.load(Ordering::Relaxed),
            dead_letter_errors: self.dead_letter_errors.load(Ordering::Relaxed),
            destination_delivery_failures: self.destination_delivery_failures.load(Ordering::Relaxed),
            recursive_invocations_dropped: self.recursive_invocations_dropped.load(Ordering::Relaxed),
        }
    }
}

impl Default for EventSeries {
    fn default() -> Self {
        Self {
            received: AtomicU64::default(),
            dropped: AtomicU64::default(),
            dead_letter_errors: AtomicU64::default(),
            destination_delivery_failures: AtomicU64::default(),
            recursive_invocations_dropped: AtomicU64::default(),
            ages: Histogram::new(AGE_BOUNDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{FunctionName, Region};

    fn function(name: &str) -> FunctionKey {
        let region = Region::parse("eu-west-1").expect("a region");
        FunctionKey::new(&region, &FunctionName::parse(name).expect("a name"))
    }

    fn receive(counters: &EventCounters, name: &str) {
        counters.of(&function(name)).received.fetch_add(1, Ordering::Relaxed);
    }

    fn received(counters: &EventCounters) -> Vec<(String, u64)> {
        counters.read().into_iter().map(|metrics| (metrics.function, metrics.received)).collect()
    }

    #[test]
    fn events_of_functions_beyond_the_bound_are_counted_as_other() {
        let counters = EventCounters::new(2);
        for name in ["b", "a", "c", "a", "d"] {
            receive(&counters, name);
        }
        let named = |all: &[(&str, u64)]| -> Vec<(String, u64)> {
            all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        assert_eq!(received(&counters), named(&[("a", 2), ("b", 1), ("other", 2)]));
        counters.forget(&function("a"));
        receive(&counters, "c");
        assert_eq!(received(&counters), named(&[("b", 1), ("c", 1), ("other", 2)]), "there is room again");
        counters.keep(|key| key.name() == "c");
        assert_eq!(received(&counters), named(&[("c", 1), ("other", 2)]));
    }

    #[test]
    fn an_event_of_six_hours_has_a_bucket() {
        let counters = EventCounters::new(1);
        let series = counters.of(&function("a"));
        for seconds in [0, 60, 180, 6 * 3600, 7 * 3600] {
            series.began(Duration::from_secs(seconds));
        }
        let ages = &counters.read()[0].ages;
        let last = ages.buckets.last().expect("it has buckets");
        assert_eq!((last.0.as_secs(), last.1, ages.count), (6 * 3600, 4, 5));
    }
}
