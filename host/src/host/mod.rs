//! The host: its parts put together, and the straight pass of an invocation.

mod account;
mod admission;
mod aliases;
mod asynchronous;
#[cfg(feature = "sqlite")]
mod backup;
mod builder;
mod call;
mod caller;
mod compilation;
mod create;
mod data_dir;
mod dead_letters;
mod delete;
mod deployment;
mod description;
mod entry;
mod errors;
mod event_invoke;
mod event_status;
mod events;
mod listing;
mod logs;
mod mappings;
mod metrics;
mod policies;
mod polled;
mod provisioned;
mod provisioning;
mod readiness;
mod recovery;
#[cfg(feature = "http")]
mod recursion;
mod reserved;
mod schedules;
mod settings;
mod start;
pub(crate) mod system;
mod update;
mod versions;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admission::admit;
use self::call::Call;
use self::data_dir::DataDir;
use self::provisioning::Provisioning;
use crate::artifact::Artifacts;
use crate::concurrency::Concurrency;
use crate::cpu::{Closed, Processors};
use crate::events::Events;
use crate::function::{FunctionArn, FunctionKey, FunctionRef, Limits, Qualifier, Region, VersionNumber};
use crate::invocation::{Invoke, InvokeError, Outcome, Stages, Start};
use crate::logs::Logs;
use crate::metrics::EventCounters;
use crate::pool::Checkout;
use crate::registry::{Function, Registry};
use crate::sources::mappings::Mappings;
use crate::sources::schedules::Schedules;
use crate::sqs::Queues;
use crate::store::journal::Journal;
use crate::telemetry::{DroppedLogs, LogLine, Stopwatch};
use crate::version::{LaunchError, Shared, Version};

pub use account::AccountUsage;
pub use aliases::{AliasError, AliasInfo, CreateAlias, UpdateAlias};
pub use asynchronous::{AcceptedEvent, InvokeAsyncError};
#[cfg(feature = "sqlite")]
pub use backup::{Backup, BackupError, backup};
pub use builder::HostBuilder;
pub use caller::{AuditLine, Caller};
pub use create::{CreateFunction, CreateFunctionError};
pub use dead_letters::{
    DeadLetterChangeError, DeadLetterCursor, DeadLetterFigures, DeadLetterFilter, DeadLetterTask,
    DeliveryBacklog,
};
pub use delete::DeleteFunctionError;
pub use deployment::{Deployment, PublishAliasError, PublishError};
pub use description::{FunctionVersion, LastUpdate};
pub use errors::{
    ChangeError, CodeStorageExceeded, FunctionNotFound, FunctionPending, RevisionMismatch, TooManyVersions,
    UpdateInProgress,
};
pub use event_invoke::{EventInvokeError, EventInvokeInfo};
pub use event_status::{AsyncDepth, EventBody, EventFailure, EventInfo, EventState, UndeliveredEvent};
pub use listing::{ListFunctions, Page};
pub use mappings::{CreateMapping, ListMappings, MappingError, MappingInfo, UpdateMapping};
pub use metrics::{
    ConcurrencyFigures, EventFigures, FunctionConcurrency, MetricsSnapshot, ProvisionedConcurrencyFigures,
    QueueMetrics, VersionInstances,
};
pub use policies::{PolicyInfo, ResourcePolicyError};
pub use provisioned::{ProvisionedError, ProvisionedInfo, ProvisionedStatus};
pub use readiness::Unready;
pub use reserved::ReserveError;
pub use schedules::ScheduleRef;
pub use settings::SettingError;
pub use start::StartError;
pub use update::{UpdateFunctionCode, UpdateFunctionError};
pub use versions::{PublishVersion, PublishVersionError};

/// A host of functions: the engine, the functions, their warm instances. Clones are the same host.
///
/// The way to it is [`Host::builder`]; [`Host::temporary`] is for tests. [`Host::close`] ends it.
#[derive(Debug, Clone)]
pub struct Host {
    parts: Arc<HostParts>,
    /// Who asks for changes through this handle.
    caller: Option<Arc<Caller>>,
}

#[derive(Debug)]
pub(crate) struct HostParts {
    registry: Arc<Registry>,
    artifacts: Arc<Artifacts>,
    shared: Arc<Shared>,
    journal: Arc<dyn Journal>,
    queues: Queues,
    schedules: Schedules,
    /// There once the host has started.
    events: OnceLock<Events>,
    /// There once the host has started.
    mappings: OnceLock<Arc<Mappings>>,
    /// Cancelled when nothing is to be asked for any more that nobody waits for.
    polls: CancellationToken,
    /// Turns of those who put many dead letters back or remove them.
    dead_letter_tasks: Arc<Semaphore>,
    region: Region,
    logs: Option<Logs>,
    event_counters: Arc<EventCounters>,
    /// How many resources have metrics of their own.
    metrics_resources_max: usize,
    code_storage_bytes_max: u64,
    concurrency: Arc<Concurrency>,
    provisioning: Provisioning,
    processors: Arc<Processors>,
    /// The processors' share of the host's own checks of large payloads.
    checks: crate::cpu::Share,
    drain_time_max: Duration,
    closing: AtomicBool,
    /// Whether it was announced that the host will close; it still takes requests.
    leaving: AtomicBool,
    stop: CancellationToken,
    tasks: TaskTracker,
    data_dir: DataDir,
}

