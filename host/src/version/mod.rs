//! One version of a function: its code, its locked configuration and its warm instances.

mod facts;
mod launcher;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use self::facts::VersionFacts;
use self::launcher::Initialization;
pub(crate) use self::launcher::{LaunchError, Launched, Shared, WasmLauncher};
use crate::concurrency::Gate;
use crate::cpu::Share;
use crate::function::{FunctionArn, Qualifier};
use crate::invocation::Status;
use crate::metrics::VersionCounters;
use crate::pool::{Checkout, Pool, Provisioned};

/// One version of a function. It never changes: a changed `$LATEST` is a new one, with new instances.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) facts: VersionFacts,
    pub(crate) arn: FunctionArn,
    /// Where its invocations get their permits; all versions of a function have the same.
    pub(crate) gate: Arc<Gate>,
    pub(crate) pool: Arc<Pool<WasmLauncher>>,
    pub(crate) counters: VersionCounters,
    /// The processors' share of events with a warm instance.
    pub(crate) warm_share: Share,
    /// The processors' share of events whose instance comes up first. The weight is the same; how long they compute is not.
    pub(crate) cold_share: Share,
    /// Its provisioned instances, if it ever had any.
    provisioned: OnceLock<Arc<Provisioned<WasmLauncher>>>,
    /// How many of them its function's gate knows of.
    provisioned_counted: AtomicU32,
    shared: Arc<Shared>,
}

impl Version {
    pub(crate) fn new(facts: VersionFacts, shared: &Arc<Shared>) -> Arc<Self> {
        let arn = FunctionArn::new(&shared.account_id, facts.key.region(), facts.key.name());
        let gate = shared.concurrency.gate(&facts.key);
        let pool = Pool::new(WasmLauncher::new(&facts, shared, Initialization::OnDemand), &shared.idlers);
        let share = || Share::new(facts.configuration.memory.mb());
        let (warm_share, cold_share) = (share(), share());
        Arc::new(Self {
            facts,
            arn,
            gate,
            pool,
            counters: VersionCounters::new(&shared.counters),
            warm_share,
            cold_share,
            provisioned: OnceLock::new(),
            provisioned_counted: AtomicU32::new(0),
            shared: shared.clone(),
        })
    }

    /// Its provisioned instances, if it ever had any.
    pub(crate) fn provisioned(&self) -> Option<&Arc<Provisioned<WasmLauncher>>> {
        self.provisioned.get()
    }

    /// Lets its function's gate know how many provisioned instances it has. For their keeper alone.
    pub(crate) fn count_provisioned(&self) {
        // What is there for a move that is only prepared takes no places of the function's own.
        let are = self.provisioned().map_or(0, |provisioned| {
            let standing = provisioned.standing();
            standing.up.min(standing.settled)
        });
        let were = self.provisioned_counted.swap(are, Ordering::Relaxed);
        if are != were {
            self.gate.count_provisioned(were, are);
        }
    }

    /// Its ARN, with its number.
    pub(crate) fn qualified_arn(&self) -> String {
        self.arn.qualified(&Qualifier::Version(self.facts.number))
    }

    /// Its provisioned instances, of which there may be none yet.
    pub(crate) fn provision(&self) -> &Arc<Provisioned<WasmLauncher>> {
        self.provisioned.get_or_init(|| {
            let launcher = WasmLauncher::new(&self.facts, &self.shared, Initialization::Provisioned);
            Arc::new(Provisioned::new(launcher))
        })
    }

    /// A new instance for an event that may take so long. An init that is not done in the time it has is tried again as a
    /// part of the event, whose time begins with it, as on Lambda.
    pub(crate) async fn launch(&self, timeout: Duration) -> Result<Checkout<WasmLauncher>, LaunchError> {
        match self.pool.launch().await {
            Err(LaunchError::Init(failed)) if failed.is_retried() => {
                failed.log.init_ended(failed.phase, &Status::Timeout, failed.duration);
                let instance = self.pool.launcher().launch_with_event(timeout).await?;
                Ok(Checkout { instance, launched: None })
            }
            launched => launched,
        }
    }
}
