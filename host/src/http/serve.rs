//! The listener: takes connections, within a limit, and ends them in good order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Host;

use super::api::Api;
use super::bodies::BodyGivenUp;
use super::bulk::{Bulk, Movers};
use super::connection_limits::{ConnectionLimits, NoPlace, Place};
use super::lingering::{GivenUp, Lingering};
use super::metrics::ConnectionRefusal;
use super::settings::HttpSettings;
use super::wire_error::WireError;

/// How long an idle connection is kept while the server ends: a request that is on its way when the connection is closed
/// would be lost.
const LINGER_TIME: Duration = Duration::from_secs(1);
/// How long to wait when the process has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many connections that are not served are told so at a time; further ones are just closed.
const REFUSALS_MAX: usize = 256;
/// How long such a connection is kept, so that its client sees the answer although it is still sending, and how much it may
/// send.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
const REFUSAL_BYTES_MAX: u64 = 64 << 10;

/// Serves Lambda's API over a host on a listener, until `shutdown` completes.
///
/// Then `/readyz` says that it is closing, and after [a while](HttpSettings::unready_time), if one was set, no more connections are taken, running requests are finished
/// ([for at most half a minute](HttpSettings::drain_time_max), unless set otherwise), and what is left is cut off.
/// The host is left running; [`Host::close`] ends it.
///
/// # Errors
/// When the settings cannot be [kept](HttpSettings::check), or the listener fails for good, which the address of a network
/// that is gone can bring about.
pub async fn serve(
    listener: TcpListener,
    host: Host,
    settings: HttpSettings,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (drain_time_max, unready_time) = (settings.drain_time_max, settings.unready_time);
    settings.check(host.limits()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let connections = Connections {
        limits: ConnectionLimits::new(&settings),
        refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        headers_time_max: settings.headers_time_max,
        headers_bytes_max: settings.headers_bytes_max,
        answer_pause_max: settings.answer_pause_max,
        movers: Movers::start()?,
        api: Api::new(host, &settings),
        closing: CancellationToken::new(),
        cut_off: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let announced = async {
        shutdown.await;
        connections.api.announce_close();
        tokio::time::sleep(unready_time).await;
    };
    let accepted = tokio::select! {
        failed = connections.accept_all(&listener) => failed,
        () = announced => Ok(()),
    };
    drop(listener);
    connections.closing.cancel();
    connections.tasks.close();
    if tokio::time::timeout(drain_time_max, connections.tasks.wait()).await.is_err() {
        tracing::warn!(
            connections = connections.tasks.len(),
            "cutting off requests that did not end in time"
        );
    }
    connections.cut_off.cancel();
    connections.tasks.wait().await;
    accepted
}

struct Connections {
    limits: ConnectionLimits,
    /// For connections that are told that they are not served.
    refusals: Arc<Semaphore>,
    headers_time_max: Duration,
    headers_bytes_max: usize,
    answer_pause_max: Duration,
    movers: Movers,
    api: Arc<Api>,
    /// Tells connections to end after the request they are at.
    closing: CancellationToken,
    /// Tells them to end at once.
    cut_off: CancellationToken,
    tasks: TaskTracker,
}

impl Connections {
    async fn accept_all(&self, listener: &TcpListener) -> io::Result<()> {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => match self.limits.admit(peer.ip()) {
                    Ok(place) => self.begin(stream, peer, place),
                    Err(none) => {
                        self.api.counters.refused(match none {
                            NoPlace::OfAddress { .. } => ConnectionRefusal::Address,
                            NoPlace::OfAll { .. } => ConnectionRefusal::Full,
                            NoPlace::Closing => ConnectionRefusal::Closing,
                        });
                        self.refuse(stream, none);
                    }
                },
                Err(error) if is_the_connections_own(&error) => {}
                Err(error) if is_out_of_resources(&error) => {
                    tracing::error!("cannot take a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Tells a client that its connection is not served, whatever it asks for, and closes it.
    fn refuse(&self, stream: TcpStream, none: NoPlace) {
        // With none left it is just closed.
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else { return };
        self.tasks.spawn(async move {
            // Who does not read it has lost the answer.
            let _ = tokio::time::timeout(REFUSAL_TIME, tell(stream, none)).await;
            drop(permit);
        });
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection stays with Nagle's algorithm: {error}");
        }
        let (api, counted) = (self.api.clone(), self.api.clone());
        counted.counters.accepted();
        let (closing, cut_off) = (self.closing.clone(), self.cut_off.clone());
        let ending = closing.clone();
        let given_up = GivenUp::default();
        let telling = given_up.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (api, ending, given_up) = (api.clone(), ending.clone(), telling.clone());
            async move {
                let mut response = api.answer(request.map(Body::new), Some(peer)).await;
                if response.extensions_mut().remove::<BodyGivenUp>().is_some() {
                    given_up.set();
                }
                if ending.is_cancelled() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.headers_time_max)
            .max_buf_size(self.headers_bytes_max);
        let (full, answer_pause_max) = (self.limits.full(), self.answer_pause_max);
        let movers = self.movers.clone();
        self.tasks.spawn(async move {
            let _inside = counted.counters.connections.enter();
            let place = match closing.run_until_cancelled(place.ready()).await {
                Some(Some(place)) => place,
                Some(None) => return turn_away(stream, full, ConnectionRefusal::Waited, &counted).await,
                None => {
                    return turn_away(stream, NoPlace::Closing, ConnectionRefusal::Closing, &counted).await;
                }
            };
            let stream = Lingering::new(Bulk::new(stream, &movers), answer_pause_max, given_up);
            let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
            let served = async {
                tokio::select! {
                    ended = connection.as_mut() => return ended,
                    () = closing.cancelled() => {}
                }
                if let Ok(ended) = tokio::time::timeout(LINGER_TIME, connection.as_mut()).await {
                    return ended;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            };
            if let Some(Err(error)) = cut_off.run_until_cancelled(served).await {
                tracing::debug!("a connection ended early: {error}");
            }
            drop(place);
        });
    }
}

/// Tells a client that it has waited for nothing.
async fn turn_away(stream: TcpStream, none: NoPlace, why: ConnectionRefusal, api: &Api) {
    api.counters.refused(why);
    // Who does not read it has lost the answer.
    let _ = tokio::time::timeout(REFUSAL_TIME, tell(stream, none)).await;
}

/// Writes the answer to whatever is asked, and reads on for as long as the client sends: closing at once would have the system
/// throw the answer away.
async fn tell(mut stream: TcpStream, none: NoPlace) -> io::Result<()> {
    stream.write_all(&WireError::from(none).as_http()).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut (&mut stream).take(REFUSAL_BYTES_MAX), &mut tokio::io::sink()).await.map(drop)
}

fn is_the_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Whether the process or the machine lacks file descriptors or memory just now.
fn is_out_of_resources(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = 105;
    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(error.raw_os_error(), Some(ENFILE | EMFILE | ENOBUFS))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    struct Server {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<io::Result<()>>,
    }

    async fn server(settings: HttpSettings) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let host = Host::temporary().await.expect("a host");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or(()) };
        Server { address, stop, serving: tokio::spawn(serve(listener, host, settings, shutdown)) }
    }

    impl Server {
        async fn stop(self) {
            self.stop.send(()).expect("it serves");
            self.serving.await.expect("no panic").expect("no error");
        }

        /// Sends a request on a connection of its own, and reads until the server closes it.
        async fn ask(&self, request: &str) -> String {
            let mut stream = TcpStream::connect(self.address).await.expect("it listens");
            stream.write_all(request.as_bytes()).await.expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("it answers");
            answer
        }
    }

    fn request(line: &str, headers: &str, body: &str) -> String {
        let bytes = body.len();
        format!("{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {bytes}\r\n{headers}\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn pages_of_elsewhere_and_rebound_names_reach_no_operation() {
        let server = server(HttpSettings::default()).await;
        let create = |headers| request("POST /2015-03-31/functions", headers, "{}");
        for foreign in ["Host: evil.example", "Host: localhost\r\nOrigin: https://evil.example"] {
            let answer = server.ask(&create(foreign)).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{foreign}: {answer}");
            assert!(
                answer.contains("AccessDeniedException") && answer.contains("x-amzn-requestid"),
                "{answer}"
            );
        }
        let own = server.ask(&create("Host: localhost")).await;
        assert!(own.starts_with("HTTP/1.1 400 ") && own.contains("'role'"), "{own}");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_refusal_has_the_form_of_the_service_that_is_asked() {
        let server = server(HttpSettings::default()).await;
        let logs = "X-Amz-Target: Logs_20140328.DescribeLogGroups";
        let sts = "Content-Type: application/x-www-form-urlencoded";
        let (foreign, own) =
            ("Host: evil.example", "Host: localhost\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID");
        for (headers, name) in [(foreign, "AccessDenied"), (own, "IncompleteSignature")] {
            let answer = server.ask(&request("POST /", &format!("{headers}\r\n{logs}"), "{}")).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
            assert!(answer.contains(&format!("\"__type\":\"{name}Exception\"")), "{answer}");
            let answer = server
                .ask(&request("POST /", &format!("{headers}\r\n{sts}"), "Action=GetCallerIdentity"))
                .await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
            assert!(answer.contains(&format!("<Code>{name}</Code>")), "{answer}");
        }
        let large = "x".repeat((1 << 20) + 1);
        let answer = server.ask(&request("POST /", &format!("Host: localhost\r\n{sts}"), &large)).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("<ErrorResponse"), "{answer}");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_payload_over_the_limit_is_refused_before_it_is_held() {
        let server = server(HttpSettings::default()).await;
        let line = "POST /2015-03-31/functions/f/invocations";
        let answer = server.ask(&request(line, "Host: localhost", &" ".repeat(6_291_457))).await;
        assert!(
            answer.starts_with("HTTP/1.1 413 ") && answer.contains("RequestTooLargeException"),
            "{answer}"
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn further_connections_wait_until_there_is_room() {
        let server = server(HttpSettings::default().connections_max(1)).await;
        let first = TcpStream::connect(server.address).await.expect("it listens");
        let health = request("GET /healthz", "Host: localhost", "");
        let mut waiting = Box::pin(server.ask(&health));
        let early = tokio::time::timeout(Duration::from_millis(50), waiting.as_mut()).await;
        assert!(early.is_err(), "there was no room");
        drop(first);
        assert!(waiting.as_mut().await.ends_with("ok"));
        drop(waiting);
        server.stop().await;
    }

    #[tokio::test]
    async fn a_connection_for_which_there_is_no_place_is_answered_at_once() {
        let settings = HttpSettings::default().connections_max(1).connections_waiting_max(0);
        let server = server(settings).await;
        let _first = TcpStream::connect(server.address).await.expect("it listens");
        let answer = server.ask(&request("POST /2015-03-31/functions", "Host: localhost", "{}")).await;
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        assert!(answer.contains("x-amzn-errortype: ServiceException\r\n"), "{answer}");
        assert!(
            answer.contains("connection: close\r\n") && answer.contains("retry-after: 1\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with(
                r#""all 1 connections are taken (connections_max); try again later","Type":"Service"}"#
            ),
            "{answer}"
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn an_address_that_has_its_share_gets_429() {
        let server = server(HttpSettings::default().connections_per_address_max(1)).await;
        let _first = TcpStream::connect(server.address).await.expect("it listens");
        let answer = server.ask(&request("GET /healthz", "Host: localhost", "")).await;
        assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{answer}");
        assert!(
            answer.contains("CallerRateLimitExceeded") && answer.contains("has 1 connections"),
            "{answer}"
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn settings_that_cannot_be_kept_are_refused_before_anything_is_served() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let host = Host::temporary().await.expect("a host");
        let settings = HttpSettings::default().headers_bytes_max(1);
        let error = serve(listener, host, settings, std::future::pending()).await.expect_err("refused");
        assert!(error.to_string().contains("headers_bytes_max cannot be 1"), "{error}");
    }

    #[tokio::test]
    async fn a_body_that_comes_too_slowly_ends_with_408_and_its_connection() {
        let quick = HttpSettings::default().body_grace(Duration::from_millis(100));
        let server = server(quick).await;
        let mut slow = TcpStream::connect(server.address).await.expect("it listens");
        let start = "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{";
        slow.write_all(start.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await.expect("it answers and closes");
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("RequestTimeoutException"),
            "{answer}"
        );
        assert!(answer.contains("connection: close"), "{answer}");
        server.stop().await;
    }

    #[tokio::test]
    async fn what_does_not_end_in_time_is_cut_off() {
        let server = server(HttpSettings::default().drain_time_max(Duration::ZERO)).await;
        let mut unfinished = TcpStream::connect(server.address).await.expect("it listens");
        let start = "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{";
        unfinished.write_all(start.as_bytes()).await.expect("it reads");
        // An answer on another connection shows that this one was taken.
        server.ask(&request("GET /healthz", "Host: localhost", "")).await;
        server.stop().await;
    }
}
