//! Events that stand for HTTP requests, for functions that speak HTTP: to a request and back from its answer.
//!
//! The form is payload format 2.0 of Amazon API Gateway, which function URLs of AWS Lambda use as well. What HTTP has in
//! bytes and JSON has in characters is taken for Latin-1 both ways, so header values go through unchanged.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, response};
use serde::{Deserialize, Serialize};

/// The only version of the format that is taken.
const VERSION: &str = "2.0";
/// The most bytes that the headers of an event may have together.
const HEADERS_BYTES_MAX: usize = 64 << 10;
/// What every header counts for beside its name and value.
const HEADER_BYTES: usize = 32;
/// The most characters of an event's own text that an error shows.
const SHOWN_CHARS_MAX: usize = 100;
/// What may stand in a path or a query as it is, beside letters and digits; `%` because they may be encoded already.
const URI_CHARS: &[u8] = b"/-._~!$&'()*+,;=:@%";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    version: Option<String>,
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    headers: Option<BTreeMap<String, String>>,
    request_context: Option<RequestContext>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    domain_name: Option<String>,
    http: Option<HttpContext>,
}

#[derive(Deserialize)]
struct HttpContext {
    method: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status_code: u16,
    headers: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: Cow<'a, str>,
    is_base64_encoded: bool,
}

/// The HTTP request that an event stands for; the error says, on one line, why it stands for none.
pub(super) fn request(event: &[u8]) -> Result<Request<Bytes>, String> {
    parsed(event).map_err(|problem| {
        format!(
            "{problem}; a function that speaks HTTP takes events of API Gateway's payload format {VERSION}"
        )
    })
}

/// The answer of a function URL's function that stands for an HTTP response.
pub(super) fn answer(parts: &response::Parts, body: &[u8]) -> Bytes {
    let mut headers = BTreeMap::new();
    for name in parts.headers.keys().filter(|name| *name != SET_COOKIE) {
        headers.insert(name.as_str(), texts(&parts.headers, name).collect::<Vec<_>>().join(","));
    }
    let text = std::str::from_utf8(body).ok().filter(|_| may_be_text(&parts.headers));
    let answer = Answer {
        status_code: parts.status.as_u16(),
        headers,
        cookies: texts(&parts.headers, &SET_COOKIE).collect(),
        body: text.map_or_else(|| BASE64_STANDARD.encode(body).into(), Cow::from),
        is_base64_encoded: text.is_none(),
    };
    serde_json::to_vec(&answer).expect("it has only members that are JSON").into()
}

fn parsed(event: &[u8]) -> Result<Request<Bytes>, String> {
    let event: Event = serde_json::from_slice(event)
        .map_err(|error| format!("the event cannot be read: {}", shown(&error.to_string())))?;
    match event.version.as_deref() {
        Some(VERSION) => {}
        Some(other) => return Err(format!("the event has version {:?}", shown(other))),
        None => return Err("the event has no version".to_owned()),
    }
    let path = event.raw_path.ok_or("the event has no rawPath")?;
    let context = event.request_context.ok_or("the event has no requestContext")?;
    let method = context.http.and_then(|http| http.method);
    let method = method.ok_or("the event has no requestContext.http.method")?;
    let headers = headers(event.headers.unwrap_or_default(), &event.cookies.unwrap_or_default())?;
    let body = body(event.body.unwrap_or_default(), event.is_base64_encoded.unwrap_or(false))?;

    let mut request = Request::new(body);
    *request.method_mut() = Method::from_bytes(method.as_bytes())
        .map_err(|_| format!("the event's method {:?} is none", shown(&method)))?;
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(scheme(&headers)?);
    uri.authority = Some(authority(&headers, context.domain_name)?);
    uri.path_and_query = Some(path_and_query(&path, &event.raw_query_string.unwrap_or_default())?);
    *request.uri_mut() = Uri::from_parts(uri).map_err(|error| format!("the event has no URI: {error}"))?;
    *request.headers_mut() = headers;
    Ok(request)
}

