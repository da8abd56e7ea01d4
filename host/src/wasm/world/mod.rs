//! The worlds of guests: how each is found in a component, brought up and called.

mod command;
mod event;
mod http;

use std::time::Duration;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Instance};
use wasmtime::{Engine, Store};

use self::command::CommandEntry;
use self::event::EventEntry;
use self::http::HttpEntry;
use super::guest::GuestState;
use super::program_error::{ProgramError, shortened};
use crate::function::World;
use crate::invocation::{Answer, FunctionError, Invocation};

pub(super) use self::event::ReportedError;

/// Where a component is entered: found once, when it is loaded.
#[derive(Debug)]
pub(super) enum Entry {
    Event(EventEntry),
    Http(HttpEntry),
    Command(CommandEntry),
}

/// The function of an instance that handles events.
pub(super) enum Handler {
    Event(event::Handle),
    Http(http::Handle),
    Command(command::Run),
}

impl Entry {
    /// Finds what a component can be called with. One that is of several worlds is of the first.
    pub(super) fn of(engine: &Engine, component: &Component) -> Result<Self, ProgramError> {
        if let Some(entry) = EventEntry::of(component)? {
            return Ok(Self::Event(entry));
        }
        if let Some(entry) = HttpEntry::of(component)? {
            return Ok(Self::Http(entry));
        }
        if let Some(entry) = CommandEntry::of(component)? {
            return Ok(Self::Command(entry));
        }
        Err(ProgramError::NoHandler { exports: exports(engine, component) })
    }

    pub(super) fn world(&self) -> World {
        match self {
            Self::Event(_) => World::Event,
            Self::Http(_) => World::Http,
            Self::Command(_) => World::Command,
        }
    }

    pub(super) fn handler(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Handler> {
        Ok(match self {
            Self::Event(entry) => Handler::Event(entry.handle(store, instance)?),
            Self::Http(entry) => Handler::Http(entry.handle(store, instance)?),
            Self::Command(entry) => Handler::Command(entry.run(store, instance)?),
        })
    }

    /// Lets a guest set itself up, if its world has that.
    pub(super) async fn init(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Result<(), FunctionError>> {
        match self {
            Self::Event(entry) => entry.init(store, instance).await,
            Self::Http(_) | Self::Command(_) => Ok(Ok(())),
        }
    }
}

impl Handler {
    /// Runs the guest on one event. The outer error is a guest that ended without an answer and must not run again.
    pub(super) async fn call(
        &self,
        store: &mut Store<GuestState>,
        invocation: Invocation,
        limit: Duration,
    ) -> wasmtime::Result<Answer> {
        match self {
            Self::Event(handle) => event::call(handle, store, invocation, limit).await,
            Self::Http(handle) => Box::pin(http::call(handle, store, &invocation)).await,
            Self::Command(run) => Box::pin(command::call(run, store, invocation)).await,
        }
    }
}

/// A function of an exported interface, if the component has that interface. Versions of WASI that differ in their last
/// number only are found too.
fn export(
    component: &Component,
    interface: &str,
    function: &str,
) -> Result<Option<(ComponentExportIndex, ComponentFunc)>, ProgramError> {
    let Some((item, outer)) = component.get_export(None, interface) else { return Ok(None) };
    if !matches!(item, ComponentItem::ComponentInstance(_)) {
        return Err(wrong(interface, "it is not an interface"));
    }
    match component.get_export(Some(&outer), function) {
        Some((ComponentItem::ComponentFunc(found), index)) => Ok(Some((index, found))),
        _ => Err(wrong(interface, &format!("it has no function {function}"))),
    }
}

fn wrong(export: &str, reason: &str) -> ProgramError {
    ProgramError::ExportType { export: export.to_owned(), reason: reason.to_owned() }
}

fn exports(engine: &Engine, component: &Component) -> String {
    const SHOWN_MAX: usize = 16;
    let ty = component.component_type();
    let names: Vec<String> = ty.exports(engine).map(|(name, _)| name.to_owned()).take(SHOWN_MAX).collect();
    if names.is_empty() { "nothing".to_owned() } else { shortened(&names.join(", ")) }
}
