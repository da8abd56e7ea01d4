//! What is asked of a request before anything of it is run.

use std::sync::Arc;

use bytes::Bytes;

use super::Host;
use crate::concurrency::Permit;
use crate::function::Limits;
use crate::invocation::{Invocation, Invoke, InvokeError, Start, TENANT_ID_BYTES_MAX, TRACE_ID_BYTES_MAX};
use crate::metrics::InstanceKind;
use crate::pool::{Provisioned, Seat};
use crate::version::{Version, WasmLauncher};
use crate::wasm::Instance;

/// What an invocation has of the host while it runs: a permit, and the seat of the provisioned instance that it runs on.
#[derive(Debug)]
pub(super) struct Entry {
    seat: Option<Seat<WasmLauncher>>,
    _permit: Permit,
}

impl Entry {
    /// What instance it is that the invocation has.
    pub(super) fn kind(&self, version: &Version) -> InstanceKind {
        match (&self.seat, version.provisioned()) {
            (Some(_), _) => InstanceKind::Provisioned,
            (None, Some(provisioned)) if provisioned.standing().target > 0 => InstanceKind::Spillover,
            (None, _) => InstanceKind::OnDemand,
        }
    }

    /// Gives back the instance, and with it the permit.
    pub(super) fn leave(self, version: &Version, instance: Option<Instance>) {
        match self.seat {
            Some(seat) => seat.put_back(instance),
            None => version.pool.put_back(instance),
        }
    }
}

impl Host {
    /// Lets an invocation in: on a provisioned instance of its version, if one is ready, or else on demand, as soon as its
    /// function may run one more.
    pub(super) async fn enter(
        &self,
        version: &Version,
        start: Start,
    ) -> Result<(Entry, Option<Instance>), InvokeError> {
        let provisioned = version.provisioned().filter(|_| start == Start::Any);
        let (entry, instance) = match provisioned.and_then(Provisioned::take) {
            Some((seat, instance)) => match version.gate.acquire_provisioned() {
                Ok(permit) => (Entry { seat: Some(seat), _permit: permit }, Some(instance)),
                Err(throttled) => {
                    seat.put_back(Some(instance));
                    return Err(InvokeError::Throttled(throttled));
                }
            },
            None => {
                let permit = match version.gate.acquire() {
                    Err(_) if !version.facts.configuration.permit_wait.is_zero() => {
                        let wait = version.facts.configuration.permit_wait.duration();
                        self.until_closed(version.gate.acquire_within(wait)).await?
                    }
                    decided => decided,
                };
                (Entry { seat: None, _permit: permit.map_err(InvokeError::Throttled)? }, None)
            }
        };
        // Looked at with the permit in hand: `close` sets the flag first and then waits for all permits.
        if self.is_closing() { Err(InvokeError::Closing) } else { Ok((entry, instance)) }
    }
}

/// Turns a request into what an instance is run with, if it keeps within the limits.
pub(super) fn admit(version: &Version, request: Invoke, limits: &Limits) -> Result<Invocation, InvokeError> {
    let bytes = request.payload.len();
    if bytes > limits.payload_bytes {
        return Err(InvokeError::PayloadTooLarge { bytes, limit: limits.payload_bytes });
    }
    check_size("client context", request.client_context.as_deref(), limits.client_context_bytes)?;
    check_size("trace header", request.trace_id.as_deref(), TRACE_ID_BYTES_MAX)?;
    check_size("tenant id", request.tenant_id.as_deref(), TENANT_ID_BYTES_MAX)?;
    let qualifier = request.function.qualifier.as_ref();
    Ok(Invocation {
        request_id: request_id(),
        payload: if bytes == 0 { Bytes::from_static(b"{}") } else { request.payload },
        invoked_function_arn: qualifier
            .map_or_else(|| version.arn.as_str().to_owned(), |q| version.arn.qualified(q)),
        client_context: request.client_context,
        trace_id: request.trace_id,
        tenant_id: request.tenant_id,
        timeout: version.facts.configuration.timeout,
        memory: version.facts.configuration.memory,
        log_tail: request.log_tail,
        stages: request.stages,
        start: request.start,
    })
}

fn check_size(what: &'static str, text: Option<&str>, limit: usize) -> Result<(), InvokeError> {
    match text.map_or(0, str::len) {
        bytes if bytes > limit => Err(InvokeError::BadContext {
            what,
            problem: format!("has {bytes} bytes; at most {limit} are allowed"),
        }),
        _ => Ok(()),
    }
}

fn request_id() -> Arc<str> {
    let mut buffer = uuid::Uuid::encode_buffer();
    Arc::from(&*uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer))
}
