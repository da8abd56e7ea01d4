//! Whether a request may go out: what it is itself, and where its URL says that it goes.

use std::fmt;
use std::net::IpAddr;

use http::{Method, Request};
use wasmtime_wasi_http::Error;

use crate::function::{OutboundDestination, OutboundList, Scheme};

/// The most bytes the path and query of a request may have.
pub(in crate::wasm) const PATH_BYTES_MAX: usize = 8 << 10;
/// The most bytes a request's method may have.
pub(in crate::wasm) const METHOD_BYTES_MAX: usize = 32;
/// How much of a guest's or a peer's text a log line shows.
const SHOWN_CHARS_MAX: usize = 300;

/// Why a request does not go out. Its text is the log line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No request, but a tunnel.
    Method { method: String },
    /// The URL is not one of HTTP, or its host could be taken for several.
    Url { asked: String, reason: &'static str },
    /// Its path is too long.
    PathTooLong { bytes: usize },
    /// It is on neither list, or on one of them only.
    NotListed { destination: OutboundDestination, missing: Missing },
    /// None of the host's addresses is open; here is one.
    AddressClosed { destination: OutboundDestination, address: IpAddr, closed: &'static str },
}

/// Which lists a destination is missing from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Hosts,
    Functions,
    Both,
}

/// Where the request goes, if it may as far as its URL tells.
pub(super) fn check<B>(
    request: &Request<B>,
    hosts: &OutboundList,
    functions: &OutboundList,
) -> Result<OutboundDestination, Refusal> {
    let (uri, method) = (request.uri(), request.method());
    if method.as_str().eq_ignore_ascii_case(Method::CONNECT.as_str())
        || method.as_str().len() > METHOD_BYTES_MAX
    {
        return Err(Refusal::Method { method: shown(method.as_str()) });
    }
    match uri.path_and_query().map_or(0, |path| path.as_str().len()) {
        bytes if bytes > PATH_BYTES_MAX => return Err(Refusal::PathTooLong { bytes }),
        _ => {}
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let asked = || shown(&format!("{}://{authority}", uri.scheme_str().unwrap_or_default()));
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => return Err(Refusal::Url { asked: asked(), reason: "only http and https can be sent" }),
    };
    let destination = OutboundDestination::parse(scheme, authority)
        .map_err(|reason| Refusal::Url { asked: asked(), reason })?;
    let missing = match (hosts.allows(&destination), functions.allows(&destination)) {
        (true, true) => return Ok(destination),
        (true, false) => Missing::Functions,
        (false, true) => Missing::Hosts,
        (false, false) => Missing::Both,
    };
    Err(Refusal::NotListed { destination, missing })
}

/// A guest's or a peer's text on one line and at a length that a log can bear.
pub(super) fn shown(text: &str) -> String {
    text.escape_debug().take(SHOWN_CHARS_MAX).collect()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("samovar: outbound request ")?;
        match self {
            Self::Method { method } => write!(f, "with the method {method} denied: no tunnels are opened"),
            Self::Url { asked, reason } => write!(f, "to {asked} denied: {reason}"),
            Self::PathTooLong { bytes } => {
                write!(f, "denied: its path has {bytes} bytes, and at most {PATH_BYTES_MAX} are allowed")
            }
            Self::NotListed { destination, missing } => write!(f, "to {destination} denied: {missing}"),
            Self::AddressClosed { destination, address, closed } => write!(
                f,
                "to {destination} denied: it leads to {address}, {closed}; `samovar serve --open-address {address}` \
                 opens it"
            ),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hosts => "`samovar serve --allow-outbound` does not list it",
            Self::Functions => "the function's SAMOVAR_OUTBOUND does not list it",
            Self::Both => {
                "neither the function's SAMOVAR_OUTBOUND nor `samovar serve --allow-outbound` lists it"
            }
        })
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Method { .. } => Self::HttpRequestMethodInvalid,
            Refusal::Url { .. } => Self::HttpRequestUriInvalid,
            Refusal::PathTooLong { .. } => Self::HttpRequestUriTooLong,
            Refusal::NotListed { .. } => Self::HttpRequestDenied,
            Refusal::AddressClosed { .. } => Self::DestinationIpProhibited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(
        method: &str,
        uri: &str,
        hosts: &str,
        functions: &str,
    ) -> Result<OutboundDestination, Refusal> {
        let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
        check(&request, &hosts.parse().expect("a list"), &functions.parse().expect("a list"))
    }

    #[test]
    fn a_request_goes_where_both_lists_allow_it() {
        let destination = checked("GET", "https://api.example.com/v1?q", "*", "https://api.example.com");
        assert_eq!(destination.expect("allowed").to_string(), "https://api.example.com:443");
    }

    #[test]
    fn a_denial_names_what_was_asked_and_the_setting_that_would_allow_it() {
        for (hosts, functions, setting) in [
            ("*", "", "the function's SAMOVAR_OUTBOUND does not list it"),
            ("", "*", "`samovar serve --allow-outbound` does not list it"),
            ("", "", "neither the function's SAMOVAR_OUTBOUND nor `samovar serve --allow-outbound` lists it"),
        ] {
            let refusal = checked("GET", "https://x.example/", hosts, functions).expect_err("denied");
            let expected = format!("samovar: outbound request to https://x.example:443 denied: {setting}");
            assert_eq!(refusal.to_string(), expected);
            assert!(matches!(Error::from(refusal), Error::HttpRequestDenied));
        }
    }

    #[test]
    fn urls_that_could_be_taken_for_others_are_refused() {
        for uri in [
            "http://allowed@127.0.0.1/",
            "http://allowed:80@127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1/",
            "ftp://example.com/",
            "/path",
            "example.com:80",
            "http://example.com:/",
            "http://example.com:99999/",
        ] {
            let Ok(request) = Request::builder().uri(uri).body(()) else { continue };
            let any = "*:*".parse().expect("a list");
            let refusal = check(&request, &any, &any).expect_err(uri);
            assert!(matches!(refusal, Refusal::Url { .. }), "{uri}: {refusal}");
        }
    }

    #[test]
    fn tunnels_and_endless_texts_are_refused() {
        for method in ["CONNECT", "connect", &"X".repeat(33)] {
            let refusal = checked(method, "http://example.com:80", "*", "*").expect_err(method);
            assert!(matches!(refusal, Refusal::Method { .. }));
        }
        let long = format!("http://example.com/{}", "x".repeat(PATH_BYTES_MAX));
        let refusal = checked("GET", &long, "*", "*").expect_err("too long");
        assert_eq!(refusal, Refusal::PathTooLong { bytes: PATH_BYTES_MAX + 1 });
    }

    #[test]
    fn a_log_line_is_one_short_line_whatever_was_asked() {
        let long = format!("http://{}@x/", "a".repeat(10_000));
        let line = checked("GET", &long, "*", "*").expect_err("refused").to_string();
        assert!(line.len() < 600 && !line.contains('\n'), "{line}");
    }
}
