//! What is asked of a request before anything of it is run.

use std::sync::Arc;

use bytes::Bytes;

use crate::function::Limits;
use crate::invocation::{Invocation, Invoke, InvokeError, TENANT_ID_BYTES_MAX, TRACE_ID_BYTES_MAX};
use crate::version::Version;

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
