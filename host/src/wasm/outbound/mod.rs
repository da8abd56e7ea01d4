//! What guests may reach: HTTP servers that the host and the function both list, at addresses that are open.
//!
//! Every request is checked on its own, sent over a connection of its own to the very address that was checked, and
//! bound to the event it belongs to: when that ends, so do its connections. `wasi:sockets` stays closed.

mod body;
mod check;
mod connect;
mod failure;
mod permits;
mod resolve;
mod send;
mod stream;
#[cfg(test)]
mod tests;
mod texts;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, Request, Response, header};
use ipnet::IpNet;
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
};

use self::check::check;
use self::resolve::{Resolve, SystemResolver};
use self::send::{Dispatch, Limits, send};
pub(super) use self::texts::bound_texts;
use crate::function::OutboundList;
use crate::telemetry::Log;

/// The most bytes a guest may hand over as a part of a request's body at a time; as many wait to be sent.
const BODY_CHUNK_BYTES_MAX: usize = 16 << 10;

/// What the functions of one host share for their requests.
pub(crate) struct OutboundHost {
    allowed: OutboundList,
    opened: Vec<IpNet>,
    limits: Limits,
    connections: Arc<Semaphore>,
    resolver: Box<dyn Resolve>,
    /// Made when the first request needs it.
    tls: OnceCell<tls::Connector>,
}

/// What one version may reach.
#[derive(Debug)]
pub(crate) struct Outbound {
    host: Arc<OutboundHost>,
    allowed: OutboundList,
}

/// Sends the requests of one guest.
#[derive(Debug)]
pub(super) struct OutboundHttp {
    outbound: Arc<Outbound>,
    log: Log,
    /// None until something is sent: most guests send nothing.
    connections: Option<Connections>,
}

/// The connections that belong to one event of a guest; they end when this goes.
#[derive(Debug)]
struct Connections {
    permits: Arc<Semaphore>,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl OutboundHost {
    /// Lets requests out to what `allowed` lists, and to closed addresses that lie within `opened`.
    pub(crate) fn new(allowed: OutboundList, opened: Vec<IpNet>, connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            allowed,
            opened,
            limits: Limits::default(),
            connections: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))),
            resolver: Box::new(SystemResolver::default()),
            tls: OnceCell::new(),
        })
    }
}

impl Outbound {
    /// What a version may reach of what its host allows.
    pub(crate) fn new(host: Arc<OutboundHost>, allowed: OutboundList) -> Arc<Self> {
        Arc::new(Self { host, allowed })
    }
}

impl OutboundHttp {
    pub(super) fn new(outbound: Arc<Outbound>, log: Log) -> Self {
        Self { outbound, log, connections: None }
    }

    /// Ends what is still being sent or received: an idle instance holds no connection.
    pub(super) fn close(&mut self) {
        self.connections = None;
    }

    fn connections(&mut self) -> &Connections {
        let permits = self.outbound.host.limits.connections_per_instance_max;
        self.connections.get_or_insert_with(|| Connections::new(permits))
    }
}

impl Connections {
    fn new(connections_max: usize) -> Self {
        let stop = CancellationToken::new();
        let _stop_on_drop = stop.clone().drop_guard();
        Self { permits: Arc::new(Semaphore::new(connections_max)), stop, _stop_on_drop }
    }
}

type Sent = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for OutboundHttp {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _received: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let log = self.log.of_request();
        let outbound = &self.outbound;
        let destination = match check(&request, &outbound.host.allowed, &outbound.allowed) {
            Ok(destination) => destination,
            Err(refusal) => {
                log.note(&refusal.to_string());
                return Box::new(std::future::ready(Err(refusal.into())));
            }
        };
        let host = outbound.host.clone();
        let connections = self.connections();
        let (permits, stop) = (connections.permits.clone(), connections.stop.clone());
        let dispatch =
            Dispatch { host, destination, options: options.unwrap_or_default(), permits, stop, log };
        Box::new(send(dispatch, request))
    }

    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES_MAX
    }
}

/// Whether a header is the connection's business, and not the guest's.
fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name)
        || [header::TE, header::EXPECT].contains(name)
        || name.as_str().starts_with("proxy-")
}

impl fmt::Debug for OutboundHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundHost")
            .field("allowed", &self.allowed)
            .field("opened", &self.opened)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
