//! How instances of a version are made: what they find around themselves, and what may go wrong.

use std::sync::Arc;
use std::time::Duration;

use super::facts::VersionFacts;
use crate::artifact::{Code, LoadError, Loaded};
use crate::concurrency::Concurrency;
use crate::function::{Environment, FunctionState, Isolation, Limits, Logging, VersionNumber};
use crate::invocation::{InvokeError, Status};
use crate::metrics::Counters;
use crate::pool::{Idlers, Launcher};
use crate::telemetry::{InitPhase, Log, LogFeed, LogSource};
use crate::timestamp;
use crate::wasm::{
    Assets, Engine, FailedInit, Instance, InstanceError, LaunchTimes, NoRoom, Outbound, OutboundHost,
    Surroundings,
};

/// The environment variable of a function that holds its command-line arguments.
const ARGUMENTS_VARIABLE: &str = "SAMOVAR_ARGS";

/// What all versions of a host share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) concurrency: Arc<Concurrency>,
    pub(crate) idlers: Arc<Idlers>,
    pub(crate) feed: LogFeed,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outbound: Arc<OutboundHost>,
    pub(crate) account_id: Arc<str>,
    pub(crate) init_time_max: Duration,
    pub(crate) instance_invocations_max: u64,
    pub(crate) limits: Limits,
    pub(crate) instances_max: u32,
}

/// How long a guest may take to set itself up that nobody waits for: Lambda's 15 minutes.
const PROVISIONED_INIT_TIME_MAX: Duration = Duration::from_secs(900);

/// What instances are made for: Lambda's initialization type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Initialization {
    /// For a request that waits for one.
    OnDemand,
    /// To be there before anybody asks for them.
    Provisioned,
}

/// Makes the instances of one version.
#[derive(Debug)]
pub(crate) struct WasmLauncher {
    shared: Arc<Shared>,
    code: Arc<Code>,
    region: String,
    function_name: Arc<str>,
    memory_limit_bytes: u64,
    ephemeral_storage_bytes: u64,
    outbound: Arc<Outbound>,
    log_group: String,
    logging: Logging,
    number: VersionNumber,
    arguments: Arc<[String]>,
    isolation: Isolation,
    initialization: Initialization,
    init_time_max: Duration,
    /// The variables that are the same for all instances.
    environment: Arc<[(String, String)]>,
}

/// How an instance came up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launched {
    pub(crate) load: Duration,
    pub(crate) times: LaunchTimes,
}

/// Why no instance came up.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// The function's own doing.
    Init(FailedInit),
    /// The host's.
    Host(InvokeError),
}

impl Initialization {
    fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Provisioned => "provisioned-concurrency",
        }
    }
}

impl WasmLauncher {
    pub(super) fn new(facts: &VersionFacts, shared: &Arc<Shared>, initialization: Initialization) -> Self {
        let name = facts.key.name();
        let logging = facts.configuration.logging.clone();
        let log_group = match &logging.group {
            Some(group) => group.as_str().to_owned(),
            None => format!("/aws/lambda/{name}"),
        };
        Self {
            shared: shared.clone(),
            code: facts.code.clone(),
            region: facts.key.region().to_owned(),
            function_name: name.into(),
            memory_limit_bytes: facts.configuration.memory.bytes(),
            ephemeral_storage_bytes: facts.configuration.ephemeral_storage.bytes(),
            outbound: Outbound::new(shared.outbound.clone(), facts.configuration.outbound.clone()),
            number: facts.number,
            arguments: arguments(&facts.configuration.environment).into(),
            isolation: facts.configuration.isolation,
            environment: environment(facts, &log_group, initialization).into(),
            log_group,
            logging,
            initialization,
            init_time_max: match initialization {
                Initialization::OnDemand => shared.init_time_max,
                Initialization::Provisioned => PROVISIONED_INIT_TIME_MAX,
            },
        }
    }

    fn surroundings(&self, assets: &Arc<Assets>) -> Surroundings {
        let source = LogSource {
            region: self.region.clone(),
            function: (*self.function_name).to_owned(),
            version: self.number.to_string(),
            group: self.log_group.clone(),
            stream: self.log_stream(),
            initialization_type: self.initialization.as_str(),
        };
        Surroundings {
            environment: self.environment.clone(),
            function_name: self.function_name.clone(),
            arguments: self.arguments.clone(),
            isolation: self.isolation,
            invocations_max: self.shared.instance_invocations_max,
            memory_limit_bytes: self.memory_limit_bytes,
            ephemeral_storage_bytes: self.ephemeral_storage_bytes,
            assets: assets.clone(),
            outbound: self.outbound.clone(),
            limits: self.shared.limits,
            log: Log::new(
                Arc::new(source),
                self.shared.feed.clone(),
                &self.logging,
                self.shared.limits.invocation_log_bytes,
            ),
        }
    }

