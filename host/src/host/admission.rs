//! What is asked of a request before anything of it is run.

use std::sync::Arc;

use bytes::Bytes;

use super::Host;
use crate::cpu::Closed;
use crate::function::Limits;
use crate::invocation::{Invocation, Invoke, InvokeError, TENANT_ID_BYTES_MAX, TRACE_ID_BYTES_MAX};
use crate::version::Version;

/// The weight of checks of payloads among functions that compute: as of a function with this memory size, in MB, which has
/// one core to itself on Lambda.
pub(super) const CHECKS_WEIGHT: u32 = 1_769;
/// Payloads of so many bytes are looked through within some ten microseconds, and so are where they come in.
const CHECKED_AT_ONCE_BYTES_MAX: usize = 64 << 10;

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
        request_id: request.request_id.unwrap_or_else(request_id),
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

impl Host {
    /// The same request, if its payload is JSON; a large one is looked through on the processors, where others need not wait for
    /// that.
    pub(crate) async fn checked(&self, request: Invoke) -> Result<Invoke, InvokeError> {
        if request.payload.len() <= CHECKED_AT_ONCE_BYTES_MAX {
            return request.checked();
        }
        let check = async move { request.checked() };
        // From the start: a check asks at no tick whether to go on, so it would never move.
        let checked = self.parts.processors.run_there(&self.parts.checks, None, check).await;
        checked.unwrap_or_else(|Closed| Err(InvokeError::Closing))
    }
}

pub(super) fn check_size(what: &'static str, text: Option<&str>, limit: usize) -> Result<(), InvokeError> {
    match text.map_or(0, str::len) {
        bytes if bytes > limit => Err(InvokeError::BadContext {
            what,
            problem: format!("has {bytes} bytes; at most {limit} are allowed"),
        }),
        _ => Ok(()),
    }
}

pub(super) fn request_id() -> Arc<str> {
    let mut buffer = uuid::Uuid::encode_buffer();
    Arc::from(&*uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::FunctionRef;

    #[tokio::test]
    async fn payloads_are_looked_through_where_they_come_in_only_while_they_are_small() {
        let host = Host::temporary().await.expect("a host");
        let function: FunctionRef = "any".parse().expect("a reference");
        let json = |bytes: usize| Invoke::new(function.clone(), format!("\"{}\"", "a".repeat(bytes - 2)));
        let (small, large) = (json(CHECKED_AT_ONCE_BYTES_MAX), json(CHECKED_AT_ONCE_BYTES_MAX + 1));
        assert!(host.checked(small.clone()).await.is_ok() && host.checked(large.clone()).await.is_ok());
        // Whatever goes on without the processors does not need them.
        host.parts.processors.close();
        assert!(host.checked(small).await.is_ok());
        assert!(matches!(host.checked(large).await, Err(InvokeError::Closing)), "there are no processors");
        host.close().await;
    }
}
