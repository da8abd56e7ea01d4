//! The component's side: what the host calls, and the `main` that answers it.
//!
//! `main` is a future that lives as long as the instance. The host's `init` polls it until it waits
//! in [`serve`] for an event; each `handle` hands it one and polls it until the answer is there. So
//! `init` returns, which a snapshot needs, and yet the handler may borrow what `main` owns, which
//! functions written for `lambda_runtime` do.

use crate::executor::Woken;
use crate::{
    Context, Diagnostic, Error, FromPayload, FunctionError, IntoPayload, LambdaEvent, Service, SharedConfig,
};
use crate::{call::call, panics};
use bindings::samovar::function::types;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{Write, stderr, stdout};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};
use std::{fmt, panic, process};

/// What `wit-bindgen` makes of the WIT package.
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::allow_attributes_without_reason,
    reason = "generated code, which passes pointers to the host"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit/function.wit",
        world: "function",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

/// The author's `main`.
pub trait Main {
    /// Calls it.
    fn start() -> impl Future<Output = Result<(), FunctionError>> + 'static;
}

/// The exports of a component whose `main` is `M`.
pub struct Exports<M>(PhantomData<M>);

impl<M> fmt::Debug for Exports<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exports")
    }
}

impl<M: Main> bindings::exports::samovar::function::lifecycle::Guest for Exports<M> {
    fn init() -> Result<(), types::FunctionError> {
        INSTANCE.with_borrow_mut(Instance::init::<M>).map_err(Into::into)
    }
}

impl<M: Main> bindings::exports::samovar::function::handler::Guest for Exports<M> {
    fn handle(event: Vec<u8>, context: types::Context) -> Result<Vec<u8>, types::FunctionError> {
        INSTANCE.with_borrow_mut(|instance| instance.handle::<M>(event, context)).map_err(Into::into)
    }
}

/// Answers the events of this instance. It waits where `main` awaits it, and never returns.
pub(crate) async fn serve<P, S>(mut handler: S) -> Result<(), Error>
where
    P: FromPayload,
    S: Service<LambdaEvent<P>>,
    S::Response: IntoPayload,
    S::Error: Into<Diagnostic>,
{
    // Not read before an event: a snapshot may be taken before the first one and run under another environment.
    let config = SharedConfig::of_environment();
    loop {
        let (event, context) = poll_fn(next_event).await;
        let answer = match joined(context, &config) {
            Ok(context) => call(&mut handler, event, context).await,
            Err(error) => Err(error),
        };
        ANSWER.set(Some(answer));
    }
}

/// Says why this component is no command, when somebody runs it as one.
pub fn refuse_command<T>(_: T) -> ! {
    let _ = writeln!(
        stderr(),
        "this component is a Samovar function: it handles events through its export samovar:function/handler and \
         cannot be run as a command"
    );
    process::exit(1)
}

thread_local! {
    static INSTANCE: RefCell<Instance> = const { RefCell::new(Instance::New) };
    /// The event that `handle` hands to `serve`.
    static EVENT: Cell<Option<(Vec<u8>, types::Context)>> = const { Cell::new(None) };
    /// The answer that `serve` hands to `handle`.
    static ANSWER: Cell<Option<Result<Vec<u8>, FunctionError>>> = const { Cell::new(None) };
    /// Wakes `serve`, which waits for an event.
    static WAITING: Cell<Option<Waker>> = const { Cell::new(None) };
}

fn next_event(cx: &mut task::Context<'_>) -> Poll<(Vec<u8>, types::Context)> {
    match EVENT.take() {
        Some(event) => Poll::Ready(event),
        None => {
            WAITING.set(Some(cx.waker().clone()));
            Poll::Pending
        }
    }
}

/// This instance of the function.
enum Instance {
    /// `main` was not called yet.
    New,
    /// `main` waits for events, or is setting itself up.
    Running(Running),
    /// `main` returned, and this is what every event is told.
    Ended(FunctionError),
}

struct Running {
    main: Pin<Box<dyn Future<Output = Result<(), FunctionError>>>>,
    woken: Arc<Woken>,
    waker: Waker,
}

impl Instance {
    fn init<M: Main>(&mut self) -> Result<(), FunctionError> {
        if !matches!(self, Instance::New) {
            return Ok(());
        }
        panic::set_hook(Box::new(report_panic));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        *self = Instance::Running(Running { main: Box::pin(M::start()), woken, waker });
        let waiting = self.advance(|| WAITING.take())?;
        WAITING.set(Some(waiting));
        Ok(())
    }

    fn handle<M: Main>(&mut self, event: Vec<u8>, context: types::Context) -> Result<Vec<u8>, FunctionError> {
        // A host that does not know `lifecycle` calls nothing before this.
        self.init::<M>()?;
        EVENT.set(Some((event, context)));
        if let Some(waiting) = WAITING.take() {
            waiting.wake();
        }
        self.advance(|| ANSWER.take())?
    }

    /// Polls `main` until what we need of it is there.
    fn advance<T>(&mut self, needed: impl Fn() -> Option<T>) -> Result<T, FunctionError> {
        let running = match self {
            Instance::Running(running) => running,
            Instance::Ended(error) => return Err(error.clone()),
            Instance::New => unreachable!("init comes first"),
        };
        let outcome = running.advance(needed);
        // A line that was begun but not ended would otherwise appear with a later event's.
        let _ = stdout().flush();
        outcome.inspect_err(|error| *self = Instance::Ended(error.clone()))
    }
}

impl Running {
    fn advance<T>(&mut self, needed: impl Fn() -> Option<T>) -> Result<T, FunctionError> {
        let mut cx = task::Context::from_waker(&self.waker);
        loop {
            if let Poll::Ready(result) = self.main.as_mut().poll(&mut cx) {
                return Err(returned(result));
            }
            if let Some(there) = needed() {
                return Ok(there);
            }
            self.woken.wait();
        }
    }
}

/// The error that `main` returning is.
fn returned(result: Result<(), FunctionError>) -> FunctionError {
    result.err().unwrap_or_else(|| {
        FunctionError::new(
            FunctionError::HANDLER_NOT_FOUND,
            "`main` returned without waiting in `samovar_sdk::run`, so nothing handles events",
        )
    })
}

/// Joins what changes with each event and what is constant.
fn joined(context: types::Context, config: &SharedConfig) -> Result<Context, FunctionError> {
    let client_context = match context.client_context.as_deref() {
        None | Some("") => None,
        Some(text) => Some(serde_json::from_str(text).map_err(|error| {
            FunctionError::new(FunctionError::UNMARSHAL, format!("the client context is not valid: {error}"))
        })?),
    };
    Ok(Context {
        request_id: context.request_id,
        deadline: context.deadline_ms,
        invoked_function_arn: context.invoked_function_arn,
        xray_trace_id: context.trace_id,
        client_context,
        identity: None,
        tenant_id: context.tenant_id,
        env_config: config.clone(),
    })
}

/// Tells the host about a panic, in place of the lines Rust would print.
fn report_panic(info: &panic::PanicHookInfo<'_>) {
    let record = panics::record(panics::function_error(info));
    // Nobody is left to be told of a failure here.
    let _ = stderr().write_all(&record);
    let _ = stdout().flush();
}

impl From<FunctionError> for types::FunctionError {
    fn from(error: FunctionError) -> Self {
        Self {
            error_type: error.error_type,
            error_message: error.error_message,
            stack_trace: error.stack_trace,
        }
    }
}
