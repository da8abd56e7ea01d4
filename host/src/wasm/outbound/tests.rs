//! Requests over real sockets, with names that resolve as a test wants them to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::function::Logging;
use crate::telemetry::{LogFeed, LogSource};

/// Gives one list of addresses after another, the last for ever, and counts.
#[derive(Debug, Clone)]
struct Double(Arc<Mutex<(usize, Vec<Vec<IpAddr>>)>>);

impl Double {
    fn new(answers: &[&[&str]]) -> Self {
        let parsed = |answer: &&[&str]| answer.iter().map(|it| it.parse().expect("an address")).collect();
        Self(Arc::new(Mutex::new((0, answers.iter().map(parsed).collect()))))
    }

    fn asked(&self) -> usize {
        self.0.lock().expect("no test panics with it").0
    }
}

impl Resolve for Double {
    fn look_up(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let mut state = self.0.lock().expect("no test panics with it");
        let answer = state.1[state.0.min(state.1.len() - 1)].clone();
        state.0 += 1;
        Box::pin(async { Ok(answer) })
    }
}

/// A guest's hook that may ask for anything; `127.0.0.1` is open to it, and every name resolves to that.
fn hook() -> (OutboundHttp, Log) {
    hook_with(Double::new(&[&["127.0.0.1"]]), Limits::default(), 10)
}

fn hook_with(resolver: Double, limits: Limits, connections_max: usize) -> (OutboundHttp, Log) {
    let any: OutboundList = "*:*".parse().expect("a list");
    let host = OutboundHost {
        allowed: any.clone(),
        opened: vec!["127.0.0.1/32".parse().expect("a network")],
        limits,
        connections: Arc::new(Semaphore::new(connections_max)),
        resolver: Box::new(resolver),
        tls: OnceCell::new(),
    };
    let log = Log::new(LogSource::example("s"), LogFeed::new(None), &Logging::default(), u64::MAX);
    (OutboundHttp::new(Outbound::new(Arc::new(host), any), log.clone()), log)
}

/// A server that gives every connection that answer, tells the heads it got, and then holds the connection until
/// the other side ends it.
async fn server(answer: impl Into<Vec<u8>>) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    serve_on(Ipv4Addr::LOCALHOST, 0, answer.into()).await
}

async fn serve_on(
    address: Ipv4Addr,
    port: u16,
    answer: Vec<u8>,
) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((address, port)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (told, heads) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, told) = (answer.clone(), told.clone());
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                let _ = told.send(String::from_utf8_lossy(&head).into_owned());
                stream.write_all(&answer).await?;
                while stream.read(&mut [0; 4096]).await? > 0 {}
                let _ = told.send("the end".to_owned());
                io::Result::Ok(())
            });
        }
    });
    (address, heads)
}

fn get(url: impl AsRef<str>) -> Request<WasiBody> {
    let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
    Request::builder().uri(url.as_ref()).body(empty).expect("a request")
}

