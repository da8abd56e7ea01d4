//! How a host starts: its parts are made of the settings, and put together.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::data_dir::DataDir;
use super::provisioning::Provisioning;
use super::system::{self, Facts, Finding, Needs};
use super::{Host, HostBuilder, HostParts};
use crate::artifact::{ArtifactSettings, Artifacts, LOADED_BYTES_MIN};
use crate::concurrency::{Concurrency, ConcurrencySettings};
use crate::cpu::Processors;
use crate::function::{AccountId, LimitsError};
use crate::logs::Logs;
use crate::metrics::Counters;
use crate::pool::Idlers;
use crate::registry::Registry;
use crate::sqs::Queues;
use crate::store::journal::{Journal, MemoryJournal};
use crate::store::{self, StoreError};
use crate::telemetry::LogFeed;
use crate::version::Shared;
use crate::wasm::{Engine, EngineError, OutboundHost};

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("the data folder {folder} cannot be used: {reason}")]
    DataDir {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: io::Error,
    },
    /// The engine cannot be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The threads on which guests compute cannot be started.
    #[error("the threads that functions compute on could not be started: {0}")]
    Threads(io::Error),
    /// The system gives this process too little to run a host at all.
    #[error("{0}")]
    System(String),
    /// A limit cannot be kept.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The functions of an earlier process cannot be read.
    #[error(transparent)]
    Store(StoreError),
}

/// Says in the log what of the system is not as the host needs it.
/// Gives back how many instances there can be.
fn check_system(data_dir: &DataDir, settings: &HostBuilder) -> Result<u32, StartError> {
    let needs = Needs {
        instances: settings.instances_max.into(),
        programs: settings.loaded_bytes_max / LOADED_BYTES_MIN,
        connections: settings.connections.saturating_add(settings.outbound_connections_max) as u64,
    };
    let facts = Facts::read(data_dir.path());
    for finding in system::findings(&facts, &needs) {
        match finding {
            Finding::Warning(text) => tracing::warn!("{text}"),
            Finding::Impossible(text) => return Err(StartError::System(text)),
        }
    }
    let fit = system::instances_that_fit(&facts, &needs);
    Ok(u32::try_from(fit).unwrap_or(settings.instances_max))
}

fn artifact_settings(
    settings: &HostBuilder,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> ArtifactSettings {
    ArtifactSettings {
        compiler: settings.compiler.clone(),
        compile_limits: settings.compile_limits,
        compiled_bytes_max: settings.compiled_bytes_max,
        loaded_bytes_max: settings.loaded_bytes_max,
        package_bytes_max: settings.limits.package_bytes,
        unzipped_bytes_max: settings.limits.unzipped_bytes,
        tasks: tasks.clone(),
        stop: stop.clone(),
    }
}

fn shared(
    settings: &HostBuilder,
    instances_max: u32,
    engine: Arc<Engine>,
    concurrency: &Arc<Concurrency>,
    logs: Option<&Logs>,
) -> Shared {
    Shared {
        engine,
        concurrency: concurrency.clone(),
        idlers: Idlers::new(settings.idle_memory_bytes_max),
        feed: LogFeed::new(logs.map(|logs| logs.queue().clone())),
        counters: Counters::new(settings.metrics_resources_max),
        outbound: OutboundHost::new(
            settings.outbound.clone(),
            settings.outbound_addresses.clone(),
            settings.outbound_connections_max,
        ),
        account_id: settings.account_id.as_str().into(),
        init_time_max: settings.init_time_max,
        instance_invocations_max: settings.instance_invocations_max,
        limits: settings.limits,
        instances_max,
    }
}

/// The queues of a journal, with all that is in it.
fn queues(journal: Arc<dyn Journal>, account: &AccountId) -> Result<Queues, StoreError> {
    let queues = Queues::new(journal.clone(), account.clone());
    let mut recovery = queues.recovery();
    journal.load(&mut |row| recovery.add(&row))?;
    recovery.finish()?;
    Ok(queues)
}

impl Host {
    pub(crate) async fn start(settings: HostBuilder) -> Result<Self, StartError> {
        settings.limits.check()?;
        let data_dir = DataDir::take(settings.data_dir.clone(), settings.network_file_system_allowed)?;
        let instances_max = check_system(&data_dir, &settings)?;
        let store = store::open((!data_dir.is_temporary()).then(|| data_dir.path()))?;
        let engine = Arc::new(Engine::start(instances_max, settings.link.as_ref())?);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let unusable = |reason| StartError::DataDir { folder: data_dir.path().to_owned(), reason };
        let artifact_settings = artifact_settings(&settings, &tasks, &stop);
        let artifacts = Artifacts::open(data_dir.path(), engine.clone(), artifact_settings);
        let artifacts = Arc::new(artifacts.map_err(unusable)?);
        let logs = settings.logs.map(|logs| Logs::open(data_dir.path(), logs)).transpose();
        let logs = logs.map_err(unusable)?;
        let concurrency = Concurrency::new(ConcurrencySettings {
            limit: settings.concurrency_max,
            unreserved_min: settings.unreserved_concurrency_min,
            scaling_rate: settings.scaling_rate,
            requests_per_second_per_unit: settings.requests_per_second_per_unit,
        });
        let shared = shared(&settings, instances_max, engine, &concurrency, logs.as_ref());
        let processors = Processors::start(settings.processors, &Handle::current());
        let processors = Arc::new(processors.map_err(StartError::Threads)?);
        let provisioning =
            Provisioning { processors: processors.clone(), tasks: tasks.clone(), stop: stop.clone() };
        let parts = Arc::new(HostParts {
            registry: Registry::new(
                store,
                artifacts.clone(),
                concurrency.clone(),
                Box::new(provisioning.clone()),
                tasks.clone(),
            ),
            provisioning,
            artifacts,
            shared: Arc::new(shared),
            queues: queues(Arc::new(MemoryJournal::default()), &settings.account_id)
                .map_err(StartError::Store)?,
            region: settings.region,
            logs,
            code_storage_bytes_max: settings.code_storage_bytes_max,
            concurrency,
            processors,
            checks: crate::cpu::Share::new(super::admission::CHECKS_WEIGHT),
            drain_time_max: settings.drain_time_max,
            closing: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            stop,
            tasks,
            data_dir,
        });
        let host = Self { parts, caller: None };
        host.recover().await?;
        host.expire_idle_instances(settings.idle_time_max);
        let queues = host.queues().clone();
        host.on_own_task(async move { queues.keep_tidy().await });
        Ok(host)
    }

    fn expire_idle_instances(&self, idle_time_max: Duration) {
        let period = (idle_time_max / 10).clamp(Duration::from_millis(10), Duration::from_secs(10));
        let (idlers, stop) = (self.parts.shared.idlers.clone(), self.parts.stop.clone());
        self.parts.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(period);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                idlers.expire(Instant::now(), idle_time_max);
            }
        });
    }
}
