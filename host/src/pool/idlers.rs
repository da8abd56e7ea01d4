//! The memory that all idle instances of a host may have together, and who goes when it is used up.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A pool as the host-wide budget sees it.
pub(super) trait IdlePool: Send + Sync {
    /// Since when the oldest instance has been idle.
    fn oldest(&self) -> Option<Instant>;
    /// How many instances there are.
    fn count(&self) -> usize;
    /// Since when each instance has been idle, and its bytes.
    fn ages(&self) -> Vec<(Instant, u64)>;
    /// Takes out the instances idle since before `instant`, or exactly since it.
    fn evict_until(&self, instant: Instant) -> Evicted;
    /// Whether the list of pools keeps this entry for it: not when it is empty, nor when it has just been listed anew.
    fn stays_enlisted(&self) -> bool;
}

/// Instances that were taken out of a pool to be dropped.
pub(super) struct Evicted {
    pub(super) count: usize,
    pub(super) instances: Box<dyn Any + Send>,
}

impl Evicted {
    /// Drops them where nobody waits for it: giving the memory of a large one back takes milliseconds.
    fn drop_elsewhere(self) -> usize {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if self.count > 0 => drop(runtime.spawn_blocking(move || drop(self.instances))),
            _ => drop(self.instances),
        }
        self.count
    }

    /// Drops them now: afterwards their slots are free.
    fn drop_here(self) -> usize {
        self.count
    }
}

/// All pools of a host that have idle instances, and the bytes those hold together.
pub(crate) struct Idlers {
    budget_bytes: u64,
    used_bytes: AtomicU64,
    pools: Mutex<Vec<Weak<dyn IdlePool>>>,
}

impl fmt::Debug for Idlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idlers").field("used_bytes", &self.used_bytes).finish_non_exhaustive()
    }
}

impl Idlers {
    pub(crate) fn new(budget_bytes: u64) -> Arc<Self> {
        Arc::new(Self { budget_bytes, used_bytes: AtomicU64::new(0), pools: Mutex::new(Vec::new()) })
    }

    /// The bytes all idle instances hold.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// How many idle instances there are.
    pub(crate) fn count(&self) -> usize {
        self.live_pools().iter().map(|pool| pool.count()).sum()
    }

    /// Drops the instances that have been idle for longer than `idle_time_max`; gives back how many.
    pub(crate) fn expire(&self, now: Instant, idle_time_max: Duration) -> usize {
        let Some(instant) = now.checked_sub(idle_time_max) else { return 0 };
        let mut evicted = 0;
        for pool in self.live_pools() {
            evicted += pool.evict_until(instant).drop_elsewhere();
        }
        self.forget_empty_pools();
        evicted
    }

    /// Drops the instance that has been idle for longest; says whether there was one.
    pub(crate) fn evict_oldest(&self) -> bool {
        loop {
            let oldest = self.live_pools().into_iter().filter_map(|pool| Some((pool.oldest()?, pool)));
            let Some((since, pool)) = oldest.min_by_key(|(since, _)| *since) else { return false };
            // Another thread may have taken it since the look; then the next one is looked for.
            if pool.evict_until(since).drop_here() > 0 {
                return true;
            }
        }
    }

    /// Counts an instance in, after making room for it. False when it is larger than the whole budget.
    pub(super) fn admit(&self, bytes: u64) -> bool {
        if bytes > self.budget_bytes {
            return false;
        }
        while self.used_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.budget_bytes {
            self.release(bytes);
            if !self.evict_a_tenth() {
                return false;
            }
        }
        true
    }

    /// Drops the oldest tenth of all idle memory at a time, so that looking at every instance is not paid for with
    /// every event. Says whether anything was dropped.
    fn evict_a_tenth(&self) -> bool {
        let pools = self.live_pools();
        let mut ages: Vec<(Instant, u64)> = pools.iter().flat_map(|pool| pool.ages()).collect();
        ages.sort_unstable();
        let target = self.budget_bytes - self.budget_bytes / 10;
        let surplus = self.used_bytes().saturating_sub(target).max(1);
        let mut freed = 0;
        let enough = ages.iter().find(|(_, bytes)| {
            freed += bytes;
            freed >= surplus
        });
        let Some((youngest, _)) = enough.or(ages.last()) else { return false };
        pools.iter().map(|pool| pool.evict_until(*youngest).drop_elsewhere()).sum::<usize>() > 0
    }

    pub(super) fn release(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn enlist(&self, pool: Weak<dyn IdlePool>) {
        self.pools().push(pool);
    }

    fn forget_empty_pools(&self) {
        // Pools are dropped after the lock: one may be the last to hold its version's code.
        let upgraded = self.live_pools();
        self.pools().retain(|pool| pool.upgrade().is_some_and(|pool| pool.stays_enlisted()));
        drop(upgraded);
    }

    fn live_pools(&self) -> Vec<Arc<dyn IdlePool>> {
        self.pools().iter().filter_map(Weak::upgrade).collect()
    }

    fn pools(&self) -> MutexGuard<'_, Vec<Weak<dyn IdlePool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
