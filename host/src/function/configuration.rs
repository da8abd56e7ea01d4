//! What a function is given: memory, time, environment, and how its instances are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::dead_letter::DeadLetterTarget;
use super::limits::{ENVIRONMENT_BYTES_BOUND, Limits};
use super::logging::Logging;
use super::outbound::OutboundList;
use super::permit_wait::PermitWait;
use super::runtime::RuntimeConfig;
use super::serialized::serialized_as_number;
use super::tracing_mode::TracingMode;
use super::vpc::VpcConfig;

const MEMORY_MB_MIN: u32 = 128;
const MEMORY_MB_MAX: u32 = 10_240;
const EPHEMERAL_STORAGE_MB_MIN: u32 = 512;
const EPHEMERAL_STORAGE_MB_MAX: u32 = 10_240;
const TIMEOUT_SECONDS_MIN: u32 = 1;
const TIMEOUT_SECONDS_MAX: u32 = 900;
const DESCRIPTION_CHARS_MAX: usize = 256;

/// Keys that the host sets and a function's own environment may not.
/// Source: AWS Lambda, "Defined runtime environment variables", the reserved ones.
const RESERVED_KEYS: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The memory size is outside its range.
    #[error("memory size {megabytes} MB is outside the range from 128 to 10240 MB")]
    MemorySize {
        /// The size that was asked for, in MiB (which Lambda writes MB).
        megabytes: u32,
    },
    /// The size of the ephemeral storage is outside its range.
    #[error("ephemeral storage {megabytes} MB is outside the range from 512 to 10240 MB")]
    EphemeralStorage {
        /// The size that was asked for, in MiB (which Lambda writes MB).
        megabytes: u32,
    },
    /// The timeout is outside its range.
    #[error("timeout {seconds} s is outside the range from 1 to 900 s")]
    Timeout {
        /// The timeout that was asked for, in seconds.
        seconds: u32,
    },
    /// The description is too long.
    #[error("description has {chars} characters; at most 256 are allowed")]
    Description {
        /// How many characters it has.
        chars: usize,
    },
    /// A key of the environment is not a letter followed by letters, digits and underscores.
    #[error("environment key {key:?} must be a letter followed by letters, digits and underscores")]
    EnvironmentKey {
        /// The key.
        key: String,
    },
    /// A key of the environment is one that the host sets.
    #[error(
        "Lambda was unable to configure your environment variables because the environment variables you \
         have provided contains reserved keys that are currently not supported for modification. Reserved \
         keys used in this request: {key}"
    )]
    EnvironmentReserved {
        /// The key.
        key: String,
    },
    /// The time for which a request may wait for its turn is too long.
    #[error("a request may wait for its turn for at most 60000 milliseconds, not for {milliseconds}")]
    PermitWait {
        /// The time that was given.
        milliseconds: u32,
    },
    /// A value of the environment holds a NUL character.
    #[error("the value of environment variable {key:?} holds a NUL character")]
    EnvironmentValue {
        /// The key.
        key: String,
    },
    /// The environment is too large.
    #[error(
        "Lambda was unable to configure your environment variables because the environment variables you \
         have provided exceeded the {} limit ({bytes} bytes measured)",
        kilobytes(*.limit)
    )]
    EnvironmentSize {
        /// The bytes of all keys and values.
        bytes: usize,
        /// How many they may have.
        limit: usize,
    },
}

/// The memory a function's instance may use: 128 to 10,240 MiB, 128 by default.
///
/// It bounds the sum of all linear memories, tables and files of an instance. One linear memory of WebAssembly ends at
/// 4 GiB (its addresses have 32 bits), so that only an instance with several memories, or with files, can have more.
///
/// With it grows what a guest can move in one instruction,
/// which nothing interrupts: a function of 128 MiB ends some 20 ms late if it does nothing else, one of gigabytes a second or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize(u32);

/// What a function's instance may keep in `/tmp`: 512 to 10,240 MiB, 512 by default.
///
/// It is in memory, so that the memory size bounds it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EphemeralStorage(u32);

/// How long one invocation may take: 1 to 900 seconds, 3 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timeout(u32);

/// The environment variables of a function. How many bytes they may have is a [limit](Limits::environment_bytes) of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Environment(BTreeMap<String, String>);

/// Whether an instance handles one event or many. Commands handle one, whatever is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    /// As is usual in the function's [world](super::World): a warm instance of our own world handles one event after
    /// another, as on Lambda; every event of another has an instance of its own, as where such components come from.
    #[default]
    Usual,
    /// A warm instance handles one event after another.
    Reuse,
    /// Every event has an instance of its own.
    Fresh,
}

