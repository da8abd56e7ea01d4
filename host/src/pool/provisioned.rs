//! Instances of one version that are there before anybody asks for them.

use std::fmt;

use tokio::sync::Notify;

use super::Launcher;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The provisioned instances of one version: as many as were asked for are brought up and kept, however long they are idle.
///
/// Whoever has one out of it has the right to run it; none is made because somebody asks for one. A keeper brings them up, as
/// [`Provisioned::next`] tells it.
pub(crate) struct Provisioned<L: Launcher> {
    launcher: L,
    state: Mutex<State<L::Instance>>,
    /// For the keeper.
    changed: Notify,
    /// For those who wait for a number of instances.
    moved_on: Notify,
}

struct State<I> {
    ready: Vec<I>,
    /// How many instances there are, ready and busy.
    up: u32,
    /// How many there shall be for good.
    settled: u32,
    /// How many there shall be for each move that is being prepared.
    prepared: Vec<u32>,
    /// Whether there were once as many as there shall be.
    reached: bool,
    /// Why the last one that was to come up did not.
    failure: Option<String>,
    /// Whether somebody keeps them.
    kept: bool,
}

/// How far provisioned instances are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many there are, ready and busy.
    pub(crate) up: u32,
    /// How many there shall be.
    pub(crate) target: u32,
    /// How many of them for good, and not for a move that is only prepared.
    pub(crate) settled: u32,
    /// Whether there were once as many as there shall be.
    pub(crate) reached: bool,
    /// Why the last one that was to come up did not.
    pub(crate) failure: Option<String>,
}

/// What the keeper of provisioned instances is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Bring up so many more.
    Launch(u32),
    /// Give up what is coming up: there are enough.
    Abort,
    /// Wait until something changes.
    Wait,
    /// Nothing is left to do; see [`Provisioned::end`].
    End,
}

/// Where an instance belongs that was taken out.
pub(crate) struct Seat<L: Launcher> {
    provisioned: Arc<Provisioned<L>>,
    left: bool,
}

impl<L: Launcher> Seat<L> {
    /// Gives the instance back, unless it may not run again: then another comes up in its place.
    pub(crate) fn put_back(mut self, instance: Option<L::Instance>) {
        self.left = true;
        self.provisioned.put_back(instance);
    }
}

impl<L: Launcher> Drop for Seat<L> {
    fn drop(&mut self) {
        if !self.left {
            self.provisioned.put_back(None);
        }
    }
}

impl<L: Launcher> fmt::Debug for Seat<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").finish_non_exhaustive()
    }
}

impl<L: Launcher> fmt::Debug for Provisioned<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provisioned").field("standing", &self.standing()).finish_non_exhaustive()
    }
}

impl<I> State<I> {
    fn target(&self) -> u32 {
        self.prepared.iter().copied().fold(self.settled, u32::max)
    }

    /// Takes out what is more than there shall be, to be dropped once the lock is free.
    fn surplus(&mut self) -> Vec<I> {
        let surplus = (self.up.saturating_sub(self.target()) as usize).min(self.ready.len());
        self.up -= surplus as u32;
        self.ready.drain(..surplus).collect()
    }

    fn look(&mut self) {
        if self.up >= self.target() {
            (self.reached, self.failure) = (true, None);
        }
    }
}

impl<L: Launcher> Provisioned<L> {
    pub(crate) fn new(launcher: L) -> Self {
        let state = State {
            ready: Vec::new(),
            up: 0,
            settled: 0,
            prepared: Vec::new(),
            reached: false,
            failure: None,
            kept: false,
        };
        Self { launcher, state: Mutex::new(state), changed: Notify::new(), moved_on: Notify::new() }
    }

    /// An instance, if one is ready.
    pub(crate) fn take(self: &Arc<Self>) -> Option<(Seat<L>, L::Instance)> {
        let instance = self.state().ready.pop()?;
        Some((Seat { provisioned: self.clone(), left: false }, instance))
    }

    fn put_back(&self, instance: Option<L::Instance>) {
        let mut state = self.state();
        match instance {
            Some(instance) => state.ready.push(instance),
            None => state.up -= 1,
        }
        let surplus = state.surplus();
        drop(state);
        drop_elsewhere(surplus);
        self.changed.notify_one();
    }

