//! The host: its parts put together, and the straight pass of an invocation.

mod admission;
mod builder;
mod call;
mod catalog;
mod compilation;
mod logs;
mod operations;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admission::admit;
use self::call::Call;
use crate::artifact::{ArtifactSettings, Artifacts};
use crate::concurrency::{Concurrency, Permit};
use crate::function::{FunctionArn, FunctionKey, FunctionRef, Region};
use crate::invocation::{Invoke, InvokeError, Outcome, Stages, Start};
use crate::logs::Logs;
use crate::pool::{Checkout, Idlers};
use crate::registry::Registry;
use crate::telemetry::{LogFeed, LogLine, Stopwatch};
use crate::version::{LaunchError, Shared, Version};
use crate::wasm::{Engine, EngineError, OutboundHost};

pub use builder::HostBuilder;
pub use catalog::PublishAliasError;
pub use operations::{
    AliasError, AliasInfo, CreateAlias, CreateFunction, CreateFunctionError, Deployment, FunctionNotFound,
    FunctionPending, FunctionVersion, PublishError, PublishVersion, PublishVersionError, RevisionMismatch,
    UpdateAlias, UpdateFunctionCode, UpdateFunctionError,
};

/// A host of functions: the engine, the functions, their warm instances. Clones are the same host.
///
/// The way to it is [`Host::builder`]; [`Host::temporary`] is for tests. [`Host::close`] ends it.
#[derive(Debug, Clone)]
pub struct Host(Arc<HostParts>);

#[derive(Debug)]
pub(crate) struct HostParts {
    pub(crate) registry: Registry,
    pub(crate) artifacts: Arc<Artifacts>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) region: Region,
    logs: Option<Logs>,
    concurrency: Arc<Concurrency>,
    drain_time_max: Duration,
    closing: AtomicBool,
    stop: CancellationToken,
    tasks: TaskTracker,
    _temporary: Option<tempfile::TempDir>,
}

