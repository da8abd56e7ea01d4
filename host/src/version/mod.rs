//! One version of a function: its code, its locked configuration and its warm instances.

mod facts;
mod launcher;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::facts::VersionFacts;
pub(crate) use self::launcher::{LaunchError, Launched, Shared, WasmLauncher};
use crate::cpu::Share;
use crate::function::FunctionArn;
use crate::invocation::Status;
use crate::pool::{Checkout, Pool};

/// One version of a function. It never changes: a changed `$LATEST` is a new one, with new instances.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) facts: VersionFacts,
    pub(crate) arn: FunctionArn,
    pub(crate) pool: Arc<Pool<WasmLauncher>>,
    /// The processors' share of events with a warm instance.
    pub(crate) warm_share: Share,
    /// The processors' share of events whose instance comes up first. The weight is the same; how long they compute is not.
    pub(crate) cold_share: Share,
}

impl Version {
    pub(crate) fn new(facts: VersionFacts, shared: &Arc<Shared>) -> Arc<Self> {
        let arn = FunctionArn::new(&shared.account_id, facts.key.region(), facts.key.name());
        let pool = Pool::new(WasmLauncher::new(&facts, shared), &shared.idlers);
        let share = || Share::new(facts.configuration.memory.mb());
        let (warm_share, cold_share) = (share(), share());
        Arc::new(Self { facts, arn, pool, warm_share, cold_share })
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
