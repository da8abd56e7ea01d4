//! HTTP requests to other servers.
//!
//! ```
//! use samovar_sdk::{http, Error, LambdaEvent};
//! use serde_json::Value;
//!
//! async fn weather(event: LambdaEvent<String>) -> Result<Value, Error> {
//!     let city = event.payload;
//!     let answer = http::get(format!("https://api.example.com/weather/{city}")).await?;
//!     Ok(answer.json().await?)
//! }
//! ```
//!
//! # What is allowed
//!
//! Nothing, until two lists name the destination: the function's environment variable `SAMOVAR_OUTBOUND`
//! (`samovar deploy --allow-outbound RULE`) and the host's (`samovar serve --allow-outbound RULE`). A rule is
//! `https://api.example.com`, `*.example.com` or the like. Addresses that are not public, such as those of the host's
//! own network, stay closed even then, unless the host opens them. A denial is [`Error::Denied`] or
//! [`Error::AddressClosed`], and a line in the function's log says which setting it was.
//!
//! Every request has a connection of its own, which lasts no longer than the event: read answers to their end before
//! you answer the event.
//!
//! # Redirects
//!
//! A redirect is an answer like others, unless [`Request::redirects`] allows some to be followed. Each is then a
//! request of its own that the host checks like the first. A redirect to another origin does not take the headers
//! `Authorization` and `Cookie` with it.
//!
//! # Tests
//!
//! Built for the machine it is written on, a function has no network;
//! [`testing::answer_requests`](crate::testing::answer_requests) takes its place.

mod error;
#[cfg(not(target_family = "wasm"))]
mod native;
mod response;
mod url;
#[cfg(target_family = "wasm")]
mod wasm;

pub use error::Error;
#[cfg(not(target_family = "wasm"))]
use native as transport;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::answer_requests;
pub use response::Response;
#[cfg(target_family = "wasm")]
use wasm as transport;

use self::url::Url;
use crate::tokio::time::timeout;
use serde::Serialize;
use std::time::Duration;

/// How many bytes an answer's body may have, unless the request says otherwise.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// The headers that are for one origin only.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];

/// Sends a GET request.
///
/// # Errors
///
/// As [`Request::send`].
pub async fn get(url: impl Into<String>) -> Result<Response, Error> {
    Request::get(url).send().await
}

/// A request in the making.
///
/// ```
/// use samovar_sdk::http::{Error, Request};
/// use serde_json::json;
/// use std::time::Duration;
///
/// async fn order(token: &str) -> Result<u16, Error> {
///     let request = Request::post("https://api.example.com/orders")
///         .header("authorization", format!("Bearer {token}"))
///         .json(&json!({ "item": "tea" }))
///         .timeout(Duration::from_secs(5));
///     Ok(request.send().await?.status())
/// }
/// ```
#[derive(Debug)]
#[must_use = "call `send` to send it"]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    timeout: Option<Duration>,
    redirects: u32,
    body_bytes_max: usize,
    /// What went wrong while it was made.
    failed: Option<Error>,
}

impl Request {
    /// A request with any method but CONNECT.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
            redirects: 0,
            body_bytes_max: BODY_BYTES_MAX,
            failed: None,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A PUT request.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// A DELETE request.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header. `Host` and what belongs to the connection cannot be set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends these bytes with it.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }

    /// Sends a value as JSON with it.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.body(json).header("content-type", "application/json"),
            Err(error) => {
                self.failed = Some(Error::Json { url: self.url.clone(), error });
                self
            }
        }
    }

    /// How long it may take until the answer begins, redirects included, and then from each part of the answer to the
    /// next. Default: the host's, which is 10 seconds to connect and 60 to wait; the event's own time ends everything.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How many redirects are followed. Default: none, and a redirect is the answer.
    ///
    /// A redirect is followed as browsers do it: after 303, and after 301 and 302 to a POST, with a GET and no body.
    pub fn redirects(mut self, redirects: u32) -> Self {
        self.redirects = redirects;
        self
    }

    /// How many bytes the answer's body may have. Default: 16 MiB.
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL; of a redirect, the one that it leads to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first value of a header, if it is there and text.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The bytes it is sent with.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// Sends it and waits until the answer begins. Every status is an answer, not an error.
    ///
    /// # Errors
    ///
    /// When it is not sent because it is malformed or denied, when no answer comes, or when it was redirected more often
    /// than it may be.
    pub async fn send(mut self) -> Result<Response, Error> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        let url = self.url.clone();
        match self.timeout {
            None => self.follow().await,
            Some(limit) => timeout(limit, self.follow()).await.unwrap_or(Err(Error::TimedOut { url })),
        }
    }

    async fn follow(mut self) -> Result<Response, Error> {
        let mut url = Url::parse(&self.url)?;
        let mut followed = 0;
        loop {
            let answer = transport::send(&self, &url).await?;
            let Some(location) = answer.redirect().filter(|_| self.redirects > 0) else { return Ok(answer) };
            if followed == self.redirects {
                return Err(Error::TooManyRedirects { url: self.url, redirects: followed });
            }
            followed += 1;
            let next = url.join(location)?;
            self.redirect(answer.status(), &url, &next);
            url = next;
        }
    }

    /// Makes of it the request that follows a redirect.
    fn redirect(&mut self, status: u16, from: &Url, to: &Url) {
        let as_get = status == 303 && self.method != "HEAD" || status < 303 && self.method == "POST";
        if as_get {
            "GET".clone_into(&mut self.method);
            self.body.clear();
            self.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
        }
        if from.origin() != to.origin() {
            self.headers.retain(|(name, _)| !CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()));
        }
        self.url = to.to_string();
    }
}

