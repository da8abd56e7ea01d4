//! Invoke and InvokeAsync: a function is run on the body of the request, now or later.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::function::{FunctionRef, VersionNumber};
use crate::{Invoke, Outcome, Start};

use super::api::{Answer, Api, REQUEST_ID, to_the_end};
use super::bodies::{Limit, Unread};
use super::request::{self, header};
use super::timing::{START_HEADER, TIMING_HEADER, server_timing};
use super::trace;
use super::wire_error::{Exception, Member, WireError};

const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
const LOG_TYPE: HeaderName = HeaderName::from_static("x-amz-log-type");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("x-amz-client-context");
const TENANT_ID: HeaderName = HeaderName::from_static("x-amz-tenant-id");
const DURABLE_EXECUTION_NAME: HeaderName = HeaderName::from_static("x-amz-durable-execution-name");
const TIMING: HeaderName = HeaderName::from_static(TIMING_HEADER);
const START: HeaderName = HeaderName::from_static(START_HEADER);

const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const LOG_RESULT: HeaderName = HeaderName::from_static("x-amz-log-result");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const REMAPPED_CONTENT_LENGTH: HeaderName = HeaderName::from_static("x-amzn-remapped-content-length");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How a function is to be invoked: the header `X-Amz-Invocation-Type`.
enum InvocationType {
    RequestResponse,
    /// The event is queued.
    Event,
    DryRun,
}

pub(super) async fn invoke(api: &Api, parts: &Parts, function: &str, body: &mut Unread) -> Answer {
    let function = request::function(&api.host, parts, function)?;
    let invocation_type = invocation_type(parts)?;
    let limits = api.host.limits();
    if let InvocationType::Event = invocation_type {
        return Box::pin(event(api, parts, function, body)).await;
    }
    let body = api.bodies.read(body, payload_limit(limits.payload_bytes)).await?;
    // The payload keeps its room for as long as the invocation has it, also when the client hangs up.
    let mut request = api.host.checked(Invoke::new(function, body.into_bytes())).await?;
    request.log_tail = log_tail(parts)?;
    request.client_context = client_context(parts, limits.client_context_bytes)?;
    refuse_what_no_function_is(parts)?;
    request.stages = parts.headers.get(TIMING).is_some_and(|value| value == "1");
    if parts.headers.get(START).is_some_and(|value| value == "cold") {
        request.start = Start::Cold;
    }

    if let InvocationType::DryRun = invocation_type {
        api.host.check(request)?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let trace_id = header(parts, &TRACE_ID)?.map_or_else(trace::new, str::to_owned);
    // The function gets it with this invocation counted, so that chains of functions that invoke each other have an end.
    request.trace_id = Some(api.host.hop(&request.function, &trace_id).map_err(|_| WireError::recursive())?);
    let host = api.host.clone();
    let outcome = to_the_end(async move { host.invoke(request).await }).await??;
    Ok(answered(&outcome, trace_id))
}

/// The operation InvokeAsync, which is older than the invocation type `Event` and comes to the same.
pub(super) async fn invoke_async(api: &Api, parts: &Parts, function: &str, body: &mut Unread) -> Answer {
    let function = request::function(&api.host, parts, function)?;
    // The exception for large payloads is none of this operation's.
    let limit = Limit {
        bytes: api.host.limits().async_payload_bytes,
        exception: Exception::RequestEntityTooLarge,
        operation: "InvokeAsync",
    };
    let body = api.bodies.read(body, limit).await?;
    accept(api, parts, Invoke::new(function, body.into_bytes())).await
}

/// Invoke with the type `Event`. The client context is for functions that are invoked synchronously: as on Lambda nobody looks
/// at it.
async fn event(api: &Api, parts: &Parts, function: FunctionRef, body: &mut Unread) -> Answer {
    let limits = api.host.limits();
    // The error says how large the payload is, as Lambda's does, so a little more than the limit is read.
    let bytes = limits.payload_bytes.max(limits.async_payload_bytes);
    let body = api.bodies.read(body, payload_limit(bytes)).await?;
    log_tail(parts)?;
    refuse_what_no_function_is(parts)?;
    accept(api, parts, Invoke::new(function, body.into_bytes())).await
}

/// Answers when the event is kept, with the id that it has from now on.
async fn accept(api: &Api, parts: &Parts, mut request: Invoke) -> Answer {
    let trace_id = header(parts, &TRACE_ID)?.map_or_else(trace::new, str::to_owned);
    request.trace_id = Some(trace_id.clone());
    let host = api.host.clone();
    let accepted = to_the_end(async move { host.invoke_async(request).await }).await??;
    let mut response = StatusCode::ACCEPTED.into_response();
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&accepted.request_id).expect("a UUID is ASCII"));
    headers.insert(REMAPPED_CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(
        TRACE_ID,
        HeaderValue::try_from(trace_id).expect("it came in as a header, or is of hexadecimal"),
    );
    Ok(response)
}

