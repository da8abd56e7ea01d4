//! The listener of a host that is still starting: it has taken its port, and says so, instead of leaving clients waiting.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::guard::Guard;
use super::settings::HttpSettings;
use super::target::Target;
use super::wire_error::{Exception, WireError};

/// What everybody is told.
const STARTING: &str = "the host is starting";
/// How many connections are answered at a time; further ones wait.
const CONNECTIONS_MAX: usize = 64;
/// How long one may take to send the headers of its request.
const HEADERS_TIME_MAX: Duration = Duration::from_secs(5);
/// How long to wait when no connection can be taken just now.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers on a listener while a host is starting, which may have to read very many functions first: `GET /healthz` with 200, for
/// the process lives, and everything else with 503. Gives back what starting it comes to; then the listener is for
/// [`serve`](super::serve).
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samovar::Host;
/// use samovar::http::{self, HttpSettings};
///
/// let (listener, settings) = (tokio::net::TcpListener::bind("127.0.0.1:3001").await?, HttpSettings::default());
/// let host = http::answer_while_starting(&listener, &settings, Host::builder().start()).await?;
/// http::serve(listener, host, settings, std::future::pending()).await?;
/// # Ok(()) }
/// ```
pub async fn answer_while_starting<T>(
    listener: &TcpListener,
    settings: &HttpSettings,
    starting: impl Future<Output = T>,
) -> T {
    let guard = Arc::new(Guard::new(&settings.allowed_hosts));
    let mut answered = JoinSet::new();
    let mut starting = std::pin::pin!(starting);
    loop {
        tokio::select! {
            biased;
            // Whoever has not asked by now is closed on, and may ask the host itself.
            started = starting.as_mut() => return started,
            Some(_) = answered.join_next(), if answered.len() >= CONNECTIONS_MAX => {}
            accepted = listener.accept(), if answered.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _peer)) => {
                    while answered.try_join_next().is_some() {}
                    answered.spawn(answer_one(stream, guard.clone()));
                }
                // What is wrong with the listener is for the server to tell.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

/// Answers the one request of a connection.
async fn answer_one(stream: TcpStream, guard: Arc<Guard>) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let response = answer(&guard, &request.into_parts().0);
        async move { Ok::<_, Infallible>(response.map(Body::new)) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_TIME_MAX).keep_alive(false);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!("a connection ended early: {error}");
    }
}

fn answer(guard: &Guard, parts: &Parts) -> Response {
    if let Err(refused) = guard.check(parts) {
        return WireError::refused(&refused).into_response();
    }
    match Target::of(&parts.method, parts.uri.path()) {
        Target::Health => "ok".into_response(),
        Target::Readiness | Target::Metrics => (StatusCode::SERVICE_UNAVAILABLE, STARTING).into_response(),
        _ => WireError::new(Exception::Unavailable, STARTING).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    use super::*;

    async fn ask(address: std::net::SocketAddr, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers, and closes");
        answer
    }

    #[tokio::test]
    async fn a_host_that_starts_lives_and_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (start, started) = oneshot::channel();
        let answering =
            tokio::spawn(
                async move { answer_while_starting(&listener, &HttpSettings::default(), started).await },
            );
        assert!(ask(address, "/healthz", "localhost").await.starts_with("HTTP/1.1 200 "));
        let ready = ask(address, "/readyz", "localhost").await;
        assert!(ready.starts_with("HTTP/1.1 503 ") && ready.ends_with(STARTING), "{ready}");
        let invoked = ask(address, "/2015-03-31/functions/f", "localhost").await;
        assert!(invoked.starts_with("HTTP/1.1 503 ") && invoked.contains("ServiceException"), "{invoked}");
        assert!(ask(address, "/readyz", "evil.example").await.starts_with("HTTP/1.1 403 "));
        // More than are answered at a time, none of which asks anything.
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS_MAX - 1 {
            silent.push(TcpStream::connect(address).await.expect("it listens"));
        }
        assert!(ask(address, "/healthz", "localhost").await.starts_with("HTTP/1.1 200 "));
        start.send(7).expect("it waits");
        assert_eq!(answering.await.expect("no panic"), Ok(7));
    }
}
