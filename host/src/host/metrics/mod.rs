//! What can be measured of a host, as plain values.

mod concurrency;

pub use self::concurrency::{ConcurrencyFigures, FunctionConcurrency, ProvisionedConcurrencyFigures};

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Host;
use crate::function::{FunctionKey, Qualifier, VersionNumber};
use crate::metrics::{CompilationMetrics, LogMetrics, ResourceMetrics, SeriesKey, StoreMetrics};
use crate::registry::Function;
use crate::telemetry::DroppedLogs;

/// What stands for the names of those that are not counted by themselves, as in [`ResourceMetrics`].
const OTHER: &str = "other";

/// What was measured of a host since it was started, at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// What was counted of each resource that was invoked, in the order of regions, functions, versions and resources. Those
    /// beyond [the bound](crate::HostBuilder::metrics_resources_max) are one together, whose names are all `other`. A function
    /// that is deleted takes its own away.
    pub resources: Vec<ResourceMetrics>,
    /// The instances of each version that was invoked and is there; further ones under `other`.
    pub versions: Vec<VersionInstances>,
    /// The bytes that all idle instances hold together.
    pub idle_memory_bytes: u64,
    /// How many invocations run, and may run.
    pub concurrency: ConcurrencyFigures,
    /// What the compiler does and has done.
    pub compilation: CompilationMetrics,
    /// What became of log lines, if they are kept.
    pub logs: Option<LogMetrics>,
    /// What invocations lost that logged more than they may.
    pub dropped_logs: DroppedLogs,
    /// How many changes of functions could not be kept.
    pub store: StoreMetrics,
}

/// The instances of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionInstances {
    /// The function's region.
    pub region: String,
    /// The function's name.
    pub function: String,
    /// The version, a number or `$LATEST`.
    pub version: String,
    /// How many are warm and wait for an event.
    pub idle: u64,
    /// How many serve one, or are coming up to.
    pub busy: u64,
}

impl Host {
    /// What was measured of the host, at this moment. It takes about as long as it takes to copy the counters of the resources that
    /// were invoked, however many functions there are.
    ///
    /// ```no_run
    /// # fn example(host: &samovar::Host) {
    /// for resource in host.metrics().resources {
    ///     println!("{}: {} invocations", resource.resource, resource.invocations());
    /// }
    /// # }
    /// ```
    pub fn metrics(&self) -> MetricsSnapshot {
        let functions = self.counted_functions();
        let resources = self.parts.shared.counters.read();
        MetricsSnapshot {
            versions: self.version_instances(&functions, &resources),
            concurrency: self.concurrency_figures(&resources),
            resources,
            idle_memory_bytes: self.idle_memory_bytes(),
            compilation: self.parts.artifacts.metrics(),
            dropped_logs: self.dropped_logs(),
            logs: self.parts.logs.as_ref().map(|logs| logs.queue().counters().read()),
            store: self.parts.registry.store_metrics(),
        }
    }

    /// The functions that there are counters of, as they are now. The counters of what is not there any more go.
    fn counted_functions(&self) -> HashMap<FunctionKey, Arc<Function>> {
        let counters = &self.parts.shared.counters;
        let names = counters.keys().into_iter().map(|key| key.function);
        let present = |key: FunctionKey| Some((self.parts.registry.function(&key)?, key));
        let functions: HashMap<_, _> =
            names.filter_map(present).map(|(function, key)| (key, function)).collect();
        // A host that closes forgets its functions, and keeps what was counted of them.
        if !self.is_closing() {
            counters.keep(|key| match functions.get(&key.function) {
                Some(function) => is_there(function, key),
                // It may have been made since.
                None => self.parts.registry.function(&key.function).is_some(),
            });
        }
        functions
    }

    fn version_instances(
        &self,
        functions: &HashMap<FunctionKey, Arc<Function>>,
        resources: &[ResourceMetrics],
    ) -> Vec<VersionInstances> {
        let mut busy = BTreeMap::<[&str; 3], u64>::new();
        for resource in resources {
            *busy.entry([&resource.region, &resource.function, &resource.executed_version]).or_default() +=
                resource.running;
        }
        let all_idle = self.parts.shared.idlers.count() as u64;
        let by_name: HashMap<[&str; 2], &Function> =
            functions.iter().map(|(key, function)| ([key.region(), key.name()], &**function)).collect();
        let idle = |[region, function, version]: [&str; 3]| {
            let version = by_name.get(&[region, function])?.version(VersionNumber::parse(version)?)?;
            Some(version.pool.idle_count() as u64)
        };
        let instances = |(names, busy): ([&str; 3], u64)| {
            let [region, function, version] = names.map(str::to_owned);
            VersionInstances { region, function, version, idle: idle(names).unwrap_or(0), busy }
        };
        let other_busy = busy.remove(&[OTHER; 3]);
        let mut versions: Vec<VersionInstances> = busy.into_iter().map(instances).collect();
        let counted_idle = versions.iter().map(|version| version.idle).sum();
        let other_idle = all_idle.saturating_sub(counted_idle);
        if other_busy.is_some() || other_idle > 0 {
            let other = || OTHER.to_owned();
            let busy = other_busy.unwrap_or(0);
            let other = VersionInstances {
                region: other(),
                function: other(),
                version: other(),
                idle: other_idle,
                busy,
            };
            versions.push(other);
        }
        versions
    }
}

fn is_there(function: &Function, key: &SeriesKey) -> bool {
    let has_qualifier = match &key.qualifier {
        None | Some(Qualifier::Version(_)) => true,
        Some(Qualifier::Alias(alias)) => function.aliases.contains_key(alias),
    };
    has_qualifier && function.version(key.version).is_some()
}