fn payload_limit(bytes: usize) -> Limit<'static> {
    Limit { bytes, exception: Exception::RequestTooLarge, operation: "InvokeFunction" }
}

fn answered(outcome: &Outcome, trace_id: String) -> Response {
    let mut response = Response::new(Body::from(outcome.body()));
    let headers = response.headers_mut();
    // Room for all that follow, and for those that hyper adds.
    headers.reserve(16);
    // What stands in these headers is made of UUIDs, digits, base64 and what came in as a header.
    let value = |text: String| HeaderValue::try_from(text).expect("the text is visible ASCII");
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REQUEST_ID, HeaderValue::from_str(&outcome.request_id).expect("a UUID is ASCII"));
    headers.insert(REMAPPED_CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(TRACE_ID, value(trace_id));
    let version = match outcome.executed_version {
        VersionNumber::Latest => HeaderValue::from_static("$LATEST"),
        VersionNumber::Published(number) => HeaderValue::from(number),
    };
    headers.insert(EXECUTED_VERSION, version);
    if outcome.answer.is_err() {
        headers.insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
    }
    if let Some(tail) = &outcome.log_tail {
        headers.insert(LOG_RESULT, value(BASE64_STANDARD.encode(tail)));
    }
    if outcome.stages.is_some() {
        headers.insert(SERVER_TIMING, value(server_timing(outcome)));
    }
    response
}

fn invocation_type(parts: &Parts) -> Result<InvocationType, WireError> {
    match header(parts, &INVOCATION_TYPE)? {
        None | Some("RequestResponse") => Ok(InvocationType::RequestResponse),
        Some("DryRun") => Ok(InvocationType::DryRun),
        Some("Event") => Ok(InvocationType::Event),
        Some(other) => {
            let allowed = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]";
            Err(WireError::constraint(Member("invocationType"), other, allowed))
        }
    }
}

fn log_tail(parts: &Parts) -> Result<bool, WireError> {
    match header(parts, &LOG_TYPE)? {
        None | Some("None") => Ok(false),
        Some("Tail") => Ok(true),
        Some(other) => Err(WireError::constraint(
            Member("logType"),
            other,
            "Member must satisfy enum value set: [None, Tail]",
        )),
    }
}

fn client_context(parts: &Parts, limit: usize) -> Result<Option<String>, WireError> {
    let Some(given) = header(parts, &CLIENT_CONTEXT)? else { return Ok(None) };
    let bad = || {
        WireError::request_content("Client context must be a valid Base64-encoded JSON object.".to_owned())
    };
    if given.len() > limit {
        return Err(WireError::request_content(format!(
            "Client context must be at most {limit} bytes in Base64."
        )));
    }
    let json =
        BASE64_STANDARD.decode(given).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&json).map_err(|_| bad())?;
    Ok(Some(json))
}

/// A durable execution promises to run once, and a tenant to share no instance with another. What does not keep such a
/// promise must not take the request.
fn refuse_what_no_function_is(parts: &Parts) -> Result<(), WireError> {
    let refused = [
        (
            DURABLE_EXECUTION_NAME,
            "DurableExecutionName is given, but the function is not a durable function.",
        ),
        (TENANT_ID, "TenantId is given, but the function has no tenant isolation."),
    ];
    match refused.into_iter().find(|(header, _)| parts.headers.contains_key(header)) {
        Some((_, why)) => Err(WireError::parameter(why)),
        None => Ok(()),
    }
}
