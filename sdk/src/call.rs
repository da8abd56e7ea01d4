//! One event through a service. The component, the native binary and the tests all take this path.

use crate::{Context, Diagnostic, FromPayload, FunctionError, IntoPayload, LambdaEvent, Service};
use std::future::poll_fn;

pub(crate) async fn call<P, S>(
    service: &mut S,
    payload: Vec<u8>,
    context: Context,
) -> Result<Vec<u8>, FunctionError>
where
    P: FromPayload,
    S: Service<LambdaEvent<P>>,
    S::Response: IntoPayload,
    S::Error: Into<Diagnostic>,
{
    let payload = P::from_payload(payload)?;
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(reported)?;
    let answer = service.call(LambdaEvent::new(payload, context)).await.map_err(reported)?;
    answer.into_payload()
}

fn reported(error: impl Into<Diagnostic>) -> FunctionError {
    error.into().into()
}
