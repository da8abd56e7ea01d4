//! What guests are told of requests that failed on their way.

use std::error::Error as _;
use std::io;

use wasmtime_wasi_http::Error;

/// What a failure to connect is to the guest.
pub(super) fn from_connecting(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        _ => Error::DestinationUnavailable,
    }
}

/// What a failure while a request is sent or its answer comes is to the guest.
pub(super) fn from_hyper(error: &hyper::Error) -> Error {
    let cause = error.source();
    if let Some(Error::HttpRequestBodySize(size)) = cause.and_then(|cause| cause.downcast_ref::<Error>()) {
        return Error::HttpRequestBodySize(*size);
    }
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(None);
    }
    if error.is_incomplete_message() {
        return Error::HttpResponseIncomplete;
    }
    let broken = cause.is_some_and(|cause| cause.downcast_ref::<io::Error>().is_some());
    if broken || error.is_closed() || error.is_canceled() {
        return Error::ConnectionTerminated;
    }
    Error::HttpProtocolError
}
