//! How long a request may wait for its turn.

use std::time::Duration;

use super::configuration::ConfigurationError;
use super::serialized::serialized_as_number;

const MILLISECONDS_MAX: u32 = 60_000;

/// How long a request may wait while its function runs as many invocations as it may: not at all by default, as on Lambda, and
/// at most 60 seconds. At most 1,000 requests of a function wait at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermitWait(u32);

serialized_as_number!(PermitWait: u32, from_milliseconds, milliseconds);

impl PermitWait {
    /// Takes a time in milliseconds.
    ///
    /// # Errors
    /// When it is more than 60,000.
    pub fn from_milliseconds(milliseconds: u32) -> Result<Self, ConfigurationError> {
        match milliseconds {
            0..=MILLISECONDS_MAX => Ok(Self(milliseconds)),
            _ => Err(ConfigurationError::PermitWait { milliseconds }),
        }
    }

    /// The time in milliseconds.
    pub fn milliseconds(self) -> u32 {
        self.0
    }

    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }

    /// Whether no request waits.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}
