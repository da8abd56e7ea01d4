//! Samovar is Lambda you can embed: it runs WebAssembly functions the way AWS Lambda runs functions.
//!
//! A [`Host`] keeps functions: versions that never change, behind aliases that can be moved. It keeps a pool of
//! warm instances per version and bounds the memory and time of every invocation. With the feature `http` (on by
//! default) it answers Lambda's own HTTP API; with `default-features = false` there is only the engine.
//!
//! ```no_run
//! use samovar::{Deployment, Host, Invoke};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let host = Host::temporary().await?;
//!     let version = host.publish(Deployment::new("hello", std::fs::read("hello.wasm")?)).await?;
//!     host.alias("hello", "live", version.number).await?;
//!
//!     let outcome = host.invoke(Invoke::new("hello:live".parse()?, r#"{"name":"Ada"}"#)).await?;
//!     println!("{} in {:?}", String::from_utf8_lossy(&outcome.body()), outcome.report.duration);
//!     host.close().await;
//!     Ok(())
//! }
//! ```

mod artifact;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod concurrency;
mod cpu;
mod events;
#[cfg_attr(
    not(any(feature = "sqlite", test)),
    expect(dead_code, reason = "all places are in what is written to a disk")
)]
mod failpoint;
pub mod function;
mod heap;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod invocation;
mod logs;
mod metrics;
mod policy;
mod pool;
mod registry;
pub mod sources;
mod sqs;
mod store;
mod sync;
mod telemetry;
mod timestamp;
mod urgency;
mod version;
mod wasm;

pub use artifact::{
    CodeDigest, CodeError, CompileLimits, Compiler, DigestError, PackageError, compile_worker,
};
pub use function::{Limits, LimitsError};
pub use host::{
    AcceptedEvent, AccountUsage, AliasError, AliasInfo, AsyncDepth, AuditLine, Caller, ChangeError,
    CodeStorageExceeded, ConcurrencyFigures, CreateAlias, CreateFunction, CreateFunctionError, CreateMapping,
    DeadLetterChangeError, DeadLetterCursor, DeadLetterFigures, DeadLetterFilter, DeadLetterTask,
    DeleteFunctionError, DeliveryBacklog, Deployment, EventBody, EventFailure, EventFigures, EventInfo,
    EventInvokeError, EventInvokeInfo, EventState, FunctionConcurrency, FunctionNotFound, FunctionPending,
    FunctionVersion, Host, HostBuilder, InvokeAsyncError, LastUpdate, ListFunctions, ListMappings,
    MappingError, MappingInfo, MetricsSnapshot, Page, PolicyInfo, ProvisionedConcurrencyFigures,
    ProvisionedError, ProvisionedInfo, ProvisionedStatus, PublishAliasError, PublishError, PublishVersion,
    PublishVersionError, QueueMetrics, ReserveError, ResourcePolicyError, RevisionMismatch, ScheduleRef,
    SettingError, StartError, TooManyVersions, UndeliveredEvent, Unready, UpdateAlias, UpdateFunctionCode,
    UpdateFunctionError, UpdateInProgress, UpdateMapping, VersionInstances,
};
#[cfg(feature = "sqlite")]
pub use host::{Backup, BackupError, backup};
/// A network, for [`HostBuilder::outbound_addresses`].
pub use ipnet::IpNet;

pub use invocation::{
    FunctionError, FunctionErrorKind, Invoke, InvokeError, Outcome, Report, Stages, Start, Status,
    TENANT_ID_BYTES_MAX, TRACE_ID_BYTES_MAX, ThrottleReason, Throttled,
};
pub use logs::{
    LOG_LIST_MAX, LOG_PAGE_EVENTS_MAX, ListLogGroups, ListLogStreams, LogEvent, LogEventPage, LogFilter,
    LogFilterError, LogGroupInfo, LogList, LogPosition, LogPositionError, LogSettings, LogStreamChoice,
    LogStreamInfo, LogStreamOrder, LogsError, ReadLogEvents, ReadLogsFrom,
};
pub use metrics::{
    CompilationMetrics, DurationHistogram, ErrorType, EventMetrics, FlushFigures, LogMetrics, MappingMetrics,
    ResourceMetrics, StoreMetrics, ThrottleCause,
};
/// How an asynchronous event ended.
pub use policy::retry::Condition as EventCondition;
#[cfg(feature = "sqs")]
pub use sqs::{SqsCredentials, SqsEndpoint, SqsEndpointError, SqsSettings};
pub use store::StoreError;
pub use telemetry::{DroppedLogs, LogLine, LogSource};
pub use wasm::{AssetsError, EngineError, GuestState, HANDLER, LinkError, ProgramError};
/// The engine's own crate, for [`HostBuilder::link`].
pub use wasmtime;
