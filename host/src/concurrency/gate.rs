//! Where one function's invocations get their permits.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Concurrency;
use super::counts::{Full, FunctionCounts, Place};
use super::rate::Rate;
use super::scaling::Scaling;
use crate::function::FunctionKey;
use crate::invocation::{ThrottleReason, Throttled};
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex, PoisonError};

/// How many requests may wait for permits of one function at a time.
const WAITING_MAX: usize = 1_000;

/// Where the invocations of one function, whatever their version, get their permits.
#[derive(Debug)]
pub(crate) struct Gate {
    concurrency: Arc<Concurrency>,
    key: FunctionKey,
    counts: FunctionCounts,
    rate: Rate,
    /// The most invocations on demand that it has been let to run at a time; beyond them it has to grow.
    grown_to: AtomicU32,
    scaling: Mutex<Scaling>,
    waiting: Waiting,
}

/// Those who wait for a permit.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    count: AtomicUsize,
    freed: Notify,
}

/// The right to run one invocation; given back when dropped, however the invocation ended.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    place: Place,
}

impl Gate {
    pub(super) fn new(concurrency: &Arc<Concurrency>, key: &FunctionKey) -> Arc<Self> {
        Arc::new(Self {
            concurrency: concurrency.clone(),
            key: key.clone(),
            counts: FunctionCounts::new(),
            rate: Rate::default(),
            grown_to: AtomicU32::new(0),
            scaling: Mutex::new(Scaling::new()),
            waiting: Waiting::default(),
        })
    }

    /// The right to run one invocation on demand, now.
    pub(crate) fn acquire(self: &Arc<Self>) -> Result<Permit, Throttled> {
        let place = self.counts.take(self.concurrency.counts()).map_err(throttled)?;
        // From here on the place is given back if the invocation is refused after all.
        let permit = Permit { gate: self.clone(), place };
        self.check_growth()?;
        self.check_rate(place)?;
        Ok(permit)
    }

    /// The right to run one invocation on a provisioned instance, which the caller has.
    pub(crate) fn acquire_provisioned(self: &Arc<Self>) -> Result<Permit, Throttled> {
        let place = self.counts.take_provisioned(self.concurrency.counts()).map_err(throttled)?;
        let permit = Permit { gate: self.clone(), place };
        self.check_rate(place)?;
        Ok(permit)
    }

    /// What comes of attempts to get in, until one succeeds or the time is over: another is made whenever there may be room.
    pub(crate) async fn within<T>(
        &self,
        wait: Duration,
        mut attempt: impl FnMut() -> Result<T, Throttled>,
    ) -> Result<T, Throttled> {
        let refused = match attempt() {
            Err(refused) if refused.is_worth_waiting() && !wait.is_zero() => refused,
            decided => return decided,
        };
        let Some(counted) = self.waiting.count_in() else { return Err(refused) };
        self.as_counted(counted, wait, attempt).await
    }

    /// The same, for one that counts already.
    async fn as_counted<T>(
        &self,
        _counted: Counted<'_>,
        wait: Duration,
        mut attempt: impl FnMut() -> Result<T, Throttled>,
    ) -> Result<T, Throttled> {
        let deadline = Instant::now() + wait;
        let shared_waiting = self.concurrency.waiting();
        let mut woken_by_shared = false;
        loop {
            // Which of the two frees a place can change while one waits for it; whoever changes it wakes all.
            let shared = self.counts.reserved().is_none();
            let _counted_there = shared.then(|| shared_waiting.look_out());
            let mut own_freed = std::pin::pin!(self.waiting.freed.notified());
            let mut shared_freed = std::pin::pin!(shared_waiting.freed.notified());
            // First the names on the lists, then the look: who frees a place does it the other way round.
            own_freed.as_mut().enable();
            if shared {
                shared_freed.as_mut().enable();
            }
            if self.counts.reserved().is_none() != shared {
                continue;
            }
            let refused = match attempt() {
                Err(refused) if refused.is_worth_waiting() => refused,
                decided => {
                    if woken_by_shared {
                        // It may have got in otherwise: then the place that it was told of is another's.
                        shared_waiting.wake();
                    }
                    return decided;
                }
            };
            let freed = async {
                tokio::select! {
                    () = own_freed => false,
                    () = shared_freed, if shared => true,
                }
            };
            woken_by_shared = timeout_at(deadline, freed).await.map_err(|_elapsed| refused)?;
        }
    }

