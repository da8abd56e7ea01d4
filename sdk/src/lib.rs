//! Write functions for Samovar with the words of `lambda_runtime`.
//!
//! A function is an async `fn` from a [`LambdaEvent`] to an answer, handed to [`run`]. Whatever
//! `main` does before that is the set-up, which happens once for each instance and outside any
//! event's time.
//!
//! ```
//! use samovar_sdk::{run, service_fn, tokio, Error, LambdaEvent};
//! use serde_json::{json, Value};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//! # return Ok(());
//!     run(service_fn(hello)).await
//! }
//!
//! async fn hello(event: LambdaEvent<Value>) -> Result<Value, Error> {
//!     Ok(json!({ "message": format!("Hello, {}!", event.payload["name"]) }))
//! }
//! ```
//!
//! Built for `wasm32-wasip2`, a binary like this is a component that exports
//! `samovar:function/handler` and `samovar:function/lifecycle`. Built for the machine it is
//! written on, it reads one event from standard input and prints the answer, and [`testing`] calls
//! its handler from ordinary unit tests.
//!
//! # Coming from `lambda_runtime`
//!
//! The names and types are the same, so a function changes its `use` line only; [`tokio`] and
//! [`tracing`] are part of that line. Not offered are streamed answers and the `Runtime` type with
//! its layers (wrap the service in a tower layer instead), and `tokio` beyond [`tokio::time`]: a
//! guest has one thread and no sockets of its own.
//!
//! # Limits
//!
//! The host decides how long an event may take, how much memory an instance may use and how long an
//! answer may be; see [`Context::remaining_time`] for the first.

// The attribute macros name this crate by its name, and its own tests use them too.
#[cfg(test)]
extern crate self as samovar_sdk;

mod call;
mod config;
mod context;
mod diagnostic;
mod event;
mod executor;
mod function_error;
#[cfg(target_family = "wasm")]
mod guest;
#[cfg(feature = "http")]
pub mod http;
mod main_result;
#[cfg(not(target_family = "wasm"))]
mod native;
mod panics;
mod payload;
#[cfg(all(target_family = "wasm", feature = "http"))]
mod pollables;
mod service;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod timers;
pub mod tokio;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use config::{Config, SharedConfig};
pub use context::{ClientApplication, ClientContext, CognitoIdentity, Context};
pub use diagnostic::Diagnostic;
pub use event::LambdaEvent;
pub use function_error::FunctionError;
pub use payload::{FromPayload, IntoPayload, RawPayload};
pub use service::{Service, ServiceFn, service_fn};

/// Any error, as a handler may return it with `?`.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Hands the events of this instance to `handler`, one at a time.
///
/// In a component this is where `main` stays for as long as the instance lives, so the handler may
/// borrow what `main` owns. Natively it reads one event from standard input, prints the answer to
/// standard output and returns; a [`FunctionError`] goes to standard error as JSON, and the process
/// exits with status 1.
///
/// # Errors
///
/// Natively, when standard input or output fails. A component never returns from here.
///
/// ```
/// use samovar_sdk::{run, service_fn, tokio, Error, LambdaEvent};
///
/// #[tokio::main]
/// async fn main() -> Result<(), Error> {
/// # return Ok(());
///     let words = vec!["one", "two", "three"];
///     run(service_fn(async |event: LambdaEvent<usize>| {
///         words.get(event.payload).ok_or("no word has this number")
///     }))
///     .await
/// }
/// ```
pub async fn run<P, S>(handler: S) -> Result<(), Error>
where
    P: FromPayload,
    S: Service<LambdaEvent<P>>,
    S::Response: IntoPayload,
    S::Error: Into<Diagnostic>,
{
    #[cfg(target_family = "wasm")]
    return guest::serve(handler).await;
    #[cfg(not(target_family = "wasm"))]
    return native::answer_one(handler).await;
}

/// What the attribute macros expand to; not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::executor::block_on;
    #[cfg(target_family = "wasm")]
    pub use crate::guest::{Exports, Main, bindings, refuse_command as start};
    pub use crate::main_result::MainResult;
    #[cfg(not(target_family = "wasm"))]
    pub use crate::native::start;
}

/// Exports the given `main` from the component; nothing to do natively.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_main {
    ($main:ident) => {};
}

/// Exports the given `main` from the component.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_main {
    ($main:ident) => {
        struct Main;
        impl $crate::__private::Main for Main {
            fn start() -> impl ::core::future::Future<Output = ::core::result::Result<(), $crate::FunctionError>> {
                async { $crate::__private::MainResult::into_result($main().await) }
            }
        }
        type Function = $crate::__private::Exports<Main>;
        $crate::__private::bindings::export!(Function with_types_in $crate::__private::bindings);
    };
}
