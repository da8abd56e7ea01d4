//! One engine per host: how guests are compiled, where their memory lies and what they are linked with.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use super::files;
use super::guest::GuestState;
use super::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use super::outbound::bound_texts;
use super::places::{Place, Places};
use super::program::Program;
use super::room::NoRoom;
use super::ticker::{Running, Ticker};

/// The stack a guest's own code may use, in bytes.
const WASM_STACK_BYTES: usize = 1 << 20;
/// The stack of a guest's fibre, in bytes: the guest's own and what host functions need on top.
pub(crate) const FIBRE_STACK_BYTES: usize = 2 << 20;
/// A linear memory may lie anywhere in a slot of this size, so that its code needs no bounds checks.
pub(crate) const MEMORY_SLOT_BYTES: usize = 4 << 30;
/// Of a freed slot, so many bytes are cleared instead of given back to the system, which is quicker. Every slot that
/// was ever used may keep them, so with 4,000 instances they come to at most 750 MiB in all.
const MEMORY_KEEP_RESIDENT_BYTES: usize = 128 << 10;
const TABLE_KEEP_RESIDENT_BYTES: usize = 16 << 10;
const STACK_KEEP_RESIDENT_BYTES: usize = 32 << 10;
/// How many freed slots are preferred for the same code's next instance before slots never used are taken.
const WARM_SLOTS_MAX: u32 = 100;

/// Why an engine could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// wasmtime refused the configuration, even without the pooling allocator.
    #[error("the WebAssembly engine could not be made: {0}")]
    Engine(String),
    /// The embedder's host functions could not be linked.
    #[error("the embedder's host functions could not be linked: {0}")]
    Link(#[from] LinkError),
    /// The thread that advances the epoch could not be started.
    #[error("the epoch thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Why host functions could not be linked: wasmtime's message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LinkError(pub(super) String);

impl From<wasmtime::Error> for LinkError {
    fn from(error: wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// Links an embedder's own host functions.
pub(crate) type LinkHook = Arc<dyn Fn(&mut Linker<GuestState>) -> wasmtime::Result<()> + Send + Sync>;

/// An engine and everything guests can import, linked once.
pub(crate) struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<GuestState>,
    ticker: Ticker,
    /// What bounds the number of instances where no pool does.
    places: Option<Places>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("places", &self.places).finish_non_exhaustive()
    }
}

impl Engine {
    /// Makes an engine whose pool has room for `instances_max` instances.
    ///
    /// Where the system does not give the pool its address space, instances are allocated one by one
    /// instead, which is slower; a warning says so. There are no more of them than with a pool.
    pub(crate) fn start(instances_max: u32, hook: Option<&LinkHook>) -> Result<Self, EngineError> {
        let (engine, places) = match wasmtime::Engine::new(&config(pool(instances_max))) {
            Ok(engine) => (engine, None),
            Err(error) => {
                tracing::warn!(
                    instances_max,
                    reason = format!("{error:#}"),
                    "no pool of instances: starts will be slower (is the address space limited, `ulimit -v`?)"
                );
                let engine = wasmtime::Engine::new(&config(InstanceAllocationStrategy::OnDemand));
                let engine = engine.map_err(|error| EngineError::Engine(format!("{error:#}")))?;
                (engine, Some(Places::new(instances_max)))
            }
        };
        let linker = link(&engine, hook)?;
        let ticker = Ticker::start(engine.clone())?;
        Ok(Self { engine, linker, ticker, places })
    }

    /// Whether this system can say which pages of a slot were touched, so that only those are cleared.
    pub(crate) fn system_knows_touched_pages() -> bool {
        PoolingAllocationConfig::is_pagemap_scan_available()
    }

    /// An engine that compiles for engines like this one, and runs nothing.
    pub(super) fn for_compiling() -> wasmtime::Result<wasmtime::Engine> {
        // How instances are allocated is no part of what is compiled, and the pool would not fit a worker's limits.
        wasmtime::Engine::new(&config(InstanceAllocationStrategy::OnDemand))
    }

    /// Names the version and settings of the engine as far as compiled code depends on them.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }

    pub(super) fn linker(&self) -> &Linker<GuestState> {
        &self.linker
    }

    /// A place for an instance of that program, which it holds for as long as it is there; none where the engine's pool has
    /// its places.
    pub(super) fn place(&self, program: &Program) -> Result<Option<Place>, NoRoom> {
        self.places.as_ref().map(|places| places.take(program.pre.component())).transpose()
    }

    pub(super) fn running(&self) -> Running<'_> {
        self.ticker.running()
    }
}

fn config(strategy: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(strategy)
        // Guests of WASI 0.2 need none of the machinery for concurrent calls, which costs 0.8 us per call.
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true)
        // Memories of 64 bits need bounds checks and no compiler of components makes them.
        .wasm_memory64(false)
        .memory_reservation(MEMORY_SLOT_BYTES as u64)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBRE_STACK_BYTES)
        // Otherwise a stack keeps every page that any guest ever touched, with what it wrote there.
        .async_stack_zeroing(true);
    config
}

fn pool(instances_max: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances_max)
        .total_core_instances(instances_max.saturating_mul(8).max(CORE_INSTANCES_MAX))
        .total_memories(instances_max.max(MEMORIES_MAX))
        .total_tables(instances_max.saturating_mul(4).max(TABLES_MAX))
        .total_stacks(instances_max)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_memory_size(MEMORY_SLOT_BYTES)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT_BYTES)
        .max_unused_warm_slots(WARM_SLOTS_MAX)
        // Where the kernel can say which pages were touched (Linux 6.7 and later), only those are cleared.
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}

/// All of WASI 0.2 and `wasi:http` is always linked: what a guest may not do is denied when it tries, so that a
/// guest that merely could do it (as every Rust guest could open sockets) runs. Files are not the host's.
fn link(engine: &wasmtime::Engine, hook: Option<&LinkHook>) -> Result<Linker<GuestState>, LinkError> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    files::link(&mut linker, GuestState::files)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bound_texts(&mut linker)?;
    if let Some(hook) = hook {
        hook(&mut linker)?;
    }
    Ok(linker)
}
