//! The vocabulary of functions: names, ARNs, qualifiers, versions, alias routing and configuration,
//! each parsed and checked once at the edge and trusted from there on.
//!
//! Pure: knows nothing of tokio, wasmtime, HTTP or files.

mod alias;
mod arn;
mod configuration;
mod logging;
mod name;
mod outbound;
mod qualifier;
mod reference;
mod state;
mod world;

pub use alias::{Alias, AliasRouting, RoutingError, Weight};
pub(crate) use arn::FunctionArn;
pub use configuration::{
    Configuration, ConfigurationError, ENVIRONMENT_BYTES_MAX, Environment, EphemeralStorage, Isolation,
    MemorySize, Timeout,
};
pub use logging::{LogFormat, LogGroup, LogLevel, Logging, LoggingChange, LoggingError};
pub use name::{AccountId, AliasName, FunctionName, NameError, Region};
pub(crate) use outbound::{Destination, DestinationHost, Scheme};
pub use outbound::{OUTBOUND_BYTES_MAX, OUTBOUND_RULES_MAX, OutboundError, OutboundList};
pub use qualifier::{Qualifier, VersionNumber};
pub use reference::{FunctionKey, FunctionRef, ReferenceError};
pub use state::FunctionState;
pub use world::World;
