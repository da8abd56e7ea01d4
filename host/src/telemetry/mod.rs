//! What can be seen of a running host: its functions' log lines and the time of stages.
//!
//! Nothing here waits or writes synchronously on the path of an invocation.

mod log;
mod stopwatch;

pub(crate) use log::{Log, LogFeed, RequestLog, Stream, Writer};
pub use log::{LogLine, LogSource};
pub(crate) use stopwatch::Stopwatch;