/// What a version is locked with, besides its code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Configuration {
    /// What people say of it; empty by default, at most 256 characters.
    pub description: String,
    /// The memory an instance may use.
    pub memory: MemorySize,
    /// What an instance may keep in `/tmp`.
    pub ephemeral_storage: EphemeralStorage,
    /// How long one invocation may take.
    pub timeout: Timeout,
    /// The environment variables.
    pub environment: Environment,
    /// Whether instances are reused.
    pub isolation: Isolation,
    /// How long a request may wait while as many invocations run as may.
    pub permit_wait: PermitWait,
    /// Where it may send HTTP requests, of what the host allows; nowhere by default.
    pub outbound: OutboundList,
    /// Where the events go that it could not handle, if anywhere.
    pub dead_letter: Option<DeadLetterTarget>,
    /// How it logs.
    pub logging: Logging,
    /// The runtime that was asked for; it has no effect on WebAssembly and is kept for clients.
    pub runtime: String,
    /// Which runtime of the account's own was asked for; without effect, kept for clients.
    pub runtime_config: Option<RuntimeConfig>,
    /// The architecture that was asked for; without effect, kept for clients.
    pub architecture: Architecture,
    /// The network that was asked for, if one ever was; without effect, kept for clients.
    pub vpc: Option<VpcConfig>,
    /// Which requests are to be traced; without effect, kept for clients.
    pub tracing: TracingMode,
    /// The key that was given for the environment, or nothing; without effect, kept for clients.
    pub kms_key_arn: String,
    /// The role that was given; it has no effect here and is kept for clients.
    pub role: String,
    /// The handler that was given; it is passed to the guest as `_HANDLER`.
    pub handler: String,
}

impl MemorySize {
    /// Takes a size in MiB (which Lambda writes MB).
    ///
    /// # Errors
    /// When it is outside 128 to 10,240.
    pub fn from_mb(megabytes: u32) -> Result<Self, ConfigurationError> {
        let range = MEMORY_MB_MIN..=MEMORY_MB_MAX;
        if range.contains(&megabytes) {
            Ok(Self(megabytes))
        } else {
            Err(ConfigurationError::MemorySize { megabytes })
        }
    }

    /// The size in MiB.
    pub fn mb(self) -> u32 {
        self.0
    }

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0) << 20
    }
}

impl Default for MemorySize {
    fn default() -> Self {
        Self(128)
    }
}

impl EphemeralStorage {
    /// Takes a size in MiB (which Lambda writes MB).
    ///
    /// # Errors
    /// When it is outside 512 to 10,240.
    pub fn from_mb(megabytes: u32) -> Result<Self, ConfigurationError> {
        let range = EPHEMERAL_STORAGE_MB_MIN..=EPHEMERAL_STORAGE_MB_MAX;
        if range.contains(&megabytes) {
            Ok(Self(megabytes))
        } else {
            Err(ConfigurationError::EphemeralStorage { megabytes })
        }
    }

    /// The size in MiB.
    pub fn mb(self) -> u32 {
        self.0
    }

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0) << 20
    }
}

impl Default for EphemeralStorage {
    fn default() -> Self {
        Self(EPHEMERAL_STORAGE_MB_MIN)
    }
}

impl Timeout {
    /// Takes a time in seconds.
    ///
    /// # Errors
    /// When it is outside 1 to 900.
    pub fn from_seconds(seconds: u32) -> Result<Self, ConfigurationError> {
        let range = TIMEOUT_SECONDS_MIN..=TIMEOUT_SECONDS_MAX;
        if range.contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(ConfigurationError::Timeout { seconds })
        }
    }

    /// The time in seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// The time as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self(3)
    }
}

serialized_as_number!(
    MemorySize: u32, from_mb, mb;
    EphemeralStorage: u32, from_mb, mb;
    Timeout: u32, from_seconds, seconds
);

impl TryFrom<BTreeMap<String, String>> for Environment {
    type Error = ConfigurationError;

    fn try_from(variables: BTreeMap<String, String>) -> Result<Self, ConfigurationError> {
        Self::new(variables)
    }
}