impl Drop for HostParts {
    fn drop(&mut self) {
        // A host that was not closed leaves no task behind either.
        self.stop.cancel();
    }
}

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

    pub(crate) async fn start(settings: HostBuilder) -> Result<Self, StartError> {
        let (data_dir, temporary) = data_dir(settings.data_dir)?;
        let engine = Arc::new(Engine::start(settings.instances_max, settings.link.as_ref())?);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let artifact_settings = ArtifactSettings {
            compiler: settings.compiler,
            compile_limits: settings.compile_limits,
            compiled_bytes_max: settings.compiled_bytes_max,
            loaded_bytes_max: settings.loaded_bytes_max,
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        let artifacts = Artifacts::open(&data_dir, engine.clone(), artifact_settings)
            .map_err(|reason| StartError::DataDir { folder: data_dir.clone(), reason })?;
        let logs = settings.logs.map(|logs| Logs::open(&data_dir, logs)).transpose();
        let logs = logs.map_err(|reason| StartError::DataDir { folder: data_dir.clone(), reason })?;
        let shared = Shared {
            engine,
            idlers: Idlers::new(settings.idle_memory_bytes_max),
            feed: LogFeed::new(logs.as_ref().map(|logs| logs.queue().clone())),
            outbound: OutboundHost::new(
                settings.outbound,
                settings.outbound_addresses,
                settings.outbound_connections_max,
            ),
            account_id: settings.account_id.as_str().into(),
            init_time_max: settings.init_time_max,
            instances_max: settings.instances_max,
        };
        let host = Self(Arc::new(HostParts {
            registry: Registry::default(),
            artifacts: Arc::new(artifacts),
            shared: Arc::new(shared),
            region: settings.region,
            logs,
            concurrency: Concurrency::new(settings.concurrency_max),
            drain_time_max: settings.drain_time_max,
            closing: AtomicBool::new(false),
            stop,
            tasks,
            _temporary: temporary,
        }));
        host.expire_idle_instances(settings.idle_time_max);
        Ok(host)
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
        stages.resolve = stopwatch.lap();
        let invocation = admit(&version, request)?;
        let permit = self.acquire()?;
        stages.permit = stopwatch.lap();
        let call = Call::of(&invocation, &version);
        let warm = match invocation.start {
            Start::Any => version.pool.take_warm(),
            Start::Cold => None,
        };
        let checked_out = match warm {
            Some(instance) => Ok(Checkout { instance, launched: None }),
            None => self.until_closed(version.pool.launch()).await?,
        };
        let Checkout { instance, launched } = match checked_out {
            Ok(checkout) => checkout,
            Err(LaunchError::Init(failed)) => return Ok(call.failed_init(failed, stages)),
            Err(LaunchError::Host(error)) => return Err(error),
        };
        stages.checkout = stopwatch.lap();
        let log = instance.log().clone();
        let framed = log.begin(&call.request_id, call.log_tail);
        let (run, instance) = self.until_closed(instance.run(invocation)).await?;
        stages.run = stopwatch.lap();
        let keep = call.start == Start::Any;
        // Before the instance goes back: from then on its log is the next request's.
        let outcome = call.outcome(run, launched, &log, framed, stages);
        version.pool.put_back(instance.filter(|_| keep));
        drop(permit);
        Ok(outcome)
    }

    /// Checks that a function could be invoked, without running it.
    ///
    /// # Errors
    /// When it does not exist, or the request is malformed or too large.
    pub fn check(&self, request: Invoke) -> Result<(), InvokeError> {
        let version = self.resolve(&request.function)?;
        admit(&version, request).map(drop)
    }

    /// The log lines of all functions from now on, as they are written. A receiver that falls more than 4,096
    /// lines behind loses the oldest.
    pub fn logs(&self) -> broadcast::Receiver<LogLine> {
        self.0.shared.feed.subscribe()
    }

    /// The region of references that name none.
    pub fn region(&self) -> &Region {
        &self.0.region
    }

    /// The account in ARNs: twelve digits.
    pub fn account_id(&self) -> &str {
        &self.0.shared.account_id
    }

    /// How many invocations are running.
    pub fn running(&self) -> usize {
        self.0.concurrency.running()
    }

    /// How many warm instances of a version are idle.
    pub fn idle_instances(&self, function: &FunctionRef) -> usize {
        self.resolve(function).map_or(0, |version| version.pool.idle_count())
    }

    /// The bytes that all idle instances hold together.
    pub fn idle_memory_bytes(&self) -> u64 {
        self.0.shared.idlers.used_bytes()
    }

    /// Takes no more requests, waits for the running invocations (30 seconds, unless set otherwise), ends those that
    /// still run or are still being set up ([`InvokeError::Closing`]), drops all instances, and waits until their log lines
    /// are written.
    pub async fn close(&self) {
        self.0.closing.store(true, Ordering::SeqCst);
        if tokio::time::timeout(self.0.drain_time_max, self.0.concurrency.at_rest()).await.is_err() {
            tracing::warn!(running = self.running(), "ending invocations that are still running");
        }
        self.0.stop.cancel();
        self.0.concurrency.at_rest().await;
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.registry.clear();
        if let Some(logs) = &self.0.logs {
            logs.close().await;
        }
    }

    pub(crate) fn parts(&self) -> &HostParts {
        &self.0
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::SeqCst)
    }

    /// The function's identity, unless the reference names another account: of those nothing exists here.
    pub(crate) fn key(&self, function: &FunctionRef) -> Option<FunctionKey> {
        let own = |account: &crate::function::AccountId| account.as_str() == &*self.0.shared.account_id;
        let region = function.region.as_ref().unwrap_or(&self.0.region);
        function.account.as_ref().is_none_or(own).then(|| FunctionKey::new(region, &function.name))
    }

    /// The ARN that the reference means, as error messages give it.
    pub(crate) fn arn_of(&self, function: &FunctionRef) -> String {
        let account =
            function.account.as_ref().map_or(&*self.0.shared.account_id, |account| account.as_str());
        let region = function.region.as_ref().unwrap_or(&self.0.region);
        let arn = FunctionArn::new(account, region.as_str(), function.name.as_str());
        match &function.qualifier {
            None => arn.as_str().to_owned(),
            Some(qualifier) => arn.qualified(qualifier),
        }
    }

    fn resolve(&self, function: &FunctionRef) -> Result<Arc<Version>, InvokeError> {
        self.key(function)
            .and_then(|key| self.0.registry.resolve(&key, function.qualifier.as_ref()))
            .ok_or_else(|| match self.is_closing() {
                true => InvokeError::Closing,
                false => InvokeError::NotFound { arn: self.arn_of(function) },
            })
    }

    fn acquire(&self) -> Result<Permit, InvokeError> {
        let permit = self.0.concurrency.acquire().map_err(|throttled| InvokeError::Throttled {
            running: throttled.running,
            limit: throttled.limit,
        })?;
        // Looked at with the permit in hand: `close` sets the flag first and then waits for all permits.
        if self.is_closing() { Err(InvokeError::Closing) } else { Ok(permit) }
    }

    /// Lets work go on until it is done or the host has waited for it long enough while closing.
    async fn until_closed<T>(&self, work: impl Future<Output = T>) -> Result<T, InvokeError> {
        tokio::select! {
            // The work first: when it is done at once, nobody is put on the list of those who wait for the end.
            biased;
            done = work => Ok(done),
            () = self.0.stop.cancelled() => Err(InvokeError::Closing),
        }
    }

    /// Lets a task of the host's own do work to its end, although the caller may go away; none if the host closes first.
    fn on_own_task<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move { stop.run_until_cancelled(work).await })
    }

    fn expire_idle_instances(&self, idle_time_max: Duration) {
        let period = (idle_time_max / 10).clamp(Duration::from_millis(10), Duration::from_secs(10));
        let (idlers, stop) = (self.0.shared.idlers.clone(), self.0.stop.clone());
        self.0.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(period);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                idlers.expire(Instant::now(), idle_time_max);
            }
        });
    }
}

/// The folder to use, made for its owner alone if it is not there.
fn data_dir(given: Option<PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>), StartError> {
    let Some(folder) = given else {
        let temporary = tempfile::Builder::new().prefix("samovar-").tempdir();
        let failed = |reason| StartError::DataDir { folder: std::env::temp_dir(), reason };
        let temporary = temporary.map_err(failed)?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    match DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
        Ok(()) => Ok((folder, None)),
        Err(reason) => Err(StartError::DataDir { folder, reason }),
    }
}
