//! How a host starts: its parts are made of the settings, and put together.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::data_dir::DataDir;
use super::events::{Runner, Wishes};
use super::provisioning::Provisioning;
use super::system::{self, Facts, Finding, Needs};
use super::{Host, HostBuilder, HostParts};
use crate::artifact::{ArtifactSettings, Artifacts, LOADED_BYTES_MIN};
use crate::concurrency::{Concurrency, ConcurrencySettings};
use crate::cpu::Processors;
use crate::events::{Events, EventsParts, Options, Recovery};
use crate::function::{AccountId, LimitsError};
use crate::heap;
use crate::logs::Logs;
use crate::metrics::{Counters, EventCounters};
use crate::pool::Idlers;
use crate::registry::Registry;
use crate::sources::PollerParts;
use crate::sources::mappings::{FoundMappings, Mappings};
use crate::sources::schedules::Schedules;
#[cfg(feature = "sqs")]
use crate::sqs::outside::OutsideQueues;
use crate::sqs::{Consumer, Queues, Sender};
use crate::store::journal::Journal;
use crate::store::{self, StoreError};
use crate::telemetry::LogFeed;
use crate::version::Shared;
use crate::wasm::{Engine, EngineError, OutboundHost};

/// How often memory is given back to the system, if instances have gone.
const GIVE_BACK_PERIOD: Duration = Duration::from_secs(10);

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

fn concurrency_settings(settings: &HostBuilder) -> ConcurrencySettings {
    ConcurrencySettings {
        limit: settings.concurrency_max,
        unreserved_min: settings.unreserved_concurrency_min,
        scaling_rate: settings.scaling_rate,
        requests_per_second_per_unit: settings.requests_per_second_per_unit,
    }
}

/// What was found of queues, schedules and events in a journal.
struct Queued {
    journal: Arc<dyn Journal>,
    queues: Queues,
    schedules: Schedules,
    events: Recovery,
}

