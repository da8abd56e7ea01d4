//! Whether a host takes invocations, for those who send it some.

use std::sync::atomic::Ordering;

use super::Host;

/// Why a host should get no more invocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unready {
    /// It is closing, or will do so soon.
    #[error("the host is closing")]
    Closing,
    /// Its functions cannot be changed any more.
    #[error("the store has failed: functions cannot be kept any more")]
    StoreFailed,
}

impl Host {
    /// Whether the host takes invocations and can go on to do so. One that is still starting is not there to be asked.
    ///
    /// # Errors
    /// Why it should get no more.
    pub fn ready(&self) -> Result<(), Unready> {
        if self.parts.registry.has_failed() {
            return Err(Unready::StoreFailed);
        }
        match self.parts.leaving.load(Ordering::SeqCst) || self.is_closing() {
            true => Err(Unready::Closing),
            false => Ok(()),
        }
    }

    /// Says from now on that the host is not [ready](Host::ready), so that whoever spreads invocations over several sends them
    /// elsewhere; those that come all the same are run. Asynchronous events are still accepted, but none of them begins to run: the next
    /// process runs them. [`Host::close`] is what ends it.
    pub fn announce_close(&self) {
        self.parts.leaving.store(true, Ordering::SeqCst);
        self.events().pause();
    }
}