    /// Waits until one more invocation could run, or until the time is over; whether one could. It takes nothing, and whoever waits for
    /// the same place is told of it, too. Those who wait here are no requests, and take no request's place among those who may wait.
    pub(crate) async fn has_room_within(&self, wait: Duration, has_provisioned: bool) -> bool {
        let look = || match self.counts.room(has_provisioned, self.concurrency.counts()) {
            None => Ok(()),
            Some(full) => Err(throttled(full)),
        };
        let is_there = match look() {
            Err(refused) if refused.is_worth_waiting() => {
                self.as_counted(self.waiting.look_out(), wait, look).await.is_ok()
            }
            decided => return decided.is_ok(),
        };
        if is_there {
            self.waiting.wake();
            self.concurrency.waiting().wake();
        }
        is_there
    }

    /// The function's.
    pub(super) fn key(&self) -> &FunctionKey {
        &self.key
    }

    /// What the function has reserved.
    pub(crate) fn reserved(&self) -> Option<u32> {
        self.counts.reserved()
    }

    /// Reserves concurrency for the function, or none.
    pub(crate) fn set_reserved(&self, reserved: Option<u32>) {
        self.counts.set_reserved(reserved, self.concurrency.counts());
        self.concurrency.note_dedicated(self);
        self.waiting.wake_all();
        self.concurrency.waiting().wake_all();
    }

    /// Says how many provisioned instances there are of one version of the function, of which there were so many.
    pub(crate) fn count_provisioned(&self, were: u32, are: u32) {
        self.counts.count_provisioned(were, are);
        self.concurrency.note_dedicated(self);
        self.waiting.wake_all();
    }

    /// How many invocations run on demand, and how many on provisioned instances.
    pub(crate) fn running(&self) -> (u32, u32) {
        self.counts.running()
    }

    fn check_growth(&self) -> Result<(), Throttled> {
        let Some(limit) = self.concurrency.settings().scaling_rate else { return Ok(()) };
        let (running, _) = self.counts.running();
        // The one test that most invocations pay for: a function that is as large as before does not grow.
        if running <= self.grown_to.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut scaling = self.scaling.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.grown_to.load(Ordering::Relaxed);
        if running > before && !scaling.grow(running - before, Instant::now(), limit) {
            let (running, limit) = (running as usize - 1, limit as usize);
            return Err(Throttled::new(ThrottleReason::ScalingRate, running, limit));
        }
        self.grown_to.fetch_max(running, Ordering::Relaxed);
        Ok(())
    }

    fn check_rate(&self, place: Place) -> Result<(), Throttled> {
        let Some(per_unit) = self.concurrency.settings().requests_per_second_per_unit else { return Ok(()) };
        let now_nanos = self.concurrency.now_nanos();
        let (rate, units, reason) = match (self.counts.reserved(), place) {
            (Some(reserved), _) => (&self.rate, reserved as usize, ThrottleReason::ReservedRate),
            // Its own as well: nobody else's requests run on them.
            (None, Place::Provisioned) => {
                (&self.rate, self.counts.provisioned() as usize, ThrottleReason::ReservedRate)
            }
            (None, Place::OnDemand) => {
                let counts = self.concurrency.counts();
                (self.concurrency.rate(), counts.unreserved_max(), ThrottleReason::Rate)
            }
        };
        let limit = units.saturating_mul(per_unit as usize);
        if rate.admit(now_nanos, limit as u64) {
            return Ok(());
        }
        let (on_demand, provisioned) = self.counts.running();
        Err(Throttled::new(reason, on_demand as usize + provisioned as usize, limit))
    }

    /// Whether the function has concurrency of its own, also if that is none at all.
    pub(super) fn is_dedicated(&self) -> bool {
        self.counts.reserved().is_some() || self.counts.provisioned() > 0
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.concurrency.forget(&self.key);
    }
}

impl Waiting {
    /// Wakes one of those who wait.
    fn wake(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            self.freed.notify_one();
        }
    }

    /// Wakes all who wait, to look again.
    pub(super) fn wake_all(&self) {
        self.freed.notify_waiters();
    }

    /// Counts one in, unless too many wait.
    fn count_in(&self) -> Option<Counted<'_>> {
        let more = |count| (count < WAITING_MAX).then_some(count + 1);
        self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok().map(|_| Counted(self))
    }

    /// Counts one in that has been counted elsewhere.
    fn look_out(&self) -> Counted<'_> {
        self.count.fetch_add(1, Ordering::SeqCst);
        Counted(self)
    }
}

/// One who waits, for as long as it does.
struct Counted<'a>(&'a Waiting);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Self { gate, place } = self;
        let shared = gate.counts.give_back(*place, gate.concurrency.counts());
        gate.concurrency.given_back();
        gate.waiting.wake();
        if shared {
            gate.concurrency.waiting().wake();
        }
    }
}

fn throttled(full: Full) -> Throttled {
    match full {
        Full::Account { running, limit } => Throttled::new(ThrottleReason::Concurrency, running, limit),
        Full::Function { running, limit } => {
            Throttled::new(ThrottleReason::ReservedConcurrency, running, limit)
        }
    }
}
