//! Which addresses a destination has, and which of them are open.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use wasmtime_wasi_http::Error;

use super::check::Refusal;
use crate::function::{DestinationHost, OutboundDestination};
use crate::policy::address::{closed, meant};
use crate::telemetry::RequestLog;

/// How many of a name's addresses are tried.
const ADDRESSES_MAX: usize = 8;
/// How many names are looked up at a time: each takes a thread, for as long as the system's resolver likes.
const LOOKUPS_MAX: usize = 64;

type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up.
pub(super) trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of a name.
    fn look_up(&self, name: String) -> Lookup;
}

/// Asks the system, as every other program on it does.
#[derive(Debug)]
pub(super) struct SystemResolver(Arc<Semaphore>);

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS_MAX)))
    }
}

impl Resolve for SystemResolver {
    fn look_up(&self, name: String) -> Lookup {
        let permits = self.0.clone();
        Box::pin(async move {
            let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
            let found = spawn_blocking(move || {
                // With the thread and not with the one who asked: a look-up cannot be called off.
                let _permit = permit;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            });
            found.await.map_err(io::Error::other)?
        })
    }
}

/// The addresses to connect to. The name is looked up once, here, and never again for this request, so that no later
/// answer can lead elsewhere.
pub(super) async fn open_addresses(
    resolver: &dyn Resolve,
    destination: &OutboundDestination,
    opened: &[IpNet],
    log: &RequestLog,
) -> Result<Vec<SocketAddr>, Error> {
    let found = match &destination.host {
        DestinationHost::Address(address) => vec![*address],
        DestinationHost::Name(name) => {
            let failed = |_| Error::DnsError { rcode: None, info_code: None };
            resolver.look_up(name.clone()).await.map_err(failed)?
        }
    };
    let Some(&first) = found.first() else { return Err(Error::DestinationNotFound) };
    let open = found.iter().filter(|address| closed(**address, opened).is_none());
    let open: Vec<SocketAddr> =
        open.map(|address| SocketAddr::new(meant(*address), destination.port)).take(ADDRESSES_MAX).collect();
    match closed(first, opened) {
        Some(closed) if open.is_empty() => {
            let refusal =
                Refusal::AddressClosed { destination: destination.clone(), address: meant(first), closed };
            log.note(&refusal.to_string());
            Err(refusal.into())
        }
        _ => Ok(open),
    }
}
