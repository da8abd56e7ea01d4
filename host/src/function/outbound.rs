//! Where functions may send HTTP requests: lists of rules, and the destinations they are held against.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::serialized::serialized_as_text;

/// The most rules one list may have.
pub const OUTBOUND_RULES_MAX: usize = 256;
/// The most bytes the text of one list may have.
pub const OUTBOUND_BYTES_MAX: usize = 16 << 10;

/// The most bytes a host's name may have, and one of its labels: RFC 1035.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
/// How much of a text that is refused is shown.
const SHOWN_CHARS_MAX: usize = 100;

/// Why a list of rules is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// A rule is malformed.
    #[error("outbound rule {rule:?}: {reason}; write [http://|https://]HOST[:PORT], with * for any")]
    Rule {
        /// The rule, or its beginning.
        rule: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There are too many rules.
    #[error("{rules} outbound rules in one list; at most 256 are allowed")]
    Rules {
        /// How many there are.
        rules: usize,
    },
    /// The text is too long.
    #[error("a list of outbound rules of {bytes} bytes; at most 16384 are allowed")]
    Length {
        /// How long it is.
        bytes: usize,
    },
}

/// The destinations that HTTP requests may go to; none, by default.
///
/// Its text is rules with spaces or commas between them. A rule is `[scheme://]host[:port]`:
/// - the scheme is `http` or `https`; without one, both are meant;
/// - the host is a name, `*.example.com` for every name below that one, an address (IPv6 in brackets), or `*` for any;
/// - without a port the scheme's own is meant, 80 or 443; `:*` is any.
///
/// ```
/// use samovar::function::OutboundList;
///
/// let list: OutboundList = "https://api.example.com *.example.org:8443".parse()?;
/// assert_eq!(list.to_string(), "https://api.example.com *.example.org:8443");
/// assert!("https://api.example.com/v1".parse::<OutboundList>().is_err(), "a rule has no path");
/// # Ok::<(), samovar::function::OutboundError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundList(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    scheme: Option<Scheme>,
    host: HostRule,
    port: PortRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostRule {
    Any,
    /// With its leading dot.
    Below(String),
    Exactly(DestinationHost),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortRule {
    Any,
    OfScheme,
    Exactly(u16),
}

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// A host, in the one form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DestinationHost {
    /// In lower case, without a trailing dot, and nothing that anybody reads as an address.
    Name(String),
    Address(IpAddr),
}

/// Where one request is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutboundDestination {
    pub(crate) scheme: Scheme,
    pub(crate) host: DestinationHost,
    pub(crate) port: u16,
}

impl OutboundList {
    /// Whether a request may go there.
    pub(crate) fn allows(&self, destination: &OutboundDestination) -> bool {
        self.0.iter().any(|rule| rule.matches(destination))
    }

    /// Whether there is no rule, so that nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for OutboundList {
    type Err = OutboundError;

    fn from_str(text: &str) -> Result<Self, OutboundError> {
        if text.len() > OUTBOUND_BYTES_MAX {
            return Err(OutboundError::Length { bytes: text.len() });
        }
        let between = |c: char| c.is_whitespace() || c == ',';
        let rules: Vec<&str> = text.split(between).filter(|rule| !rule.is_empty()).collect();
        if rules.len() > OUTBOUND_RULES_MAX {
            return Err(OutboundError::Rules { rules: rules.len() });
        }
        let parsed = rules.into_iter().map(|rule| {
            Rule::parse(rule).map_err(|reason| OutboundError::Rule { rule: shown(rule), reason })
        });
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }
}

serialized_as_text!(OutboundList);

