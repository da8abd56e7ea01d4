//! The world of `wasi:http`: events become requests, responses answers.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use http_body_util::{BodyExt as _, Full};
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use wasmtime::Store;
use wasmtime::component::types::Type;
use wasmtime::component::{Component, ComponentExportIndex, Instance, Resource, TypedFunc};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use super::{export, wrong};
use crate::invocation::{Answer, FunctionError, Invocation};
use crate::wasm::guest::GuestState;
use crate::wasm::http_event;
use crate::wasm::program_error::ProgramError;

/// The interface that components for HTTP export: of WASI 0.2, whatever comes after.
const INCOMING_HANDLER: &str = "wasi:http/incoming-handler@0.2.0";

type Params = (Resource<HostIncomingRequest>, Resource<HostResponseOutparam>);

/// What handles a request.
pub(super) type Handle = TypedFunc<Params, ()>;

/// What a guest sets as its response.
type Response = Result<http::Response<HyperOutgoingBody>, ErrorCode>;

/// The export of a component for HTTP.
#[derive(Debug)]
pub(in crate::wasm) struct HttpEntry {
    handle: ComponentExportIndex,
}

impl HttpEntry {
    pub(super) fn of(component: &Component) -> Result<Option<Self>, ProgramError> {
        let Some((handle, found)) = export(component, INCOMING_HANDLER, "handle")? else { return Ok(None) };
        // Which resources these are is checked when it is linked; here only that it is called with two and gives nothing.
        let params: Vec<Type> = found.params().map(|(_, ty)| ty).collect();
        match (params.as_slice(), found.results().len()) {
            ([Type::Own(_), Type::Own(_)], 0) => Ok(Some(Self { handle })),
            _ => Err(wrong(INCOMING_HANDLER, "it does not take a request and a place for the response")),
        }
    }

    pub(super) fn handle(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Handle> {
        instance.get_typed_func(store, self.handle)
    }
}

/// Makes the event a request, and what the guest sets as its response an answer.
pub(super) async fn call(
    handle: &Handle,
    store: &mut Store<GuestState>,
    invocation: &Invocation,
) -> wasmtime::Result<Answer> {
    let request = match http_event::request(&invocation.payload) {
        Ok(request) => request,
        Err(reason) => return Ok(Err(FunctionError::bad_event(reason))),
    };
    let scheme = match request.uri().scheme_str() {
        Some("http") => Scheme::Http,
        _ => Scheme::Https,
    };
    let bytes_max = store.data().answer_bytes_max;
    let (sender, receiver) = oneshot::channel();
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(scheme, request.map(Full::new))?;
    let out = http.new_response_outparam(sender)?;
    let mut called = pin!(handle.call_async(store, (request, out)));
    // Never told to wait for the sake of other tasks: once the guest has ended, what there is of an answer is there.
    let mut answer = pin!(unconstrained(answer(receiver, bytes_max)));
    // The guest writes its body while it runs, and waits where nobody reads it.
    tokio::select! {
        biased;
        ended = &mut called => ended?,
        answer = &mut answer => {
            called.await?;
            return Ok(answer);
        }
    }
    let rest = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
    Ok(match rest {
        Poll::Ready(answer) => answer,
        // It still holds the place for its response or the end of its body, and will never use either.
        Poll::Pending => {
            Err(FunctionError::no_answer("the guest ended before its response was whole".to_owned()))
        }
    })
}

async fn answer(receiver: oneshot::Receiver<Response>, bytes_max: usize) -> Answer {
    let response = match receiver.await {
        Ok(Ok(response)) => response,
        Ok(Err(code)) => {
            return Err(FunctionError::no_answer(format!(
                "the guest answered with the error {}",
                shown(&code)
            )));
        }
        Err(_dropped) => {
            return Err(FunctionError::no_answer("the guest ended without setting a response".to_owned()));
        }
    };
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    // Put together as it comes: kept in pieces, a body written byte by byte would take a hundred times its size.
    while let Some(frame) = body.frame().await {
        let broke_off =
            |error| FunctionError::no_answer(format!("the body of the response broke off: {error}"));
        let Ok(data) = frame.map_err(broke_off)?.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(FunctionError::answer_too_large(bytes_max));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(http_event::answer(&parts, &bytes))
}

/// An error as a message may show it: what a guest has put into it may be long.
fn shown(code: &ErrorCode) -> String {
    struct Bounded(String);
    impl fmt::Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            const BYTES_MAX: usize = 1 << 10;
            self.0.push_str(&text[..text.floor_char_boundary(BYTES_MAX.saturating_sub(self.0.len()))]);
            if self.0.len() < BYTES_MAX { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut shown = Bounded(String::new());
    // The only error is that there is no room for more.
    let _ = fmt::write(&mut shown, format_args!("{code:?}"));
    shown.0
}