impl Drop for HostParts {
    fn drop(&mut self) {
        // A host that was not closed leaves no task behind either, and the packages that its store refers to.
        self.stop.cancel();
        self.polls.cancel();
        self.schedules.abandon();
        if let Some(events) = self.events.get() {
            events.abandon();
        }
        self.artifacts.keep_packages();
    }
}

impl Host {
    /// A builder with every setting at its default.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// A host for a test: in a temporary folder, with room for 64 instances.
    ///
    /// # Errors
    /// As [`HostBuilder::start`].
    pub async fn temporary() -> Result<Self, StartError> {
        Self::builder().instances_max(64).start().await
    }

    /// Runs a function on one event and waits for what comes of it.
    ///
    /// Dropping the future ends the guest. An error of the function is an outcome, not an `Err`.
    ///
    /// # Errors
    /// When the function was not run at all: it does not exist, the request is malformed or too large, or the
    /// host has no room for it.
    pub async fn invoke(&self, request: Invoke) -> Result<Outcome, InvokeError> {
        let mut stopwatch = Stopwatch::start(request.stages);
        let mut stages = Stages::default();

        let version = self.resolve(&request.function)?;
        let counters =
            version.counters.of(&version.facts.key, version.facts.number, &request.function.qualifier);
        stages.resolve = stopwatch.lap();
        let invocation = admit(&version, request, self.limits())?;
        let (entry, provisioned) =
            self.enter(&version, invocation.start).await.inspect_err(|error| counters.refused(error))?;
        let running = counters.begin(entry.kind());
        stages.permit = stopwatch.lap();
        let call = Call::of(&invocation, version.clone());
        let warm = match invocation.start {
            Start::Any => provisioned.or_else(|| version.pool.take_warm()),
            Start::Cold => None,
        };
        let share = if warm.is_some() { &version.warm_share } else { &version.cold_share };
        let (began, timeout) = (Instant::now(), invocation.timeout.duration());

        // This may move to a thread of the host's own, and go on there for a tick after its caller went away. So the permit
        // goes with it.
        let guest = async move {
            let (checked_out, began) = match warm {
                Some(instance) => (Ok(Checkout { instance, launched: None }), began),
                None => (call.version.launch(timeout).await, Instant::now()),
            };
            let Checkout { instance, launched } = match checked_out {
                Ok(checkout) => checkout,
                Err(LaunchError::Init(failed)) => return Ok(running.ended(call.failed_init(failed, stages))),
                Err(LaunchError::Host(error)) => return Err(running.refused(error)),
            };
            stages.checkout = stopwatch.lap();
            let log = instance.log().clone();
            let framed = log.begin(&call.request_id, call.log_tail);
            let (run, instance) = instance.run(invocation, began).await;
            stages.run = stopwatch.lap();
            let (version, keep) = (call.version.clone(), call.start == Start::Any);
            // Before the instance goes back: from then on its log is the next request's.
            let outcome = running.ended(call.outcome(run, launched, &log, framed, stages));
            entry.leave(&version, instance.filter(|_| keep));
            Ok(outcome)
        };
        let done =
            self.until_closed(self.parts.processors.run(share, began, Some(began + timeout), guest)).await?;
        done.unwrap_or_else(|Closed| Err(InvokeError::Closing))
    }

    /// Checks that a function could be invoked, without running it.
    ///
    /// # Errors
    /// When it does not exist, or the request is malformed or too large.
    pub fn check(&self, request: Invoke) -> Result<(), InvokeError> {
        let version = self.resolve(&request.function)?;
        admit(&version, request, self.limits()).map(drop)
    }

    /// The log lines of all functions from now on, as they are written. A receiver that falls more than 4,096
    /// lines behind loses the oldest.
    pub fn logs(&self) -> broadcast::Receiver<LogLine> {
        self.parts.shared.feed.subscribe()
    }

    /// What invocations have lost because they logged more than [they may](Limits::invocation_log_bytes).
    pub fn dropped_logs(&self) -> DroppedLogs {
        self.parts.shared.feed.dropped().read()
    }

    /// The region of references that name none.
    pub fn region(&self) -> &Region {
        &self.parts.region
    }

    /// The account in ARNs: twelve digits.
    pub fn account_id(&self) -> &str {
        &self.parts.shared.account_id
    }

    /// What one invocation, one function and its code may have at most.
    pub fn limits(&self) -> &Limits {
        &self.parts.shared.limits
    }

    /// How many invocations are running.
    pub fn running(&self) -> usize {
        self.parts.concurrency.running()
    }

    /// How many warm instances of a version are idle.
    pub fn idle_instances(&self, function: &FunctionRef) -> usize {
        self.resolve(function).map_or(0, |version| version.pool.idle_count())
    }

