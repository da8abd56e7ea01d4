//! What can be measured of a host, as plain values.

mod concurrency;
mod events;
mod queues;

pub use self::concurrency::{ConcurrencyFigures, FunctionConcurrency, ProvisionedConcurrencyFigures};
pub use self::events::EventFigures;
pub use self::queues::QueueMetrics;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Host;
use super::mappings::{ListMappings, MappingInfo};
use crate::function::{FunctionKey, Qualifier, VersionNumber};
use crate::metrics::{
    CompilationMetrics, FlushFigures, LogMetrics, ResourceMetrics, SeriesKey, StoreMetrics,
};
use crate::registry::Function;
use crate::sources::schedules::ScheduleFigures;
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
    /// The instances of each version that was invoked or has provisioned ones, and is there; further ones under `other`.
    pub versions: Vec<VersionInstances>,
    /// The bytes that all idle instances hold together.
    pub idle_memory_bytes: u64,
    /// The bytes that all provisioned instances hold together that wait for an event.
    pub provisioned_memory_bytes: u64,
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
    /// What was counted of functions' events, and how many there are.
    pub events: EventFigures,
    /// How much there is in the queues that are built in, in the order of regions and names. Those beyond
    /// [the bound](crate::HostBuilder::metrics_resources_max) are one together, whose names are `other`.
    pub queues: Vec<QueueMetrics>,
    /// How event source mappings are doing, in the order of their ids; those that are beyond
    /// [the bound](crate::HostBuilder::metrics_resources_max) are left out.
    pub mappings: Vec<MappingInfo>,
    /// What was counted of schedules, and how many there are.
    pub schedules: ScheduleFigures,
    /// How the journal of events and queues comes to the disk, if it does: a host without a folder keeps it in memory.
    pub flushes: Option<FlushFigures>,
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
        let (functions, dedicated) = (self.counted_functions(), self.dedicated_functions());
        let resources = self.parts.shared.counters.read();
        MetricsSnapshot {
            versions: self.version_instances(&functions, &dedicated, &resources),
            provisioned_memory_bytes: provisioned_memory_bytes(&dedicated),
            concurrency: self.concurrency_figures(&resources),
            resources,
            idle_memory_bytes: self.idle_memory_bytes(),
            compilation: self.parts.artifacts.metrics(),
            dropped_logs: self.dropped_logs(),
            logs: self.parts.logs.as_ref().map(|logs| logs.queue().counters().read()),
            store: self.parts.registry.store_metrics(),
            events: self.event_figures(),
            queues: self.queue_metrics(),
            mappings: self.list_event_source_mappings(&ListMappings {
                limit: self.parts.metrics_resources_max,
                ..ListMappings::default()
            }),
            schedules: self.parts.schedules.figures(),
            flushes: (!self.parts.data_dir.is_temporary()).then(|| self.parts.journal.flushes()),
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

    /// The functions that have concurrency of their own, whether or not they were invoked.
    fn dedicated_functions(&self) -> Vec<Arc<Function>> {
        let keys = self.parts.concurrency.dedicated();
        keys.iter().filter_map(|key| self.parts.registry.function(key)).collect()
    }

    fn version_instances(
        &self,
        functions: &HashMap<FunctionKey, Arc<Function>>,
        dedicated: &[Arc<Function>],
        resources: &[ResourceMetrics],
    ) -> Vec<VersionInstances> {
        let mut busy = BTreeMap::<[&str; 3], u64>::new();
        for resource in resources {
            *busy.entry([&resource.region, &resource.function, &resource.executed_version]).or_default() +=
                resource.running;
        }
        let mut provisioned = BTreeMap::<[String; 3], u64>::new();
        for version in dedicated.iter().flat_map(|function| function.published.values()) {
            if let Some(instances) = version.provisioned() {
                let (key, number) = (&version.facts.key, version.facts.number.to_string());
                let idle = instances.standing().up.saturating_sub(instances.busy());
                provisioned.insert([key.region().to_owned(), key.name().to_owned(), number], idle.into());
            }
        }
        for [region, function, version] in provisioned.keys() {
            busy.entry([region, function, version]).or_default();
        }
        let by_name: HashMap<[&str; 2], &Function> =
            functions.iter().map(|(key, function)| ([key.region(), key.name()], &**function)).collect();
        let pooled = |[region, function, version]: [&str; 3]| {
            let version = by_name.get(&[region, function])?.version(VersionNumber::parse(version)?)?;
            Some(version.pool.idle_count() as u64)
        };
        let other_busy = busy.remove(&[OTHER; 3]);
        let (mut versions, mut counted) = (Vec::new(), 0);
        for (names, busy) in busy {
            let pooled = pooled(names).unwrap_or(0);
            counted += pooled;
            let [region, function, version] = names.map(str::to_owned);
            let names = [region, function, version];
            let idle = pooled + provisioned.get(&names).copied().unwrap_or(0);
            let [region, function, version] = names;
            versions.push(VersionInstances { region, function, version, idle, busy });
        }
        let other_idle = (self.parts.shared.idlers.count() as u64).saturating_sub(counted);
        if other_busy.is_some() || other_idle > 0 {
            let [region, function, version] = [OTHER; 3].map(str::to_owned);
            let busy = other_busy.unwrap_or(0);
            versions.push(VersionInstances { region, function, version, idle: other_idle, busy });
        }
        versions
    }
}

/// The bytes that all provisioned instances hold that are ready.
fn provisioned_memory_bytes(dedicated: &[Arc<Function>]) -> u64 {
    let versions = dedicated.iter().flat_map(|function| function.published.values());
    versions.filter_map(|version| version.provisioned()).map(|instances| instances.ready_bytes()).sum()
}

fn is_there(function: &Function, key: &SeriesKey) -> bool {
    let has_qualifier = match &key.qualifier {
        None | Some(Qualifier::Version(_)) => true,
        Some(Qualifier::Alias(alias)) => function.aliases.contains_key(alias),
    };
    has_qualifier && function.version(key.version).is_some()
}
