//! What carries out what the core asks for: writes, runs, sends, and one timer.
//!
//! The core is under a lock that is held for microseconds and never over a wait. Whoever has something to tell it takes the lock,
//! tells it, and carries out what it answers; there is no queue in between that could grow. When nothing is due nothing wakes.

mod carry;
mod dead;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::core::{Ask, Core, Effect, Input, Now, Options, Recovery, Refusal};
use super::event::{NewEvent, RequestId};
use super::observation::Meter;
use super::outcome::Run;
use super::settings::Settings;
use super::status::{Backlog, Depth, EventStatus};
use crate::sqs::Sender;
use crate::store::StoreError;
use crate::store::journal::{Change, Journal};
use crate::timestamp;

pub(crate) use dead::{DeadCounts, RedriveError};

/// What the queue of events is made of.
#[derive(Debug)]
pub(crate) struct EventsParts {
    pub(crate) options: Options,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) run: Arc<dyn Run>,
    pub(crate) settings: Arc<dyn Settings>,
    pub(crate) sender: Arc<dyn Sender>,
    pub(crate) meter: Arc<dyn Meter>,
}

/// The queue of asynchronous events. Copies are the same queue.
#[derive(Debug, Clone)]
pub(crate) struct Events(Arc<Shared>);

/// Why an event was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AcceptError {
    /// The queue refuses it.
    #[error("{0}")]
    Refused(Refusal),
    /// The queue has ended, because its journal failed. Whether the event is durable is not known.
    #[error("the queue of events has ended")]
    Ended,
}

#[derive(Debug)]
struct Shared {
    parts: EventsParts,
    /// When the process's time began.
    began: Instant,
    core: Mutex<Core>,
    asked: Mutex<HashMap<Ask, oneshot::Sender<Result<(), Refusal>>>>,
    asks: AtomicU64,
    /// Something is due earlier than before.
    sooner: Notify,
    tasks: TaskTracker,
    state: watch::Sender<State>,
}

/// How far the queue has come with ending.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Serving,
    /// Nothing runs and nothing is written any more.
    Rested,
    /// The host is gone: nothing is done any more, whatever was begun.
    Abandoned,
    /// The journal failed.
    Failed(StoreError),
}

impl Events {
    /// Goes on where the journal's rows say the queue was. Runs begin at once, so it is to be called within a runtime.
    pub(crate) fn start(parts: EventsParts, recovery: Recovery) -> Self {
        let began = Instant::now();
        let now = Now { mono_ms: 0, wall_ms: timestamp::now_ms() };
        let (core, effects) = Core::start(parts.options.clone(), parts.settings.clone(), recovery, now);
        let shared = Arc::new(Shared {
            parts,
            began,
            core: Mutex::new(core),
            asked: Mutex::default(),
            asks: AtomicU64::new(0),
            sooner: Notify::new(),
            tasks: TaskTracker::new(),
            state: watch::Sender::new(State::Serving),
        });
        shared.carry_out_all(effects);
        let timer = shared.clone();
        shared.tasks.spawn(async move { timer.keep_time().await });
        Self(shared)
    }

