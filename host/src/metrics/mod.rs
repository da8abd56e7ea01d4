//! What is counted of a host: atomics that its parts touch as they work, and plain values that are read off them now and then.
//!
//! Nothing here waits, and nothing is computed before somebody asks. Knows no form in which metrics are shown.

mod compilation;
mod counters;
mod events;
mod flushes;
mod gauge;
mod histogram;
mod logs;
mod series;
mod sources;
mod store;

pub use compilation::CompilationMetrics;
pub(crate) use compilation::CompileCounters;
pub(crate) use counters::{Counters, SeriesKey, VersionCounters};
pub(crate) use events::EventCounters;
pub use events::EventMetrics;
#[cfg(feature = "sqlite")]
pub(crate) use flushes::FlushCounters;
pub use flushes::FlushFigures;
#[cfg(feature = "http")]
pub(crate) use gauge::Gauge;
pub(crate) use gauge::Inside;
pub use histogram::DurationHistogram;
pub(crate) use logs::LogCounters;
pub use logs::LogMetrics;
pub(crate) use series::InstanceKind;
pub use series::{ErrorType, ResourceMetrics, ThrottleCause};
pub(crate) use sources::MappingCounters;
pub use sources::MappingMetrics;
pub(crate) use store::StoreCounters;
pub use store::StoreMetrics;
