use super::*;

fn list(text: &str) -> OutboundList {
    text.parse().expect("a list")
}

fn to(url: &str) -> OutboundDestination {
    let (scheme, authority) = url.split_once("://").expect("a URL");
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    OutboundDestination::parse(scheme, authority).expect("a destination")
}

#[test]
fn nothing_is_allowed_by_default() {
    assert!(!OutboundList::default().allows(&to("https://example.com")));
    assert!(list(" , ").is_empty());
}

#[test]
fn a_rule_allows_what_it_says_and_nothing_else() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "https://api.example.com",
            &["https://api.example.com", "https://API.Example.COM.:443"],
            &["http://api.example.com", "https://api.example.com:8443", "https://example.com"],
        ),
        (
            "api.example.com",
            &["http://api.example.com", "https://api.example.com"],
            &["http://api.example.com:443"],
        ),
        (
            "example.com:8080",
            &["http://example.com:8080", "https://example.com:8080"],
            &["http://example.com"],
        ),
        ("https://example.com:*", &["https://example.com:1"], &["http://example.com:1"]),
        (
            "*.example.com",
            &["https://a.example.com", "http://a.b.example.com"],
            &["https://example.com", "https://badexample.com", "https://example.com.evil.org"],
        ),
        (
            "*",
            &["https://example.com", "http://10.0.0.1", "https://[2001:db8::1]"],
            &["https://example.com:8443"],
        ),
        ("*:*", &["http://example.com:25"], &[]),
        (
            "http://[::1]:8080",
            &["http://[0:0:0:0:0:0:0:1]:8080"],
            &["http://[::2]:8080", "http://127.0.0.1:8080"],
        ),
        ("127.0.0.1", &["http://127.0.0.1", "http://127.0.0.1."], &["http://[::ffff:127.0.0.1]"]),
    ];
    for (rule, allowed, denied) in cases {
        let list = list(rule);
        assert_eq!(list.to_string(), *rule);
        for url in *allowed {
            assert!(list.allows(&to(url)), "{rule} and {url}");
        }
        for url in *denied {
            assert!(!list.allows(&to(url)), "{rule} and {url}");
        }
    }
}

#[test]
fn rules_stand_between_spaces_and_commas() {
    let list = list("https://a.example,\n http://b.example  c.example");
    assert_eq!(list.to_string(), "https://a.example http://b.example c.example");
}

#[test]
fn a_bad_rule_is_named_with_its_reason() {
    for (rule, part) in [
        ("ftp://example.com", "http or https"),
        ("HTTPS://example.com", "http or https"),
        ("https://example.com/", "no path"),
        ("https://user@example.com", "letters"),
        ("https://", "no host"),
        ("example.com:", "port"),
        ("example.com:0", "port"),
        ("example.com:65536", "port"),
        ("example.com:+80", "port"),
        ("::1", "brackets"),
        ("[fe80::1%25eth0]", "IPv6"),
        ("a.*.example.com", "letters"),
        ("*.10.0.0.1", "below"),
        ("münchen.example", "xn--"),
        ("2130706433", "number"),
        ("10.0.0.0/8", "path"),
    ] {
        let error = rule.parse::<OutboundList>().expect_err(rule).to_string();
        assert!(error.contains(rule) && error.contains(part), "{error}");
    }
}

#[test]
fn a_list_has_limits() {
    let many = |count: usize| "a.example ".repeat(count);
    assert!(many(256).parse::<OutboundList>().is_ok());
    assert_eq!(many(257).parse::<OutboundList>(), Err(OutboundError::Rules { rules: 257 }));
    assert!(matches!("x".repeat(16_385).parse::<OutboundList>(), Err(OutboundError::Length { .. })));
}

#[test]
fn what_somebody_would_read_as_an_address_is_no_name() {
    for host in [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0X7F000001",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.0x1",
        "1.2.3.4.5",
        "0x",
        "example.0x1",
        "example.1",
        "127.0.0.1..",
        "256.0.0.1",
        "2130706433.",
        "[127.0.0.1]",
        "[::1",
        "::1]",
        "[::1]x",
        "[]",
        "[v1.x]",
        "[::1%1]",
        "a..b",
        ".",
        "",
        "a b",
        "a\tb",
        "a%2eb",
        "１２７.0.0.1",
        "127。0。0。1",
    ] {
        assert!(OutboundDestination::parse(Scheme::Http, host).is_err(), "{host}");
    }
}

#[test]
fn authorities_that_mean_two_things_are_refused() {
    for authority in [
        "allowed@127.0.0.1",
        "allowed:80@127.0.0.1",
        "@example.com",
        "example.com:80:90",
        "example.com:",
        "example.com:99999",
        "example.com:-1",
        "example.com:8 0",
        "[::1]:",
        "[::1]80",
        "example.com\\@x",
    ] {
        assert!(OutboundDestination::parse(Scheme::Http, authority).is_err(), "{authority}");
    }
}

#[test]
fn the_host_header_has_the_port_only_where_it_is_not_the_schemes() {
    assert_eq!(to("https://Example.com:443").authority(), "example.com");
    assert_eq!(to("http://example.com.:443").authority(), "example.com:443");
    assert_eq!(to("http://[::1]:8080").authority(), "[::1]:8080");
    assert_eq!(to("https://example.com").to_string(), "https://example.com:443");
}
