//! What a host can be told before it starts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ipnet::IpNet;
use wasmtime::component::Linker;

use super::{Host, StartError};
use crate::artifact::{CompileLimits, Compiler};
use crate::function::{AccountId, Limits, OutboundList, Region};
use crate::logs::LogSettings;
#[cfg(feature = "sqs")]
use crate::sqs::SqsSettings;
use crate::wasm::{GuestState, LinkHook};

/// The longest that a guest may be given to set itself up.
const INIT_TIME_MAX: Duration = Duration::from_secs(900);

/// The most threads that functions may compute on.
const PROCESSORS_MAX: usize = 1024;

/// Builds a [`Host`]. Everything has a default; [`HostBuilder::start`] makes the host.
#[must_use]
pub struct HostBuilder {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) network_file_system_allowed: bool,
    pub(crate) code_storage_bytes_max: u64,
    pub(crate) account_id: AccountId,
    pub(crate) region: Region,
    pub(crate) concurrency_max: usize,
    pub(crate) unreserved_concurrency_min: usize,
    pub(crate) scaling_rate: Option<u32>,
    pub(crate) requests_per_second_per_unit: Option<u32>,
    pub(crate) instances_max: u32,
    pub(crate) processors: usize,
    pub(crate) instance_invocations_max: u64,
    pub(crate) async_concurrency_max: usize,
    pub(crate) event_results_kept: Duration,
    pub(crate) event_results_max: usize,
    pub(crate) event_time_scale: u32,
    pub(crate) idle_time_max: Duration,
    pub(crate) idle_memory_bytes_max: u64,
    pub(crate) init_time_max: Duration,
    pub(crate) drain_time_max: Duration,
    pub(crate) compiler: Compiler,
    pub(crate) compile_limits: CompileLimits,
    pub(crate) compiled_bytes_max: u64,
    pub(crate) loaded_bytes_max: u64,
    pub(crate) outbound: OutboundList,
    pub(crate) outbound_addresses: Vec<IpNet>,
    pub(crate) outbound_connections_max: usize,
    pub(crate) logs: Option<LogSettings>,
    #[cfg(feature = "sqs")]
    pub(crate) sqs: Option<SqsSettings>,
    pub(crate) metrics_resources_max: usize,
    pub(crate) limits: Limits,
    pub(crate) connections: usize,
    pub(crate) link: Option<LinkHook>,
}

impl Default for HostBuilder {
    fn default() -> Self {
        Self {
            data_dir: None,
            network_file_system_allowed: false,
            code_storage_bytes_max: 75 << 30,
            account_id: AccountId::parse("000000000000").expect("twelve digits"),
            region: Region::parse("us-east-1").expect("a region"),
            concurrency_max: 1000,
            unreserved_concurrency_min: 100,
            scaling_rate: Some(1000),
            requests_per_second_per_unit: None,
            instances_max: 4000,
            processors: thread::available_parallelism().map_or(1, usize::from),
            instance_invocations_max: 0,
            async_concurrency_max: 512,
            event_results_kept: Duration::from_secs(24 * 3600),
            event_results_max: 100_000,
            event_time_scale: 1,
            idle_time_max: Duration::from_secs(600),
            idle_memory_bytes_max: 2 << 30,
            init_time_max: Duration::from_secs(10),
            drain_time_max: Duration::from_secs(30),
            compiler: Compiler::default(),
            compile_limits: CompileLimits::default(),
            compiled_bytes_max: 10 << 30,
            loaded_bytes_max: 4 << 30,
            outbound: OutboundList::default(),
            outbound_addresses: Vec::new(),
            outbound_connections_max: 1000,
            logs: None,
            #[cfg(feature = "sqs")]
            sqs: None,
            metrics_resources_max: 1000,
            limits: Limits::default(),
            connections: 0,
            link: None,
        }
    }
}

impl HostBuilder {
    /// Where functions are kept, with their code. The folder is made if need be, for its owner alone, and used by one
    /// process at a time. Default: a temporary folder that goes with the host.
    ///
    /// Without the feature `sqlite` only code is kept there, and functions go with the host in any case.
    pub fn data_dir(self, folder: impl Into<PathBuf>) -> Self {
        Self { data_dir: Some(folder.into()), ..self }
    }

