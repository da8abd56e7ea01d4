//! The idle instances of one version.
//!
//! Knows neither wasmtime nor functions: a [`Launcher`] makes the instances. Nothing waits here for an instance
//! to come free, because a permit was taken first.

mod idlers;
mod provisioned;

use std::collections::VecDeque;
use std::fmt;

use tokio::time::Instant;

pub(crate) use self::idlers::Idlers;
use self::idlers::{Evicted, IdlePool};
pub(crate) use self::provisioned::{Next, Provisioned, Seat, Standing};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

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
    pub(crate) fn new(launcher: L, idlers: &Arc<Idlers>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            launcher,
            idle: Mutex::new(VecDeque::new()),
            idlers: idlers.clone(),
            enlisted: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    /// The instance used most recently, if one is idle.
    pub(crate) fn take_warm(&self) -> Option<L::Instance> {
        let idle = self.idle().pop_back()?;
        self.idlers.release(idle.bytes);
        Some(idle.instance)
    }

    /// A new instance, whether or not one is idle.
    pub(crate) async fn launch(&self) -> Result<Checkout<L>, L::Error> {
        let (instance, launched) = self.launcher.launch().await?;
        Ok(Checkout { instance, launched: Some(launched) })
    }

    /// What makes the instances.
    pub(crate) fn launcher(&self) -> &L {
        &self.launcher
    }

    /// Keeps an instance for the next event; drops it if the host has no room.
    pub(crate) fn put_back(&self, instance: Option<L::Instance>) {
        let Some(instance) = instance else { return };
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

impl<L: Launcher> IdlePool for Pool<L> {
    fn oldest(&self) -> Option<Instant> {
        self.idle().front().map(|idle| idle.since)
    }

    fn count(&self) -> usize {
        self.idle_count()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sync::atomic::AtomicU64;

    const SIZE_BYTES: u64 = 10;

    /// Numbers what it makes.
    #[derive(Debug, Default)]
    pub(super) struct Numbered(AtomicU64);

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
        Pool::new(Numbered::default(), idlers)
    }

    async fn take(pool: &Pool<Numbered>) -> u64 {
        if let Some(instance) = pool.take_warm() {
            return instance;
        }
        let Ok(checkout) = pool.launch().await;
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