impl Rule {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(_) => return Err("the scheme must be http or https"),
        };
        if rest.contains(['/', '?', '#']) {
            return Err("a rule has no path");
        }
        let (host, port) = split_port(rest)?;
        let host = match (host, host.strip_prefix("*.")) {
            ("*", _) => HostRule::Any,
            (_, None) => HostRule::Exactly(DestinationHost::parse(host)?),
            (_, Some(above)) => match DestinationHost::parse(above)? {
                DestinationHost::Name(name) => HostRule::Below(format!(".{name}")),
                DestinationHost::Address(_) => return Err("nothing is below an address"),
            },
        };
        let port = match port {
            None => PortRule::OfScheme,
            Some("*") => PortRule::Any,
            Some(port) => PortRule::Exactly(parse_port(port)?),
        };
        Ok(Self { scheme, host, port })
    }

    fn matches(&self, destination: &OutboundDestination) -> bool {
        let scheme = self.scheme.is_none_or(|scheme| scheme == destination.scheme);
        let port = match self.port {
            PortRule::Any => true,
            PortRule::OfScheme => destination.port == destination.scheme.port(),
            PortRule::Exactly(port) => destination.port == port,
        };
        let host = match (&self.host, &destination.host) {
            (HostRule::Any, _) => true,
            (HostRule::Exactly(listed), asked) => listed == asked,
            // The dot alone is no name, and none begins with one, so what is before it is a label.
            (HostRule::Below(above), DestinationHost::Name(name)) => name.ends_with(above.as_str()),
            (HostRule::Below(_), DestinationHost::Address(_)) => false,
        };
        scheme && port && host
    }
}

impl Scheme {
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl DestinationHost {
    /// Reads a host as it stands in a URL, an IPv6 address in brackets.
    ///
    /// What is no IPv4 address in its usual form, but some resolver or parser would take for one (`2130706433`,
    /// `0x7f.1`, `127.1`), is refused: the address policy must see every address that is meant.
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address =
                inner.parse::<Ipv6Addr>().map_err(|_| "there is no IPv6 address in the brackets")?;
            return Ok(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        check_name(name)?;
        Ok(Self::Name(name.to_ascii_lowercase()))
    }
}

impl OutboundDestination {
    /// Reads where a request is to go: the authority of its URL, without a user.
    pub(crate) fn parse(scheme: Scheme, authority: &str) -> Result<Self, &'static str> {
        if authority.contains('@') {
            return Err("a URL with a user is not sent anywhere");
        }
        let (host, port) = split_port(authority)?;
        let host = DestinationHost::parse(host)?;
        let port = port.map(parse_port).transpose()?.unwrap_or(scheme.port());
        Ok(Self { scheme, host, port })
    }

    /// What belongs into the header `Host`.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Splits a host from its port, if there is one.
fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    let after_brackets = text.rfind(']').map_or(0, |bracket| bracket + 1);
    match text[after_brackets..].find(':').map(|colon| after_brackets + colon) {
        None => Ok((text, None)),
        Some(colon) if text[colon + 1..].contains(':') => Err("an IPv6 address is written in brackets"),
        Some(colon) => Ok((&text[..colon], Some(&text[colon + 1..]))),
    }
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err("the port must be a number from 1 to 65535"),
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("there is no host");
    }
    if name.len() > NAME_BYTES_MAX || name.split('.').any(|label| label.len() > LABEL_BYTES_MAX) {
        return Err("the host's name is too long");
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let label = |label: &str| !label.is_empty() && label.bytes().all(known);
    if !name.split('.').all(label) {
        return Err(
            "the host must be a name of letters, digits and hyphens (other letters as xn--), or an address",
        );
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err("the host is a number; an IPv4 address is four decimal numbers without leading zeros");
    }
    Ok(())
}

/// Whether the last label of a host makes it an address for those who read it generously: the URL standard's
/// "ends in a number". No top-level domain is one.
fn is_number(label: &str) -> bool {
    let digits = label.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    digits || hexadecimal.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

impl fmt::Display for OutboundList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.0.iter().enumerate() {
            write!(f, "{}{rule}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{scheme}://")?;
        }
        match &self.host {
            HostRule::Any => f.write_str("*")?,
            HostRule::Below(above) => write!(f, "*{above}")?,
            HostRule::Exactly(host) => write!(f, "{host}")?,
        }
        match self.port {
            PortRule::Any => f.write_str(":*"),
            PortRule::OfScheme => Ok(()),
            PortRule::Exactly(port) => write!(f, ":{port}"),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl fmt::Display for DestinationHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for OutboundDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

#[cfg(test)]
mod tests;
