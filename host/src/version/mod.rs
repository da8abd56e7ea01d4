//! One version of a function: its code, its locked configuration and its warm instances.

mod facts;
mod launcher;

use std::sync::Arc;

pub(crate) use self::facts::VersionFacts;
pub(crate) use self::launcher::{LaunchError, Launched, Shared, WasmLauncher};
use crate::function::FunctionArn;
use crate::metrics::VersionCounters;
use crate::pool::Pool;

/// One version of a function. It never changes: a changed `$LATEST` is a new one, with new instances.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) facts: VersionFacts,
    pub(crate) arn: FunctionArn,
    pub(crate) pool: Arc<Pool<WasmLauncher>>,
    pub(crate) counters: VersionCounters,
}

impl Version {
    pub(crate) fn new(facts: VersionFacts, shared: &Arc<Shared>) -> Arc<Self> {
        let arn = FunctionArn::new(&shared.account_id, facts.key.region(), facts.key.name());
        let pool = Pool::new(WasmLauncher::new(&facts, shared), &shared.idlers);
        Arc::new(Self { facts, arn, pool, counters: VersionCounters::new(&shared.counters) })
    }
}