    /// The bytes that all idle instances hold together.
    pub fn idle_memory_bytes(&self) -> u64 {
        self.parts.shared.idlers.used_bytes()
    }

    /// Waits until functions cannot be changed any more because their store has failed, such as at an error of the disk: what was
    /// acknowledged is safe, and what is running goes on, but the process should end. It may never happen.
    pub async fn store_failed(&self) {
        tokio::select! {
            () = self.parts.registry.failed() => {}
            () = self.parts.journal.failed().cancelled() => {}
            _error = self.events().failed() => {}
        }
    }

    /// Takes no more requests, waits for the running invocations (30 seconds, unless set otherwise), ends those that
    /// still run or are still being set up ([`InvokeError::Closing`]), drops all instances, and waits until their log lines
    /// are written.
    pub async fn close(&self) {
        let drain_time_max = self.parts.drain_time_max;
        self.parts.polls.cancel();
        let rested = async {
            self.parts.closing.store(true, Ordering::SeqCst);
            if tokio::time::timeout(drain_time_max, self.parts.concurrency.at_rest()).await.is_err() {
                tracing::warn!(running = self.running(), "ending invocations that are still running");
            }
        };
        // No event is claimed from now on; what runs may end, and what does not in time is run by the next process.
        tokio::join!(self.events().drain(drain_time_max), rested);
        self.parts.stop.cancel();
        // Those that end for that have not been tried, and none of them is given up while its function may still go on.
        tokio::join!(self.parts.concurrency.at_rest(), self.events().release(), self.mappings().ended());
        self.parts.processors.close();
        self.parts.tasks.close();
        self.parts.tasks.wait().await;
        self.parts.artifacts.keep_packages();
        self.parts.registry.clear();
        self.parts.schedules.close().await;
        self.parts.queues.close().await;
        if let Some(logs) = &self.parts.logs {
            logs.close().await;
        }
    }

    /// The queues that are built in.
    pub(crate) fn queues(&self) -> &Queues {
        &self.parts.queues
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.parts.closing.load(Ordering::SeqCst)
    }

    /// The function's identity, unless the reference names another account: of those nothing exists here.
    pub(crate) fn key(&self, function: &FunctionRef) -> Option<FunctionKey> {
        let own = |account: &crate::function::AccountId| account.as_str() == &*self.parts.shared.account_id;
        let region = function.region.as_ref().unwrap_or(&self.parts.region);
        function.account.as_ref().is_none_or(own).then(|| FunctionKey::new(region, &function.name))
    }

    /// The ARN that the reference means, as error messages give it.
    pub(crate) fn arn_of(&self, function: &FunctionRef) -> String {
        let account =
            function.account.as_ref().map_or(&*self.parts.shared.account_id, |account| account.as_str());
        let region = function.region.as_ref().unwrap_or(&self.parts.region);
        let arn = FunctionArn::new(account, region.as_str(), function.name.as_str());
        match &function.qualifier {
            None => arn.as_str().to_owned(),
            Some(qualifier) => arn.qualified(qualifier),
        }
    }

    /// The key of a function that shall be changed: only `$LATEST` can be.
    fn changeable(&self, function: &FunctionRef) -> Result<FunctionKey, FunctionNotFound> {
        let latest = Qualifier::Version(VersionNumber::Latest);
        let changeable = function.qualifier.as_ref().is_none_or(|qualifier| *qualifier == latest);
        self.key(function).filter(|_| changeable).ok_or_else(|| self.not_found(function))
    }

    fn present(&self, function: &FunctionRef) -> Result<(FunctionKey, Arc<Function>), FunctionNotFound> {
        let key = self.key(function).ok_or_else(|| self.not_found(function))?;
        let present = self.parts.registry.function(&key).ok_or_else(|| self.not_found(function))?;
        Ok((key, present))
    }

    fn not_found(&self, function: &FunctionRef) -> FunctionNotFound {
        FunctionNotFound { arn: self.arn_of(function) }
    }

    fn check_open(&self) -> Result<(), ChangeError> {
        if self.is_closing() { Err(ChangeError::Closing) } else { Ok(()) }
    }

    fn resolve(&self, function: &FunctionRef) -> Result<Arc<Version>, InvokeError> {
        self.key(function)
            .and_then(|key| self.parts.registry.resolve(&key, function.qualifier.as_ref()))
            .ok_or_else(|| match self.is_closing() {
                true => InvokeError::Closing,
                false => InvokeError::NotFound { arn: self.arn_of(function) },
            })
    }

    /// Lets work go on until it is done or the host has waited for it long enough while closing.
    async fn until_closed<T>(&self, work: impl Future<Output = T>) -> Result<T, InvokeError> {
        tokio::select! {
            // The work first: when it is done at once, nobody is put on the list of those who wait for the end.
            biased;
            done = work => Ok(done),
            () = self.parts.stop.cancelled() => Err(InvokeError::Closing),
        }
    }

    /// Lets a task of the host's own do work to its end, although the caller may go away; none if the host closes first.
    fn on_own_task<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        let stop = self.parts.stop.clone();
        self.parts.tasks.spawn(async move { stop.run_until_cancelled(work).await })
    }
}
