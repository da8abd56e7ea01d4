//! The asynchronous queue of functions' events: accepted when they are durable, run, retried, and then delivered to where their
//! ends are to be told, or kept in the dead table.
//!
//! `core` decides everything and does nothing: it has no clock, no file and no task, so that a simulator can drive it under a
//! seed. `driver` carries out what the core asks for: writes to the journal, runs through a given [`Run`], sends through a given
//! `Sender`, and one timer. Knows no wasmtime, no HTTP and not the host.

mod core;
mod delivery;
mod driver;
mod event;
mod observation;
mod outcome;
mod record;
mod settings;
mod status;

pub(crate) use self::{
    core::{Options, Recovery, Refusal},
    driver::{AcceptError, DeadCounts, Events, EventsParts, RedriveError},
    event::{NewEvent, RequestId, Undelivered},
    observation::{Meter, Observation},
    outcome::{Run, RunOutcome, RunRequest},
    settings::{EventSettings, Settings, Target},
    status::{Backlog, DeadCursor, DeadFilter, Depth, EventStatus, Status},
};
