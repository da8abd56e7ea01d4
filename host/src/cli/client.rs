//! A client of the HTTP API.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, Timeout};

use super::Endpoint;
use crate::function::Region;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// A little more than a function may take, or a large component takes to be compiled.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(930);
/// A little more than an answer may have.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
const ERROR_CHARS_MAX: usize = 1000;

/// What stands in a segment of a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A client that keeps its connection between requests.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    /// Names the region that requests are for, where it is not the server's own.
    authorization: Option<String>,
}

/// What the server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// An error that the server answered with.
#[derive(Debug, thiserror::Error)]
#[error("{message} ({kind}, status {status})")]
pub(super) struct ApiError {
    pub(super) status: u16,
    /// Such as `ResourceNotFoundException`.
    pub(super) kind: String,
    pub(super) message: String,
}

impl Client {
    pub(super) fn new(Endpoint { url, region }: &Endpoint) -> Result<Self> {
        let endpoint = url.trim_end_matches('/').to_owned();
        let region = region.as_deref().map(Region::parse).transpose()?;
        if !endpoint.starts_with("http://") {
            bail!("the endpoint must be a URL such as http://127.0.0.1:3001, not {endpoint:?}");
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Lambda's API redirects nobody; whoever does would get the event.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_global(Some(REQUEST_TIME_MAX))
            .user_agent(concat!("samovar/", env!("CARGO_PKG_VERSION")));
        let authorization = region.map(|region| scope(&region));
        Ok(Self { agent: config.build().into(), endpoint, authorization })
    }

    /// A GET of what should be there.
    pub(super) fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        parsed(&self.send("GET", path, &[], &[])?)
    }

    /// A GET of that path; nothing if the server says there is no such thing.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        match self.read(path) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.downcast_ref().is_some_and(|error: &ApiError| error.status == 404) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A request with a JSON body.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        parsed(&self.tell(method, path, body)?)
    }

    /// A request with a JSON body, whose answer has none.
    pub(super) fn tell(&self, method: &str, path: &str, body: &impl Serialize) -> Result<Answer> {
        let body = serde_json::to_vec(body).context("cannot write the request as JSON")?;
        self.send(method, path, &[("content-type", "application/json")], &body)
    }

    /// A DELETE of that path.
    pub(super) fn delete(&self, path: &str) -> Result<()> {
        self.send("DELETE", path, &[], &[]).map(|_nothing| ())
    }

    /// A request as it is. An answer that tells of an error is an [`ApiError`].
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.endpoint));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let sent = match body {
            [] if method != "POST" => self.agent.run(request.body(()).context("cannot make that request")?),
            body => self.agent.run(request.body(body).context("cannot make that request")?),
        };
        let response = sent.map_err(|error| self.unreachable(error))?;
        let (parts, body) = response.into_parts();
        let body = body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| self.unreachable(error))?;
        if parts.status.is_success() {
            return Ok(Answer { headers: parts.headers, body });
        }
        Err(api_error(parts.status.as_u16(), &parts.headers, &body).into())
    }

    fn unreachable(&self, error: ureq::Error) -> anyhow::Error {
        let endpoint = &self.endpoint;
        match error {
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                anyhow::anyhow!("nothing listens at {endpoint}; is `samovar serve` running?")
            }
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(Timeout::Connect) => {
                anyhow::anyhow!("cannot connect to {endpoint}; is `samovar serve` running?")
            }
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                anyhow::anyhow!("the endpoint must be a URL such as http://127.0.0.1:3001, not {endpoint:?}")
            }
            error => anyhow::anyhow!("the server at {endpoint} did not answer: {error}"),
        }
    }
}

/// What names a region in Lambda's API: the scope of a signature. The API authenticates nobody, so there is none to it.
fn scope(region: &Region) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=anonymous/19700101/{region}/lambda/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// The path of a function, in the API, with what follows it.
pub(super) fn function_path(function: &str, rest: &str) -> String {
    format!("/2015-03-31/functions/{}{rest}", segment(function))
}

pub(super) fn segment(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, SEGMENT)
}

fn parsed<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body).context("the server's answer is not what Lambda's API would answer")
}

fn api_error(status: u16, headers: &HeaderMap, body: &[u8]) -> ApiError {
    let header = headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok());
    let kind = header.and_then(|kind| kind.split(':').next()).unwrap_or("no Lambda error").to_owned();
    let fields: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message =
        fields.as_ref().and_then(|fields| fields.get("message").or(fields.get("Message"))?.as_str());
    let message = match message {
        Some(message) => message.to_owned(),
        None => String::from_utf8_lossy(body).chars().take(ERROR_CHARS_MAX).collect(),
    };
    ApiError { status, kind, message: super::output::shown(&message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_become_one_segment_of_a_path() {
        assert_eq!(
            function_path("f:$LATEST", "/invocations"),
            "/2015-03-31/functions/f%3A%24LATEST/invocations"
        );
        assert_eq!(function_path("../a", ""), "/2015-03-31/functions/..%2Fa");
    }

    #[test]
    fn an_error_of_the_server_is_told_in_its_words() {
        let body = br#"{"Type":"User","Message":"Function not found: f"}"#;
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-errortype", "ResourceNotFoundException:http://x".parse().expect("a header"));
        let error = api_error(404, &headers, body);
        assert_eq!(error.to_string(), "Function not found: f (ResourceNotFoundException, status 404)");
        assert_eq!(api_error(500, &HeaderMap::new(), b"oh").message, "oh");
    }

    #[test]
    fn an_endpoint_is_a_url() {
        let client = |url: &str, region: Option<&str>| {
            Client::new(&Endpoint { url: url.to_owned(), region: region.map(str::to_owned) })
        };
        assert!(client("http://localhost:3001/", None).expect("a client").authorization.is_none());
        assert!(client("localhost:3001", None).is_err());
        let elsewhere = client("http://localhost:3001", Some("eu-west-1")).expect("a client");
        assert!(elsewhere.authorization.is_some_and(|scope| scope.contains("/eu-west-1/lambda/")));
        assert!(client("http://localhost:3001", Some("no\r\nregion")).is_err());
    }
}