    /// A new stream's name, of Lambda's form: the day, the version and 32 hexadecimal digits. In a group that was given it
    /// names the function too.
    fn log_stream(&self) -> String {
        let (day, version, instance) = (timestamp::day(), self.number, uuid::Uuid::new_v4().simple());
        match self.logging.group {
            None => format!("{day}/[{version}]{instance}"),
            Some(_) => format!("{day}/{}[{version}][{instance}]", self.function_name),
        }
    }

    /// Makes an instance whose guest sets itself up as a part of its first event, within the time of both.
    pub(super) async fn launch_with_event(&self, limit: Duration) -> Result<Instance, LaunchError> {
        self.launch_within(InitPhase::Invoke, limit).await.map(|(instance, _)| instance)
    }

    async fn launch_within(
        &self,
        phase: InitPhase,
        limit: Duration,
    ) -> Result<(Instance, Launched), LaunchError> {
        let started = tokio::time::Instant::now();
        let engine = &self.shared.engine;
        let loaded = self.load().await?;
        let Loaded { program, assets, .. } = &*loaded;
        let load = started.elapsed();
        let mut launched = Instance::launch(engine, program, self.surroundings(assets), phase, limit).await;
        while matches!(launched, Err(InstanceError::NoRoom(_))) && self.shared.idlers.evict_oldest() {
            launched = Instance::launch(engine, program, self.surroundings(assets), phase, limit).await;
        }
        match launched {
            Ok((instance, times)) => {
                instance.log().init_ended(phase, &Status::Success, times.instantiate + times.init);
                Ok((instance, Launched { load, times }))
            }
            Err(InstanceError::Guest(failed)) => Err(LaunchError::Init(failed)),
            Err(InstanceError::NoRoom(NoRoom::Pool(reason))) => {
                let limit = self.shared.instances_max;
                Err(LaunchError::Host(InvokeError::NoInstanceLeft { limit, reason }))
            }
            Err(InstanceError::NoRoom(NoRoom::System(reason))) => {
                Err(LaunchError::Host(InvokeError::OutOfResources { reason }))
            }
        }
    }

    /// Brings the code into memory, unless it is not compiled yet or cannot be.
    async fn load(&self) -> Result<Arc<Loaded>, LaunchError> {
        let not_active = |state| {
            let version = format!("{}:{}", self.function_name, self.number);
            LaunchError::Host(InvokeError::NotActive { version, state })
        };
        match self.code.outcome() {
            None => Err(not_active(FunctionState::Pending)),
            Some(Err(error)) => Err(not_active(FunctionState::Failed { reason: error.to_string() })),
            Some(Ok(_)) => self.code.load().await.map_err(|error| self.not_ready(error)),
        }
    }

    fn not_ready(&self, error: LoadError) -> LaunchError {
        if let LoadError::OutOfResources { reason } = error {
            return LaunchError::Host(InvokeError::OutOfResources { reason });
        }
        let version = format!("{}:{}", self.function_name, self.number);
        LaunchError::Host(InvokeError::NotReady { version, reason: error.to_string() })
    }
}

/// The arguments that a function's own variable gives it: a JSON array of texts, or words with white space between them.
fn arguments(environment: &Environment) -> Vec<String> {
    let given = environment.variables().get(ARGUMENTS_VARIABLE).map_or("", String::as_str);
    let words = || given.split_whitespace().map(str::to_owned).collect();
    serde_json::from_str(given).unwrap_or_else(|_| words())
}

/// What every instance of a version finds in its environment, under Lambda's names.
fn environment(
    facts: &VersionFacts,
    log_group: &str,
    initialization: Initialization,
) -> Vec<(String, String)> {
    let configuration = &facts.configuration;
    let number = facts.number.to_string();
    let memory_mb = configuration.memory.mb().to_string();
    let own = [
        ("AWS_LAMBDA_FUNCTION_NAME", facts.key.name()),
        ("AWS_LAMBDA_FUNCTION_VERSION", &number),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory_mb),
        ("AWS_LAMBDA_LOG_GROUP_NAME", log_group),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization.as_str()),
        ("AWS_REGION", facts.key.region()),
        ("AWS_DEFAULT_REGION", facts.key.region()),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("TZ", ":UTC"),
        ("_HANDLER", &configuration.handler),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    let given = configuration.environment.variables().iter().map(|(key, value)| (key.clone(), value.clone()));
    // A function may set its own time zone: what it gives comes first, and the first of a name counts.
    let mut all: Vec<(String, String)> = given.collect();
    let more: Vec<_> =
        own.filter(|(key, _)| !configuration.environment.variables().contains_key(key)).collect();
    all.extend(more);
    all
}

impl Launcher for WasmLauncher {
    type Instance = Instance;
    type Launched = Launched;
    type Error = LaunchError;

    async fn launch(&self) -> Result<(Instance, Launched), LaunchError> {
        self.launch_within(InitPhase::Init, self.init_time_max).await
    }

    fn idle_bytes(instance: &Instance) -> u64 {
        /// What an instance holds beside its memories: its store, its stack, its WASI state.
        const OVERHEAD_BYTES: u64 = 64 << 10;
        instance.memory_bytes() + OVERHEAD_BYTES
    }
}
