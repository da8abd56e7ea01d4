//! One request, over a connection of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::{AnswerBody, RequestBody};
use super::connect::connect;
use super::failure::from_hyper;
use super::permits::Permits;
use super::resolve::open_addresses;
use super::stream::Stream;
use super::{OutboundHost, Sent};
use crate::function::OutboundDestination;
use crate::telemetry::RequestLog;

/// The most bytes the head of an answer may have, and its trailers.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// How many bytes of a connection are buffered in either direction.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// How many headers an answer may have.
const HEADERS_MAX: usize = 128;
/// How long a connection may live: as long as an invocation may.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(900);

/// What bounds the requests of a host, beside the number of all its connections.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// How many connections one instance may have at a time.
    pub(super) connections_per_instance_max: usize,
    /// How long it may take until a connection is there: waiting for a permit, name, address and TLS together.
    pub(super) connect_time_max: Duration,
    /// How long an answer may take to begin, or to go on, unless the guest says otherwise.
    pub(super) wait_time: Duration,
    /// The most that a guest may say.
    pub(super) wait_time_max: Duration,
    /// The most bytes a request's body may have.
    pub(super) request_body_bytes_max: u64,
    /// The most bytes an answer's body may have.
    pub(super) answer_body_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_instance_max: 16,
            connect_time_max: Duration::from_secs(10),
            wait_time: Duration::from_secs(60),
            wait_time_max: CONNECTION_TIME_MAX,
            request_body_bytes_max: 64 << 20,
            answer_body_bytes_max: 64 << 20,
        }
    }
}

/// A request that may go out, apart from the request itself.
pub(super) struct Dispatch {
    pub(super) host: Arc<OutboundHost>,
    pub(super) destination: OutboundDestination,
    pub(super) options: RequestOptions,
    /// The instance's own, beside the host's.
    pub(super) permits: Arc<Semaphore>,
    /// Says that the event is over.
    pub(super) stop: CancellationToken,
    pub(super) log: RequestLog,
}

type Connection = Pin<Box<http1::Connection<TokioIo<Box<dyn Stream>>, RequestBody>>>;

/// Sends a request. Gives back the beginning of its answer, and what must go on for the rest to come.
pub(super) async fn send(dispatch: Dispatch, request: Request<WasiBody>) -> Result<Sent, Error> {
    let stop = dispatch.stop.clone();
    let sent = stop.run_until_cancelled(exchange(dispatch, request)).await;
    let (answer, connection, permits) = sent.unwrap_or(Err(Error::ConnectionTerminated))?;
    let rest = async move {
        let _permits = permits;
        if let Some(connection) = connection {
            // However it ends, whoever reads the body is told.
            let _ = stop.run_until_cancelled(timeout(CONNECTION_TIME_MAX, connection)).await;
        }
        Ok(())
    };
    Ok((answer, Box::new(rest)))
}

type Exchanged = (Response<WasiBody>, Option<Connection>, Arc<Permits>);

async fn exchange(dispatch: Dispatch, request: Request<WasiBody>) -> Result<Exchanged, Error> {
    let Dispatch { host, destination, options, permits, log, .. } = dispatch;
    let limits = &host.limits;
    let request = prepared(request, &destination, limits)?;

    let connect_time =
        options.connect_timeout.map_or(limits.connect_time_max, |it| it.min(limits.connect_time_max));
    let deadline = Instant::now() + connect_time;
    let permits = timeout_at(deadline, Permits::acquire(permits, host.connections.clone())).await;
    let permits = Arc::new(permits.unwrap_or(Err(Error::ConnectionLimitReached))?);
    let connected = timeout_at(deadline, async {
        let addresses = open_addresses(&*host.resolver, &destination, &host.opened, &log).await?;
        connect(&host, &destination, &addresses, deadline, &log).await
    });
    let stream = connected.await.unwrap_or(Err(Error::ConnectionTimeout))?;

    let wait = |asked: Option<Duration>| asked.unwrap_or(limits.wait_time).min(limits.wait_time_max);
    let answered = timeout(wait(options.first_byte_timeout), first_byte(stream, request)).await;
    let (answer, connection) = answered.unwrap_or(Err(Error::ConnectionReadTimeout))?;
    let bytes_max = limits.answer_body_bytes_max;
    let pause_time_max = wait(options.between_bytes_timeout);
    let answer = checked(answer, bytes_max)?
        .map(|body| AnswerBody::new(body, bytes_max, pause_time_max, permits.clone()).boxed_unsync());
    Ok((answer, connection, permits))
}

/// The request as it goes over the connection: to the host that was checked, whatever else it says.
fn prepared(
    request: Request<WasiBody>,
    destination: &OutboundDestination,
    limits: &Limits,
) -> Result<Request<RequestBody>, Error> {
    let bytes_max = limits.request_body_bytes_max;
    let (mut parts, body) = request.into_parts();
    let length =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > bytes_max) {
        return Err(Error::HttpRequestBodySize(Some(bytes_max)));
    }
    let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    let host = HeaderValue::try_from(destination.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
    parts.headers.insert(header::HOST, host);
    Ok(Request::from_parts(parts, RequestBody::new(body, bytes_max)))
}

/// Writes the request, and waits until the head of the answer is there.
async fn first_byte(
    stream: Box<dyn Stream>,
    request: Request<RequestBody>,
) -> Result<(Response<Incoming>, Option<Connection>), Error> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER_BYTES_MAX).max_header_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| from_hyper(&error))?;
    let mut connection: Connection = Box::pin(connection);
    let mut answer = Box::pin(sender.send_request(request));
    tokio::select! {
        biased;
        answer = &mut answer => match answer {
            Ok(answer) => Ok((answer, Some(connection))),
            Err(error) => Err(from_hyper(&error)),
        },
        // A connection that is over has passed on the answer, or why there is none.
        ended = &mut connection => match (answer.await, ended) {
            (Ok(answer), _) => Ok((answer, None)),
            (Err(_), Err(error)) | (Err(error), Ok(())) => Err(from_hyper(&error)),
        },
    }
}

/// The answer, unless it is one that no guest can take.
fn checked(answer: Response<Incoming>, bytes_max: u64) -> Result<Response<Incoming>, Error> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::HttpUpgradeFailed);
    }
    let bytes = answer.body().size_hint().lower();
    if bytes > bytes_max {
        return Err(Error::HttpResponseBodySize(Some(bytes)));
    }
    let (mut parts, body) = answer.into_parts();
    parts.headers = copied(&parts.headers);
    parts.extensions.clear();
    Ok(Response::from_parts(parts, body))
}

/// The headers in memory of their own. As they came they are parts of the connection's buffer, and a guest that keeps
/// one of them would keep all of that.
fn copied(headers: &HeaderMap) -> HeaderMap {
    let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
    headers.iter().filter_map(|(name, value)| Some((name.clone(), copy(value)?))).collect()
}
