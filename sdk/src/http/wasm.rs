//! Requests over `wasi:http`.

use super::url::Url;
use super::{Error, Request, Response};
use crate::pollables::ready;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::streams::{InputStream, StreamError};

/// How much of a body is read at a time.
const READ_BYTES_MAX: u64 = 64 << 10;

pub(super) async fn send(request: &Request, url: &Url) -> Result<Response, Error> {
    let outgoing = outgoing(request, url)?;
    let options = request.timeout.map(options);
    let body = (!request.body.is_empty()).then(|| outgoing.body().expect("it is asked for once"));
    let failed = |code| failure(&request.url, code);
    let pending = outgoing_handler::handle(outgoing, options).map_err(failed)?;
    let response = {
        let mut write = pin!(write(body, &request.body));
        let mut answer = pin!(answer(&pending));
        let mut written = false;
        // An answer may come before all was sent, and may be why no more of it is taken.
        poll_fn(|cx| {
            if !written && write.as_mut().poll(cx).is_ready() {
                written = true;
            }
            answer.as_mut().poll(cx)
        })
        .await
        .map_err(failed)?
    };
    Ok(Response {
        status: response.status(),
        headers: response.headers().entries(),
        url: request.url.clone(),
        body: Body::of(response),
        body_bytes_left: request.body_bytes_max,
        body_bytes_max: request.body_bytes_max,
    })
}

fn outgoing(request: &Request, url: &Url) -> Result<OutgoingRequest, Error> {
    let refused = |reason: &str| Error::Url { url: request.url.clone(), reason: reason.to_owned() };
    let outgoing = OutgoingRequest::new(fields(request)?);
    let method = match request.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    };
    let scheme = if url.https { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method).map_err(|()| refused("its method is none"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| refused("its scheme is none"))?;
    outgoing.set_authority(Some(&url.authority)).map_err(|()| refused("its host is none"))?;
    outgoing.set_path_with_query(Some(&url.path)).map_err(|()| refused("its path is none, or too long"))?;
    Ok(outgoing)
}

fn fields(request: &Request) -> Result<Fields, Error> {
    let fields = Fields::new();
    let append = |name: &str, value: &[u8]| {
        fields.append(name, value).map_err(|error| {
            let reason = match error {
                HeaderError::InvalidSyntax => "its name or value is malformed",
                HeaderError::Forbidden => "functions may not set it",
                _ => "the headers are too large together",
            };
            Error::Header { name: name.to_owned(), reason: reason.to_owned() }
        })
    };
    for (name, value) in &request.headers {
        append(name, value)?;
    }
    if !request.body.is_empty() && !fields.has("content-length") {
        append("content-length", request.body.len().to_string().as_bytes())?;
    }
    Ok(fields)
}

fn options(timeout: Duration) -> RequestOptions {
    let nanoseconds = Some(timeout.as_nanos().try_into().unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    // What a host does not know of, it need not take: there is a timer beside it.
    let _ = options.set_connect_timeout(nanoseconds);
    let _ = options.set_first_byte_timeout(nanoseconds);
    let _ = options.set_between_bytes_timeout(nanoseconds);
    options
}

/// Hands the body over as it is taken. Whatever goes wrong, the answer says it.
async fn write(body: Option<OutgoingBody>, mut bytes: &[u8]) {
    let Some(body) = body else { return };
    let stream = body.write().expect("it is asked for once");
    while !bytes.is_empty() {
        match stream.check_write() {
            Ok(0) => ready(stream.subscribe()).await,
            Ok(room) => {
                let (now, later) =
                    bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
                if stream.write(now).is_err() {
                    return;
                }
                bytes = later;
            }
            Err(_) => return,
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

async fn answer(pending: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    loop {
        match pending.get() {
            None => ready(pending.subscribe()).await,
            Some(answer) => return answer.expect("it is taken once"),
        }
    }
}

/// What the error is to the function.
fn failure(url: &str, code: ErrorCode) -> Error {
    let url = url.to_owned();
    let reason = match code {
        ErrorCode::HttpRequestDenied => return Error::Denied { url },
        ErrorCode::DestinationIpProhibited => return Error::AddressClosed { url },
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::DnsTimeout
        | ErrorCode::HttpResponseTimeout => return Error::TimedOut { url },
        ErrorCode::HttpRequestUriInvalid => {
            let reason = "its host is malformed or could be taken for another; the function's log says why";
            return Error::Url { url, reason: reason.to_owned() };
        }
        ErrorCode::HttpRequestMethodInvalid => {
            return Error::Url { url, reason: "its method is not allowed".to_owned() };
        }
        ErrorCode::HttpRequestUriTooLong => {
            return Error::Url { url: url.chars().take(200).collect(), reason: "it is too long".to_owned() };
        }
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => "the name has no address".to_owned(),
        ErrorCode::ConnectionRefused => "the connection was refused".to_owned(),
        ErrorCode::ConnectionTerminated => "the connection broke".to_owned(),
        ErrorCode::ConnectionLimitReached => "there are too many connections at a time".to_owned(),
        ErrorCode::TlsCertificateError => "the server's certificate is not trusted".to_owned(),
        other => format!("{other:?}"),
    };
    Error::Failed { url, reason }
}

/// A body on its way. The stream must go before what it is of.
#[derive(Debug)]
pub(super) struct Body {
    stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
}

impl Body {
    fn of(response: IncomingResponse) -> Self {
        let body = response.consume().expect("it is asked for once");
        let stream = body.stream().expect("it is asked for once");
        Self { stream, _body: body, _response: response }
    }

    pub(super) async fn chunk(&mut self, url: &str) -> Result<Option<Vec<u8>>, Error> {
        loop {
            match self.stream.read(READ_BYTES_MAX) {
                Ok(bytes) if bytes.is_empty() => ready(self.stream.subscribe()).await,
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    let reason = || Error::Failed { url: url.to_owned(), reason: error.to_debug_string() };
                    return Err(http_error_code(&error).map_or_else(reason, |code| failure(url, code)));
                }
            }
        }
    }
}
