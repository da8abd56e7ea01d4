//! What can be seen of a running host: its functions' log lines and the time of stages.
//!
//! Nothing here waits or writes synchronously on the path of an invocation: lines are handed to those who listen and to
//! a queue from which they are kept.

mod batch;
mod feed;
mod form;
mod handed_over;
mod log;
mod platform;
mod queue;
mod quota;
mod share;
mod source;
mod stopwatch;

pub(crate) use batch::{Batch, KeptLine};
pub(crate) use feed::LogFeed;
pub use feed::LogLine;
pub(crate) use log::{Log, RequestLog, Stream, Writer};
pub(crate) use platform::InitPhase;
pub(crate) use queue::{KEPT_LINE_BYTES_MAX, LogQueue};
pub use quota::DroppedLogs;
pub use source::LogSource;
pub(crate) use stopwatch::Stopwatch;
