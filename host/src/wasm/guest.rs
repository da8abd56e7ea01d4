//! What the host keeps for one guest, beside the guest's own memory.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::limits::MemoryLimit;
use super::outbound::{Outbound, OutboundHttp};
use super::stream::LogStream;
use crate::telemetry::{Log, Stream};

/// How many resources (streams, pollables, ...) a guest may hold at a time. What one of them can hold in the host's own
/// memory is at most some 60 KiB: a set of headers, the head of an answer, or a part of a body on its way. All together
/// they come to less than 150 MiB.
const RESOURCES_MAX: usize = 2_500;
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
    /// The only argument: the function's name.
    pub(crate) function_name: Arc<str>,
    /// The bytes its memories and tables may have together.
    pub(crate) memory_limit_bytes: u64,
    /// Where it may send HTTP requests.
    pub(crate) outbound: Arc<Outbound>,
    /// Where its standard output and error go.
    pub(crate) log: Log,
}

/// What the host keeps for one guest. An embedder's own host functions get it through the store.
pub struct GuestState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) outbound: OutboundHttp,
    table: ResourceTable,
    pub(super) memory: MemoryLimit,
    pub(super) log: Log,
    /// When the guest is to be ended. None while it does not run.
    pub(super) deadline: Option<Instant>,
    pub(super) request_id: Option<Arc<str>>,
    function_name: Arc<str>,
}

impl GuestState {
    pub(super) fn new(surroundings: Surroundings) -> Self {
        let Surroundings { environment, function_name, memory_limit_bytes, outbound, log } = surroundings;
        let wasi = WasiCtxBuilder::new()
            .arg(&*function_name)
            .envs(&environment)
            .env("AWS_LAMBDA_LOG_STREAM_NAME", log.stream())
            .stdout(LogStream(log.writer(Stream::Output)))
            .stderr(LogStream(log.writer(Stream::Error)))
            .max_random_size(RANDOM_BYTES_MAX)
            // No folder is opened to the guest. Sockets are closed to it; HTTP has a hook of its own.
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HTTP_FIELDS_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let memory = MemoryLimit::new(memory_limit_bytes);
        let outbound = OutboundHttp::new(outbound, log.clone());
        Self { wasi, http, outbound, table, memory, log, deadline: None, request_id: None, function_name }
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
