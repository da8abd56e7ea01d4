//! Why code is not a function, in words for the one who uploaded it.

use serde::{Deserialize, Serialize};

/// The interface a function of our own world exports.
pub const HANDLER: &str = "samovar:function/handler@0.1.0";

/// Why a piece of code is not a function this host can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProgramError {
    /// The bytes are not WebAssembly at all.
    #[error(
        "not WebAssembly: the file begins with {beginning}; upload a WebAssembly component (cargo build --target \
         wasm32-wasip2 makes one)"
    )]
    NotWasm {
        /// What the file begins with, for a person.
        beginning: String,
    },
    /// The bytes are a core module that cannot be made a component of a world that is run here.
    #[error("a core WebAssembly module that cannot be run: {reason}")]
    CoreModule {
        /// What it is, and what would be right.
        reason: String,
    },
    /// The component exports other things than a function does.
    #[error(
        "the component exports neither {HANDLER} nor wasi:http/incoming-handler nor wasi:cli/run; it exports \
         {exports}. Build it with samovar-sdk, or for one of these worlds"
    )]
    NoHandler {
        /// What it exports.
        exports: String,
    },
    /// An export has the right name and another type.
    #[error("the component's export {export} has another type than its world gives it: {reason}")]
    ExportType {
        /// The export.
        export: String,
        /// The difference.
        reason: String,
    },
    /// The component imports what this host does not have.
    #[error("the component imports what this host does not provide: {reason}")]
    Import {
        /// The import and what is wrong with it.
        reason: String,
    },
    /// wasmtime could not compile it: it is malformed, or uses a proposal that is switched off.
    #[error("the component could not be compiled: {reason}")]
    Compile {
        /// What is wrong, and where.
        reason: String,
    },
    /// The system gives this process no more memory, memory maps or files for the compiled code.
    #[error("{reason}")]
    OutOfResources {
        /// Which of them ran out.
        reason: String,
    },
    /// A compiled artifact could not be mapped in.
    #[error("the compiled code could not be loaded: {reason}")]
    Load {
        /// What went wrong.
        reason: String,
    },
}

/// An error with its causes on one line, which names of the guest's own may not make longer than a person would read.
pub(super) fn one_line(error: &wasmtime::Error) -> String {
    shortened(&format!("{error:#}"))
}

/// A text on one line of at most 1,000 bytes.
pub(super) fn shortened(text: &str) -> String {
    const BYTES_MAX: usize = 1000;
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > BYTES_MAX {
        line.truncate(line.floor_char_boundary(BYTES_MAX));
        line.push_str("...");
    }
    line
}
