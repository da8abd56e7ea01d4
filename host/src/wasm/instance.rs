//! One guest in its store, from its start to its end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::engine::Engine;
use super::failure::{DeadlinePassed, Ending};
use super::guest::{GuestState, Surroundings};
use super::program::Program;
use super::room::NoRoom;
use super::world::Handler;
use crate::function::{ANSWER_BYTES_BOUND, Isolation, World};
use crate::invocation::{FunctionError, Invocation};
use crate::telemetry::Log;

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
    pub(crate) log: Log,
    pub(crate) duration: Duration,
    pub(crate) max_memory_used_bytes: u64,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("guest", self.store.data()).finish_non_exhaustive()
    }
}

impl Instance {
    /// Makes an instance and lets the guest set itself up, within `init_limit`.
    pub(crate) async fn launch(
        engine: &Arc<Engine>,
        program: &Program,
        surroundings: Surroundings,
        init_limit: Duration,
    ) -> Result<(Self, LaunchTimes), InstanceError> {
        let started = Instant::now();
        let deadline = started + init_limit;
        let mut store = new_store(engine, program.world(), surroundings);
        store.data_mut().deadline = Some(deadline);
        let brought_up = {
            let _running = engine.running();
            timeout_at(deadline, bring_up(&mut store, program)).await
        };
        let guest = store.data_mut();
        let ending = match brought_up {
            Ok(Ok((handler, instantiated, Ok(())))) => {
                guest.deadline = None;
                guest.outbound.close();
                guest.memory.take_refused();
                let times = LaunchTimes { instantiate: instantiated - started, init: instantiated.elapsed() };
                let world = program.world();
                return Ok((Self { store, handler, world, engine: engine.clone() }, times));
            }
            Ok(Ok((_, _, Err(reported)))) => Ending::Reported(reported),
            Ok(Err(error)) => match NoRoom::of(&error) {
                Some(no_room) => return Err(InstanceError::NoRoom(no_room)),
                None => Ending::of(guest, init_limit, &error),
            },
            Err(_elapsed) => Ending::TimedOut(init_limit),
        };
        Err(InstanceError::Guest(FailedInit {
            ending,
            log: guest.log.clone(),
            duration: started.elapsed(),
            max_memory_used_bytes: guest.memory.peak_bytes(),
        }))
    }

    /// Handles one event. The instance comes back unless its guest must not run again.
    pub(crate) async fn run(mut self, invocation: Invocation) -> (Run, Option<Self>) {
        let limit = invocation.timeout.duration();
        let (request_id, memory) = (invocation.request_id.clone(), invocation.memory);
        let started = Instant::now();
        let deadline = started + limit;
        // The epoch went on while the instance was idle; without this its first loop would yield for nothing.
        self.store.set_epoch_deadline(1);
        let guest = self.store.data_mut();
        guest.deadline = Some(deadline);
        guest.request_id = Some(request_id.clone());
        let called = {
            let _running = self.engine.running();
            timeout_at(deadline, self.handler.call(&mut self.store, invocation, limit)).await
        };
        let duration = started.elapsed();
        let guest = self.store.data_mut();
        guest.deadline = None;
        guest.outbound.close();
        let (answer, reusable) = match called {
            Ok(Ok(Ok(answer))) if answer.len() <= guest.answer_bytes_max => (Ok(answer), true),
            Ok(Ok(Ok(_too_large))) => (Err(FunctionError::answer_too_large(guest.answer_bytes_max)), true),
            Ok(Ok(Err(reported))) => (Err(reported), true),
            Ok(Err(error)) => (Err(Ending::of(guest, limit, &error).into_error(&request_id, memory)), false),
            Err(_elapsed) => (Err(Ending::TimedOut(limit).into_error(&request_id, memory)), false),
        };
        guest.memory.take_refused();
        let run = Run { answer, duration, max_memory_used_bytes: guest.memory.peak_bytes() };
        let reusable = reusable && self.is_kept();
        (run, reusable.then_some(self))
    }

    /// Whether it handles further events, if it may.
    fn is_kept(&self) -> bool {
        match (self.world, self.store.data().isolation) {
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
    store.epoch_deadline_callback(at_tick);
    store
}

/// At every tick a guest that computes is ended if its time is over, and lets its neighbours run if not.
fn at_tick(store: StoreContextMut<'_, GuestState>) -> wasmtime::Result<UpdateDeadline> {
    match store.data().deadline {
        Some(deadline) if Instant::now() >= deadline => Err(DeadlinePassed.into()),
        _ => Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))),
    }
}

type BroughtUp = (Handler, Instant, Result<(), FunctionError>);

async fn bring_up(store: &mut Store<GuestState>, program: &Program) -> wasmtime::Result<BroughtUp> {
    let instance = program.pre.instantiate_async(&mut *store).await?;
    let handler = program.entry.handler(store, &instance)?;
    let instantiated = Instant::now();
    let initialized = program.entry.init(store, &instance).await?;
    Ok((handler, instantiated, initialized))
}
