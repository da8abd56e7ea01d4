//! How many invocations run, counted so that no two threads can take the same place.
//!
//! Sequentially consistent throughout: a host that closes sets its flag and then looks here, an invocation counts itself here
//! and then looks at the flag, and one of the two must see the other. So it is with those who wait for a place.

use crate::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

/// That the function has a reservation, in the word of its counts: whose place each of them is changes with it, at one moment.
const RESERVED: u64 = 1 << 63;
/// One invocation on demand, in the word of a function's counts.
const ON_DEMAND: u64 = 1 << 32;
/// One invocation on a provisioned instance.
const PROVISIONED: u64 = 1;

/// How many invocations of a whole account run.
///
/// While a function's places become its own, the shared count can be behind for a moment and wrap around zero: then it looks as if
/// there were no room, and never as if there were more than there is.
#[derive(Debug)]
pub(crate) struct AccountCounts {
    /// What all functions may run together that have no concurrency reserved.
    unreserved_max: AtomicUsize,
    unreserved: AtomicUsize,
    /// All that runs.
    running: AtomicUsize,
}

/// How many invocations of one function run.
#[derive(Debug)]
pub(crate) struct FunctionCounts {
    /// Whether there is a reservation, how many run on demand, and how many on provisioned instances: one word, so that all are
    /// bounded together.
    running: AtomicU64,
    /// How much is reserved, if anything is.
    reserved: AtomicU32,
    /// How many provisioned instances there are; of a reservation that many places are theirs.
    provisioned: AtomicU32,
}

/// What an invocation has its place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// An instance on demand, in the function's reservation or, without one, among all others.
    OnDemand,
    /// A provisioned instance.
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
            running: AtomicUsize::new(0),
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
        self.running.load(SeqCst)
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
        Self { running: AtomicU64::new(0), reserved: AtomicU32::new(0), provisioned: AtomicU32::new(0) }
    }

    /// Reserves that many places for the function, which it may not exceed; none of its own if that is `None`. What runs on demand
    /// has its place where the next one would have it. Nobody else may do so for this function at the same time.
    pub(crate) fn set_reserved(&self, reserved: Option<u32>, account: &AccountCounts) {
        match reserved {
            Some(reserved) => {
                self.reserved.store(reserved, SeqCst);
                let before = self.running.fetch_or(RESERVED, SeqCst);
                if before & RESERVED == 0 {
                    account.unreserved.fetch_sub(halves(before).0 as usize, SeqCst);
                }
            }
            None => {
                let before = self.running.fetch_and(!RESERVED, SeqCst);
                if before & RESERVED != 0 {
                    account.unreserved.fetch_add(halves(before).0 as usize, SeqCst);
                }
            }
        }
    }

    /// How many places are reserved.
    pub(crate) fn reserved(&self) -> Option<u32> {
        let is_reserved = self.running.load(SeqCst) & RESERVED != 0;
        is_reserved.then(|| self.reserved.load(SeqCst))
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

    /// Why there is no place now for one more invocation, on demand or, if it may have one, on a provisioned instance; none, if there is.
    pub(crate) fn room(&self, has_provisioned: bool, account: &AccountCounts) -> Option<Full> {
        let ((on_demand, on_provisioned), provisioned) = (self.running(), self.provisioned());
        if has_provisioned && on_provisioned < provisioned {
            return None;
        }
        match self.reserved() {
            Some(reserved) => {
                let (running, limit) = (on_demand as usize, reserved.saturating_sub(provisioned) as usize);
                (running >= limit).then_some(Full::Function { running, limit })
            }
            None => {
                let (running, limit) = (account.unreserved(), account.unreserved_max());
                (running >= limit).then_some(Full::Account { running, limit })
            }
        }
    }

    /// A place for an invocation on demand.
    pub(crate) fn take(&self, account: &AccountCounts) -> Result<Place, Full> {
        loop {
            let taken = match self.reserved() {
                Some(reserved) => self.take_reserved(reserved),
                None => self.take_shared(account),
            };
            if let Some(taken) = taken {
                taken?;
                account.running.fetch_add(1, SeqCst);
                return Ok(Place::OnDemand);
            }
        }
    }

    /// A place in the reservation; nothing, if there is none any more.
    fn take_reserved(&self, reserved: u32) -> Option<Result<(), Full>> {
        let on_demand_max = reserved.saturating_sub(self.provisioned.load(SeqCst));
        let more = |running: u64| {
            let (on_demand, provisioned) = halves(running);
            let room = on_demand < on_demand_max && on_demand + provisioned < reserved;
            (running & RESERVED != 0 && room).then_some(running + ON_DEMAND)
        };
        match self.running.fetch_update(SeqCst, SeqCst, more) {
            Ok(_) => Some(Ok(())),
            Err(running) => (running & RESERVED != 0).then(|| Err(full(running, reserved))),
        }
    }

    /// A place among those of all functions without a reservation; nothing, if this one has one by now.
    fn take_shared(&self, account: &AccountCounts) -> Option<Result<(), Full>> {
        if let Err(full) = account.take_unreserved() {
            return Some(Err(full));
        }
        let more = |running: u64| (running & RESERVED == 0).then_some(running + ON_DEMAND);
        match self.running.fetch_update(SeqCst, SeqCst, more) {
            Ok(_) => Some(Ok(())),
            Err(_) => {
                account.unreserved.fetch_sub(1, SeqCst);
                None
            }
        }
    }

    /// A place for an invocation on a provisioned instance, which the caller has.
    pub(crate) fn take_provisioned(&self, account: &AccountCounts) -> Result<Place, Full> {
        let reserved = self.reserved.load(SeqCst);
        let more = |running: u64| {
            let (on_demand, provisioned) = halves(running);
            let room = running & RESERVED == 0 || on_demand + provisioned < reserved;
            room.then_some(running + PROVISIONED)
        };
        self.running.fetch_update(SeqCst, SeqCst, more).map_err(|running| full(running, reserved))?;
        account.running.fetch_add(1, SeqCst);
        Ok(Place::Provisioned)
    }

    /// Gives back a place that was taken here. Says whether it is one that other functions can have.
    pub(crate) fn give_back(&self, place: Place, account: &AccountCounts) -> bool {
        let one = if place == Place::OnDemand { ON_DEMAND } else { PROVISIONED };
        let shared = self.running.fetch_sub(one, SeqCst) & RESERVED == 0 && place == Place::OnDemand;
        if shared {
            account.unreserved.fetch_sub(1, SeqCst);
        }
        account.running.fetch_sub(1, SeqCst);
        shared
    }
}

/// How many run on demand, and how many on provisioned instances.
fn halves(running: u64) -> (u32, u32) {
    (((running & !RESERVED) >> 32) as u32, running as u32)
}

fn full(running: u64, reserved: u32) -> Full {
    let (on_demand, provisioned) = halves(running);
    Full::Function { running: on_demand as usize + provisioned as usize, limit: reserved as usize }
}
