//! The world of `wasi:http`: events become requests, responses answers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, Resource, TypedFunc};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use super::export;
use crate::invocation::{ANSWER_BYTES_MAX, Answer, FunctionError, Invocation};
use crate::wasm::guest::GuestState;
use crate::wasm::http_event;
use crate::wasm::program::ProgramError;

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
        let found = export(component, INCOMING_HANDLER, "handle")?;
        Ok(found.map(|(handle, _)| Self { handle }))
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
    let (sender, receiver) = oneshot::channel();
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(scheme, request.map(Full::new))?;
    let out = http.new_response_outparam(sender)?;
    let mut called = pin!(handle.call_async(store, (request, out)));
    // Never told to wait for the sake of other tasks: once the guest has ended, what there is of an answer is there.
    let mut answer = pin!(unconstrained(answer(receiver)));
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

async fn answer(receiver: oneshot::Receiver<Response>) -> Answer {
    let response = match receiver.await {
        Ok(Ok(response)) => response,
        Ok(Err(code)) => {
            return Err(FunctionError::no_answer(format!("the guest answered with the error {code:?}")));
        }
        Err(_dropped) => {
            return Err(FunctionError::no_answer("the guest ended without setting a response".to_owned()));
        }
    };
    let (parts, body) = response.into_parts();
    let body: Bytes = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(FunctionError::answer_too_large()),
        Err(error) => {
            return Err(FunctionError::no_answer(format!("the body of the response broke off: {error}")));
        }
    };
    Ok(http_event::answer(&parts, &body))
}
