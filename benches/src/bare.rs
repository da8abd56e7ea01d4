//! wasmtime without Samovar: the baseline of what Samovar adds to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, Lower, ResourceTable,
    TypedFunc,
};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// An engine with the settings of Samovar's, and WASI. It has no ticker, no limits and no pool of warm instances.
pub struct Bare {
    engine: Engine,
    linker: Linker<State>,
}

/// A component that exports Samovar's handler, linked.
pub struct BareFunction {
    engine: Engine,
    pre: InstancePre<State>,
    handle: ComponentExportIndex,
    init: Option<ComponentExportIndex>,
}

/// An instance of it, set up.
pub struct BareInstance {
    store: Store<State>,
    handle: TypedFunc<(Bytes, EventContext), (Result<Bytes, ReportedError>,)>,
    context: EventContext,
}

/// The record `context` of the interface `samovar:function/types`.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
struct EventContext {
    #[component(name = "request-id")]
    request_id: Arc<str>,
    #[component(name = "deadline-ms")]
    deadline_ms: u64,
    #[component(name = "invoked-function-arn")]
    invoked_function_arn: Arc<str>,
    #[component(name = "trace-id")]
    trace_id: Option<Arc<str>>,
    #[component(name = "client-context")]
    client_context: Option<Arc<str>>,
    #[component(name = "tenant-id")]
    tenant_id: Option<Arc<str>>,
}

/// The record `function-error` of the interface `samovar:function/types`.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
struct ReportedError {
    #[component(name = "error-type")]
    error_type: String,
    #[component(name = "error-message")]
    error_message: String,
    #[component(name = "stack-trace")]
    _stack_trace: Vec<String>,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl fmt::Debug for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bare")
    }
}

impl fmt::Debug for BareFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BareFunction")
    }
}

impl fmt::Debug for BareInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BareInstance")
    }
}

impl Bare {
    /// Makes the engine.
    ///
    /// # Errors
    /// When wasmtime refuses to.
    pub fn new() -> Result<Self> {
        let engine = Engine::new(&config()).map_err(plain)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(plain)?;
        Ok(Self { engine, linker })
    }

    /// Compiles a component.
    ///
    /// # Errors
    /// When it is no component, or not one of a function.
    pub fn compile(&self, wasm: &[u8]) -> Result<BareFunction> {
        self.link(&Component::from_binary(&self.engine, wasm).map_err(plain)?)
    }

    /// Compiles a component to an artifact.
    ///
    /// # Errors
    /// When it is no component.
    pub fn precompile(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        self.engine.precompile_component(wasm).map_err(plain)
    }

    /// Maps an artifact in.
    ///
    /// # Errors
    /// When it is not one of a function.
    pub fn load(&self, artifact: &Path) -> Result<BareFunction> {
        #[expect(unsafe_code, reason = "wasmtime cannot know where the machine code comes from; we do")]
        // SAFETY: the benchmarks load only what `precompile` has just made, out of a folder of their own.
        let component = unsafe { Component::deserialize_file(&self.engine, artifact) };
        self.link(&component.map_err(plain)?)
    }

    fn link(&self, component: &Component) -> Result<BareFunction> {
        let export = |interface: &str, function: &str| {
            let interface = component.get_export_index(None, interface)?;
            component.get_export_index(Some(&interface), function)
        };
        Ok(BareFunction {
            engine: self.engine.clone(),
            pre: self.linker.instantiate_pre(component).map_err(plain)?,
            handle: export(samovar::HANDLER, "handle").context("no handler is exported")?,
            init: export("samovar:function/lifecycle@0.1.0", "init"),
        })
    }
}

impl BareFunction {
    /// Makes an instance and lets it set itself up.
    ///
    /// # Errors
    /// When the guest fails.
    pub async fn instantiate(&self) -> Result<BareInstance> {
        let state = State { wasi: WasiCtxBuilder::new().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        // Nothing advances this engine's epoch.
        store.set_epoch_deadline(1);
        let instance = self.pre.instantiate_async(&mut store).await.map_err(plain)?;
        let handle = instance.get_typed_func(&mut store, self.handle).map_err(plain)?;
        if let Some(init) = self.init {
            let init = instance.get_typed_func::<(), (Result<(), ReportedError>,)>(&mut store, init);
            let (initialized,) = init.map_err(plain)?.call_async(&mut store, ()).await.map_err(plain)?;
            initialized.map_err(failed)?;
        }
        let context = EventContext {
            request_id: "5b9a7c1e-8f44-4f5e-9a3c-2d1f0e6b7c88".into(),
            deadline_ms: 1_800_000_000_000,
            invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:echo:live".into(),
            trace_id: None,
            client_context: None,
            tenant_id: None,
        };
        Ok(BareInstance { store, handle, context })
    }
}

impl BareInstance {
    /// Handles one event, on a fibre.
    ///
    /// # Errors
    /// When the guest fails.
    pub async fn call(&mut self, payload: Bytes) -> Result<Bytes> {
        let params = (payload, self.context.clone());
        let (answer,) = self.handle.call_async(&mut self.store, params).await.map_err(plain)?;
        answer.map_err(failed)
    }
}

fn failed(error: ReportedError) -> anyhow::Error {
    anyhow!("{}: {}", error.error_type, error.error_message)
}

/// wasmtime's errors are none of the standard library's.
fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

/// The settings of `host/src/wasm/engine.rs`, but for the number of instances.
fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(64)
        .total_core_instances(512)
        .total_memories(64)
        .total_tables(256)
        .total_stacks(64)
        .max_core_instances_per_component(64)
        .max_memories_per_component(8)
        .max_tables_per_component(32)
        .max_tables_per_module(32)
        .max_memories_per_module(8)
        .max_memory_size(4 << 30)
        .table_elements(50_000)
        .linear_memory_keep_resident(512 << 10)
        .table_keep_resident(32 << 10)
        .async_stack_keep_resident(64 << 10)
        .max_unused_warm_slots(100)
        .pagemap_scan(wasmtime::Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .memory_reservation(4 << 30)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20);
    config
}
