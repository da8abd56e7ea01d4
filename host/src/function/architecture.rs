//! The architecture a function is said to be for.

use serde::{Deserialize, Serialize};

/// The instruction set that was asked for. It has no effect on WebAssembly and is kept for clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// 64-bit x86.
    #[default]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM.
    #[serde(rename = "arm64")]
    Arm64,
}
