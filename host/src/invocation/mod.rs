//! One invocation, from what the caller asks to what came of it.
//!
//! Pure: knows nothing of HTTP, pools or wasmtime.

mod function_error;
mod invoke;
mod outcome;
mod report;
mod stages;
mod throttle;

pub(crate) use function_error::Answer;
pub use function_error::{FunctionError, FunctionErrorKind};
pub(crate) use invoke::Invocation;
pub use invoke::{Invoke, InvokeError, Start, TENANT_ID_BYTES_MAX, TRACE_ID_BYTES_MAX};
pub use outcome::Outcome;
pub use report::{Report, Status};
pub use stages::Stages;
pub use throttle::{ThrottleReason, Throttled};
