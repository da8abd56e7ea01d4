//! The counters of all functions: those of a resource are made at its first invocation, and there is a bound on them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::series::{ResourceMetrics, ResourceNames, Series};
use crate::function::{FunctionKey, Qualifier, VersionNumber};

/// How many resources a version remembers the counters of; for others they are looked up each time.
const REMEMBERED_MAX: usize = 1024;
/// What stands for names where there are more resources than have counters of their own. It is the number of no version.
pub(super) const OTHER: &str = "other";

/// What counters are kept by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey {
    pub(crate) function: FunctionKey,
    /// The version that runs.
    pub(crate) version: VersionNumber,
    /// As it was asked for.
    pub(crate) qualifier: Option<Qualifier>,
}

/// The counters of all functions of a host.
#[derive(Debug)]
pub(crate) struct Counters {
    series_max: usize,
    series: Mutex<HashMap<SeriesKey, Arc<Series>>>,
    /// For what is beyond the bound.
    other: Arc<Series>,
}

/// The way from a version to its counters, on which an invocation looks nothing up.
///
/// The counters are not the version's own: `$LATEST` is another version after every change, and its counters go on.
#[derive(Debug)]
pub(crate) struct VersionCounters {
    all: Arc<Counters>,
    remembered: RwLock<HashMap<Option<Qualifier>, Arc<Series>>>,
}

impl Counters {
    pub(crate) fn new(series_max: usize) -> Arc<Self> {
        Arc::new(Self { series_max, series: Mutex::default(), other: Arc::default() })
    }

    /// Forgets the counters of a function that is no more.
    pub(crate) fn forget(&self, function: &FunctionKey) {
        self.keep(|key| key.function != *function);
    }

    /// Forgets the counters of what is not there any more, as the caller knows.
    pub(crate) fn keep(&self, is_there: impl Fn(&SeriesKey) -> bool) {
        self.series().retain(|key, series| {
            let stays = is_there(key);
            if !stays {
                series.retire();
            }
            stays
        });
    }

    /// What there are counters of.
    pub(crate) fn keys(&self) -> Vec<SeriesKey> {
        self.series().keys().cloned().collect()
    }

    /// What was counted, in the order of the names; beyond the bound under `other`.
    pub(crate) fn read(&self) -> Vec<ResourceMetrics> {
        // Read without the lock, so that no first invocation waits for it.
        let mut all: Vec<_> =
            self.series().iter().map(|(key, series)| (key.names(), series.clone())).collect();
        all.sort_by(|(one, _), (another, _)| one.cmp(another));
        let other = self.other.is_used().then(|| (other_names(), self.other.clone()));
        all.into_iter().chain(other).map(|(names, series)| series.read(names)).collect()
    }

    fn of(&self, key: SeriesKey) -> Arc<Series> {
        let mut series = self.series();
        let is_full = series.len() >= self.series_max;
        match series.get(&key) {
            Some(present) => present.clone(),
            None if is_full => self.other.clone(),
            None => series.entry(key).or_default().clone(),
        }
    }

    fn series(&self) -> MutexGuard<'_, HashMap<SeriesKey, Arc<Series>>> {
        // The map is whole after every statement, so a panic elsewhere leaves it usable.
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeriesKey {
    fn names(&self) -> ResourceNames {
        let function = self.function.name();
        ResourceNames {
            region: self.function.region().to_owned(),
            function: function.to_owned(),
            executed_version: self.version.to_string(),
            resource: match &self.qualifier {
                None => function.to_owned(),
                Some(qualifier) => format!("{function}:{qualifier}"),
            },
        }
    }
}

fn other_names() -> ResourceNames {
    let other = || OTHER.to_owned();
    ResourceNames { region: other(), function: other(), executed_version: other(), resource: other() }
}

impl VersionCounters {
    pub(crate) fn new(all: &Arc<Counters>) -> Self {
        Self { all: all.clone(), remembered: RwLock::default() }
    }

    /// The counters for a request that named the version so, or came to it by that alias.
    pub(crate) fn of(
        &self,
        function: &FunctionKey,
        version: VersionNumber,
        qualifier: &Option<Qualifier>,
    ) -> Arc<Series> {
        let remembered =
            self.remembered.read().unwrap_or_else(PoisonError::into_inner).get(qualifier).cloned();
        if let Some(series) = remembered.filter(|series| !series.is_retired()) {
            return series;
        }
        let key = SeriesKey { function: function.clone(), version, qualifier: qualifier.clone() };
        let series = self.all.of(key);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() < REMEMBERED_MAX || remembered.contains_key(qualifier) {
            remembered.insert(qualifier.clone(), series.clone());
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{FunctionName, Region};
    use crate::invocation::{InvokeError, ThrottleReason, Throttled};

    fn function(name: &str) -> FunctionKey {
        let region = Region::parse("eu-west-1").expect("a region");
        FunctionKey::new(&region, &FunctionName::parse(name).expect("a name"))
    }

    fn throttle(series: &Series) {
        let throttled = Throttled::new(ThrottleReason::Concurrency, 1, 1);
        series.refused(&InvokeError::Throttled(throttled));
    }

    fn throttled(counters: &Counters) -> Vec<(String, u64)> {
        let sum = |metrics: &ResourceMetrics| metrics.throttles.iter().map(|(_, count)| count).sum();
        counters.read().iter().map(|metrics| (metrics.resource.clone(), sum(metrics))).collect()
    }

    #[test]
    fn a_new_latest_goes_on_with_the_counters_of_the_old() {
        let counters = Counters::new(10);
        for _ in 0..2 {
            let version = VersionCounters::new(&counters);
            for qualifier in [None, Some(Qualifier::parse("live").expect("an alias"))] {
                throttle(&version.of(&function("a"), VersionNumber::Latest, &qualifier));
            }
        }
        assert_eq!(throttled(&counters), [("a".to_owned(), 2), ("a:live".to_owned(), 2)]);
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted_as_other() {
        let counters = Counters::new(2);
        let versions: Vec<_> = (0..4).map(|_| VersionCounters::new(&counters)).collect();
        for (version, name) in versions.iter().zip(["a", "b", "c", "d"]) {
            throttle(&version.of(&function(name), VersionNumber::Latest, &None));
        }
        let expected = [("a", 1), ("b", 1), ("other", 2)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!(throttled(&counters), expected);
        counters.forget(&function("a"));
        let version = VersionCounters::new(&counters);
        throttle(&version.of(&function("c"), VersionNumber::Latest, &None));
        assert_eq!(throttled(&counters)[1], ("c".to_owned(), 1), "there is room again");
    }

    #[test]
    fn an_alias_that_was_gone_and_came_back_is_counted_anew() {
        let counters = Counters::new(10);
        let version = VersionCounters::new(&counters);
        let live = Some(Qualifier::parse("live").expect("an alias"));
        let throttle_live = || throttle(&version.of(&function("a"), VersionNumber::Published(1), &live));
        throttle_live();
        counters.keep(|_| false);
        assert_eq!(throttled(&counters), []);
        throttle_live();
        assert_eq!(throttled(&counters), [("a:live".to_owned(), 1)]);
    }
}