fn headers(given: BTreeMap<String, String>, cookies: &[String]) -> Result<HeaderMap, String> {
    let sizes = given.iter().map(|(name, value)| name.len() + value.len() + HEADER_BYTES);
    let bytes: usize = sizes.chain(cookies.iter().map(|cookie| cookie.len() + 2)).sum();
    if bytes > HEADERS_BYTES_MAX {
        return Err(format!(
            "the event's headers have {bytes} bytes; at most {HEADERS_BYTES_MAX} are allowed"
        ));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        // Takes capitals, too, and makes small letters of them.
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed = parsed.map_err(|_| format!("the event's header name {:?} is none", shown(&name)))?;
        let value = header_value(&value)
            .ok_or_else(|| format!("the event's header {parsed} has a value that HTTP cannot carry"))?;
        headers.append(parsed, value);
    }
    if !cookies.is_empty() {
        let value = header_value(&cookies.join("; "))
            .ok_or("the event's cookies have a value that HTTP cannot carry")?;
        // Function URLs leave the header in place besides.
        headers.insert(COOKIE, value);
    }
    Ok(headers)
}

fn header_value(text: &str) -> Option<HeaderValue> {
    let latin_1: Vec<u8> = text.chars().map(|char| u8::try_from(char).ok()).collect::<Option<_>>()?;
    HeaderValue::from_bytes(&latin_1).ok()
}

fn scheme(headers: &HeaderMap) -> Result<Scheme, String> {
    match headers.get("x-forwarded-proto").map(HeaderValue::as_bytes) {
        None | Some(b"https") => Ok(Scheme::HTTPS),
        Some(b"http") => Ok(Scheme::HTTP),
        Some(_) => Err("the event's header x-forwarded-proto is neither http nor https".to_owned()),
    }
}

fn authority(headers: &HeaderMap, domain_name: Option<String>) -> Result<Authority, String> {
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let (what, found) = match (host, domain_name) {
        (Some(host), _) => ("the event's header host", Authority::try_from(host)),
        (None, Some(domain)) => ("the event's requestContext.domainName", Authority::try_from(domain)),
        (None, None) => return Ok(Authority::from_static("localhost")),
    };
    found.map_err(|_| format!("{what} is not the name of a host"))
}

/// The path is encoded where it must be: function URLs pass it on as it came, HTTP APIs decode it.
fn path_and_query(path: &str, query: &str) -> Result<PathAndQuery, String> {
    let wrong = |what: &str, text: &str| format!("the event's {what} {:?} is none", shown(text));
    if !path.starts_with('/') {
        return Err(wrong("rawPath", path));
    }
    let mut text = encoded(path, b"").ok_or_else(|| wrong("rawPath", path))?;
    if !query.is_empty() {
        text.push('?');
        text.push_str(&encoded(query, b"?").ok_or_else(|| wrong("rawQueryString", query))?);
    }
    PathAndQuery::try_from(text).map_err(|_| wrong("rawPath", path))
}

/// A text with everything percent-encoded that is not allowed in it; control characters are never meant.
fn encoded(text: &str, also_allowed: &[u8]) -> Option<String> {
    if text.contains(|char: char| char.is_ascii_control()) {
        return None;
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            _ if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            _ if URI_CHARS.contains(&byte) || also_allowed.contains(&byte) => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(encoded)
}

fn body(text: String, is_base64_encoded: bool) -> Result<Bytes, String> {
    if !is_base64_encoded {
        return Ok(text.into());
    }
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map(Bytes::from).map_err(|error| format!("the event's body is not base64: {error}"))
}

/// The values of a header, each byte as the character of Latin-1 that it stands for.
fn texts(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    headers.get_all(name).iter().map(|value| value.as_bytes().iter().copied().map(char::from).collect())
}

/// Whether a body that is UTF-8 may be shown as text: compressed bytes are not meant as such if they happen to be.
fn may_be_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let texty = ["json", "xml", "javascript", "x-www-form-urlencoded"];
    kind.starts_with("text/")
        || texty.iter().any(|part| kind.contains(part))
        || !headers.contains_key(CONTENT_ENCODING)
}