    /// Says how many there shall be for good. When that was asked for anew, what came of it before does not count any more.
    /// True when somebody has to begin keeping them.
    #[must_use]
    pub(crate) fn settle(&self, target: u32, anew: bool) -> bool {
        self.set(|state| {
            state.settled = target;
            if anew {
                (state.reached, state.failure) = (false, None);
            }
        })
    }

    /// Says how many there shall be for a move that is being prepared, at least. True as for [`Provisioned::settle`].
    #[must_use]
    pub(crate) fn prepare(&self, target: u32) -> bool {
        self.set(|state| state.prepared.push(target))
    }

    /// Says that so many need not be there any more for a move.
    pub(crate) fn end_preparing(&self, target: u32) {
        self.set(|state| {
            if let Some(at) = state.prepared.iter().position(|prepared| *prepared == target) {
                state.prepared.swap_remove(at);
            }
        });
    }

    fn set(&self, set: impl FnOnce(&mut State<L::Instance>)) -> bool {
        let mut state = self.state();
        let before = state.target();
        set(&mut state);
        let target = state.target();
        if target > before {
            // A new demand is judged by what comes of it.
            (state.reached, state.failure) = (false, None);
        }
        state.look();
        let surplus = state.surplus();
        let begin = target > 0 && !state.kept;
        state.kept |= begin;
        drop(state);
        drop_elsewhere(surplus);
        self.changed.notify_one();
        self.moved_on.notify_waiters();
        begin
    }

    /// Whether there shall be any.
    pub(crate) fn is_wanted(&self) -> bool {
        self.state().target() > 0
    }

    /// The bytes that those hold together that are ready.
    pub(crate) fn ready_bytes(&self) -> u64 {
        self.state().ready.iter().map(L::idle_bytes).sum()
    }

