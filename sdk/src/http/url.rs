//! URLs, as far as a client must understand them. Whether a host is what it seems to be, the Samovar host decides.

use super::Error;
use std::fmt;

/// The parts of a URL that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) https: bool,
    pub(super) authority: String,
    /// The path and the query.
    pub(super) path: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| Error::Url { url: text.to_owned(), reason: reason.to_owned() };
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refused(
                "spaces, control characters and letters beyond ASCII must be percent-encoded",
            ));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused("it has no scheme"))?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(refused("its scheme is neither http nor https")),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        Ok(Self { https, authority: authority.to_owned(), path: rooted(path) })
    }

    /// Where a `Location` of this URL's answer leads.
    pub(super) fn join(&self, location: &str) -> Result<Self, Error> {
        let absolute = location.split(['/', '?', '#']).next().is_some_and(|begin| begin.contains(':'));
        if absolute {
            return Self::parse(location);
        }
        let scheme = if self.https { "https" } else { "http" };
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let own_path = self.path.split('?').next().unwrap_or_default();
        let folder = &own_path[..own_path.rfind('/').map_or(0, |slash| slash + 1)];
        let path = match location.bytes().next() {
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{own_path}{location}"),
            None | Some(b'#') => self.path.clone(),
            Some(_) => format!("{folder}{location}"),
        };
        Self::parse(&format!("{scheme}://{}{path}", self.authority))
    }

    /// What decides whether two URLs are one server's.
    pub(super) fn origin(&self) -> (bool, String) {
        let authority = self.authority.to_ascii_lowercase();
        let port = if self.https { ":443" } else { ":80" };
        (self.https, authority.strip_suffix(port).map(str::to_owned).unwrap_or(authority))
    }
}

/// A path and query with its first slash and without a fragment.
fn rooted(path: &str) -> String {
    let sent = path.split('#').next().unwrap_or_default();
    if sent.starts_with('/') { sent.to_owned() } else { format!("/{sent}") }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}://{}{}", if self.https { "s" } else { "" }, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_an_authority_and_a_path() {
        for (text, expected) in [
            ("https://a.example", "https://a.example/"),
            ("HTTP://a.example:8080/x?y=/z#part", "http://a.example:8080/x?y=/z"),
            ("http://[::1]?q", "http://[::1]/?q"),
            ("https://a.example#part", "https://a.example/"),
        ] {
            assert_eq!(Url::parse(text).expect(text).to_string(), expected);
        }
        for bad in
            ["a.example", "ftp://a.example", "https://a.example/ b", "https://a.example/\r\nx", "https://ä"]
        {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_location_may_be_relative_in_every_way() {
        let base = Url::parse("https://a.example:8443/one/two?q").expect("a URL");
        for (location, expected) in [
            ("http://b.example/x", "http://b.example/x"),
            ("//b.example", "https://b.example/"),
            ("/x?y", "https://a.example:8443/x?y"),
            ("three", "https://a.example:8443/one/three"),
            ("?r", "https://a.example:8443/one/two?r"),
            ("#part", "https://a.example:8443/one/two?q"),
            ("", "https://a.example:8443/one/two?q"),
        ] {
            assert_eq!(base.join(location).expect(location).to_string(), expected);
        }
        assert!(base.join("file:///etc/passwd").is_err() && base.join("javascript:x").is_err());
    }

    #[test]
    fn the_schemes_own_port_makes_no_other_origin() {
        let origin = |text: &str| Url::parse(text).expect("a URL").origin();
        assert_eq!(origin("https://A.example:443/x"), origin("https://a.example"));
        assert_ne!(origin("https://a.example"), origin("http://a.example"));
        assert_ne!(origin("https://a.example"), origin("https://a.example:8443"));
    }
}
