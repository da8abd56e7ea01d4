//! One guest in its store, from its start to its end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::deadline::{Elapsed, within};
use super::engine::Engine;
use super::failure::{DeadlinePassed, Ending};
use super::guest::{GuestState, Surroundings};
use super::places::Place;
use super::program::Program;
use super::room::NoRoom;
use super::world::Handler;
use crate::cpu::{Tick, at_tick};
use crate::function::{ANSWER_BYTES_BOUND, Isolation, World};
use crate::heap;
use crate::invocation::{FunctionError, Invocation};
use crate::telemetry::{InitPhase, Log};

/// How many bytes a guest may hand to one host function.
const HOSTCALL_BYTES_MAX: usize = 16 << 20;
const _: () =
    assert!(ANSWER_BYTES_BOUND < HOSTCALL_BYTES_MAX, "every answer that may be given can be handed over");
/// How many handles to resources a guest's components may hold together.
const HANDLES_MAX: usize = 10_000;

/// One guest, ready to handle an event.
pub(crate) struct Instance {
    store: Store<GuestState>,
    handler: Handler,
    world: World,
    engine: Arc<Engine>,
    /// When the time of its first event began, if that was before the event: with an init that is a part of it.
    event_began: Option<Instant>,
    /// After the store, so that no other instance has it before all of this one is gone.
    _place: Option<Place>,
    _large: heap::Large,
}

/// What came of running an instance.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) answer: Result<Bytes, FunctionError>,
    pub(crate) duration: Duration,
    pub(crate) max_memory_used_bytes: u64,
}

/// How long an instance took to come up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaunchTimes {
    pub(crate) instantiate: Duration,
    pub(crate) init: Duration,
}

/// Why an instance did not come up.
#[derive(Debug)]
pub(crate) enum InstanceError {
    /// The guest's own doing.
    Guest(FailedInit),
    /// There is no room for one more.
    NoRoom(NoRoom),
}

/// How a guest failed to come up, and what is left of it.
#[derive(Debug)]
pub(crate) struct FailedInit {
    pub(crate) ending: Ending,
    pub(crate) phase: InitPhase,
    pub(crate) log: Log,
    pub(crate) duration: Duration,
    pub(crate) max_memory_used_bytes: u64,
}

impl FailedInit {
    /// Whether it was not done in the time it had before its first event, so that it is tried again as a part of that.
    pub(crate) fn is_retried(&self) -> bool {
        matches!((&self.ending, self.phase), (Ending::TimedOut(_), InitPhase::Init))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("guest", self.store.data()).finish_non_exhaustive()
    }
}

impl Instance {
    /// Makes an instance and lets the guest set itself up, within `limit`, which is its first event's as well if that is
    /// its phase.
    pub(crate) async fn launch(
        engine: &Arc<Engine>,
        program: &Program,
        surroundings: Surroundings,
        phase: InitPhase,
        limit: Duration,
    ) -> Result<(Self, LaunchTimes), InstanceError> {
        let started = Instant::now();
        let event_began = (phase == InitPhase::Invoke).then_some(started);
        let deadline = started + limit;
        let place = engine.place(program).map_err(InstanceError::NoRoom)?;
        let mut store = new_store(engine, program.world(), surroundings);
        store.data_mut().deadline = Some(deadline);
        let brought_up = {
            let _running = engine.running();
            within(deadline, bring_up(&mut store, program)).await
        };
        let guest = store.data_mut();
        let ending = match brought_up {
            Ok(Ok((handler, instantiated, Ok(())))) => {
                guest.deadline = None;
                guest.outbound.close();
                guest.memory.take_refused();
                let times = LaunchTimes { instantiate: instantiated - started, init: instantiated.elapsed() };
                let world = program.world();
                let engine = engine.clone();
                return Ok((
                    Self { store, handler, world, engine, event_began, _place: place, _large: heap::Large },
                    times,
                ));
            }
            Ok(Ok((_, _, Err(reported)))) => Ending::Reported(reported),
            Ok(Err(error)) => match NoRoom::of(&error) {
                Some(no_room) => return Err(InstanceError::NoRoom(no_room)),
                None => Ending::of(guest, limit, &error),
            },
            Err(Elapsed) => Ending::TimedOut(limit),
        };
        Err(InstanceError::Guest(FailedInit {
            ending,
            phase,
            log: guest.log.clone(),
            duration: started.elapsed(),
            max_memory_used_bytes: guest.memory.peak_bytes(),
        }))
    }

