//! Our own world: `samovar:function`. One function is called with every event.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, Instance, Lift, Lower, TypedFunc,
};

use super::{export, wrong};
use crate::invocation::{Answer, FunctionError, Invocation};
use crate::wasm::guest::GuestState;
use crate::wasm::program_error::{HANDLER, ProgramError, one_line};

/// The interface a function may export beside it.
const LIFECYCLE: &str = "samovar:function/lifecycle@0.1.0";

/// What handles an event.
pub(super) type Handle = TypedFunc<HandleParams, HandleResults>;

/// The record `context` of the interface `samovar:function/types`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(in crate::wasm) struct EventContext {
    #[component(name = "request-id")]
    request_id: Arc<str>,
    #[component(name = "deadline-ms")]
    deadline_ms: u64,
    #[component(name = "invoked-function-arn")]
    invoked_function_arn: String,
    #[component(name = "trace-id")]
    trace_id: Option<String>,
    #[component(name = "client-context")]
    client_context: Option<String>,
    #[component(name = "tenant-id")]
    tenant_id: Option<String>,
}

/// The record `function-error` of the interface `samovar:function/types`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(in crate::wasm) struct ReportedError {
    #[component(name = "error-type")]
    pub(in crate::wasm) error_type: String,
    #[component(name = "error-message")]
    pub(in crate::wasm) error_message: String,
    #[component(name = "stack-trace")]
    pub(in crate::wasm) stack_trace: Vec<String>,
}

pub(in crate::wasm) type HandleParams = (Bytes, EventContext);
pub(in crate::wasm) type HandleResults = (Result<Bytes, ReportedError>,);
type InitResults = (Result<(), ReportedError>,);

/// The exports of a component of our world.
#[derive(Debug)]
pub(in crate::wasm) struct EventEntry {
    handle: ComponentExportIndex,
    init: Option<ComponentExportIndex>,
}

impl EventEntry {
    pub(super) fn of(component: &Component) -> Result<Option<Self>, ProgramError> {
        let handle = typed::<HandleParams, HandleResults>(component, HANDLER, "handle")?;
        let Some(handle) = handle else { return Ok(None) };
        let init = typed::<(), InitResults>(component, LIFECYCLE, "init")?;
        Ok(Some(Self { handle, init }))
    }

    pub(super) fn handle(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Handle> {
        instance.get_typed_func(store, self.handle)
    }

    pub(super) async fn init(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Result<(), FunctionError>> {
        let Some(init) = self.init else { return Ok(Ok(())) };
        let init = instance.get_typed_func::<(), InitResults>(&mut *store, init)?;
        let (initialized,) = init.call_async(store, ()).await?;
        Ok(initialized.map_err(FunctionError::from))
    }
}

/// Calls the handler with one event.
pub(super) async fn call(
    handle: &Handle,
    store: &mut Store<GuestState>,
    invocation: Invocation,
    limit: Duration,
) -> wasmtime::Result<Answer> {
    let (answered,) = handle.call_async(store, params(invocation, limit)).await?;
    Ok(answered.map_err(FunctionError::from))
}

fn params(invocation: Invocation, limit: Duration) -> HandleParams {
    let deadline = SystemTime::now() + limit;
    let context = EventContext {
        request_id: invocation.request_id,
        deadline_ms: deadline.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
        invoked_function_arn: invocation.invoked_function_arn,
        trace_id: invocation.trace_id,
        client_context: invocation.client_context,
        tenant_id: invocation.tenant_id,
    };
    (invocation.payload, context)
}

/// An exported function whose type is checked now, so that no instance has to find it wrong.
fn typed<Params, Results>(
    component: &Component,
    interface: &str,
    function: &str,
) -> Result<Option<ComponentExportIndex>, ProgramError>
where
    Params: ComponentNamedList + Lower,
    Results: ComponentNamedList + Lift,
{
    let Some((index, found)) = export(component, interface, function)? else { return Ok(None) };
    let types = component.component_type();
    found
        .typecheck::<Params, Results>(&types.instance_type())
        .map_err(|error| wrong(interface, &one_line(&error)))?;
    Ok(Some(index))
}
