//! What is to be known of queues outside.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;

use crate::function::Region;

/// What a time may be.
pub(crate) const TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

/// Where queues are that are not the host's own: those of AWS, or of a server that speaks as SQS does.
///
/// What is not set is looked for where AWS's own tools look: credentials in `AWS_ACCESS_KEY_ID` and its like, in the profile
/// that `AWS_PROFILE` names, from a web identity, a container or the machine; the endpoint in `AWS_ENDPOINT_URL_SQS`,
/// `AWS_ENDPOINT_URL` or the profile. Single sign-on is not among them.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let queues = samovar::SqsSettings::at("http://localhost:9324".parse()?);
/// let host = samovar::Host::builder().sqs(queues).start().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SqsSettings {
    pub(crate) endpoint: Option<SqsEndpoint>,
    pub(crate) region: Option<Region>,
    pub(crate) credentials: Option<SqsCredentials>,
    pub(crate) connect_time_max: Duration,
    pub(crate) send_time_max: Duration,
}

/// A key to queues outside, instead of the one that AWS's own tools would find.
#[derive(Clone, PartialEq, Eq)]
pub struct SqsCredentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

/// The URL of a server that speaks SQS: `http` or `https`, a host, a port, and a path if need be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsEndpoint(String);

/// A text that is no URL of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not of the form http://HOST[:PORT] or https://HOST[:PORT]")]
pub struct SqsEndpointError {
    /// The text.
    pub text: String,
}

impl SqsSettings {
    /// The queues of AWS, each in its ARN's region, or of the server that AWS's own tools are told to use instead.
    pub fn aws() -> Self {
        Self {
            endpoint: None,
            region: None,
            credentials: None,
            connect_time_max: Duration::from_secs(5),
            send_time_max: Duration::from_secs(20),
        }
    }

    /// The queues of another server, whatever region their ARNs name. It needs no credentials: where none are found, requests are
    /// signed with a key that stands for nobody, as servers that check none take any.
    pub fn at(endpoint: SqsEndpoint) -> Self {
        Self { endpoint: Some(endpoint), ..Self::aws() }
    }

    /// The region that requests are signed for, and on AWS go to. Default: that of the queue's ARN, which is the right one on
    /// AWS; it is for servers that know one region only.
    pub fn region(self, region: Region) -> Self {
        Self { region: Some(region), ..self }
    }

    /// Whose requests they are. Default: who AWS's own tools find; at [another server](Self::at), if they find nobody, nobody.
    pub fn credentials(self, credentials: SqsCredentials) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// How long it may take to connect, from a millisecond to an hour. Default: 5 seconds.
    pub fn connect_time_max(self, time: Duration) -> Self {
        Self { connect_time_max: time.clamp(*TIMES.start(), *TIMES.end()), ..self }
    }

    /// How long one attempt to send a message may take, with all that it needs to know first, from a millisecond to an hour.
    /// Default: 20 seconds. One that takes longer is given up and made anew later, although the message may have arrived.
    pub fn send_time_max(self, time: Duration) -> Self {
        Self { send_time_max: time.clamp(*TIMES.start(), *TIMES.end()), ..self }
    }
}

impl SqsCredentials {
    /// A key that does not expire. Servers that check none take any.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
        }
    }

    /// The token that comes with a key of short life. It is never renewed.
    #[must_use]
    pub fn session_token(self, token: impl Into<String>) -> Self {
        Self { session_token: Some(token.into()), ..self }
    }
}

impl fmt::Debug for SqsCredentials {
    /// Shows the name of the key, and nothing that is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsCredentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl SqsEndpoint {
    /// Takes a text as the URL of a server.
    ///
    /// # Errors
    /// When it is no `http` or `https` URL of a host, or has more than a path: a user, a query, a fragment.
    pub fn parse(text: &str) -> Result<Self, SqsEndpointError> {
        let error = || SqsEndpointError { text: text.chars().take(200).collect() };
        let url: Uri = text.parse().map_err(|_| error())?;
        let is_known = matches!(url.scheme_str(), Some("http" | "https"));
        let is_plain = url.authority().is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'));
        match is_known && is_plain && !text.contains(['?', '#']) {
            true => Ok(Self(text.trim_end_matches('/').to_owned())),
            false => Err(error()),
        }
    }

    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SqsEndpoint {
    type Err = SqsEndpointError;

    fn from_str(text: &str) -> Result<Self, SqsEndpointError> {
        Self::parse(text)
    }
}

impl fmt::Display for SqsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_http_url_of_a_host() {
        for (text, kept) in [
            ("http://localhost:9324", "http://localhost:9324"),
            ("https://sqs.eu-west-1.amazonaws.com/", "https://sqs.eu-west-1.amazonaws.com"),
            ("http://[::1]:4566/sqs/", "http://[::1]:4566/sqs"),
        ] {
            assert_eq!(SqsEndpoint::parse(text).expect("an endpoint").as_str(), kept);
        }
        for bad in ["", "aws", "localhost:9324", "ftp://host", "http://", "http://me@host", "http://host?x=1"]
        {
            let error = SqsEndpoint::parse(bad).expect_err(bad).to_string();
            assert!(error.contains(&format!("{bad:?}")), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = SqsCredentials::new("AKIDEXAMPLE", "hush").session_token("hush");
        let shown = format!("{:?}", SqsSettings::aws().credentials(credentials));
        assert!(shown.contains("AKIDEXAMPLE") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn times_are_kept_in_their_bounds() {
        let settings = SqsSettings::aws().connect_time_max(Duration::ZERO).send_time_max(Duration::MAX);
        assert_eq!(settings.connect_time_max..=settings.send_time_max, TIMES);
    }
}
