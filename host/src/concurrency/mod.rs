//! How many invocations run at a time: of a whole account, and of each function.
//!
//! An account's concurrency is one number. Functions may reserve parts of it, which are theirs alone and all they get, and may
//! have instances provisioned out of it; what is left is shared by all the others, and some of it is always left.

mod counts;
mod gate;
mod ledger;
mod rate;
mod scaling;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use dashmap::DashMap;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::counts::AccountCounts;
use self::gate::Waiting;
pub(crate) use self::gate::{Gate, Permit};
use self::ledger::Ledger;
use self::rate::Rate;
use crate::function::FunctionKey;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What an account may run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConcurrencySettings {
    /// How many invocations may run at a time.
    pub(crate) limit: usize,
    /// How many of them nobody can reserve.
    pub(crate) unreserved_min: usize,
    /// How many new instances a function may have in ten seconds; any number, if there is none.
    pub(crate) scaling_rate: Option<u32>,
    /// How many requests a second may come for each unit of concurrency; any number, if there is none.
    pub(crate) requests_per_second_per_unit: Option<u32>,
}

/// The concurrency of an account, which is all that runs on a host.
#[derive(Debug)]
pub(crate) struct Concurrency {
    settings: ConcurrencySettings,
    counts: AccountCounts,
    ledger: Mutex<Ledger>,
    gates: DashMap<FunctionKey, Weak<Gate>>,
    dedicated: Mutex<HashSet<FunctionKey>>,
    /// How fast requests come for functions without a reservation.
    rate: Rate,
    waiting: Waiting,
    at_rest: Notify,
    started: Instant,
}

/// What a function has of the account's concurrency as its own, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Claim {
    concurrency: Arc<Concurrency>,
    key: FunctionKey,
    units: u32,
}

/// Why a claim is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClaimRefused {
    /// What is left for functions without a claim, as it is.
    pub(crate) unreserved: u64,
    /// What must be left.
    pub(crate) unreserved_min: u64,
}

impl Concurrency {
    pub(crate) fn new(settings: ConcurrencySettings) -> Arc<Self> {
        Arc::new(Self {
            counts: AccountCounts::new(settings.limit),
            settings,
            ledger: Mutex::default(),
            gates: DashMap::new(),
            dedicated: Mutex::default(),
            rate: Rate::default(),
            waiting: Waiting::default(),
            at_rest: Notify::new(),
            started: Instant::now(),
        })
    }

    /// The gate of a function: one for all of its versions, for as long as any of them is there.
    pub(crate) fn gate(self: &Arc<Self>, key: &FunctionKey) -> Arc<Gate> {
        let mut entry = self.gates.entry(key.clone()).or_default();
        if let Some(gate) = entry.upgrade() {
            return gate;
        }
        let gate = Gate::new(self, key);
        *entry = Arc::downgrade(&gate);
        gate
    }

    /// Claims concurrency for a function, in place of what it has.
    ///
    /// # Errors
    /// When too little would be left for the others. What takes nothing more from them is never refused.
    pub(crate) fn claim(self: &Arc<Self>, key: &FunctionKey, units: u32) -> Result<Claim, ClaimRefused> {
        let mut ledger = self.ledger();
        let (limit, unreserved_min) = (self.settings.limit as u64, self.settings.unreserved_min as u64);
        let (present, total) = (ledger.total(), ledger.total_with(key, units));
        if total > present && total + unreserved_min > limit {
            return Err(ClaimRefused { unreserved: limit.saturating_sub(present), unreserved_min });
        }
        Ok(self.enter(&mut ledger, key, units))
    }

    /// Claims what a function is known to have, whatever is left for the others.
    pub(crate) fn claim_again(self: &Arc<Self>, key: &FunctionKey, units: u32) -> Claim {
        self.enter(&mut self.ledger(), key, units)
    }

    /// Warns if functions claim more than they could claim now: an earlier process may have had another limit.
    pub(crate) fn check_claims(&self) {
        let (claimed, ConcurrencySettings { limit, unreserved_min, .. }) =
            (self.ledger().total(), self.settings);
        if claimed > 0 && claimed + unreserved_min as u64 > limit as u64 {
            tracing::warn!(
                claimed,
                limit,
                unreserved_min,
                "functions have more concurrency reserved or provisioned than the limit leaves for them; others may have too little"
            );
        }
    }

    fn enter(self: &Arc<Self>, ledger: &mut Ledger, key: &FunctionKey, units: u32) -> Claim {
        ledger.add(key, units);
        self.balance(ledger);
        Claim { concurrency: self.clone(), key: key.clone(), units }
    }

    fn balance(&self, ledger: &Ledger) {
        let unreserved_max = (self.settings.limit as u64).saturating_sub(ledger.total());
        self.counts.set_unreserved_max(unreserved_max as usize);
    }

    /// What the account may run.
    pub(crate) fn settings(&self) -> &ConcurrencySettings {
        &self.settings
    }

    /// How many invocations run.
    pub(crate) fn running(&self) -> usize {
        self.counts.running()
    }

    /// What functions without a claim of their own may run together.
    pub(crate) fn unreserved_max(&self) -> usize {
        self.counts.unreserved_max()
    }

    /// How many invocations of functions without a reservation run, apart from those on provisioned instances.
    pub(crate) fn unreserved_running(&self) -> usize {
        self.counts.unreserved()
    }

    /// The functions that have concurrency of their own, reserved or provisioned; also those for which nothing is reserved.
    pub(crate) fn dedicated(&self) -> Vec<FunctionKey> {
        self.dedicated_keys().iter().cloned().collect()
    }

    fn note_dedicated(&self, gate: &Gate) {
        let mut keys = self.dedicated_keys();
        match gate.is_dedicated() {
            true => keys.insert(gate.key().clone()),
            false => keys.remove(gate.key()),
        };
    }

    fn dedicated_keys(&self) -> MutexGuard<'_, HashSet<FunctionKey>> {
        self.dedicated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing runs.
    pub(crate) async fn at_rest(&self) {
        loop {
            let mut rest = std::pin::pin!(self.at_rest.notified());
            rest.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            rest.await;
        }
    }

    fn counts(&self) -> &AccountCounts {
        &self.counts
    }

    fn rate(&self) -> &Rate {
        &self.rate
    }

    fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    fn now_nanos(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn given_back(&self) {
        if self.running() == 0 {
            self.at_rest.notify_waiters();
        }
    }

    /// Forgets a gate that has gone, unless there is another by now.
    fn forget(&self, key: &FunctionKey) {
        if self.gates.remove_if(key, |_, gate| gate.strong_count() == 0).is_some() {
            self.dedicated_keys().remove(key);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Its sums are made of what is in it, and nothing in between panics.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// How much it is.
    pub(crate) fn units(&self) -> u32 {
        self.units
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut ledger = self.concurrency.ledger();
        ledger.remove(&self.key, self.units);
        self.concurrency.balance(&ledger);
        drop(ledger);
        self.concurrency.waiting.wake_all();
    }
}