    /// Takes a data folder on a network file system too, where a crash may lose what was written before. Default: refused.
    pub fn allow_network_file_system(self, allowed: bool) -> Self {
        Self { network_file_system_allowed: allowed, ..self }
    }

    /// How many bytes all packages of a region may have together, each version's counted for itself. Default: 75 GiB, as on
    /// Lambda.
    pub fn code_storage_bytes_max(self, bytes: u64) -> Self {
        Self { code_storage_bytes_max: bytes, ..self }
    }

    /// The account whose id appears in ARNs. Default: `000000000000`.
    pub fn account_id(self, account_id: AccountId) -> Self {
        Self { account_id, ..self }
    }

    /// The region of references that name none. Default: `us-east-1`.
    pub fn region(self, region: Region) -> Self {
        Self { region, ..self }
    }

    /// How many invocations may run at a time, of all functions: the account's concurrency. One more is
    /// [throttled](crate::InvokeError::Throttled). Default: 1,000, as on Lambda.
    pub fn concurrency_max(self, invocations: usize) -> Self {
        Self { concurrency_max: invocations, ..self }
    }

    /// How much of the account's concurrency no function can [reserve](Host::reserve_concurrency) or have
    /// [provisioned](Host::provision_concurrency). Default: 100, as on Lambda.
    pub fn unreserved_concurrency_min(self, invocations: usize) -> Self {
        Self { unreserved_concurrency_min: invocations, ..self }
    }

    /// By how many instances a function may grow in ten seconds, beyond what it has once grown to; any number, if there is
    /// none. Default: 1,000, as on Lambda.
    pub fn scaling_rate(self, instances: impl Into<Option<u32>>) -> Self {
        Self { scaling_rate: instances.into(), ..self }
    }

    /// How many requests a second may come for each unit of concurrency: for a function with reserved concurrency so many for
    /// each of its units, for all others together so many for each unit that is not reserved. Default: any number, because
    /// most WebAssembly functions take far less than the tenth of a second that Lambda's 10 assume; `samovar serve` has
    /// Lambda's.
    pub fn requests_per_second_per_unit(self, requests: impl Into<Option<u32>>) -> Self {
        Self { requests_per_second_per_unit: requests.into(), ..self }
    }

    /// How many instances the host can hold, busy and idle together; each reserves 4 GiB of address space (not of
    /// memory), so 20,000 is about the most a process can have; Linux gives it enough memory maps for 4,000 unless it is told
    /// to give more (`vm.max_map_count`), and where they are not enough there are fewer instances. Default: 4,000.
    pub fn instances_max(self, instances: u32) -> Self {
        Self { instances_max: instances, ..self }
    }

    /// How many functions may compute at a time, apart from each one's first milliseconds: so many threads the host has
    /// for them, beside those of the runtime, at most 1,024. Where more want to, the share of each is as its memory
    /// size. Default: as many as there are cores.
    pub fn processors(self, threads: usize) -> Self {
        Self { processors: threads.clamp(1, PROCESSORS_MAX), ..self }
    }

    /// How many events an instance may handle before a new one takes its place: for functions that leak memory, or to bound how
    /// long one instance's state lives. Default: 0, which is no limit.
    ///
    /// An instance ends earlier for any of these reasons, whichever comes first:
    ///
    /// - it trapped, exited, panicked, ran out of time or memory, or its caller went away: it never runs again;
    /// - it was idle for [longer than may be](Self::idle_time_max);
    /// - the memory of [all idle instances](Self::idle_memory_bytes_max) was used up, and it was idle for longest;
    /// - all [instances](Self::instances_max) were there, a new one was wanted, and it was idle for longest;
    /// - its function has [an instance for every event](crate::function::Isolation::Fresh);
    /// - its version is no longer there.
    ///
    /// An error that a function reports itself ends no instance.
    pub fn instance_invocations_max(self, invocations: u64) -> Self {
        Self { instance_invocations_max: invocations, ..self }
    }

    /// How many [events](Host::invoke_async) run at a time, of which an eighth may be one function's: within what the concurrency of
    /// the account and of their functions allows. Default: 512, so 64 of one function.
    pub fn async_concurrency_max(self, events: usize) -> Self {
        Self { async_concurrency_max: events.max(1), ..self }
    }