impl Environment {
    /// Takes variables as an environment.
    ///
    /// # Errors
    /// When a key is malformed or reserved for the host, a value holds a NUL, or the whole is over 256 KiB, the most that any
    /// host takes.
    pub fn new(variables: BTreeMap<String, String>) -> Result<Self, ConfigurationError> {
        for (key, value) in &variables {
            check_key(key)?;
            if value.contains('\0') {
                return Err(ConfigurationError::EnvironmentValue { key: key.clone() });
            }
        }
        let environment = Self(variables);
        environment.check_size(ENVIRONMENT_BYTES_BOUND)?;
        Ok(environment)
    }

    fn check_size(&self, limit: usize) -> Result<(), ConfigurationError> {
        match self.0.iter().map(|(key, value)| key.len() + value.len()).sum() {
            bytes if bytes > limit => Err(ConfigurationError::EnvironmentSize { bytes, limit }),
            _ => Ok(()),
        }
    }

    /// The variables, by key.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// A number of bytes as Lambda writes its limit: 4,096 are `4KB`.
fn kilobytes(bytes: usize) -> String {
    if bytes.is_multiple_of(1024) { format!("{}KB", bytes / 1024) } else { format!("{bytes} bytes") }
}

fn check_key(key: &str) -> Result<(), ConfigurationError> {
    if RESERVED_KEYS.contains(&key) {
        return Err(ConfigurationError::EnvironmentReserved { key: key.to_owned() });
    }
    let starts_well = key.starts_with(|first: char| first.is_ascii_alphabetic());
    let goes_on_well = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if starts_well && goes_on_well && key.len() > 1 {
        Ok(())
    } else {
        Err(ConfigurationError::EnvironmentKey { key: key.to_owned() })
    }
}

impl Configuration {
    /// Checks what the parts' own types do not: the length of the description, and what is a host's own limit.
    ///
    /// # Errors
    /// When the description is longer than 256 characters, or the environment larger than the limit.
    pub fn check(&self, limits: &Limits) -> Result<(), ConfigurationError> {
        self.environment.check_size(limits.environment_bytes)?;
        self.check_description()
    }

    pub(crate) fn check_description(&self) -> Result<(), ConfigurationError> {
        match self.description.chars().count() {
            chars if chars > DESCRIPTION_CHARS_MAX => Err(ConfigurationError::Description { chars }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(key: &str, value: &str) -> Result<Environment, ConfigurationError> {
        Environment::new(BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }

    fn checked(value_bytes: usize, limits: &Limits) -> Result<(), ConfigurationError> {
        let environment = environment("KEY", &"v".repeat(value_bytes))?;
        Configuration { environment, ..Configuration::default() }.check(limits)
    }

    #[test]
    fn memory_storage_and_time_have_lambdas_ranges_and_defaults() {
        assert_eq!(EphemeralStorage::default().mb(), 512);
        assert!(EphemeralStorage::from_mb(511).is_err() && EphemeralStorage::from_mb(10_241).is_err());
        assert_eq!((MemorySize::default().mb(), Timeout::default().seconds()), (128, 3));
        assert!(MemorySize::from_mb(127).is_err() && MemorySize::from_mb(10_241).is_err());
        assert!(Timeout::from_seconds(0).is_err() && Timeout::from_seconds(901).is_err());
    }

    #[test]
    fn an_environment_holds_4_kib_and_no_more() {
        assert_eq!(checked(4093, &Limits::default()), Ok(()));
        let error = checked(4094, &Limits::default()).unwrap_err();
        assert_eq!(error, ConfigurationError::EnvironmentSize { bytes: 4097, limit: 4096 });
        assert!(error.to_string().contains("exceeded the 4KB limit (4097 bytes measured)"), "{error}");
    }

    #[test]
    fn a_host_may_allow_a_larger_environment_and_none_allows_any_size() {
        let limits = Limits { environment_bytes: 10_000, ..Limits::default() };
        assert_eq!(checked(9_997, &limits), Ok(()));
        let error = checked(9_998, &limits).unwrap_err();
        assert!(error.to_string().contains("exceeded the 10000 bytes limit"), "{error}");
        assert!(environment("KEY", &"v".repeat(ENVIRONMENT_BYTES_BOUND)).is_err());
    }

    #[test]
    fn keys_that_the_host_sets_are_refused() {
        let error = environment("AWS_REGION", "x").unwrap_err();
        assert!(matches!(error, ConfigurationError::EnvironmentReserved { .. }));
        assert!(environment("1KEY", "x").is_err() && environment("A=B", "x").is_err());
        assert!(environment("KEY", "a\0b").is_err());
    }
}
