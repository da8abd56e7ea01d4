//! A double of the host, so that functions are tested with plain `cargo test`.
//!
//! The payload is read, the handler called and its answer written by the same code as in a
//! component; only the host's limits (time, memory, length of an answer) do not hold here.
//!
//! ```
//! use samovar_sdk::{service_fn, testing, Error, LambdaEvent};
//! use serde_json::{json, Value};
//!
//! async fn hello(event: LambdaEvent<Value>) -> Result<Value, Error> {
//!     let name = event.payload["name"].as_str().ok_or("an event needs a name")?;
//!     Ok(json!({ "message": format!("Hello, {name}!") }))
//! }
//!
//! let mut service = service_fn(hello);
//! assert_eq!(testing::invoke(&mut service, json!({"name": "Ada"})), Ok(json!({"message": "Hello, Ada!"})));
//! assert_eq!(testing::invoke(&mut service, json!({})).unwrap_err().error_message, "an event needs a name");
//! ```

use crate::{
    ClientContext, Config, Context, Diagnostic, FromPayload, FunctionError, IntoPayload, LambdaEvent, Service,
};
use crate::{call::call, panics};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::{Duration, SystemTime};
use std::{panic, time};

pub use crate::executor::block_on;

/// Answers the HTTP requests of this thread's functions, which have no network here.
///
/// ```
/// use samovar_sdk::{http, service_fn, testing, Error, LambdaEvent};
/// use serde_json::{json, Value};
///
/// async fn weather(event: LambdaEvent<String>) -> Result<Value, Error> {
///     let url = format!("https://api.example.com/{}", event.payload);
///     Ok(http::get(url).await?.json().await?)
/// }
///
/// testing::answer_requests(|request| {
///     assert_eq!(request.url(), "https://api.example.com/Oslo");
///     Ok(http::Response::new(200, r#"{"sky": "blue"}"#))
/// });
/// let answer = testing::invoke(&mut service_fn(weather), json!("Oslo"));
/// assert_eq!(answer, Ok(json!({"sky": "blue"})));
/// ```
#[cfg(feature = "http")]
pub fn answer_requests(
    respond: impl FnMut(&crate::http::Request) -> Result<crate::http::Response, crate::http::Error> + 'static,
) {
    crate::http::answer_requests(respond);
}

/// Sends an event to a service and waits for its answer.
///
/// # Errors
///
/// What the caller of the function would see; a panic is `Runtime.Panic`, as it is in a component.
///
/// # Panics
///
/// When the answer is not JSON, which only a [`RawPayload`](crate::RawPayload) can be: see
/// [`invoke_bytes`].
pub fn invoke<P, S>(service: &mut S, event: Value) -> Result<Value, FunctionError>
where
    P: FromPayload,
    S: Service<LambdaEvent<P>>,
    S::Response: IntoPayload,
    S::Error: Into<Diagnostic>,
{
    let answer = invoke_bytes(service, event.to_string(), context().build())?;
    Ok(serde_json::from_slice(&answer).expect("the answer is JSON; use `invoke_bytes` where it is not"))
}

/// Sends an event as bytes, in a context of your own, and waits for the answer as bytes.
///
/// # Errors
///
/// As [`invoke`].
///
/// ```
/// use samovar_sdk::{service_fn, testing, Error, LambdaEvent};
///
/// let mut service = service_fn(|event: LambdaEvent<()>| async move { Ok::<_, Error>(event.context.request_id) });
/// let context = testing::context().request_id("r-1").build();
/// assert_eq!(testing::invoke_bytes(&mut service, "null", context).unwrap(), br#""r-1""#);
/// ```
pub fn invoke_bytes<P, S>(
    service: &mut S,
    event: impl AsRef<[u8]>,
    context: Context,
) -> Result<Vec<u8>, FunctionError>
where
    P: FromPayload,
    S: Service<LambdaEvent<P>>,
    S::Response: IntoPayload,
    S::Error: Into<Diagnostic>,
{
    let event = event.as_ref().to_vec();
    catch_panic(|| block_on(call(service, event, context)))?
}

/// Begins a context with values that are the same in every test: request id
/// `00000000-0000-0000-0000-000000000000`, three seconds of time, 128 MB, version `$LATEST` of the
/// function `test`.
///
/// ```
/// let context = samovar_sdk::testing::context().tenant_id("blue").build();
/// assert_eq!(context.tenant_id.as_deref(), Some("blue"));
/// assert_eq!(context.env_config.function_name, "test");
/// ```
pub fn context() -> ContextBuilder {
    let config = Config {
        function_name: "test".to_owned(),
        memory: 128,
        version: "$LATEST".to_owned(),
        log_stream: "test".to_owned(),
        log_group: "/aws/lambda/test".to_owned(),
    };
    let context = Context {
        request_id: "00000000-0000-0000-0000-000000000000".to_owned(),
        invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned(),
        ..Context::default()
    };
    ContextBuilder { config, context, timeout: Duration::from_secs(3) }
}