fn shown(text: &str) -> &str {
    text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use http::Response;
    use serde_json::{Value, json};

    use super::*;

    /// An event as a function URL makes it of a browser's request.
    fn event() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/orders/7",
            "rawQueryString": "q=a%20b&q=c",
            "cookies": ["session=1", "theme=dark"],
            "headers": {
                "accept": "text/html,application/json",
                "Content-Type": "application/json",
                "cookie": "session=1; theme=dark",
                "host": "abc.lambda-url.eu-central-1.on.aws",
                "x-forwarded-for": "203.0.113.7",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
            },
            "queryStringParameters": { "q": "a b,c" },
            "requestContext": {
                "accountId": "anonymous",
                "apiId": "abc",
                "authentication": null,
                "domainName": "abc.lambda-url.eu-central-1.on.aws",
                "http": {
                    "method": "POST", "path": "/orders/7", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                },
                "stage": "$default",
                "timeEpoch": 1583348638390_i64,
            },
            "body": "eyJuIjoxfQ==",
            "isBase64Encoded": true,
        })
    }

    fn of(event: &Value) -> Result<Request<Bytes>, String> {
        request(event.to_string().as_bytes())
    }

    fn changed(member: &str, value: Value) -> Result<Request<Bytes>, String> {
        let mut event = event();
        *event.pointer_mut(member).expect("the event has it") = value;
        of(&event)
    }

    fn answered(response: http::response::Builder, body: &[u8]) -> Value {
        let (parts, ()) = response.body(()).expect("a response").into_parts();
        serde_json::from_slice(&answer(&parts, body)).expect("JSON")
    }

    #[test]
    fn a_function_url_event_is_the_request_that_made_it() {
        let request = of(&event()).expect("a request");
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://abc.lambda-url.eu-central-1.on.aws/orders/7?q=a%20b&q=c");
        let headers = request.headers();
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["accept"], "text/html,application/json");
        assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["session=1; theme=dark"]);
        assert_eq!(request.body(), r#"{"n":1}"#);
    }

    #[test]
    fn the_least_event_is_a_request_too() {
        let event = json!({
            "version": "2.0", "rawPath": "/", "cookies": null, "body": null,
            "requestContext": { "http": { "method": "GET" } },
        });
        let request = of(&event).expect("a request");
        assert_eq!(request.uri(), "https://localhost/");
        assert!(request.headers().is_empty() && request.body().is_empty());
    }

    #[test]
    fn what_is_missing_is_named() {
        for (member, parent) in [
            ("version", ""),
            ("rawPath", ""),
            ("requestContext", ""),
            ("http", "/requestContext"),
            ("method", "/requestContext/http"),
        ] {
            let mut event = event();
            let parent = event.pointer_mut(parent).and_then(Value::as_object_mut).expect("it is there");
            parent.remove(member);
            let error = of(&event).expect_err(member);
            let named = if member == "http" { "requestContext.http.method" } else { member };
            assert!(error.contains(named) && error.contains("payload format 2.0"), "{error}");
        }
        assert!(changed("/version", json!("1.0")).expect_err("refused").contains(r#"version "1.0""#));
        assert!(request(b"[1").expect_err("refused").contains("cannot be read"));
        let long = changed("/headers", json!("long\n".repeat(10_000))).expect_err("refused");
        assert!(long.len() < 400 && !long.contains('\n'), "{long}");
    }

    #[test]
    fn scheme_and_host_are_those_the_client_used() {
        let uri =
            |member: &str, value: &str| changed(member, json!(value)).map(|request| request.uri().clone());
        assert_eq!(uri("/headers/x-forwarded-proto", "http").expect("a URI").scheme_str(), Some("http"));
        assert_eq!(
            uri("/headers/host", "a.test:8080").expect("a URI").authority().expect("one"),
            "a.test:8080"
        );
        let mut without_host = event();
        without_host["headers"] = json!({});
        let uri_of_domain = of(&without_host).expect("a request");
        assert_eq!(uri_of_domain.uri().host(), Some("abc.lambda-url.eu-central-1.on.aws"));
        for (member, bad) in [("x-forwarded-proto", "ftp"), ("host", "a b"), ("host", "")] {
            let error = uri(&format!("/headers/{member}"), bad).expect_err(bad);
            assert!(error.contains(member), "{error}");
        }
    }

    #[test]
    fn a_path_is_encoded_where_it_was_decoded_on_the_way() {
        for (path, expected) in [
            ("/a b/ä", "/a%20b/%C3%A4"),
            ("/what?#", "/what%3F%23"),
            ("/100%25", "/100%25"),
            ("//two", "//two"),
            (r#"/"<>{}|\^`"#, "/%22%3C%3E%7B%7D%7C%5C%5E%60"),
        ] {
            assert_eq!(changed("/rawPath", json!(path)).expect(path).uri().path(), expected);
        }
        let query = changed("/rawQueryString", json!("a=b?c&d=[ü]")).expect("a request");
        assert_eq!(query.uri().query(), Some("a=b?c&d=%5B%C3%BC%5D"));
        for bad in ["", "no-slash", "/a\nb", "https://elsewhere/"] {
            assert!(changed("/rawPath", json!(bad)).expect_err(bad).contains("rawPath"));
        }
        assert!(changed("/rawQueryString", json!("a\0")).expect_err("refused").contains("rawQueryString"));
    }

    #[test]
    fn what_http_cannot_carry_is_named() {
        let mut event = event();
        event["headers"] = json!({ "bad name": "x" });
        assert!(of(&event).expect_err("refused").contains(r#""bad name""#));
        for bad in ["a\r\nb: c", "a\0", "\u{20ac}"] {
            event["headers"] = json!({ "X-Note": bad });
            assert!(of(&event).expect_err(bad).contains("header x-note"));
        }
        event["headers"] = json!({ "x-note": "h\u{e9}" });
        assert_eq!(of(&event).expect("a request").headers()["x-note"].as_bytes(), b"h\xe9");
        assert!(changed("/cookies", json!(["a\nb"])).expect_err("refused").contains("cookies"));
        assert!(
            changed("/requestContext/http/method", json!("GE T")).expect_err("refused").contains("method")
        );
        assert!(changed("/body", json!("not base64")).expect_err("refused").contains("not base64"));
        assert_eq!(changed("/isBase64Encoded", json!(false)).expect("a request").body(), "eyJuIjoxfQ==");
    }

    #[test]
    fn a_response_is_an_answer_of_payload_format_2() {
        let response = Response::builder()
            .status(201)
            .header("content-type", "application/json")
            .header("vary", "accept")
            .header("vary", "origin")
            .header("set-cookie", "a=1; Path=/")
            .header("set-cookie", "b=2");
        let expected = json!({
            "statusCode": 201,
            "headers": { "content-type": "application/json", "vary": "accept,origin" },
            "cookies": ["a=1; Path=/", "b=2"],
            "body": r#"{"grüße":1}"#,
            "isBase64Encoded": false,
        });
        assert_eq!(answered(response, r#"{"grüße":1}"#.as_bytes()), expected);
    }

    #[test]
    fn an_answer_is_text_where_it_is_meant_as_such_and_base64_otherwise() {
        let with = |headers: &[(&str, &str)], body: &[u8]| {
            let builder =
                headers.iter().fold(Response::builder(), |it, (name, value)| it.header(*name, *value));
            let answer = answered(builder, body);
            (answer["body"].as_str().expect("text").to_owned(), answer["isBase64Encoded"] == json!(true))
        };
        assert_eq!(with(&[], b""), (String::new(), false));
        assert_eq!(with(&[("content-type", "image/png")], b"\x89PNG"), ("iVBORw==".to_owned(), true));
        assert_eq!(with(&[("content-type", "text/plain")], b"\xff"), ("/w==".to_owned(), true));
        assert_eq!(with(&[("content-encoding", "br")], b"ab"), ("YWI=".to_owned(), true));
        let named = [("content-type", "text/plain"), ("content-encoding", "identity")];
        assert_eq!(with(&named, b"ab"), ("ab".to_owned(), false));
        let empty = answered(Response::builder().status(204), b"");
        assert_eq!(empty, json!({ "statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": false }));
    }

    #[test]
    fn bytes_of_header_values_go_through_unchanged() {
        let value = HeaderValue::from_bytes(b"caf\xc3\xa9").expect("a value");
        let answer = answered(Response::builder().header("x-note", value.clone()), b"");
        let mut event = event();
        event["headers"] = answer["headers"].clone();
        assert_eq!(of(&event).expect("a request").headers()["x-note"], value);
    }
}
