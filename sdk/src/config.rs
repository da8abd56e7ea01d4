//! What is constant for a version of a function.

use serde::{Deserialize, Serialize};
use std::env;

/// What is constant for a version of a function, from the environment.
#[derive(Debug, Default, Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The name of the function (`AWS_LAMBDA_FUNCTION_NAME`).
    pub function_name: String,
    /// The memory an instance may use, in MB (`AWS_LAMBDA_FUNCTION_MEMORY_SIZE`).
    pub memory: i32,
    /// The version: a number, or `$LATEST` (`AWS_LAMBDA_FUNCTION_VERSION`).
    pub version: String,
    /// The log stream of this instance (`AWS_LAMBDA_LOG_STREAM_NAME`).
    pub log_stream: String,
    /// The log group of the function (`AWS_LAMBDA_LOG_GROUP_NAME`).
    pub log_group: String,
}

impl Config {
    /// Reads the environment variables that AWS Lambda defines.
    ///
    /// A variable that is missing gives an empty text, or a memory of 0 MB: a unit test has none of
    /// them.
    pub fn from_env() -> Self {
        let text = |name| env::var(name).unwrap_or_default();
        Config {
            function_name: text("AWS_LAMBDA_FUNCTION_NAME"),
            memory: text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").parse().unwrap_or_default(),
            version: text("AWS_LAMBDA_FUNCTION_VERSION"),
            log_stream: text("AWS_LAMBDA_LOG_STREAM_NAME"),
            log_group: text("AWS_LAMBDA_LOG_GROUP_NAME"),
        }
    }
}
