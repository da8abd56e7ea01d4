//! Runtimes that customers manage.

use serde::{Deserialize, Serialize};

/// The runtime whose functions name a runtime of their account's own.
pub const CUSTOM_RUNTIME: &str = "custom";

/// Which runtime of an account's own a function of the runtime `custom` is for: Lambda's `RuntimeConfig`. It has no effect on
/// WebAssembly and is kept for clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuntimeConfig {
    /// The runtime's ARN, such as `arn:aws:lambda:us-east-1:000000000000:runtime/wasm`.
    pub runtime_arn: String,
    /// Which of its versions, by an alias such as `wasip2`.
    pub runtime_alias: String,
}
