//! The vocabulary of functions: names, ARNs, qualifiers, versions, alias routing and configuration,
//! each parsed and checked once at the edge and trusted from there on.
//!
//! Pure: knows nothing of tokio, wasmtime, HTTP or files.

mod alias;
mod architecture;
mod arn;
mod configuration;
mod dead_letter;
mod destination;
mod event_invoke;
mod limits;
mod logging;
mod name;
mod outbound;
mod permit_wait;
mod policy;
mod provisioned;
mod qualifier;
mod queue_arn;
mod recursion;
mod reference;
mod runtime;
mod serialized;
mod state;
mod tags;
mod tracing_mode;
mod vpc;
mod world;

pub use alias::{Alias, AliasMove, AliasRouting, RoutingError, Weight};
pub use architecture::Architecture;
pub(crate) use arn::FunctionArn;
pub use configuration::{
    Configuration, ConfigurationError, Environment, EphemeralStorage, Isolation, MemorySize, Timeout,
};
pub use dead_letter::{DeadLetterError, DeadLetterTarget};
pub use destination::{Destination, DestinationError, DestinationFunction};
pub use event_invoke::{DestinationsChange, EventInvokeChange, EventInvokeConfig, EventInvokeRangeError};
pub use limits::{
    ANSWER_BYTES_BOUND, ASYNC_PAYLOAD_BYTES_BOUND, CLIENT_CONTEXT_BYTES_BOUND, ENVIRONMENT_BYTES_BOUND,
    Limits, LimitsError, PACKAGE_BYTES_BOUND, PAYLOAD_BYTES_BOUND, UNZIPPED_BYTES_BOUND,
};
pub use logging::{LogFormat, LogGroup, LogLevel, Logging, LoggingChange, LoggingError};
pub use name::{AccountId, AliasName, FunctionName, NameError, Region};
pub(crate) use outbound::{DestinationHost, OutboundDestination, Scheme};
pub use outbound::{OUTBOUND_BYTES_MAX, OUTBOUND_RULES_MAX, OutboundError, OutboundList};
pub use permit_wait::PermitWait;
pub use policy::{
    Everybody, OneOrMany, POLICY_BYTES_MAX, Permission, PolicyEffect, PolicyError, PolicyPrincipal,
    PolicyStatement, ResourcePolicy,
};
pub use provisioned::ProvisionedConcurrency;
pub use qualifier::{Qualifier, VersionNumber, VersionNumberError};
pub use queue_arn::{QueueArn, QueueArnError, QueueName, QueueNameError};
pub use recursion::RecursiveLoop;
pub use reference::{FunctionKey, FunctionRef, ReferenceError};
pub use runtime::{CUSTOM_RUNTIME, RuntimeConfig};
pub use state::FunctionState;
pub use tags::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX, TagError, Tags};
pub use tracing_mode::TracingMode;
pub use vpc::{VpcChange, VpcConfig, VpcError};
pub use world::World;
