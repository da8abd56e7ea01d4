//! What is constant for a version of a function.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::env;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

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

/// A [`Config`] that all events of an instance share, and that is read from the environment when it is first looked
/// at: reading it costs a cold start about 4 us, and most functions never look.
///
/// It is used as the `Arc<Config>` that `lambda_runtime` has in its place: `context.env_config.function_name`.
#[derive(Clone)]
pub struct SharedConfig(Arc<OnceLock<Config>>);

impl SharedConfig {
    /// One that reads the environment when it is first looked at.
    #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "only instances have an environment"))]
    pub(crate) fn of_environment() -> Self {
        Self(Arc::new(OnceLock::new()))
    }
}

impl Deref for SharedConfig {
    type Target = Config;

    fn deref(&self) -> &Config {
        self.0.get_or_init(Config::from_env)
    }
}

impl From<Config> for SharedConfig {
    fn from(config: Config) -> Self {
        Self(Arc::new(OnceLock::from(config)))
    }
}

impl Default for SharedConfig {
    fn default() -> Self {
        Config::default().into()
    }
}

impl std::fmt::Debug for SharedConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for SharedConfig {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedConfig {}

impl Serialize for SharedConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SharedConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Config::deserialize(deserializer).map(Self::from)
    }
}
