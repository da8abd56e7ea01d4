//! How many connections there may be: in all, of one address, and waiting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::settings::HttpSettings;
use super::wire_error::{Exception, WireError};

/// How many connections there may be.
#[derive(Debug)]
pub(super) struct ConnectionLimits {
    room: Arc<Semaphore>,
    connections_max: usize,
    /// For those that wait for room.
    waiting: Arc<Semaphore>,
    wait_max: Duration,
    shares: Arc<Shares>,
}

/// A connection's place among all that wait or are served; given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    room: Room,
    wait_max: Duration,
    _share: Option<Share>,
}

#[derive(Debug)]
enum Room {
    Taken { _permit: OwnedSemaphorePermit },
    Awaited { waiting: OwnedSemaphorePermit, room: Arc<Semaphore> },
}

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    #[error("this address has {limit} connections, which is the limit (connections_per_address_max)")]
    OfAddress { limit: usize },
    #[error("all {limit} connections are taken (connections_max); try again later")]
    OfAll { limit: usize },
    #[error("the server is closing")]
    Closing,
}

/// How many connections each address has.
#[derive(Debug)]
struct Shares {
    max: usize,
    /// Whether loopback addresses have a share as well.
    of_loopback: bool,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

#[derive(Debug)]
struct Share {
    shares: Arc<Shares>,
    address: IpAddr,
}

impl ConnectionLimits {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let connections_max = settings.connections_max.min(Semaphore::MAX_PERMITS);
        let given = settings.connections_per_address_max;
        Self {
            room: Arc::new(Semaphore::new(connections_max)),
            connections_max,
            waiting: Arc::new(Semaphore::new(settings.connections_waiting_max.min(Semaphore::MAX_PERMITS))),
            wait_max: settings.connection_wait_max,
            shares: Arc::new(Shares {
                max: given.unwrap_or(connections_max.div_ceil(2)),
                of_loopback: given.is_some(),
                taken: Mutex::default(),
            }),
        }
    }

    /// Gives a connection of that address a place.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Place, NoPlace> {
        let share = self.shares.clone().take(address)?;
        let all = NoPlace::OfAll { limit: self.connections_max };
        let room = match self.room.clone().try_acquire_owned() {
            Ok(permit) => Room::Taken { _permit: permit },
            Err(_full) => Room::Awaited {
                waiting: self.waiting.clone().try_acquire_owned().map_err(|_| all)?,
                room: self.room.clone(),
            },
        };
        Ok(Place { room, wait_max: self.wait_max, _share: share })
    }

    /// What a connection is told for which there was no room in time.
    pub(super) fn full(&self) -> NoPlace {
        NoPlace::OfAll { limit: self.connections_max }
    }
}

impl Place {
    /// Waits until the connection can be served, if it must; none if that takes too long.
    pub(super) async fn ready(self) -> Option<Self> {
        let Self { room, wait_max, _share } = self;
        let room = match room {
            taken @ Room::Taken { .. } => taken,
            Room::Awaited { waiting, room } => {
                let permit = tokio::time::timeout(wait_max, room.acquire_owned()).await.ok()?;
                drop(waiting);
                Room::Taken { _permit: permit.expect("the semaphore is never closed") }
            }
        };
        Some(Self { room, wait_max, _share })
    }
}

impl Shares {
    fn take(self: Arc<Self>, address: IpAddr) -> Result<Option<Share>, NoPlace> {
        let address = network_of(address);
        if address.is_loopback() && !self.of_loopback {
            return Ok(None);
        }
        let limit = self.max;
        let mut all = self.taken();
        let taken = all.entry(address).or_insert(0);
        if *taken >= limit {
            return Err(NoPlace::OfAddress { limit });
        }
        *taken += 1;
        drop(all);
        Ok(Some(Share { shares: self, address }))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // The numbers are right after every statement, so a panic elsewhere leaves them usable.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut all = self.shares.taken();
        // An address without connections is not kept, so that the table has no more entries than there are connections.
        if let Some(taken) = all.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&self.address);
            }
        }
    }
}

/// What one client is given: an address, or of IPv6 a network of 64 bits.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

impl From<NoPlace> for WireError {
    fn from(error: NoPlace) -> Self {
        match error {
            NoPlace::OfAddress { .. } => {
                Self::new(Exception::CallerRateLimit, format!("Rate Exceeded: {error}"))
            }
            NoPlace::OfAll { .. } | NoPlace::Closing => Self::new(Exception::Unavailable, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(settings: HttpSettings) -> ConnectionLimits {
        ConnectionLimits::new(&settings)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_has_half_of_all_and_this_machine_has_all() {
        let limits = limits(HttpSettings::default().connections_max(5).connections_waiting_max(0));
        let one = address("192.0.2.1");
        let places: Vec<_> = (0..3).map(|_| limits.admit(one).expect("a place")).collect();
        assert_eq!(limits.admit(one).expect_err("more than half"), NoPlace::OfAddress { limit: 3 });
        let others: Vec<_> = (0..2).map(|_| limits.admit(address("127.0.0.1")).expect("a place")).collect();
        assert_eq!(limits.admit(address("127.0.0.1")).expect_err("full"), NoPlace::OfAll { limit: 5 });
        drop((places, others));
        assert!(limits.shares.taken().is_empty());
        let all: Vec<_> = (0..5).map(|_| limits.admit(address("::1")).expect("a place")).collect();
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn a_share_that_is_set_counts_for_this_machine_too() {
        let limits = limits(HttpSettings::default().connections_per_address_max(1));
        let _place = limits.admit(address("127.0.0.1")).expect("a place");
        assert!(limits.admit(address("127.0.0.1")).is_err());
        assert!(limits.admit(address("::ffff:127.0.0.1")).is_err(), "the same, as IPv6 writes it");
        assert!(limits.admit(address("127.0.0.2")).is_ok());
    }

    #[test]
    fn a_client_of_ipv6_is_a_network() {
        let limits = limits(HttpSettings::default().connections_per_address_max(1));
        let _place = limits.admit(address("2001:db8::1")).expect("a place");
        assert!(limits.admit(address("2001:db8::ffff:1")).is_err());
        assert!(limits.admit(address("2001:db8:0:1::1")).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_and_not_for_ever() {
        let limits = limits(HttpSettings::default().connections_max(1).connections_waiting_max(1));
        let one = address("127.0.0.1");
        let first = limits.admit(one).expect("a place");
        let second = limits.admit(one).expect("a place to wait");
        assert_eq!(limits.admit(one).expect_err("too many wait"), limits.full());
        drop(first);
        let second = second.ready().await.expect("there is room");
        let third = limits.admit(one).expect("a place to wait");
        assert!(third.ready().await.is_none(), "ten seconds have passed");
        assert!(limits.admit(one).is_ok(), "it waits no more");
        drop(second);
    }
}
