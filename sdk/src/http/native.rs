//! A double of the network, for unit tests.

use super::url::Url;
use super::{BODY_BYTES_MAX, Error, Request, Response};
use std::cell::RefCell;

type Responder = Box<dyn FnMut(&Request) -> Result<Response, Error>>;

thread_local! {
    static RESPONDER: RefCell<Option<Responder>> = const { RefCell::new(None) };
}

/// Lets this thread's requests be answered by a function.
pub(crate) fn answer_requests(respond: impl FnMut(&Request) -> Result<Response, Error> + 'static) {
    RESPONDER.set(Some(Box::new(respond)));
}

#[expect(clippy::unused_async, reason = "the component's own waits")]
pub(super) async fn send(request: &Request, url: &Url) -> Result<Response, Error> {
    let asked = Request {
        method: request.method.clone(),
        url: url.to_string(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        timeout: request.timeout,
        redirects: request.redirects,
        body_bytes_max: request.body_bytes_max,
        failed: None,
    };
    let answered = RESPONDER.with_borrow_mut(|responder| responder.as_mut().map(|respond| respond(&asked)));
    let no_network = || Error::Failed {
        url: asked.url.clone(),
        reason: "outside Samovar there is no network; a test gives answers with testing::answer_requests"
            .into(),
    };
    let bytes_max = request.body_bytes_max;
    let answer = answered.unwrap_or_else(|| Err(no_network()))?;
    Ok(Response { url: asked.url, body_bytes_left: bytes_max, body_bytes_max: bytes_max, ..answer })
}

/// A body that is all there.
#[derive(Debug)]
pub(super) struct Body(Option<Vec<u8>>);

impl Body {
    #[expect(clippy::unused_async, reason = "the component's own waits")]
    pub(super) async fn chunk(&mut self, _url: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.take().filter(|body| !body.is_empty()))
    }
}

impl Response {
    /// An answer for a test: see [`testing::answer_requests`](crate::testing::answer_requests).
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            url: String::new(),
            body: Body(Some(body.into())),
            body_bytes_left: BODY_BYTES_MAX,
            body_bytes_max: BODY_BYTES_MAX,
        }
    }

    /// Adds a header to an answer for a test.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
