//! How many connections there may be.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::Error;

/// Leave to have one connection: the instance's and the host's.
#[derive(Debug)]
pub(super) struct Permits {
    _instances: OwnedSemaphorePermit,
    _hosts: OwnedSemaphorePermit,
}

impl Permits {
    /// First the instance's permit: a guest with too many requests waits for itself and takes nothing from others.
    pub(super) async fn acquire(instances: Arc<Semaphore>, hosts: Arc<Semaphore>) -> Result<Self, Error> {
        let closed = |_| Error::ConnectionLimitReached;
        let _instances = instances.acquire_owned().await.map_err(closed)?;
        let _hosts = hosts.acquire_owned().await.map_err(closed)?;
        Ok(Self { _instances, _hosts })
    }
}