fn find<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answer_requests, block_on};
    use serde_json::{Value, json};

    fn text(response: Result<Response, Error>) -> String {
        block_on(response.expect("an answer").text()).expect("text")
    }

    #[test]
    fn without_a_double_there_is_no_network() {
        let error = block_on(get("https://example.com")).expect_err("no network").to_string();
        assert!(error.contains("testing::answer_requests"), "{error}");
    }

    #[test]
    fn a_request_reaches_the_double_as_it_was_made() {
        answer_requests(|request| {
            assert_eq!((request.method(), request.url()), ("POST", "https://example.com/orders?x=1"));
            assert_eq!(request.header_value("Content-Type"), Some("application/json"));
            let order: Value = serde_json::from_slice(request.body_bytes()).expect("JSON");
            Ok(Response::new(201, order["item"].to_string()).with_header("x-id", "7"))
        });
        let sent =
            Request::post("https://example.com/orders?x=1#part").json(&json!({ "item": "tea" })).send();
        let answer = block_on(sent).expect("an answer");
        assert_eq!((answer.status(), answer.header("X-Id")), (201, Some("7")));
        assert_eq!(block_on(answer.json::<String>()).expect("JSON"), "tea");
    }

    #[test]
    fn a_redirect_is_an_answer_unless_some_may_be_followed() {
        answer_requests(|request| {
            Ok(match request.url() {
                "https://a.example/" => Response::new(302, "").with_header("location", "/b"),
                "https://a.example/b" => Response::new(302, "").with_header("location", "//c.example/c"),
                _ => Response::new(200, request.url()),
            })
        });
        assert_eq!(block_on(get("https://a.example")).expect("an answer").status(), 302);
        let error = block_on(Request::get("https://a.example").redirects(1).send()).expect_err("too many");
        assert!(matches!(error, Error::TooManyRedirects { redirects: 1, .. }), "{error}");
        let followed = block_on(Request::get("https://a.example").redirects(2).send());
        assert_eq!(text(followed), "https://c.example/c");
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        answer_requests(|request| {
            let shown = format!("{:?} {:?}", request.header_value("cookie"), request.header_value("accept"));
            Ok(match request.url() {
                "https://a.example/" => {
                    Response::new(307, "").with_header("location", "https://a.example/same")
                }
                "https://a.example/out" => {
                    Response::new(307, "").with_header("location", "http://a.example/")
                }
                _ => Response::new(200, shown),
            })
        });
        let ask = |path: &str| {
            let request = Request::get(format!("https://a.example{path}"));
            text(block_on(request.header("Cookie", "c").header("Accept", "a").redirects(1).send()))
        };
        assert_eq!(ask("/"), r#"Some("c") Some("a")"#);
        assert_eq!(ask("/out"), r#"None Some("a")"#, "another scheme is another origin");
    }

    #[test]
    fn after_a_post_a_redirect_is_a_get_but_not_where_the_method_must_stay() {
        answer_requests(|request| {
            Ok(match request.url().rsplit('/').next() {
                Some("end") => {
                    Response::new(200, format!("{} {}", request.method(), request.body_bytes().len()))
                }
                Some(status) => {
                    Response::new(status.parse().expect("a status"), "").with_header("location", "end")
                }
                None => unreachable!("a URL has a slash"),
            })
        });
        for (status, expected) in
            [(301, "GET 0"), (302, "GET 0"), (303, "GET 0"), (307, "POST 4"), (308, "POST 4")]
        {
            let request = Request::post(format!("https://a.example/{status}")).body("body").redirects(1);
            assert_eq!(text(block_on(request.send())), expected, "{status}");
        }
    }

    #[test]
    fn a_body_that_is_too_large_is_an_error() {
        answer_requests(|_| Ok(Response::new(200, "hello")));
        let answer = block_on(Request::get("https://a.example").body_bytes_max(4).send()).expect("an answer");
        assert!(matches!(block_on(answer.bytes()), Err(Error::TooLarge { bytes_max: 4, .. })));
    }
}
