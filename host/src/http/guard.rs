//! Who may ask: keeps web pages of elsewhere away from an API that authenticates nobody.
//!
//! A page can make its visitor's browser send requests to this machine, straight (the browser then names the page in
//! `Origin`) or through a name of its own that it has resolve to this machine (which then stands in `Host`).

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

/// The hosts that may be asked for, and whose pages may ask.
#[derive(Debug)]
pub(super) struct Guard {
    /// Names and addresses, without ports.
    allowed: Box<[Box<str>]>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "the Host header {given} names neither this machine (localhost, 127.0.0.1, [::1]) nor an allowed host"
    )]
    Host { given: String },
    #[error("pages of the origin {given} may not use this API")]
    Origin { given: String },
}

impl Guard {
    pub(super) fn new(allowed: &[String]) -> Self {
        let name = |given: &String| host_of(given).unwrap_or(given).into();
        Self { allowed: allowed.iter().map(name).collect() }
    }

    /// Lets a request pass that asks for an allowed host, and for no page but those of allowed hosts.
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Refused> {
        let host = only(&parts.headers, &HOST);
        // A request line with a whole URL names the host a second time.
        let target = parts.uri.authority().is_none_or(|authority| self.allows(authority.as_str()));
        if !target || !host.is_some_and(|host| self.allows(host)) {
            return Err(Refused::Host { given: shown(&parts.headers, &HOST) });
        }
        match parts.headers.contains_key(ORIGIN) {
            true if !only(&parts.headers, &ORIGIN).is_some_and(|origin| self.allows_origin(origin)) => {
                Err(Refused::Origin { given: shown(&parts.headers, &ORIGIN) })
            }
            _ => Ok(()),
        }
    }

    fn allows_origin(&self, origin: &str) -> bool {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| self.allows(authority))
    }

    fn allows(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        is_loopback(host) || self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// The header's value, if there is exactly one.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn shown(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map_or_else(|| "(none)".to_owned(), |value| format!("{value:?}"))
}

/// The host in `host`, `host:port`, `[address]` or `[address]:port`, without brackets.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        None => authority.split_once(':').unwrap_or((authority, "")),
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, if after.is_empty() { after } else { after.strip_prefix(':')? })
        }
    };
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let named_well = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let before = host.len().checked_sub("localhost".len());
    named_well
        && before.is_some_and(|before| {
            host.as_bytes()[before..].eq_ignore_ascii_case(b"localhost")
                && (before == 0 || host[..before].ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn check(allowed: &[&str], target: &str, headers: &[(&str, &str)]) -> Result<(), Refused> {
        let allowed: Vec<String> = allowed.iter().map(|&host| host.to_owned()).collect();
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Guard::new(&allowed).check(&request.body(()).expect("a request").into_parts().0)
    }

    fn host(value: &str) -> Result<(), Refused> {
        check(&["box.example:9000"], "/", &[("host", value)])
    }

    fn origin(value: &str) -> Result<(), Refused> {
        check(&["box.example"], "/", &[("host", "localhost"), ("origin", value)])
    }

    #[test]
    fn this_machine_may_be_asked_for_by_all_its_names() {
        for own in [
            "localhost",
            "LocalHost:3001",
            "a.b.localhost:1",
            "127.0.0.1:3001",
            "127.1.2.3",
            "[::1]:3001",
            "[::1]",
        ] {
            assert_eq!(host(own), Ok(()), "{own}");
        }
    }

    #[test]
    fn a_name_that_was_rebound_to_this_machine_is_refused() {
        for foreign in [
            "evil.example",
            "evil.example:3001",
            "localhost.evil.example",
            "evillocalhost",
            "evil@a.localhost",
            "127.0.0.1.evil.example",
            "128.0.0.1",
            "0.0.0.0",
            "[::2]",
            "[::1",
            "[localhost]",
            "localhost:80:80",
            "",
        ] {
            assert!(matches!(host(foreign), Err(Refused::Host { .. })), "{foreign:?}");
        }
    }

    #[test]
    fn a_request_names_its_host_once() {
        assert!(check(&[], "/", &[]).is_err());
        assert!(check(&[], "/", &[("host", "localhost"), ("host", "evil.example")]).is_err());
        assert!(check(&[], "http://evil.example/", &[("host", "localhost")]).is_err());
        assert!(check(&[], "http://localhost/", &[("host", "localhost")]).is_ok());
    }

    #[test]
    fn pages_of_elsewhere_are_refused_and_those_of_this_machine_are_not() {
        assert_eq!(origin("http://localhost:8080"), Ok(()));
        assert_eq!(origin("https://app.localhost"), Ok(()));
        for foreign in
            ["https://evil.example", "null", "file://", "http://localhost.evil.example", "localhost", ""]
        {
            assert!(matches!(origin(foreign), Err(Refused::Origin { .. })), "{foreign:?}");
        }
    }

    #[test]
    fn a_configured_host_may_ask_and_be_asked_for() {
        assert_eq!(host("BOX.example:1"), Ok(()));
        assert_eq!(origin("http://box.example:8080"), Ok(()));
        assert_eq!(check(&["fd00::1"], "/", &[("host", "[fd00::1]:3001")]), Ok(()));
        assert!(host("sub.box.example").is_err());
    }
}
