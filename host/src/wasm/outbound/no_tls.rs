//! In place of TLS, where this crate is built without its feature `tls`: requests to `https` URLs fail.

use std::convert::Infallible;
use std::io;

use tokio::net::TcpStream;
use wasmtime_wasi_http::Error;

use super::stream::Stream;
use crate::function::DestinationHost;

/// There is none.
pub(super) type Connector = Infallible;

pub(super) async fn connector() -> Result<Connector, Error> {
    tracing::warn!(
        "a function sends a request to an https URL, but samovar was built without its feature `tls`"
    );
    Err(Error::ConfigurationError)
}

pub(super) fn failure(_error: &io::Error) -> Error {
    Error::ConfigurationError
}

pub(super) async fn secure(
    connector: &Connector,
    _host: &DestinationHost,
    _stream: TcpStream,
) -> io::Result<Box<dyn Stream>> {
    match *connector {}
}