    /// For how long it is known what became of an [event](Host::invoke_async) that needs nobody's attention; zero forgets it at once.
    /// Default: 24 hours. Events that ended without success and without anybody being told are kept until somebody puts them back
    /// or removes them.
    pub fn event_results_kept(self, time: Duration) -> Self {
        Self { event_results_kept: time, ..self }
    }

    /// Of how many events that is known: beyond it, or beyond 1 GiB of what functions answered, those that ended first are forgotten.
    /// Default: 100,000.
    pub fn event_results_max(self, events: usize) -> Self {
        Self { event_results_max: events, ..self }
    }

    /// By how much all waits of events are shorter, their retries, ages and back-offs, for who does not want to wait two minutes for
    /// the second retry while trying something. Default: 1.
    pub fn event_time_scale(self, scale: u32) -> Self {
        Self { event_time_scale: scale.max(1), ..self }
    }

    /// How long an instance may be idle before it is dropped. Default: 10 minutes.
    pub fn idle_time_max(self, time: Duration) -> Self {
        Self { idle_time_max: time, ..self }
    }

    /// How many bytes all idle instances of the host may hold together; beyond it the one idle for longest is
    /// dropped. Default: 2 GiB.
    pub fn idle_memory_bytes_max(self, bytes: u64) -> Self {
        Self { idle_memory_bytes_max: bytes, ..self }
    }

    /// How long a guest may take to set itself up, apart from its events: at most 15 minutes. Default: 10 seconds, as
    /// on Lambda.
    pub fn init_time_max(self, time: Duration) -> Self {
        Self { init_time_max: time.min(INIT_TIME_MAX), ..self }
    }

    /// How long [`Host::close`] waits for running invocations. Default: 30 seconds.
    pub fn drain_time_max(self, time: Duration) -> Self {
        Self { drain_time_max: time, ..self }
    }

    /// Where code is compiled. Default: in this process, which is for hosts whose functions are their own; those that take
    /// code from others want [`Compiler::Worker`].
    pub fn compiler(self, compiler: Compiler) -> Self {
        Self { compiler, ..self }
    }

    /// What a compile worker may use for one component. Default: 3 GiB of address space, 120 seconds on processors, 180
    /// seconds in all.
    pub fn compile_limits(self, limits: CompileLimits) -> Self {
        Self { compile_limits: limits, ..self }
    }

    /// How many bytes of compiled code are kept on disk, for code that is uploaded again; beyond it what was used longest ago
    /// goes. Default: 10 GiB.
    pub fn compiled_bytes_max(self, bytes: u64) -> Self {
        Self { compiled_bytes_max: bytes, ..self }
    }

    /// How many bytes machine code and the files of packages may have in memory, each function's counted as at least 512 KiB;
    /// beyond it what was used longest ago is let go, and loaded again when it is needed. Default: 4 GiB.
    pub fn loaded_bytes_max(self, bytes: u64) -> Self {
        Self { loaded_bytes_max: bytes, ..self }
    }

    /// Where functions may send HTTP requests, of what their own [configuration](crate::function::Configuration::outbound)
    /// allows. Default: nowhere.
    ///
    /// ```no_run
    /// # async fn example(wasm: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
    /// let host = samovar::Host::builder().outbound("https://*.example.com".parse()?).start().await?;
    /// let function = samovar::Deployment::new("orders", wasm).outbound("https://api.example.com".parse()?);
    /// host.publish(function).await?;
    /// # Ok(()) }
    /// ```
    pub fn outbound(self, allowed: OutboundList) -> Self {
        Self { outbound: allowed, ..self }
    }

    /// Networks whose addresses requests may go to although they are not public ones: loopback, private, link-local
    /// and the like, where a machine's own services are. Default: none.
    pub fn outbound_addresses(self, opened: impl IntoIterator<Item = IpNet>) -> Self {
        Self { outbound_addresses: opened.into_iter().collect(), ..self }
    }

    /// How many connections the requests of all functions may have at a time; one more waits for as long as connecting
    /// may take, 10 seconds. Default: 1,000.
    pub fn outbound_connections_max(self, connections: usize) -> Self {
        Self { outbound_connections_max: connections, ..self }
    }

