//! A handler as a service.

use std::fmt;
use std::future::Future;
use std::task::{Context, Poll};
pub use tower_service::Service;

/// Makes a service of an async function or closure.
///
/// ```
/// use samovar_sdk::{Error, LambdaEvent, service_fn, testing};
/// use serde_json::json;
///
/// let mut service = service_fn(|event: LambdaEvent<String>| async move {
///     Ok::<_, Error>(event.payload.to_uppercase())
/// });
/// assert_eq!(testing::invoke(&mut service, json!("tea")).unwrap(), "TEA");
/// ```
pub fn service_fn<T>(function: T) -> ServiceFn<T> {
    ServiceFn { function }
}

/// A service that calls a function; see [`service_fn`].
#[derive(Clone, Copy)]
pub struct ServiceFn<T> {
    function: T,
}

impl<T> fmt::Debug for ServiceFn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceFn").finish_non_exhaustive()
    }
}

impl<T, F, Request, R, E> Service<Request> for ServiceFn<T>
where
    T: FnMut(Request) -> F,
    F: Future<Output = Result<R, E>>,
{
    type Response = R;
    type Error = E;
    type Future = F;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> F {
        (self.function)(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, LambdaEvent, testing};
    use serde_json::json;
    use tower::ServiceExt;

    #[test]
    fn a_service_may_be_wrapped_with_tower() {
        let doubled = async |event: LambdaEvent<u32>| Ok::<_, Error>(event.payload * 2);
        let mut service = service_fn(doubled).map_response(|answer| format!("{answer} cups"));
        assert_eq!(testing::invoke(&mut service, json!(3)), Ok(json!("6 cups")));
    }
}
