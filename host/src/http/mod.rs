//! Lambda's HTTP API over a [`Host`](crate::Host), so that AWS SDKs and the `aws` command line work with nothing but
//! an endpoint URL.
//!
//! ```no_run
//! use samovar::Host;
//! use samovar::http::{self, HttpSettings};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let host = Host::builder().start().await?;
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3001").await?;
//!     let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or(()) };
//!     http::serve(listener, host.clone(), HttpSettings::default(), shutdown).await?;
//!     host.close().await;
//!     Ok(())
//! }
//! ```
//!
//! The API authenticates nobody: whoever reaches it can run code. So it answers only requests whose `Host` is this
//! machine or was [allowed](HttpSettings::allow_host), and none that a web page of elsewhere sends; and it should
//! listen on a loopback address. Signatures are accepted and not checked; the region in a signature's scope is
//! taken as the request's region.
//!
//! The environment variable `SAMOVAR_ISOLATION` of a function, `reuse` or `fresh`, says whether a warm instance
//! handles one event after another or every event has an instance of its own. `SAMOVAR_OUTBOUND` lists where the
//! function may send HTTP requests, as an [`OutboundList`](crate::function::OutboundList) is written.
//!
//! On the same port, as much of CloudWatch Logs is there as reading [kept logs](crate::HostBuilder::logs) takes
//! (DescribeLogGroups, DescribeLogStreams, GetLogEvents, FilterLogEvents: what `aws logs tail` asks), GetCallerIdentity of
//! STS, the operations of SQS on the standard queues that are built in, and those of EventBridge Scheduler on schedules that invoke
//! functions.
//!
//! Beside Lambda's operations there are some of Samovar's own. `GET /samovar/functions/NAME/aliases/ALIAS/history` tells
//! where an alias has led, `POST /samovar/functions/NAME/aliases/ALIAS/rollback` takes its last move back and answers as
//! UpdateAlias does; as that it takes a `RevisionId`, in a JSON body or in the query.
//!
//! Neither has Lambda what shows what became of asynchronous events, under the request ids that their 202 gave them, and what works
//! with dead letters: events that ended without success and that nobody was told of, and those whose ends somebody could not be
//! told. All of it is JSON, and errors have the form of Lambda's.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /samovar/events/REQUEST_ID` | the event: `State` is `Queued`, `Running`, `Retrying`, `Delivering`, `Succeeded` or `Dead`. 404 `ResourceNotFoundException` if it is not known or not kept any longer. With `?body=1` it has the `Result` of a success or the `Payload` of what is dead, as JSON or, if it is none, as a text |
//! | `GET /samovar/dead-letters` | `DeadLetters`, the one that ended first at the beginning, 50 at most, and `NextMarker` if there may be more. The query takes `function`, `reason` (a condition such as `RetriesExhausted`), `older-than-seconds`, `marker` and `max-items` |
//! | `GET /samovar/delivery-backlogs` | `DeliveryBacklogs`: of each queue that messages wait for which tell how events ended, its `QueueArn`, how many are `Waiting`, how many `Failures` there were in a row, and the `LastError`. Failures that wait so are no dead letters yet |
//! | `GET /samovar/dead-letters/REQUEST_ID` | one of them, also with `?body=1` |
//! | `POST /samovar/dead-letters/REQUEST_ID/redrive` | puts it back into the queue under its request id, and answers with it. 409 `ResourceConflictException` if it is none, or succeeded and is not to run again |
//! | `DELETE /samovar/dead-letters/REQUEST_ID` | 204: it is gone for good |
//! | `POST /samovar/dead-letters/redrive` | puts all back that are there now and fit `Function`, `Reason` and `OlderThanSeconds` of the body, at most `RatePerSecond` (1 to 10,000) a second if that is given |
//! | `POST /samovar/dead-letters/purge` | removes all that are there now and fit |
//!
//! The last two answer with how many `Matched`, and how many of them are `Done` and `Refused`: with 200 when they are through, or with
//! 202 after two seconds: then it goes on. Eight may go on at a time, one more is a 429.
//!
//! `GET /healthz` tells that the process answers, `GET /readyz` whether it takes invocations (200 `ok`, or 503 with the reason),
//! and `GET /metrics` what was [measured](metric_definitions), for Prometheus.
//!
//! Knows nothing of wasmtime; knows of the engine only what [`Host`](crate::Host) offers to everybody.

mod account;
mod alias_history;
mod aliases;
mod answer_pause;
mod api;
mod bodies;
mod bulk;
mod call;
mod caller;
mod code;
mod code_signing;
mod concurrency;
mod configuration;
mod connection_limits;
mod credential;
mod engine_error;
mod event_invoke;
mod event_source_mappings;
mod events;
mod function_answer;
mod function_code;
mod function_environment;
mod function_settings;
mod functions;
mod guard;
mod invoke;
mod lingering;
mod logs;
mod metrics;
mod model;
mod operations;
mod pace;
mod paging;
mod policy;
mod provisioned;
mod query;
mod readiness;
mod recursion;
mod refused;
mod request;
mod router;
mod runtime_management;
mod scheduler;
mod serve;
mod service;
mod settings;
mod sqs;
mod starting;
mod sts;
mod tags;
mod target;
mod timing;
mod trace;
mod versions;
mod wire_error;

pub use function_environment::{ISOLATION_VARIABLE, OUTBOUND_VARIABLE, PERMIT_WAIT_VARIABLE};
pub use logs::{LOG_NEXT_TOKEN_HEADER, LOG_REQUEST_ID_HEADER};
pub use metrics::{MetricDefinition, MetricKind, metric_definitions};
pub use router::router;
pub use serve::serve;
pub use settings::{HttpSettings, HttpSettingsError};
pub use starting::answer_while_starting;
pub use timing::{START_HEADER, TIMING_HEADER};
