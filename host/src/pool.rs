//! The idle instances of one version, and the memory all idle instances of a host may have together.
//!
//! Knows neither wasmtime nor functions: a [`Launcher`] makes the instances. Nothing waits here for an instance
//! to come free, because a permit was taken first.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// Makes the instances of one version.
pub(crate) trait Launcher: Send + Sync + 'static {
    /// What it makes.
    type Instance: Send + 'static;
    /// What is known of how one came up.
    type Launched: Send;
    /// Why one did not come up.
    type Error: Send;

    /// Makes an instance: a cold start.
    fn launch(&self) -> impl Future<Output = Result<(Self::Instance, Self::Launched), Self::Error>> + Send;

    /// The bytes an idle instance holds.
    fn idle_bytes(instance: &Self::Instance) -> u64;
}

/// An instance out of a pool, and how it came up if it did so just now.
#[derive(Debug)]
pub(crate) struct Checkout<L: Launcher> {
    pub(crate) instance: L::Instance,
    pub(crate) launched: Option<L::Launched>,
}

/// The idle instances of one version. The one used most recently is taken first, so that the others grow old.
pub(crate) struct Pool<L: Launcher> {
    launcher: L,
    idle: Mutex<VecDeque<Idle<L::Instance>>>,
    /// Whether instances are kept at all.
    keep: bool,
    idlers: Arc<Idlers>,
    /// Whether `idlers` has this pool in its list: true from the first idle instance until it is found empty.
    enlisted: AtomicBool,
    this: Weak<Self>,
}

struct Idle<I> {
    instance: I,
    since: Instant,
    bytes: u64,
}

impl<L: Launcher> fmt::Debug for Pool<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("idle", &self.idle().len()).finish_non_exhaustive()
    }
}

