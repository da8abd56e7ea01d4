//! The host: its parts put together, and the straight pass of an invocation.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::artifact::Artifacts;
use crate::concurrency::{Concurrency, Permit};
use crate::function::{FunctionKey, FunctionRef, Region};
use crate::invocation::{
    Answer, CLIENT_CONTEXT_BYTES_MAX, Invocation, Invoke, InvokeError, Outcome, PAYLOAD_BYTES_MAX,
    TENANT_ID_BYTES_MAX, TRACE_ID_BYTES_MAX,
};
use crate::pool::{Checkout, Idlers};
use crate::registry::Registry;
use crate::settings::HostBuilder;
use crate::telemetry::{Log, LogFeed, LogLine, Report, Stages, Status, Stopwatch};
use crate::version::{FunctionArn, LaunchError, Launched, Shared, Version};
use crate::wasm::{Engine, EngineError, FailedInit, Run};

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
    concurrency: Arc<Concurrency>,
    drain_time_max: Duration,
    closing: AtomicBool,
    stop: CancellationToken,
    tasks: TaskTracker,
    _temporary: Option<tempfile::TempDir>,
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
        let artifacts = Artifacts::open(&data_dir, engine.clone())
            .map_err(|reason| StartError::DataDir { folder: data_dir.clone(), reason })?;
        let shared = Shared {
            engine,
            idlers: Idlers::new(settings.idle_memory_bytes_max),
            feed: LogFeed::new(),
            account_id: settings.account_id.as_str().into(),
            init_time_max: settings.init_time_max,
            instances_max: settings.instances_max,
        };
        let host = Self(Arc::new(HostParts {
            registry: Registry::default(),
            artifacts: Arc::new(artifacts),
            shared: Arc::new(shared),
            region: settings.region,
            concurrency: Concurrency::new(settings.concurrency_max),
            drain_time_max: settings.drain_time_max,
            closing: AtomicBool::new(false),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
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
        let Checkout { instance, launched } = match version.pool.checkout().await {
            Ok(checkout) => checkout,
            Err(LaunchError::Init(failed)) => return Ok(call.failed_init(failed)),
            Err(LaunchError::Host(error)) => return Err(error),
        };
        stages.checkout = stopwatch.lap();
        let log = instance.log().clone();
        let framed = log.begin(&call.request_id, version.facts.number, call.log_tail);
        let (run, instance) = instance.run(invocation).await;
        stages.run = stopwatch.lap();
        version.pool.put_back(instance);
        drop(permit);

        Ok(call.outcome(run, launched, &log, framed, stages))
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

    /// Takes no more requests, waits for the running invocations (30 seconds, unless set otherwise), and ends
    /// all instances.
    pub async fn close(&self) {
        self.0.closing.store(true, Ordering::SeqCst);
        if tokio::time::timeout(self.0.drain_time_max, self.0.concurrency.at_rest()).await.is_err() {
            tracing::warn!(running = self.running(), "closing although invocations are still running");
        }
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.registry.clear();
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
        let account = function.account.as_ref().map_or(&*self.0.shared.account_id, |account| account.as_str());
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

/// Turns a request into what an instance is run with, if it keeps within the limits.
fn admit(version: &Version, request: Invoke) -> Result<Invocation, InvokeError> {
    let bytes = request.payload.len();
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(InvokeError::PayloadTooLarge { bytes, limit: PAYLOAD_BYTES_MAX });
    }
    check_size("client context", request.client_context.as_deref(), CLIENT_CONTEXT_BYTES_MAX)?;
    check_size("trace header", request.trace_id.as_deref(), TRACE_ID_BYTES_MAX)?;
    check_size("tenant id", request.tenant_id.as_deref(), TENANT_ID_BYTES_MAX)?;
    let qualifier = request.function.qualifier.as_ref();
    Ok(Invocation {
        request_id: request_id(),
        payload: if bytes == 0 { Bytes::from_static(b"{}") } else { request.payload },
        invoked_function_arn: qualifier.map_or_else(|| version.arn.as_str().to_owned(), |q| version.arn.qualified(q)),
        client_context: request.client_context,
        trace_id: request.trace_id,
        tenant_id: request.tenant_id,
        timeout: version.facts.configuration.timeout,
        memory: version.facts.configuration.memory,
        log_tail: request.log_tail,
        stages: request.stages,
    })
}

fn check_size(what: &'static str, text: Option<&str>, limit: usize) -> Result<(), InvokeError> {
    match text.map_or(0, str::len) {
        bytes if bytes > limit => {
            Err(InvokeError::BadContext { what, problem: format!("has {bytes} bytes; at most {limit} are allowed") })
        }
        _ => Ok(()),
    }
}

fn request_id() -> Arc<str> {
    let mut buffer = uuid::Uuid::encode_buffer();
    Arc::from(&*uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer))
}

/// What of a request is needed after its instance was run.
struct Call {
    version: Arc<Version>,
    request_id: Arc<str>,
    log_tail: bool,
    stages: bool,
}

impl Call {
    fn of(invocation: &Invocation, version: &Arc<Version>) -> Self {
        let request_id = invocation.request_id.clone();
        Self { version: version.clone(), request_id, log_tail: invocation.log_tail, stages: invocation.stages }
    }

    /// What the caller gets of an instance that was run.
    fn outcome(self, run: Run, launched: Option<Launched>, log: &Log, framed: bool, mut stages: Stages) -> Outcome {
        if let Some(Launched { load, times }) = launched {
            (stages.load, stages.instantiate, stages.init) = (load, times.instantiate, times.init);
            stages.checkout = stages.checkout.saturating_sub(load + times.instantiate + times.init);
        }
        let report = Report {
            status: Status::of(&run.answer),
            duration: run.duration,
            init_duration: launched.map(|launched| launched.load + launched.times.instantiate + launched.times.init),
            memory_size_mb: self.version.facts.configuration.memory.mb(),
            max_memory_used_bytes: run.max_memory_used_bytes,
        };
        self.finish(run.answer, report, log, framed, stages)
    }

    /// What the caller gets when its instance did not come up, which is the function's own doing.
    fn failed_init(self, failed: FailedInit) -> Outcome {
        let memory = self.version.facts.configuration.memory;
        let framed = failed.log.begin(&self.request_id, self.version.facts.number, self.log_tail);
        let answer = Err(failed.ending.into_error(&self.request_id, memory));
        let report = Report {
            status: Status::of(&answer),
            duration: Duration::ZERO,
            init_duration: Some(failed.duration),
            memory_size_mb: memory.mb(),
            max_memory_used_bytes: failed.max_memory_used_bytes,
        };
        self.finish(answer, report, &failed.log, framed, Stages { init: failed.duration, ..Stages::default() })
    }

    fn finish(self, answer: Answer, report: Report, log: &Log, framed: bool, stages: Stages) -> Outcome {
        if framed {
            log.end(&host_lines(&self.request_id, &answer, &report));
        } else {
            log.end(&[]);
        }
        Outcome {
            executed_version: self.version.facts.number,
            answer,
            report,
            log_tail: self.log_tail.then(|| log.tail()),
            stages: self.stages.then_some(stages),
            request_id: self.request_id,
        }
    }
}

/// The lines Lambda ends a request's log with; an error that the host made comes before them.
fn host_lines(request_id: &str, answer: &Answer, report: &Report) -> Vec<String> {
    let error = answer.as_ref().err().map(|error| format!("{}: {}", error.error_type, error.error_message));
    let end = [format!("END RequestId: {request_id}"), report.line(request_id)];
    error.into_iter().chain(end).collect()
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
