//! Connections to addresses that were checked.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wasmtime_wasi_http::Error;

use super::check::shown;
use super::failure::from_connecting;
use super::stream::Stream;
use super::{OutboundHost, tls};
use crate::function::{OutboundDestination, Scheme};
use crate::telemetry::RequestLog;

/// Connects to one of the addresses, and with TLS to none but the host that was asked for.
pub(super) async fn connect(
    host: &OutboundHost,
    destination: &OutboundDestination,
    addresses: &[SocketAddr],
    deadline: Instant,
    log: &RequestLog,
) -> Result<Box<dyn Stream>, Error> {
    let stream = first_that_answers(addresses, deadline).await?;
    match destination.scheme {
        Scheme::Http => Ok(Box::new(stream)),
        Scheme::Https => {
            let connector = host.tls.get_or_try_init(tls::connector).await?;
            let connected = tls::secure(connector, &destination.host, stream).await;
            connected.map_err(|error| {
                // The error tells of the certificate, which is the peer's text.
                let reason = shown(&error.to_string());
                log.note(&format!("samovar: outbound request to {destination} failed: TLS: {reason}"));
                tls::failure(&error)
            })
        }
    }
}

/// Tries one address after another, each for its share of the time that is left, so that one that swallows everything
/// leaves some to the next.
async fn first_that_answers(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Error> {
    let mut failed = Error::DestinationNotFound;
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - index) as u32;
        failed = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return prepared(stream).map_err(|error| from_connecting(&error)),
            Ok(Err(error)) => from_connecting(&error),
            Err(_elapsed) => Error::ConnectionTimeout,
        };
    }
    Err(failed)
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    // A request is written in a few pieces, none of which should wait for the one before to be acknowledged.
    stream.set_nodelay(true)?;
    Ok(stream)
}