/// A context in the making; see [`context`].
#[derive(Clone, Debug)]
#[must_use = "call `build` to have the context"]
pub struct ContextBuilder {
    config: Config,
    context: Context,
    timeout: Duration,
}

impl ContextBuilder {
    /// The id of the request.
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.context.request_id = id.into();
        self
    }

    /// How long the invocation may take, counted from [`build`](Self::build). Default: 3 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The ARN that was invoked.
    pub fn invoked_function_arn(mut self, arn: impl Into<String>) -> Self {
        self.context.invoked_function_arn = arn.into();
        self
    }

    /// The trace header. Default: none.
    pub fn xray_trace_id(mut self, header: impl Into<String>) -> Self {
        self.context.xray_trace_id = Some(header.into());
        self
    }

    /// What the caller says about itself. Default: nothing.
    pub fn client_context(mut self, client_context: ClientContext) -> Self {
        self.context.client_context = Some(client_context);
        self
    }

    /// The tenant the caller acts for. Default: none.
    pub fn tenant_id(mut self, tenant: impl Into<String>) -> Self {
        self.context.tenant_id = Some(tenant.into());
        self
    }

    /// What is constant for the version of the function.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The context.
    pub fn build(self) -> Context {
        let deadline = SystemTime::now() + self.timeout;
        let since_epoch = deadline.duration_since(time::UNIX_EPOCH).unwrap_or_default();
        Context {
            deadline: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            env_config: self.config.into(),
            ..self.context
        }
    }
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<FunctionError>> = const { RefCell::new(None) };
}

/// Runs something that may panic, and tells the panic as the component's hook would.
fn catch_panic<T>(run: impl FnOnce() -> T) -> Result<T, FunctionError> {
    static HOOK: Once = Once::new();
    // The place of a panic is known to hooks only. This one leaves panics that nobody catches to
    // the hook before it.
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                CAUGHT.set(Some(panics::function_error(info)));
            } else {
                previous(info);
            }
        }));
    });
    let outer = CATCHING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    CATCHING.set(outer);
    result.map_err(|_| {
        CAUGHT.take().unwrap_or_else(|| FunctionError::new(FunctionError::PANIC, "the hook was replaced"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, RawPayload, service_fn};
    use serde_json::json;
    use std::collections::HashMap;

    #[test]
    fn a_panic_is_told_with_its_message_and_its_place() {
        let mut service =
            service_fn(async |_: LambdaEvent<Value>| -> Result<(), Error> { panic!("no {}", "tea") });
        let error = invoke(&mut service, json!({})).expect_err("it panics");
        assert_eq!((error.error_type.as_str(), error.error_message.as_str()), ("Runtime.Panic", "no tea"));
        assert!(error.stack_trace[0].contains("testing.rs:"), "{:?}", error.stack_trace);
    }

    #[test]
    fn a_payload_the_handler_cannot_take_never_reaches_it() {
        let mut service = service_fn(async |event: LambdaEvent<u32>| Ok::<_, Error>(event.payload));
        let error = invoke(&mut service, json!("three")).expect_err("it is no number");
        assert_eq!(error.error_type, "Runtime.UnmarshalError");
        assert!(error.error_message.contains("expected u32"), "{}", error.error_message);
    }

    #[test]
    fn an_answer_that_cannot_be_json_is_an_error() {
        let mut service =
            service_fn(async |_: LambdaEvent<()>| Ok::<_, Error>(HashMap::from([(vec![1], 2)])));
        let error = invoke(&mut service, json!(null)).expect_err("a list cannot be a key");
        assert_eq!(error.error_type, "Runtime.MarshalError");
    }

    #[test]
    fn raw_bytes_pass_as_they_are() {
        let mut service = service_fn(async |event: LambdaEvent<RawPayload>| Ok::<_, Error>(event.payload));
        assert_eq!(invoke_bytes(&mut service, [0xff, 0], context().build()), Ok(vec![0xff, 0]));
    }

    #[test]
    fn a_service_keeps_its_state_from_event_to_event() {
        let mut count = 0;
        let mut service = service_fn(|_: LambdaEvent<Value>| {
            count += 1;
            std::future::ready(Ok::<_, Error>(count))
        });
        assert_eq!(invoke(&mut service, json!({})), Ok(json!(1)));
        assert_eq!(invoke(&mut service, json!({})), Ok(json!(2)));
    }
}