    /// Accepts an event: it is durable when this resolves. It may be accepted, too, when the future is dropped.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub(crate) async fn accept(&self, event: NewEvent) -> Result<RequestId, AcceptError> {
        self.accept_with(event, Vec::new()).await
    }

    /// Accepts an event together with changes of rows that are somebody else's, in one write: whoever makes an event of something
    /// of their own does it once, whatever crashes.
    ///
    /// # Errors
    /// See [`AcceptError`]. Unless it is [`AcceptError::Ended`], none of the changes was made.
    pub(crate) async fn accept_with(
        &self,
        event: NewEvent,
        beside: Vec<Change>,
    ) -> Result<RequestId, AcceptError> {
        let request_id = event.request_id.clone();
        let row = self.0.parts.journal.allocate();
        let answer = self.0.ask(|ask| Input::Accept { ask, row, event, beside });
        match answer.await {
            Ok(Ok(())) => Ok(request_id),
            Ok(Err(refusal)) => Err(AcceptError::Refused(refusal)),
            Err(_) => Err(AcceptError::Ended),
        }
    }

    /// The event with that request id, if it is known.
    pub(crate) fn show(&self, request_id: &str) -> Option<EventStatus> {
        self.0.core().show(request_id, self.0.now())
    }

    /// The body that is kept of an event: its result after a success, its payload otherwise.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn body(&self, status: &EventStatus) -> Result<Option<Bytes>, StoreError> {
        self.0.parts.journal.body(status.row).await
    }

    /// Queues that messages wait for, which tell how events ended.
    pub(crate) fn backlogs(&self) -> Vec<Backlog> {
        self.0.core().backlogs()
    }

    /// How many events are in which state.
    pub(crate) fn depth(&self) -> Depth {
        self.0.core().depth()
    }

    /// How many events there may be at a time that have not ended.
    pub(crate) fn limit(&self) -> usize {
        self.0.parts.options.events_max
    }

    /// Resolves when the journal has failed for good: the process is to end.
    pub(crate) async fn failed(&self) -> StoreError {
        let mut state = self.0.state.subscribe();
        let failed = state.wait_for(|state| matches!(state, State::Failed(_))).await;
        match failed.as_deref() {
            Ok(State::Failed(error)) => error.clone(),
            _ => StoreError::Closed,
        }
    }

    /// Leaves the queue as it is: its host is gone. What is being written may still be; what runs is a suspect of the next process.
    pub(crate) fn abandon(&self) {
        self.0.state.send_if_modified(|state| {
            let is_new = matches!(state, State::Serving | State::Rested);
            if is_new {
                *state = State::Abandoned;
            }
            is_new
        });
        self.0.sooner.notify_one();
        self.0.tasks.close();
    }

    /// No event begins to run from now on. Those that come are accepted all the same, until the queue [ends](Self::drain).
    pub(crate) fn pause(&self) {
        self.0.tell(Input::Pause);
    }

    /// Begins to end the queue: nothing begins any more, and what runs may end within that time. [`Events::release`] does the rest.
    pub(crate) async fn drain(&self, deadline: Duration) {
        self.0.tell(Input::Drain);
        self.rested_within(deadline).await;
    }

    /// Ends the queue. Runs have been told to end, and have a moment for it; what runs even then is given up, durably, and run by
    /// the next process.
    pub(crate) async fn release(&self) {
        if !self.rested_within(carry::END_TIME_MAX).await {
            self.0.tell(Input::Release);
            // What is given up is written like everything else: as long as the journal takes, or refuses.
            self.rested_within(carry::RELEASE_TIME_MAX).await;
        }
        self.0.tasks.close();
    }

    async fn rested_within(&self, time: Duration) -> bool {
        let mut state = self.0.state.subscribe();
        let is_over = |state: &State| *state != State::Serving;
        tokio::time::timeout(time, state.wait_for(is_over)).await.is_ok()
    }
}

impl Shared {
    /// Tells the core what happened, and carries out what it answers.
    fn tell(self: &Arc<Self>, input: Input) {
        if let State::Failed(_) | State::Abandoned = *self.state.borrow() {
            return;
        }
        let (effects, is_sooner, is_rested) = {
            let mut core = self.core();
            let before = core.wake_ms();
            let effects = core.handle(self.now(), input);
            let after = core.wake_ms();
            let is_sooner = after.is_some_and(|after| before.is_none_or(|before| after < before));
            (effects, is_sooner, core.is_drained())
        };
        if is_sooner {
            self.sooner.notify_one();
        }
        self.carry_out_all(effects);
        if is_rested {
            self.state.send_if_modified(|state| {
                let is_new = *state == State::Serving;
                if is_new {
                    *state = State::Rested;
                }
                is_new
            });
        }
    }

    fn carry_out_all(self: &Arc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out(effect);
        }
    }

    /// Asks the core for something; the answer comes when it is durable.
    fn ask(self: &Arc<Self>, input: impl FnOnce(Ask) -> Input) -> oneshot::Receiver<Result<(), Refusal>> {
        let ask = Ask(self.asks.fetch_add(1, Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        self.asked().insert(ask, answer);
        if let State::Failed(_) | State::Abandoned = *self.state.borrow() {
            self.asked().clear();
        }
        self.tell(input(ask));
        answered
    }

    /// Tells the core whenever a time has come. It sleeps while none is near.
    async fn keep_time(self: Arc<Self>) {
        loop {
            let wake_ms = self.core().wake_ms();
            match wake_ms {
                None => self.sooner.notified().await,
                Some(wake_ms) => {
                    let scale = self.parts.options.time_scale();
                    // A little too late rather than too early, which would be once more for nothing.
                    let wake = self.began + Duration::from_millis(wake_ms.div_ceil(scale));
                    tokio::select! {
                        () = tokio::time::sleep_until(wake) => self.tell(Input::Tick),
                        () = self.sooner.notified() => {}
                    }
                }
            }
            if *self.state.borrow() != State::Serving {
                return;
            }
        }
    }

    fn now(&self) -> Now {
        let scale = self.parts.options.time_scale();
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { mono_ms: elapsed_ms.saturating_mul(scale), wall_ms: timestamp::now_ms() }
    }

    /// The journal failed: nothing more is told to the core, and whoever waits is told that.
    fn fail(&self, error: StoreError) {
        tracing::error!("the queue of events ends: {error}");
        self.state.send_replace(State::Failed(error));
        self.asked().clear();
        self.sooner.notify_one();
    }

    /// The core is whole whenever its lock is given back, so a panic elsewhere leaves nothing half done.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<Ask, oneshot::Sender<Result<(), Refusal>>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
