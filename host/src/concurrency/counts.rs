//! How many invocations run, counted so that no two threads can take the same place.
//!
//! Sequentially consistent throughout: a host that closes sets its flag and then looks here, an invocation counts itself here
//! and then looks at the flag, and one of the two must see the other. So it is with those who wait for a place.

use crate::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

/// One invocation on demand, in a function's two counts.
const ON_DEMAND: u64 = 1 << 32;
/// One invocation on a provisioned instance.
const PROVISIONED: u64 = 1;
/// No concurrency is reserved.
const UNRESERVED: u32 = u32::MAX;

/// How many invocations of a whole account run.
#[derive(Debug)]
pub(crate) struct AccountCounts {
    /// What all functions may run together that have no concurrency reserved.
    unreserved_max: AtomicUsize,
    unreserved: AtomicUsize,
    /// What runs on concurrency that is some function's own: reserved, or provisioned.
    dedicated: AtomicUsize,
}

/// How many invocations of one function run.
#[derive(Debug)]
pub(crate) struct FunctionCounts {
    /// On demand in the upper half, on provisioned instances in the lower: one word, so that both are bounded together.
    running: AtomicU64,
    reserved: AtomicU32,
    /// How many provisioned instances there are; of a reservation that many places are theirs.
    provisioned: AtomicU32,
}

/// Where an invocation has its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among all functions without a reservation.
    Unreserved,
    /// In its function's reservation.
    Reserved,
    /// On a provisioned instance.
    Provisioned,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All functions without a reservation have as many as they may together.
    Account { running: usize, limit: usize },
    /// The function has as many as are reserved for it.
    Function { running: usize, limit: usize },
}

impl AccountCounts {
    pub(crate) fn new(unreserved_max: usize) -> Self {
        Self {
            unreserved_max: AtomicUsize::new(unreserved_max),
            unreserved: AtomicUsize::new(0),
            dedicated: AtomicUsize::new(0),
        }
    }

    pub(crate) fn set_unreserved_max(&self, unreserved_max: usize) {
        self.unreserved_max.store(unreserved_max, SeqCst);
    }

    /// What all functions without a reservation may run together.
    pub(crate) fn unreserved_max(&self) -> usize {
        self.unreserved_max.load(SeqCst)
    }

    /// How many invocations run that have no reservation.
    pub(crate) fn unreserved(&self) -> usize {
        self.unreserved.load(SeqCst)
    }

    /// How many invocations run.
    pub(crate) fn running(&self) -> usize {
        self.unreserved.load(SeqCst) + self.dedicated.load(SeqCst)
    }

    fn take_unreserved(&self) -> Result<(), Full> {
        let limit = self.unreserved_max();
        let more = |running| (running < limit).then_some(running + 1);
        let taken = self.unreserved.fetch_update(SeqCst, SeqCst, more);
        taken.map(drop).map_err(|running| Full::Account { running, limit })
    }
}

impl FunctionCounts {
    pub(crate) fn new() -> Self {
        Self {
            running: AtomicU64::new(0),
            reserved: AtomicU32::new(UNRESERVED),
            provisioned: AtomicU32::new(0),
        }
    }

    /// Reserves that many places for the function, which it may not exceed; none of its own if that is `None`.
    pub(crate) fn set_reserved(&self, reserved: Option<u32>) {
        self.reserved.store(reserved.map_or(UNRESERVED, |reserved| reserved.min(UNRESERVED - 1)), SeqCst);
    }

    /// How many places are reserved.
    pub(crate) fn reserved(&self) -> Option<u32> {
        Some(self.reserved.load(SeqCst)).filter(|reserved| *reserved != UNRESERVED)
    }

    /// Says how many provisioned instances there are of one version, of which there were so many.
    pub(crate) fn count_provisioned(&self, were: u32, are: u32) {
        // Around zero as well: the sum of all versions' is never negative.
        self.provisioned.fetch_add(are.wrapping_sub(were), SeqCst);
    }

    /// How many provisioned instances there are.
    pub(crate) fn provisioned(&self) -> u32 {
        self.provisioned.load(SeqCst)
    }

    /// How many invocations run on demand, and how many on provisioned instances.
    pub(crate) fn running(&self) -> (u32, u32) {
        halves(self.running.load(SeqCst))
    }

    /// A place for an invocation on demand.
    pub(crate) fn take(&self, account: &AccountCounts) -> Result<Place, Full> {
        let Some(reserved) = self.reserved() else {
            account.take_unreserved()?;
            self.running.fetch_add(ON_DEMAND, SeqCst);
            return Ok(Place::Unreserved);
        };
        let on_demand_max = reserved.saturating_sub(self.provisioned.load(SeqCst));
        let more = |running: u64| {
            let (on_demand, provisioned) = halves(running);
            let room = on_demand < on_demand_max && on_demand + provisioned < reserved;
            room.then_some(running + ON_DEMAND)
        };
        self.running.fetch_update(SeqCst, SeqCst, more).map_err(|running| full(running, reserved))?;
        account.dedicated.fetch_add(1, SeqCst);
        Ok(Place::Reserved)
    }

    /// A place for an invocation on a provisioned instance, which the caller has.
    pub(crate) fn take_provisioned(&self, account: &AccountCounts) -> Result<Place, Full> {
        let reserved = self.reserved().unwrap_or(UNRESERVED);
        let more = |running: u64| {
            let (on_demand, provisioned) = halves(running);
            (on_demand + provisioned < reserved).then_some(running + PROVISIONED)
        };
        self.running.fetch_update(SeqCst, SeqCst, more).map_err(|running| full(running, reserved))?;
        account.dedicated.fetch_add(1, SeqCst);
        Ok(Place::Provisioned)
    }

    /// Gives a place back that was taken here.
    pub(crate) fn give_back(&self, place: Place, account: &AccountCounts) {
        let (own, of_account) = match place {
            Place::Unreserved => (ON_DEMAND, &account.unreserved),
            Place::Reserved => (ON_DEMAND, &account.dedicated),
            Place::Provisioned => (PROVISIONED, &account.dedicated),
        };
        self.running.fetch_sub(own, SeqCst);
        of_account.fetch_sub(1, SeqCst);
    }
}

fn halves(running: u64) -> (u32, u32) {
    ((running >> 32) as u32, running as u32)
}

fn full(running: u64, reserved: u32) -> Full {
    let (on_demand, provisioned) = halves(running);
    Full::Function { running: on_demand as usize + provisioned as usize, limit: reserved as usize }
}