    /// Handles one event, whose time began when it says. The instance comes back unless its guest must not run again.
    pub(crate) async fn run(mut self, invocation: Invocation, began: Instant) -> (Run, Option<Self>) {
        let limit = invocation.timeout.duration();
        let (request_id, memory) = (invocation.request_id.clone(), invocation.memory);
        let began = self.event_began.take().unwrap_or(began);
        let deadline = began + limit;
        // The epoch went on while the instance was idle; without this its first loop would yield for nothing.
        self.store.set_epoch_deadline(1);
        let guest = self.store.data_mut();
        guest.deadline = Some(deadline);
        guest.request_id = Some(request_id.clone());
        let called = {
            let _running = self.engine.running();
            within(deadline, self.handler.call(&mut self.store, invocation, limit)).await
        };
        let duration = began.elapsed();
        let guest = self.store.data_mut();
        guest.deadline = None;
        guest.outbound.close();
        let (answer, reusable) = match called {
            Ok(Ok(Ok(answer))) if answer.len() <= guest.answer_bytes_max => (Ok(answer), true),
            Ok(Ok(Ok(_too_large))) => (Err(FunctionError::answer_too_large(guest.answer_bytes_max)), true),
            Ok(Ok(Err(reported))) => (Err(reported), true),
            Ok(Err(error)) => (Err(Ending::of(guest, limit, &error).into_error(&request_id, memory)), false),
            Err(Elapsed) => (Err(Ending::TimedOut(limit).into_error(&request_id, memory)), false),
        };
        guest.memory.take_refused();
        guest.invocations_left = guest.invocations_left.map(|left| left.saturating_sub(1));
        let run = Run { answer, duration, max_memory_used_bytes: guest.memory.peak_bytes() };
        let reusable = reusable && self.is_kept();
        (run, reusable.then_some(self))
    }

    /// Whether it handles further events, if it may.
    fn is_kept(&self) -> bool {
        let guest = self.store.data();
        if guest.invocations_left == Some(0) {
            return false;
        }
        match (self.world, guest.isolation) {
            (World::Event, Isolation::Usual) | (World::Event | World::Http, Isolation::Reuse) => true,
            (World::Http, Isolation::Usual) | (_, Isolation::Fresh) | (World::Command, _) => false,
        }
    }

    /// The instance's log.
    pub(crate) fn log(&self) -> &Log {
        &self.store.data().log
    }

    /// The bytes its memories, tables and files have, which it keeps while it is idle.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.store.data().memory.used_bytes()
    }
}

fn new_store(engine: &Engine, world: World, surroundings: Surroundings) -> Store<GuestState> {
    let mut store = Store::new(engine.wasmtime(), GuestState::new(world, surroundings));
    store.limiter(|guest| &mut guest.memory);
    store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
    store.set_max_component_handles(HANDLES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(interrupt);
    store
}

/// At every tick a guest that computes is ended if its time is over, and lets others run if not, where any wait.
fn interrupt(store: StoreContextMut<'_, GuestState>) -> wasmtime::Result<UpdateDeadline> {
    let (now, deadline) = (Instant::now(), store.data().deadline);
    if deadline.is_some_and(|deadline| now >= deadline) {
        return Err(DeadlinePassed.into());
    }
    Ok(match at_tick(now, deadline) {
        Tick::GoOn => UpdateDeadline::Continue(1),
        Tick::Yield(yielded) => UpdateDeadline::YieldCustom(1, Box::pin(yielded)),
    })
}

type BroughtUp = (Handler, Instant, Result<(), FunctionError>);

async fn bring_up(store: &mut Store<GuestState>, program: &Program) -> wasmtime::Result<BroughtUp> {
    let instance = program.pre.instantiate_async(&mut *store).await?;
    let handler = program.entry.handler(store, &instance)?;
    let instantiated = Instant::now();
    let initialized = program.entry.init(store, &instance).await?;
    Ok((handler, instantiated, initialized))
}