/// Sends a request and reads the answer, driving both as the engine's tasks do.
async fn text(hook: &mut OutboundHttp, request: Request<WasiBody>) -> Result<String, Error> {
    let (answer, rest) = begin(hook, request, None).await?;
    let rest = tokio::spawn(Pin::from(rest));
    let body = answer.into_body().collect().await?.to_bytes();
    rest.abort();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

async fn begin(
    hook: &mut OutboundHttp,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Sent, Error> {
    Pin::from(hook.send_request(request, options, Box::new(async { Ok(()) }))).await
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn an_allowed_request_is_sent_to_the_host_that_was_checked() {
    let (address, mut heads) = server(HELLO).await;
    let (mut hook, _) = hook();
    let mut request = get(format!("http://API.example.com.:{}/v1?q=1", address.port()));
    request.headers_mut().insert(header::HOST, "internal.example".parse().expect("a value"));
    assert_eq!(text(&mut hook, request).await.expect("an answer"), "hello");
    let head = heads.recv().await.expect("a head");
    assert!(head.starts_with("GET /v1?q=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: api.example.com:{}\r\n", address.port())), "{head}");
    assert!(!head.contains("internal.example"), "{head}");
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_where_it_is_connected_to() {
    let (address, _heads) = server(HELLO).await;
    let (_, mut canary) = serve_on(Ipv4Addr::new(127, 0, 0, 2), address.port(), HELLO.into()).await;
    let resolver = Double::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let (mut hook, log) = hook_with(resolver.clone(), Limits::default(), 10);
    let url = format!("http://rebinding.example:{}/", address.port());
    assert_eq!(text(&mut hook, get(&url)).await.expect("an answer"), "hello");
    assert_eq!(resolver.asked(), 1, "a second look-up could have another answer");
    let denied = text(&mut hook, get(&url)).await.expect_err("denied");
    assert!(matches!(denied, Error::DestinationIpProhibited), "{denied:?}");
    assert!(log.tail().contains("127.0.0.2, a loopback address; `samovar serve --open-address 127.0.0.2`"));
    assert!(canary.try_recv().is_err(), "it was connected to");
}

#[tokio::test]
async fn of_a_names_addresses_only_the_open_ones_are_used() {
    let (address, _heads) = server(HELLO).await;
    let resolver = Double::new(&[&["10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"]]);
    let (mut hook, _) = hook_with(resolver, Limits::default(), 10);
    let url = format!("http://mixed.example:{}/", address.port());
    assert_eq!(text(&mut hook, get(url)).await.expect("an answer"), "hello");
}

#[tokio::test]
async fn one_connection_too_many_waits_as_long_as_connecting_may_take() {
    for (own, hosts) in [(1, 10), (10, 1)] {
        let (address, _heads) = server(HELLO).await;
        let limits = Limits {
            connections_per_instance_max: own,
            connect_time_max: Duration::from_millis(50),
            ..Limits::default()
        };
        let (mut hook, _) = hook_with(Double::new(&[&["127.0.0.1"]]), limits, hosts);
        let url = format!("http://a.example:{}/", address.port());
        let held = begin(&mut hook, get(&url), None).await.expect("an answer");
        let refused = text(&mut hook, get(&url)).await.expect_err("refused");
        assert!(matches!(refused, Error::ConnectionLimitReached), "{refused:?}");
        drop(held);
        assert_eq!(text(&mut hook, get(&url)).await.expect("an answer"), "hello");
    }
}

#[tokio::test]
async fn when_the_event_is_over_so_are_its_connections() {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhel";
    let (address, mut heads) = server(endless).await;
    let (mut hook, _) = hook();
    let url = format!("http://a.example:{}/", address.port());
    let (answer, rest) = begin(&mut hook, get(url), None).await.expect("an answer");
    let rest = tokio::spawn(Pin::from(rest));
    heads.recv().await.expect("a head");
    hook.close();
    rest.await.expect("no panic").expect("it ends");
    assert!(answer.into_body().collect().await.is_err());
    assert_eq!(heads.recv().await.as_deref(), Some("the end"));
}

#[tokio::test]
async fn an_answer_that_is_too_large_ends_with_an_error() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(40_000));
    let wait_time = Duration::from_secs(2);
    let limits = || Limits { answer_body_bytes_max: 4, wait_time, ..Limits::default() };
    for (answer, body) in [(HELLO, true), (chunked, true), (&many, false), (&long, false)] {
        let (address, _heads) = server(answer).await;
        let (mut hook, _) = hook_with(Double::new(&[&["127.0.0.1"]]), limits(), 10);
        let url = format!("http://a.example:{}/", address.port());
        match text(&mut hook, get(url)).await.expect_err("too large") {
            Error::HttpResponseBodySize(Some(4 | 5)) if body => {}
            Error::HttpResponseHeaderSectionSize(_) if !body => {}
            other => panic!("{answer:.60}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_not_sent_to_its_end() {
    let (address, mut heads) = server("").await;
    let limits = Limits { request_body_bytes_max: 4, ..Limits::default() };
    let (mut hook, _) = hook_with(Double::new(&[&["127.0.0.1"]]), limits, 10);
    let request = |with_length: bool| {
        let body = Full::new(Bytes::from("hello")).map_err(|never| match never {});
        let mut request = get(format!("http://a.example:{}/", address.port())).map(|_| body.boxed_unsync());
        *request.method_mut() = http::Method::POST;
        if with_length {
            request.headers_mut().insert(header::CONTENT_LENGTH, 5.into());
        }
        request
    };
    for with_length in [true, false] {
        let refused = text(&mut hook, request(with_length)).await.expect_err("too large");
        assert!(matches!(refused, Error::HttpRequestBodySize(Some(4))), "{refused:?}");
    }
    assert!(!heads.try_recv().is_ok_and(|head| head.contains("hello")));
}

#[tokio::test]
async fn a_peer_that_hangs_ends_at_the_timeouts_a_guest_can_set() {
    let short = Some(Duration::from_millis(30));
    let options =
        RequestOptions { first_byte_timeout: short, between_bytes_timeout: short, ..Default::default() };
    let (mut hook, _) = hook();

    let (silent, _heads) = server("").await;
    let url = format!("http://a.example:{}/", silent.port());
    let hung = begin(&mut hook, get(url), Some(options)).await.err().expect("no answer");
    assert!(matches!(hung, Error::ConnectionReadTimeout), "{hung:?}");

    let (pausing, _heads) = server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").await;
    let url = format!("http://a.example:{}/", pausing.port());
    let (answer, rest) = begin(&mut hook, get(url), Some(options)).await.expect("a head");
    let rest = tokio::spawn(Pin::from(rest));
    let paused = answer.into_body().collect().await.expect_err("no end");
    assert!(matches!(paused, Error::ConnectionReadTimeout), "{paused:?}");
    rest.abort();
}

#[tokio::test]
async fn what_is_no_answer_of_http_is_an_error() {
    for (answer, upgrade) in [
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", true),
        ("SSH-2.0-server\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", false),
    ] {
        let (address, _heads) = server(answer).await;
        let (mut hook, _) = hook();
        let url = format!("http://a.example:{}/", address.port());
        let error = text(&mut hook, get(url)).await.expect_err(answer);
        assert_eq!(matches!(error, Error::HttpUpgradeFailed), upgrade, "{error:?}");
    }
}

#[tokio::test]
async fn addresses_in_a_url_are_checked_like_those_of_names() {
    let (address, mut canary) = server(HELLO).await;
    let (mut hook, _) = hook_with(Double::new(&[&["8.8.8.8"]]), Limits::default(), 10);
    for host in [
        "127.0.0.2",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.2]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "[ff02::1]",
    ] {
        let denied =
            text(&mut hook, get(format!("http://{host}:{}/", address.port()))).await.expect_err(host);
        assert!(matches!(denied, Error::DestinationIpProhibited), "{host}: {denied:?}");
    }
    assert!(canary.try_recv().is_err(), "it was connected to");
}
