//! What the host keeps for one guest, beside the guest's own memory.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::files::{Assets, Files, FilesView, TASK_ROOT};
use super::limits::MemoryLimit;
use super::outbound::{Outbound, OutboundHttp};
use super::stream::Output;
use super::transcript::Transcript;
use crate::function::{Isolation, Limits, World};
use crate::telemetry::{Log, Stream};

/// How many random bytes a guest may ask for at a time.
const RANDOM_BYTES_MAX: u64 = 1 << 20;
/// How large a set of HTTP headers may be: as much as most servers take. A guest may have as many sets as resources, and
/// what keeps many small headers in order can be twice as much again.
const HTTP_FIELDS_BYTES_MAX: usize = 16 << 10;

/// What an instance finds around itself.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The environment variables that all instances of a version share, as a list because WASI takes them so.
    pub(crate) environment: Arc<[(String, String)]>,
    /// The first argument: the function's name.
    pub(crate) function_name: Arc<str>,
    /// Further arguments.
    pub(crate) arguments: Arc<[String]>,
    /// Whether the instance may handle one event after another.
    pub(crate) isolation: Isolation,
    /// How many events the instance may handle; 0 is no limit.
    pub(crate) invocations_max: u64,
    /// The bytes its memories, tables and files may have together.
    pub(crate) memory_limit_bytes: u64,
    /// The bytes of these that files may have.
    pub(crate) ephemeral_storage_bytes: u64,
    /// The files of its package.
    pub(crate) assets: Arc<Assets>,
    /// Where it may send HTTP requests.
    pub(crate) outbound: Arc<Outbound>,
    /// What it may have at most.
    pub(crate) limits: Limits,
    /// Where its standard output and error go.
    pub(crate) log: Log,
}

/// What the host keeps for one guest. An embedder's own host functions get it through the store.
pub struct GuestState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) outbound: OutboundHttp,
    table: ResourceTable,
    files: Files,
    pub(super) memory: MemoryLimit,
    pub(super) log: Log,
    /// What a command reads and prints.
    pub(super) transcript: Option<Transcript>,
    pub(super) isolation: Isolation,
    /// How many events it may handle still; none if there is no limit.
    pub(super) invocations_left: Option<u64>,
    /// The bytes an answer may have.
    pub(super) answer_bytes_max: usize,
    /// When the guest is to be ended. None while it does not run.
    pub(super) deadline: Option<Instant>,
    pub(super) request_id: Option<Arc<str>>,
    function_name: Arc<str>,
}

impl GuestState {
    pub(super) fn new(world: World, surroundings: Surroundings) -> Self {
        let Surroundings {
            environment,
            function_name,
            arguments,
            isolation,
            invocations_max,
            memory_limit_bytes,
            ephemeral_storage_bytes,
            assets,
            outbound,
            limits,
            log,
        } = surroundings;
        let mut wasi = WasiCtxBuilder::new();
        wasi.arg(&*function_name)
            .args(&arguments)
            .envs(&environment)
            .env("AWS_LAMBDA_LOG_STREAM_NAME", log.stream())
            .stderr(Output(log.writer(Stream::Error)))
            .max_random_size(RANDOM_BYTES_MAX)
            .initial_cwd(TASK_ROOT)
            // No folder of the host is opened to the guest. Sockets are closed to it; HTTP has a hook of its own.
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        let transcript = match world {
            World::Command => Some(Transcript::new(limits.answer_bytes)),
            World::Event | World::Http => None,
        };
        match &transcript {
            Some(transcript) => wasi.stdin(transcript.clone()).stdout(Output(transcript.clone())),
            None => wasi.stdout(Output(log.writer(Stream::Output))),
        };
        let wasi = wasi.build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HTTP_FIELDS_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        let memory = MemoryLimit::new(memory_limit_bytes, ephemeral_storage_bytes);
        let outbound = OutboundHttp::new(outbound, log.clone());
        Self {
            wasi,
            http,
            outbound,
            table,
            files: Files::new(assets),
            memory,
            log,
            transcript,
            isolation,
            invocations_left: (invocations_max > 0).then_some(invocations_max),
            answer_bytes_max: limits.answer_bytes,
            deadline: None,
            request_id: None,
            function_name,
        }
    }

    pub(super) fn files(&mut self) -> FilesView<'_> {
        FilesView { files: &mut self.files, memory: &mut self.memory, table: &mut self.table }
    }

    /// The name of the function that runs.
    pub fn function_name(&self) -> &str {
        &self.function_name
    }

    /// The id of the request that is being handled; none during init.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

impl fmt::Debug for GuestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestState")
            .field("function_name", &self.function_name)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}