impl Queued {
    /// Reads what an earlier process has left in the data folder, beside all else that goes on.
    async fn read(data_dir: &DataDir, settings: &HostBuilder) -> Result<Self, StoreError> {
        let folder = (!data_dir.is_temporary()).then(|| data_dir.path().to_owned());
        let (account, event_bytes_max) = (settings.account_id.clone(), settings.limits.event_bytes());
        let open = move || Self::open(folder.as_deref(), &account, event_bytes_max);
        let queued = tokio::task::spawn_blocking(open).await;
        queued.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Opens the journal of a folder and reads what is in it. It blocks.
    fn open(folder: Option<&Path>, account: &AccountId, event_bytes_max: usize) -> Result<Self, StoreError> {
        let journal = store::open_journal(folder)?;
        let queues = Queues::new(journal.clone(), account.clone());
        let schedules = Schedules::new(journal.clone(), account.clone(), event_bytes_max);
        let found = Mutex::new((queues.recovery(), Ok(Recovery::default())));
        journal.load(&|rows| {
            // What takes long, reading the headers of events, several threads do at a time.
            let mut events = Recovery::default();
            let taken = rows.iter().try_for_each(|row| {
                schedules.take_up(row)?;
                events.take(row)
            });
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            let (of_queues, of_events) = &mut *found;
            rows.iter().for_each(|row| of_queues.add(row));
            match (of_events.as_mut(), taken) {
                (Ok(of_events), Ok(())) => of_events.join(events),
                (Ok(_), Err(damaged)) => *of_events = Err(damaged),
                (Err(_), _) => {}
            }
        })?;
        let (of_queues, events) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        of_queues.finish()?;
        Ok(Self { events: events?, journal, queues, schedules })
    }
}

/// Which part of the events that run at a time may be one function's.
const ASYNC_CONCURRENCY_SHARES: usize = 8;

fn event_options(settings: &HostBuilder) -> Options {
    let usual = Options::new(settings.account_id.clone());
    let kept = u64::try_from(settings.event_results_kept.as_millis()).unwrap_or(u64::MAX);
    let time_scale = settings.event_time_scale.max(1);
    Options {
        // Runs take their time and results are looked at by people, however fast events are tried again.
        results_kept_ms: kept.saturating_mul(time_scale.into()),
        lease_ms: usual.lease_ms.saturating_mul(time_scale.into()),
        time_scale,
        payload_bytes_max: settings.limits.event_bytes(),
        running_max: settings.async_concurrency_max,
        running_per_function_max: settings.async_concurrency_max.div_ceil(ASYNC_CONCURRENCY_SHARES),
        results_max: settings.event_results_max,
        ..usual
    }
}

/// What the queue of events is given of a host, which it does not keep alive.
fn event_parts(parts: &Arc<HostParts>, options: Options, sender: Arc<dyn Sender>) -> EventsParts {
    let account = options.account.clone();
    EventsParts {
        options,
        journal: parts.journal.clone(),
        run: Arc::new(Runner(Arc::downgrade(parts))),
        settings: Arc::new(Wishes {
            registry: Arc::downgrade(&parts.registry),
            account,
            region: parts.region.clone(),
        }),
        sender,
        meter: parts.event_counters.clone(),
    }
}

/// Who sends to queues, and who takes messages out of them: those that are built in, or others.
fn queues_used(settings: &HostBuilder, queues: &Queues) -> (Arc<dyn Sender>, Arc<dyn Consumer>) {
    #[cfg(feature = "sqs")]
    if let Some(outside) = &settings.sqs {
        let outside = Arc::new(OutsideQueues::new(outside.clone()));
        return (outside.clone(), outside);
    }
    let _ = settings;
    let own = Arc::new(queues.clone());
    (own.clone(), own)
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
        let concurrency = Concurrency::new(concurrency_settings(&settings));
        let shared = shared(&settings, instances_max, engine, &concurrency, logs.as_ref());
        let processors = Processors::start(settings.processors, &Handle::current());
        let processors = Arc::new(processors.map_err(StartError::Threads)?);
        let provisioning =
            Provisioning { processors: processors.clone(), tasks: tasks.clone(), stop: stop.clone() };
        let Queued { journal, queues, schedules, events } = Queued::read(&data_dir, &settings).await?;
        let (sender, consumer) = queues_used(&settings, &queues);
        let options = event_options(&settings);
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
            journal,
            queues: queues.clone(),
            schedules: schedules.clone(),
            events: OnceLock::new(),
            mappings: OnceLock::new(),
            polls: CancellationToken::new(),
            dead_letter_tasks: Arc::new(Semaphore::new(super::dead_letters::TASKS_MAX)),
            region: settings.region,
            logs,
            event_counters: EventCounters::new(settings.metrics_resources_max),
            metrics_resources_max: settings.metrics_resources_max,
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
        let functions = Arc::new(Runner(Arc::downgrade(&parts)));
        let poller_parts = PollerParts::new(consumer, sender.clone(), functions, parts.polls.clone());
        let event_parts = event_parts(&parts, options, sender);
        let host = Self { parts, caller: None };
        let mappings = host.recover().await?;
        host.look_after_memory(settings.idle_time_max);
        // Last of all, as what waits runs from now on.
        host.set_events_going(event_parts, events);
        host.set_mappings_going(poller_parts, mappings);
        host.on_own_task(async move { queues.go_on().await });
        let events = host.events().clone();
        host.on_own_task(async move { schedules.go_on(events).await });
        Ok(host)
    }

    fn set_events_going(&self, parts: EventsParts, events: Recovery) {
        let started = self.parts.events.set(Events::start(parts, events));
        started.map_err(drop).expect("it is started once");
    }

    fn set_mappings_going(&self, parts: PollerParts, found: FoundMappings) {
        let mappings = Mappings::start(self.parts.registry.clone(), parts, found);
        self.parts.mappings.set(mappings).map_err(drop).expect("they are started once");
    }

    fn look_after_memory(&self, idle_time_max: Duration) {
        self.expire_idle_instances(idle_time_max);
        self.give_back_freed_memory();
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

    /// What instances had is many small blocks beside those that stay; without this, a host keeps what it once needed.
    fn give_back_freed_memory(&self) {
        let stop = self.parts.stop.clone();
        self.parts.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(GIVE_BACK_PERIOD);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                if heap::take_freed() {
                    // That it could not be begun is no loss.
                    let _ = tokio::task::spawn_blocking(heap::give_back).await;
                }
            }
        });
    }
}