impl<L: Launcher> Pool<L> {
    pub(crate) fn new(launcher: L, keep: bool, idlers: &Arc<Idlers>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            launcher,
            idle: Mutex::new(VecDeque::new()),
            keep,
            idlers: idlers.clone(),
            enlisted: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    /// The instance used most recently, or a new one.
    pub(crate) async fn checkout(&self) -> Result<Checkout<L>, L::Error> {
        match self.take_warm() {
            Some(instance) => Ok(Checkout { instance, launched: None }),
            None => self.launch().await,
        }
    }

    /// A new instance, whether or not one is idle.
    pub(crate) async fn launch(&self) -> Result<Checkout<L>, L::Error> {
        let (instance, launched) = self.launcher.launch().await?;
        Ok(Checkout { instance, launched: Some(launched) })
    }

    /// Keeps an instance for the next event; drops it if this pool keeps none, or the host has no room.
    pub(crate) fn put_back(&self, instance: Option<L::Instance>) {
        let Some(instance) = instance.filter(|_| self.keep) else { return };
        let bytes = L::idle_bytes(&instance);
        if !self.idlers.admit(bytes) {
            return;
        }
        self.idle().push_back(Idle { instance, since: Instant::now(), bytes });
        // First the instance, then a look at the flag: `stays_enlisted` does it the other way round, so that one of
        // the two sees the other and no pool with an idle instance is forgotten.
        if !self.enlisted.load(Ordering::SeqCst) && !self.enlisted.swap(true, Ordering::SeqCst) {
            self.idlers.enlist(self.this.clone());
        }
    }

    /// How many instances are idle.
    pub(crate) fn idle_count(&self) -> usize {
        self.idle().len()
    }

    fn take_warm(&self) -> Option<L::Instance> {
        let idle = self.idle().pop_back()?;
        self.idlers.release(idle.bytes);
        Some(idle.instance)
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle<L::Instance>>> {
        // Pushing and popping leave the queue whole even if an instance's drop should panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Launcher> Drop for Pool<L> {
    fn drop(&mut self) {
        let bytes = self.idle().iter().map(|idle| idle.bytes).sum();
        self.idlers.release(bytes);
    }
}

/// Instances that were taken out of a pool to be dropped.
struct Evicted {
    count: usize,
    instances: Box<dyn Any + Send>,
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

/// A pool as the host-wide budget sees it.
trait IdlePool: Send + Sync {
    /// Since when the oldest instance has been idle.
    fn oldest(&self) -> Option<Instant>;
    /// Since when each instance has been idle, and its bytes.
    fn ages(&self) -> Vec<(Instant, u64)>;
    /// Takes out the instances idle since before `instant`, or exactly since it.
    fn evict_until(&self, instant: Instant) -> Evicted;
    /// Whether the list of pools keeps this entry for it: not when it is empty, nor when it has just been listed anew.
    fn stays_enlisted(&self) -> bool;
}

impl<L: Launcher> IdlePool for Pool<L> {
    fn oldest(&self) -> Option<Instant> {
        self.idle().front().map(|idle| idle.since)
    }

    fn ages(&self) -> Vec<(Instant, u64)> {
        self.idle().iter().map(|idle| (idle.since, idle.bytes)).collect()
    }

    fn evict_until(&self, instant: Instant) -> Evicted {
        let evicted: Vec<_> = {
            let mut idle = self.idle();
            let count = idle.partition_point(|idle| idle.since <= instant);
            idle.drain(..count).collect()
        };
        self.idlers.release(evicted.iter().map(|idle| idle.bytes).sum());
        Evicted { count: evicted.len(), instances: Box::new(evicted) }
    }

    fn stays_enlisted(&self) -> bool {
        self.enlisted.store(false, Ordering::SeqCst);
        !self.idle().is_empty() && !self.enlisted.swap(true, Ordering::SeqCst)
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
    fn admit(&self, bytes: u64) -> bool {
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

    fn release(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn enlist(&self, pool: Weak<dyn IdlePool>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE_BYTES: u64 = 10;

    /// Numbers what it makes.
    #[derive(Debug, Default)]
    struct Numbered(AtomicU64);

    impl Launcher for Numbered {
        type Instance = u64;
        type Launched = ();
        type Error = std::convert::Infallible;

        async fn launch(&self) -> Result<(u64, ()), Self::Error> {
            Ok((self.0.fetch_add(1, Ordering::Relaxed), ()))
        }

        fn idle_bytes(_: &u64) -> u64 {
            SIZE_BYTES
        }
    }

    fn pool(idlers: &Arc<Idlers>) -> Arc<Pool<Numbered>> {
        Pool::new(Numbered::default(), true, idlers)
    }

    async fn take(pool: &Pool<Numbered>) -> u64 {
        let Ok(checkout) = pool.checkout().await;
        checkout.instance
    }

    #[tokio::test]
    async fn the_instance_used_most_recently_is_taken_first() {
        let pool = pool(&Idlers::new(1000));
        let (first, second) = (take(&pool).await, take(&pool).await);
        pool.put_back(Some(first));
        pool.put_back(Some(second));
        assert_eq!(take(&pool).await, second);
        assert_eq!(take(&pool).await, first);
        assert_eq!(take(&pool).await, 2, "then a new one is made");
    }

    #[tokio::test]
    async fn what_may_not_run_again_does_not_come_back() {
        let pool = pool(&Idlers::new(1000));
        take(&pool).await;
        pool.put_back(None);
        assert_eq!(pool.idle_count(), 0);
    }

    #[tokio::test]
    async fn a_pool_that_keeps_nothing_makes_every_instance_anew() {
        let pool = Pool::new(Numbered::default(), false, &Idlers::new(1000));
        let first = take(&pool).await;
        pool.put_back(Some(first));
        assert_ne!(take(&pool).await, first);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_idle_for_too_long_is_dropped_and_what_was_used_since_is_not() {
        let idlers = Idlers::new(1000);
        let pool = pool(&idlers);
        let (first, second) = (take(&pool).await, take(&pool).await);
        pool.put_back(Some(first));
        tokio::time::advance(Duration::from_secs(60)).await;
        pool.put_back(Some(second));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(idlers.expire(Instant::now(), Duration::from_secs(90)), 1);
        assert_eq!(take(&pool).await, second);
        assert_eq!(idlers.used_bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_drops_the_oldest_of_all_pools() {
        let idlers = Idlers::new(3 * SIZE_BYTES);
        let (old, young) = (pool(&idlers), pool(&idlers));
        for pool in [&old, &young] {
            let instances = [take(pool).await, take(pool).await];
            for instance in instances {
                tokio::time::advance(Duration::from_secs(1)).await;
                pool.put_back(Some(instance));
            }
        }
        assert_eq!((old.idle_count(), young.idle_count()), (1, 2));
        assert_eq!(idlers.used_bytes(), 3 * SIZE_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_makes_room_for_many_at_a_time() {
        let idlers = Idlers::new(100 * SIZE_BYTES);
        let pool = pool(&idlers);
        let mut instances = Vec::new();
        for _ in 0..101 {
            instances.push(take(&pool).await);
        }
        for instance in instances {
            tokio::time::advance(Duration::from_secs(1)).await;
            pool.put_back(Some(instance));
        }
        assert_eq!(pool.idle_count(), 91, "the oldest tenth went, and the last came");
    }

    #[tokio::test(start_paused = true)]
    async fn many_old_instances_of_one_pool_go_before_the_young_ones_of_others() {
        let idlers = Idlers::new(100 * SIZE_BYTES);
        let old = pool(&idlers);
        let mut instances = Vec::new();
        for _ in 0..80 {
            instances.push(take(&old).await);
        }
        for instance in instances {
            tokio::time::advance(Duration::from_secs(1)).await;
            old.put_back(Some(instance));
        }
        let young: Vec<_> = (0..50).map(|_| pool(&idlers)).collect();
        for pool in &young {
            let instance = take(pool).await;
            tokio::time::advance(Duration::from_secs(1)).await;
            pool.put_back(Some(instance));
        }
        assert!(young.iter().all(|pool| pool.idle_count() == 1));
        assert!((41..=50).contains(&old.idle_count()), "{} are left", old.idle_count());
    }

    #[tokio::test]
    async fn a_pool_that_was_forgotten_while_empty_is_listed_again() {
        let idlers = Idlers::new(1000);
        let pool = pool(&idlers);
        for _ in 0..3 {
            let instance = take(&pool).await;
            pool.put_back(Some(instance));
            assert_eq!(idlers.expire(Instant::now(), Duration::ZERO), 1);
        }
        assert_eq!(idlers.used_bytes(), 0);
    }

    #[tokio::test]
    async fn an_instance_larger_than_the_budget_is_never_kept() {
        let idlers = Idlers::new(SIZE_BYTES - 1);
        let pool = pool(&idlers);
        let instance = take(&pool).await;
        pool.put_back(Some(instance));
        assert_eq!((pool.idle_count(), idlers.used_bytes()), (0, 0));
    }

    #[tokio::test]
    async fn a_pool_that_goes_takes_its_share_of_the_budget_with_it() {
        let idlers = Idlers::new(1000);
        let pool = pool(&idlers);
        let instance = take(&pool).await;
        pool.put_back(Some(instance));
        drop(pool);
        assert_eq!(idlers.used_bytes(), 0);
    }
}
