//! Why a request has no answer.

use crate::Diagnostic;
use std::fmt;

/// Why a request has no answer, or not all of it.
///
/// A handler may return it as its error; the error type is then `Http.` and the variant's name.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one that can be sent.
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header is malformed, or one that functions may not set.
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The function or the host do not allow requests to this destination.
    Denied {
        /// The URL.
        url: String,
    },
    /// The destination's address is none that functions may reach.
    AddressClosed {
        /// The URL.
        url: String,
    },
    /// It took longer than it may.
    TimedOut {
        /// The URL.
        url: String,
    },
    /// It failed on the way there or back.
    Failed {
        /// The URL.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The answer's body has more bytes than it may.
    TooLarge {
        /// The URL.
        url: String,
        /// How many it may have.
        bytes_max: usize,
    },
    /// It was redirected more often than it may be.
    TooManyRedirects {
        /// The URL of the last one.
        url: String,
        /// How many were followed.
        redirects: u32,
    },
    /// The answer is not text.
    Text {
        /// The URL.
        url: String,
    },
    /// The answer is not the JSON that was expected, or a value to be sent cannot be JSON.
    Json {
        /// The URL.
        url: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

impl Error {
    fn name(&self) -> &'static str {
        match self {
            Self::Url { .. } => "Http.Url",
            Self::Header { .. } => "Http.Header",
            Self::Denied { .. } => "Http.Denied",
            Self::AddressClosed { .. } => "Http.AddressClosed",
            Self::TimedOut { .. } => "Http.TimedOut",
            Self::Failed { .. } => "Http.Failed",
            Self::TooLarge { .. } => "Http.TooLarge",
            Self::TooManyRedirects { .. } => "Http.TooManyRedirects",
            Self::Text { .. } => "Http.Text",
            Self::Json { .. } => "Http.Json",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, reason } => write!(f, "{:?} cannot be sent: {reason}", place(url)),
            Self::Header { name, reason } => write!(f, "the header {name:?} cannot be sent: {reason}"),
            Self::Denied { url } => write!(
                f,
                "the request to {} was denied: both the function's SAMOVAR_OUTBOUND (samovar deploy --allow-outbound) \
                 and the host (samovar serve --allow-outbound) must list it; the function's log says which does not",
                place(url)
            ),
            Self::AddressClosed { url } => write!(
                f,
                "the request to {} was denied: its address is not a public one, and samovar serve --open-address does \
                 not open it",
                place(url)
            ),
            Self::TimedOut { url } => write!(f, "the request to {} timed out", place(url)),
            Self::Failed { url, reason } => write!(f, "the request to {} failed: {reason}", place(url)),
            Self::TooLarge { url, bytes_max } => {
                write!(f, "the answer of {} has more than {bytes_max} bytes", place(url))
            }
            Self::TooManyRedirects { url, redirects } => {
                write!(f, "{} redirects once more after {redirects} redirects", place(url))
            }
            Self::Text { url } => write!(f, "the answer of {} is not UTF-8 text", place(url)),
            Self::Json { url, error } => write!(f, "JSON for or from {}: {error}", place(url)),
        }
    }
}

/// The URL without its path, which may hold what belongs in no log.
fn place(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[begin..].find(['/', '?', '#']).map_or(url.len(), |end| begin + end);
    &url[..end]
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.name().into(), error_message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_the_settings_and_no_path() {
        let error = Error::Denied { url: "https://api.example.com/v1?token=secret".into() };
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.error_type, "Http.Denied");
        let text = diagnostic.error_message;
        assert!(text.contains("https://api.example.com was denied") && text.contains("SAMOVAR_OUTBOUND"));
        assert!(!text.contains("secret") && text.contains("samovar serve --allow-outbound"), "{text}");
    }
}