    /// Keeps what functions log in files in the data folder, so that it can be [read](Host::log_events) later, also after a
    /// new start. Default: nothing is kept, and an invocation pays nothing for it; [`Host::logs`] is there for those who
    /// only listen.
    pub fn logs(self, kept: LogSettings) -> Self {
        Self { logs: Some(kept), ..self }
    }

    /// Sends what goes to queues to those of AWS, or of another server that speaks SQS. Default: the queues that are embedded in
    /// the host.
    #[cfg(feature = "sqs")]
    pub fn sqs(self, outside: SqsSettings) -> Self {
        Self { sqs: Some(outside), ..self }
    }

    /// How many resources have [metrics](Host::metrics) of their own: functions as they are invoked, each with the versions that
    /// it leads to. What is beyond is counted together, under the name `other`. As many functions have counters of their events, and
    /// as many queues figures. Default: 1,000; each makes some 60 lines at a scrape.
    pub fn metrics_resources_max(self, resources: usize) -> Self {
        Self { metrics_resources_max: resources, ..self }
    }

    /// What one invocation, one function and its code may have at most. Default: what Lambda allows.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How many connections of clients the process will have at a time. They are not the host's; it looks whether the process
    /// may open so many files, and says so in the log if not. Default: none.
    pub fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// Links host functions of your own into all guests, beside WASI's.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), samovar::StartError> {
    /// let host = samovar::Host::builder()
    ///     .link(|linker| {
    ///         linker.instance("acme:clock/ticks@1.0.0")?.func_wrap("ticks", |_store, ()| Ok((42_u64,)))
    ///     })
    ///     .start()
    ///     .await?;
    /// # host.close().await;
    /// # Ok(()) }
    /// ```
    pub fn link(
        self,
        link: impl Fn(&mut Linker<GuestState>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { link: Some(Arc::new(link)), ..self }
    }

    /// Starts the host.
    ///
    /// # Errors
    /// When a limit cannot be kept, the system gives the process too little for a single instance, the data folder cannot be made or is in use, the engine cannot be made, or the embedder's own host
    /// functions cannot be linked.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(self) -> Result<Host, StartError> {
        Host::start(self).await
    }
}

impl fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("HostBuilder");
        #[cfg(feature = "sqs")]
        shown.field("sqs", &self.sqs);
        shown
            .field("data_dir", &self.data_dir)
            .field("network_file_system_allowed", &self.network_file_system_allowed)
            .field("code_storage_bytes_max", &self.code_storage_bytes_max)
            .field("account_id", &self.account_id)
            .field("region", &self.region)
            .field("concurrency_max", &self.concurrency_max)
            .field("unreserved_concurrency_min", &self.unreserved_concurrency_min)
            .field("scaling_rate", &self.scaling_rate)
            .field("requests_per_second_per_unit", &self.requests_per_second_per_unit)
            .field("instances_max", &self.instances_max)
            .field("processors", &self.processors)
            .field("instance_invocations_max", &self.instance_invocations_max)
            .field("async_concurrency_max", &self.async_concurrency_max)
            .field("event_results_kept", &self.event_results_kept)
            .field("event_results_max", &self.event_results_max)
            .field("event_time_scale", &self.event_time_scale)
            .field("idle_time_max", &self.idle_time_max)
            .field("idle_memory_bytes_max", &self.idle_memory_bytes_max)
            .field("init_time_max", &self.init_time_max)
            .field("drain_time_max", &self.drain_time_max)
            .field("compiler", &self.compiler)
            .field("compile_limits", &self.compile_limits)
            .field("compiled_bytes_max", &self.compiled_bytes_max)
            .field("loaded_bytes_max", &self.loaded_bytes_max)
            .field("outbound", &self.outbound)
            .field("outbound_addresses", &self.outbound_addresses)
            .field("outbound_connections_max", &self.outbound_connections_max)
            .field("logs", &self.logs)
            .field("metrics_resources_max", &self.metrics_resources_max)
            .field("limits", &self.limits)
            .field("connections", &self.connections)
            .field("link", &self.link.is_some())
            .finish()
    }
}
