//! What can be seen of a running host: log lines, reports and the time of stages.
//!
//! Nothing here waits or writes synchronously on the path of an invocation.

mod log;
mod report;
mod stages;

pub use log::{LogLine, LogSource};
pub(crate) use log::{Log, LogFeed};
pub use report::{Report, Status};
pub use stages::Stages;
pub(crate) use stages::Stopwatch;
