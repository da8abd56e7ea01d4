//! What the operations share: the host, the room for bodies, and the forms of answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{Host, Unready};

use super::bodies::Bodies;
use super::caller::caller;
use super::guard::Guard;
use super::metrics::HttpCounters;
use super::settings::HttpSettings;
use super::wire_error::WireError;

/// The header that carries the id of a request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What an operation answers.
pub(super) type Answer = Result<Response, WireError>;

/// What the operations share.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) host: Host,
    pub(super) bodies: Bodies,
    pub(super) guard: Guard,
    pub(super) counters: HttpCounters,
    /// Held by the one who reads metrics.
    pub(super) scraping: Arc<tokio::sync::Mutex<()>>,
    /// Cancelled when this server will end soon, although its host goes on.
    pub(super) leaving: CancellationToken,
    /// How large the body of any request but Invoke may be.
    pub(super) request_bytes_max: usize,
    /// How long operations wait for code to be compiled before they answer that it goes on.
    pub(super) compile_wait_max: Duration,
    /// Whether any runtime of Lambda is taken.
    pub(super) any_runtime: bool,
}

impl Api {
    pub(super) fn new(host: Host, settings: &HttpSettings) -> Arc<Self> {
        Arc::new(Self {
            host,
            bodies: Bodies::new(settings),
            request_bytes_max: settings.request_bytes_max,
            guard: Guard::new(&settings.allowed_hosts),
            counters: HttpCounters::default(),
            scraping: Arc::default(),
            leaving: CancellationToken::new(),
            compile_wait_max: settings.compile_wait_max,
            any_runtime: settings.any_runtime,
        })
    }

    /// Whether invocations are taken here and can be from now on.
    pub(super) fn ready(&self) -> Result<(), Unready> {
        self.host.ready()?;
        match self.leaving.is_cancelled() {
            true => Err(Unready::Closing),
            false => Ok(()),
        }
    }

    /// Says from now on that this server is not ready, and lets nobody wait who could be answered: it alone, as its host may be served elsewhere or again.
    pub(super) fn announce_close(&self) {
        self.leaving.cancel();
    }

    /// The host for whoever asks, and the id of the request, under which its changes are noted.
    pub(super) fn acting_for(&self, parts: &Parts, peer: Option<SocketAddr>) -> (Host, HeaderValue) {
        let caller = caller(&parts.headers, peer);
        let id = HeaderValue::try_from(&caller.request_id).expect("a UUID is ASCII");
        (self.host.acting_as(caller), id)
    }
}

/// The response that an answer is, under the id of its request.
pub(super) fn identified(answer: Answer, id: HeaderValue) -> Response {
    let mut response = answer.unwrap_or_else(WireError::into_response);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// An answer with a JSON body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).expect("the shapes of this API always have a JSON form");
    let content_type = (axum::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok((status, [content_type], body).into_response())
}

/// Carries out what a client asked for although the client may hang up, as on Lambda.
pub(super) fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Result<T, WireError>> {
    // Not an `async fn`, which would move the work about once more before it is spawned.
    let task = tokio::spawn(work);
    async { task.await.map_err(|error| WireError::internal(&error)) }
}