    /// How far they are.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.state();
        Standing {
            up: state.up,
            target: state.target(),
            settled: state.settled,
            reached: state.reached,
            failure: state.failure.clone(),
        }
    }

    /// How many run an event just now.
    pub(crate) fn busy(&self) -> u32 {
        let state = self.state();
        state.up - state.ready.len() as u32
    }

    /// What the keeper is to do now that has so many coming up.
    pub(crate) fn next(&self, coming: u32) -> Next {
        let state = self.state();
        let (target, there) = (state.target(), state.up + coming);
        match target.saturating_sub(there) {
            0 if target == 0 && there == 0 => Next::End,
            0 if there > target && coming > 0 => Next::Abort,
            0 => Next::Wait,
            missing => Next::Launch(missing),
        }
    }

    /// Ends the keeper's work, unless there is some again. Who wants instances after that needs another keeper.
    pub(crate) fn end(&self) -> bool {
        let mut state = self.state();
        let over = state.target() == 0 && state.up == 0;
        state.kept &= !over;
        over
    }

    /// Whether the last one that was to come up did not, and none has since, nor was asked for anew.
    pub(crate) fn has_failed(&self) -> bool {
        self.state().failure.is_some()
    }

    /// Waits until something has changed since the last wait.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until its standing reaches what `wanted` looks for.
    pub(crate) async fn until<T>(&self, wanted: impl Fn(Standing) -> Option<T>) -> T {
        loop {
            let mut moved_on = std::pin::pin!(self.moved_on.notified());
            // First the name on the list, then the look.
            moved_on.as_mut().enable();
            if let Some(found) = wanted(self.standing()) {
                return found;
            }
            moved_on.await;
        }
    }

    /// Brings one up.
    pub(crate) async fn launch(&self) -> Result<(), L::Error> {
        let (instance, _) = self.launcher.launch().await?;
        let mut state = self.state();
        state.ready.push(instance);
        state.up += 1;
        state.failure = None;
        state.look();
        let surplus = state.surplus();
        drop(state);
        drop_elsewhere(surplus);
        self.moved_on.notify_waiters();
        Ok(())
    }

    /// Notes why one did not come up.
    pub(crate) fn failed(&self, reason: String) {
        self.state().failure = Some(reason);
        self.moved_on.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State<L::Instance>> {
        // Counts and list change together, and nothing in between panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops instances where nobody waits for it: giving the memory of a large one back takes milliseconds.
fn drop_elsewhere<I: Send + 'static>(instances: Vec<I>) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) if !instances.is_empty() => drop(runtime.spawn_blocking(move || drop(instances))),
        _ => drop(instances),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Numbered;
    use super::*;

    async fn keep(provisioned: &Provisioned<Numbered>) {
        while let Next::Launch(missing) = provisioned.next(0) {
            for _ in 0..missing {
                let Ok(()) = provisioned.launch().await;
            }
        }
    }

    #[tokio::test]
    async fn as_many_are_kept_as_there_shall_be() {
        let provisioned = Arc::new(Provisioned::new(Numbered::default()));
        assert!(provisioned.settle(3, true), "somebody has to keep them");
        assert_eq!(provisioned.next(0), Next::Launch(3));
        assert!(!provisioned.standing().reached);
        keep(&provisioned).await;
        assert_eq!(provisioned.next(0), Next::Wait);
        assert!(provisioned.standing().reached);
        let (first, second) = (provisioned.take().expect("one"), provisioned.take().expect("one"));
        let third = provisioned.take().expect("one");
        assert!(provisioned.take().is_none());
        // It is lost, as an instance that has trapped is.
        drop(third);
        first.0.put_back(Some(first.1));
        assert_eq!((provisioned.next(0), provisioned.busy()), (Next::Launch(1), 1));
        assert!(provisioned.standing().reached, "one that is replaced does not make it begin anew");
        keep(&provisioned).await;
        second.0.put_back(Some(second.1));
        assert_eq!((provisioned.standing().up, provisioned.busy()), (3, 0));
    }

    #[tokio::test]
    async fn fewer_are_kept_when_fewer_shall_be_and_busy_ones_go_when_they_come_back() {
        let provisioned = Arc::new(Provisioned::new(Numbered::default()));
        assert!(provisioned.settle(3, true));
        keep(&provisioned).await;
        let busy = provisioned.take().expect("one");
        assert!(!provisioned.settle(0, true), "it is kept already");
        assert_eq!((provisioned.standing().up, provisioned.next(0)), (1, Next::Wait));
        busy.0.put_back(Some(busy.1));
        assert_eq!((provisioned.standing().up, provisioned.next(0)), (0, Next::End));
        assert!(provisioned.end());
        assert!(provisioned.settle(1, true), "the keeper has gone");
    }

    #[tokio::test]
    async fn what_is_coming_up_is_counted_and_given_up_when_it_is_too_much() {
        let provisioned = Arc::new(Provisioned::new(Numbered::default()));
        assert!(provisioned.settle(3, true));
        assert_eq!((provisioned.next(2), provisioned.next(3)), (Next::Launch(1), Next::Wait));
        assert!(!provisioned.settle(0, true));
        assert_eq!((provisioned.next(3), provisioned.next(0)), (Next::Abort, Next::End));
        assert!(!provisioned.settle(1, true), "the keeper has not ended yet");
        assert!(!provisioned.end());
    }

    #[tokio::test]
    async fn a_move_that_is_prepared_needs_no_less_than_what_is_settled() {
        let provisioned = Arc::new(Provisioned::new(Numbered::default()));
        assert!(provisioned.settle(2, true));
        keep(&provisioned).await;
        assert!(!provisioned.prepare(5) && !provisioned.standing().reached);
        keep(&provisioned).await;
        assert!(provisioned.standing().reached);
        provisioned.end_preparing(5);
        assert_eq!((provisioned.standing().up, provisioned.next(0)), (2, Next::Wait));
    }

    #[tokio::test]
    async fn a_failure_is_told_until_one_comes_up_or_another_number_is_asked_for() {
        let provisioned = Arc::new(Provisioned::new(Numbered::default()));
        assert!(provisioned.settle(1, true));
        provisioned.failed("no".to_owned());
        assert_eq!(provisioned.standing().failure.as_deref(), Some("no"));
        keep(&provisioned).await;
        assert_eq!(provisioned.standing().failure, None);
        drop(provisioned.take());
        provisioned.failed("no".to_owned());
        assert!(!provisioned.settle(1, false) && provisioned.has_failed(), "another change of the function");
        assert!(!provisioned.settle(1, true) && !provisioned.has_failed());
        provisioned.failed("no".to_owned());
        assert!(!provisioned.settle(0, false) && !provisioned.has_failed(), "there are enough now");
    }
}
