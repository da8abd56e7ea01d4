//! Requests that functions send: where they may go, where they never get, and how they end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use samovar::{Deployment, Host, Invoke, Outcome};
use samovar_tests::{Server, answer, error_type, function, guest, guest_path, samovar};
use serde_json::{Value, json};

/// A server of one thread per connection, which answers every request with what `respond` makes of its head.
struct Peer {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Peer {
    fn start(respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0", None, respond)
    }

    fn start_on(
        address: &str,
        tls: Option<Arc<rustls::ServerConfig>>,
        respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("an address");
        let peer = Self {
            address: listener.local_addr().expect("an address"),
            heads: Arc::default(),
            connections: Arc::default(),
            ended: Arc::default(),
        };
        let (heads, connections, ended) = (peer.heads.clone(), peer.connections.clone(), peer.ended.clone());
        let respond = Arc::new(respond);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let (heads, ended, respond, tls) =
                    (heads.clone(), ended.clone(), respond.clone(), tls.clone());
                std::thread::spawn(move || {
                    // However the other side behaves, the connection is over in the end.
                    let _ = match tls {
                        None => converse(stream, &heads, &*respond),
                        Some(config) => {
                            encrypted(stream, config).and_then(|stream| converse(stream, &heads, &*respond))
                        }
                    };
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        peer
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    fn head(&self) -> String {
        self.heads.lock().expect("no thread panics with it").last().cloned().unwrap_or_default()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

fn encrypted(
    stream: TcpStream,
    config: Arc<rustls::ServerConfig>,
) -> std::io::Result<rustls::StreamOwned<rustls::ServerConnection, TcpStream>> {
    let connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    Ok(rustls::StreamOwned::new(connection, stream))
}

/// Reads a head, gives the answer, and waits until the other side ends the connection.
fn converse(
    mut stream: impl Read + Write,
    heads: &Mutex<Vec<String>>,
    respond: &(dyn Fn(&str) -> Vec<u8> + Send + Sync),
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let answer = respond(&head);
    heads.lock().expect("no thread panics with it").push(head);
    stream.write_all(&answer)?;
    stream.flush()?;
    while stream.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// A host with the example `fetch`, where host and function allow this, and these addresses are open.
async fn host(hosts: &str, functions: &str, opened: &[&str]) -> Host {
    let opened = opened.iter().map(|network| network.parse().expect("a network"));
    let builder = Host::builder().instances_max(16).outbound(hosts.parse().expect("rules"));
    let host = builder.outbound_addresses(opened).start().await.expect("a host");
    let deployment = Deployment::new("fetch", guest("fetch")).timeout_seconds(10);
    host.publish(deployment.outbound(functions.parse().expect("rules"))).await.expect("it is published");
    host
}

async fn fetch(host: &Host, event: Value) -> Outcome {
    let mut request = Invoke::new(function("fetch:1"), event.to_string());
    request.log_tail = true;
    host.invoke(request).await.expect("the function runs")
}

fn log(outcome: &Outcome) -> &str {
    outcome.log_tail.as_deref().expect("it was asked for")
}

#[tokio::test]
async fn a_request_that_both_lists_allow_is_answered() {
    let peer = Peer::start(|_| ok("hello"));
    let host = host("*:*", &format!("http://127.0.0.1:{}", peer.port()), &["127.0.0.1/32"]).await;
    let event = json!({
        "url": format!("http://127.0.0.1:{}/orders?x=1#part", peer.port()),
        "method": "POST", "headers": { "X-Id": "7" }, "body": "{}",
    });
    let outcome = fetch(&host, event).await;
    assert_eq!(answer(&outcome), json!({ "status": 200, "body": "hello" }));
    let head = peer.head();
    assert!(head.starts_with("POST /orders?x=1 HTTP/1.1\r\n"), "{head}");
    let expected = [format!("host: 127.0.0.1:{}", peer.port()), "x-id: 7".into(), "content-length: 2".into()];
    assert!(expected.iter().all(|line| head.to_lowercase().contains(line)), "{head}");
    host.close().await;
}

#[tokio::test]
async fn a_denial_names_the_setting_that_would_allow_it() {
    let peer = Peer::start(|_| ok("hello"));
    let listed = format!("http://127.0.0.1:{}", peer.port());
    for (hosts, functions, opened, error, setting) in [
        ("", "", "127.0.0.1/32", "Http.Denied", "neither the function's SAMOVAR_OUTBOUND nor `samovar serve"),
        (&listed, "", "127.0.0.1/32", "Http.Denied", "the function's SAMOVAR_OUTBOUND does not list it"),
        ("", &listed, "127.0.0.1/32", "Http.Denied", "`samovar serve --allow-outbound` does not list it"),
        (&listed, &listed, "10.0.0.0/8", "Http.AddressClosed", "`samovar serve --open-address 127.0.0.1`"),
    ] as [(&str, &str, &str, &str, &str); 4]
    {
        let host = host(hosts, functions, &[opened]).await;
        let outcome = fetch(&host, json!({ "url": listed })).await;
        assert_eq!(error_type(&outcome), error);
        let line = log(&outcome).lines().find(|line| line.contains("denied")).expect("a line");
        assert!(line.contains(&listed) && line.contains(setting), "{line}");
        host.close().await;
    }
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn no_url_reaches_what_is_closed() {
    let canary = Peer::start(|_| ok("secret"));
    let port = canary.port();
    // The same port of the other family, where this machine has it.
    let canary_v6 =
        std::panic::catch_unwind(|| Peer::start_on(&format!("[::1]:{port}"), None, |_| ok("secret")));
    let host = host("*:*", "*:*", &[]).await;
    for place in [
        // Loopback as it is, in other notations, and with a trailing dot.
        "127.0.0.1",
        "127.0.0.1.",
        "127.1.2.3",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.0x1",
        "0",
        "0.0.0.0",
        "00000000.0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        // Names of it.
        "localhost",
        "LOCALHOST",
        "localhost.",
        // IPv4 within IPv6: mapped, compatible, NAT64, 6to4, translated, Teredo.
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:7f00:1::1]",
        "[::ffff:0:127.0.0.1]",
        "[2001:0:7f00:1::80ff:fffe]",
        // Metadata and private networks.
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "168.63.129.16",
        "100.100.100.200",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "[fe80::1]",
        "[fc00::1]",
        "224.0.0.1",
        "255.255.255.255",
        // Users that look like hosts, and hosts that are read in two ways.
        "allowed@127.0.0.1",
        "allowed:80@127.0.0.1",
        "127.0.0.1@allowed",
        "allowed%40127.0.0.1",
        "allowed\\@127.0.0.1",
        "127.0.0.1%23.allowed",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "127.0.0.1%00.allowed",
        "[::1%25lo]",
        "",
    ] {
        let outcome = fetch(&host, json!({ "url": format!("http://{place}:{port}/"), "redirects": 5 })).await;
        let error = error_type(&outcome);
        let denied = ["Http.Denied", "Http.AddressClosed", "Http.Url"].contains(&error);
        assert!(denied, "{place}: {outcome:?}");
    }
    assert_eq!(canary.connections(), 0, "something was connected to");
    assert!(canary_v6.map_or(0, |peer| peer.connections()) == 0, "something was connected to");
    host.close().await;
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_request() {
    let canary = Peer::start_on("127.0.0.2:0", None, |_| ok("secret"));
    let to_canary = format!("http://127.0.0.2:{}/", canary.port());
    let peer = Peer::start(move |head| match head.split(' ').nth(1) {
        Some("/closed") => redirect(&to_canary),
        Some("/mapped") => redirect(&to_canary.replace("127.0.0.2", "[::ffff:127.0.0.2]")),
        Some("/disguised") => redirect(&to_canary.replace("127.0.0.2", "2130706434")),
        Some("/metadata") => redirect("http://169.254.169.254/latest/meta-data/"),
        Some("/unlisted") => redirect("https://elsewhere.example/"),
        Some("/file") => redirect("file:///etc/passwd"),
        Some("/once") => redirect("/there"),
        Some("/for-ever") => redirect("/for-ever"),
        _ => ok("there"),
    });
    let rules = "http://*:*";
    let host = host(rules, rules, &["127.0.0.1/32"]).await;
    let ask = async |path: &str, redirects: u32| {
        let url = format!("http://127.0.0.1:{}{path}", peer.port());
        fetch(&host, json!({ "url": url, "redirects": redirects })).await
    };
    assert_eq!(answer(&ask("/once", 1).await), json!({ "status": 200, "body": "there" }));
    assert_eq!(answer(&ask("/closed", 0).await)["status"], 302, "none is followed without leave");
    for (path, error) in [
        ("/closed", "Http.AddressClosed"),
        ("/mapped", "Http.AddressClosed"),
        ("/disguised", "Http.Url"),
        ("/metadata", "Http.AddressClosed"),
        ("/unlisted", "Http.Denied"),
        ("/file", "Http.Url"),
        ("/for-ever", "Http.TooManyRedirects"),
    ] {
        assert_eq!(error_type(&ask(path, 5).await), error, "{path}");
    }
    assert_eq!(canary.connections(), 0, "it was connected to");
    host.close().await;
}

#[tokio::test]
async fn headers_and_paths_smuggle_nothing() {
    let peer = Peer::start(|_| ok("hello"));
    let rules = format!("http://127.0.0.1:{}", peer.port());
    let host = host(&rules, &rules, &["127.0.0.1/32"]).await;
    for (name, value) in [
        ("Host", "internal.example"),
        ("Connection", "upgrade"),
        ("Upgrade", "h2c"),
        ("Transfer-Encoding", "chunked"),
        ("Proxy-Authorization", "Basic x"),
        ("Proxy-Anything", "x"),
        ("Keep-Alive", "x"),
        ("TE", "trailers"),
        ("Expect", "100-continue"),
        ("X-A", "b\r\nHost: internal.example"),
        ("X-A\r\nHost", "internal.example"),
        ("X-A", "b\0c"),
        ("Host ", "internal.example"),
        ("", "x"),
    ] {
        let outcome = fetch(&host, json!({ "url": rules, "headers": { name: value } })).await;
        assert_eq!(error_type(&outcome), "Http.Header", "{name:?}: {value:?}");
    }
    for (method, path) in [
        ("GET", "/ HTTP/1.1\r\nHost: internal.example\r\n\r\n"),
        ("GET", "/a b"),
        ("CONNECT", "/"),
        ("connect", "/"),
        ("GET /secret HTTP/1.1\r\nX:", "/"),
    ] {
        let outcome = fetch(&host, json!({ "url": format!("{rules}{path}"), "method": method })).await;
        assert_eq!(error_type(&outcome), "Http.Url", "{method:?} {path:?}");
    }
    assert_eq!(peer.connections(), 0);
    // A length that is not the body's: the request is not sent to its end.
    let event =
        json!({ "url": rules, "method": "POST", "headers": { "Content-Length": "3" }, "body": "hello" });
    let outcome = fetch(&host, event).await;
    assert!(outcome.answer.is_err() || !peer.head().contains("hello"), "{outcome:?}");
    host.close().await;
}

#[tokio::test]
async fn an_answer_without_end_is_an_error() {
    let peer = Peer::start(|_| {
        let mut endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        endless.resize(20 << 20, b'x');
        endless
    });
    let rules = format!("http://127.0.0.1:{}", peer.port());
    let host = host(&rules, &rules, &["127.0.0.1/32"]).await;
    let outcome = fetch(&host, json!({ "url": rules })).await;
    assert_eq!(error_type(&outcome), "Http.TooLarge", "{outcome:?}");
    host.close().await;
}

#[tokio::test]
async fn a_peer_that_hangs_is_given_up_where_the_function_says() {
    let peer = Peer::start(|_| Vec::new());
    let rules = format!("http://127.0.0.1:{}", peer.port());
    let host = host(&rules, &rules, &["127.0.0.1/32"]).await;
    let outcome = fetch(&host, json!({ "url": rules, "timeout_ms": 50 })).await;
    assert_eq!(error_type(&outcome), "Http.TimedOut", "{outcome:?}");
    // The instance goes on, and nobody there is an answer too.
    let nobody = fetch(&host, json!({ "url": rules, "timeout_ms": 50 })).await;
    assert_eq!(error_type(&nobody), "Http.TimedOut");
    assert_eq!(host.idle_instances(&function("fetch:1")), 1);
    host.close().await;
}

fn command(server: &Server, arguments: &[&str]) -> (bool, String) {
    let output = samovar().args(arguments).args(["--endpoint", server.endpoint()]).output().expect("it runs");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

/// The process's open files, sockets among them.
fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(Path::new("/proc").join(server.id().to_string()).join("fd")).expect("it runs").count()
}

fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = SystemTime::now() + Duration::from_secs(30);
    while !reached() {
        assert!(SystemTime::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_hangs_ends_with_the_function_and_leaves_nothing_open() {
    let silent = Peer::start(|_| Vec::new());
    let pausing = Peer::start(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello".to_vec());
    let good = Peer::start(|_| ok("hello"));
    let server = Server::start_with(&[
        "--log-mb",
        "0",
        "--allow-outbound",
        "http://*:*",
        "--open-address",
        "127.0.0.1",
    ]);
    let fetch = guest_path("fetch");
    let deployed =
        command(&server, &["deploy", "fetch", &fetch, "--timeout", "1", "--allow-outbound", "http://*:*"]);
    assert!(deployed.0, "{}", deployed.1);
    let ask = |peer: &Peer| {
        let event = json!({ "url": format!("http://127.0.0.1:{}/", peer.port()) }).to_string();
        command(&server, &["invoke", "fetch", "--payload", &event])
    };
    assert!(ask(&good).0);
    wait_until("the first connection ends", || good.ended() == 1);
    let baseline = descriptors(&server);
    for peer in [&silent, &pausing] {
        let ended: Vec<(bool, String)> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(peer))).collect();
            asking.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        for (succeeded, text) in ended {
            assert!(!succeeded && text.contains("Sandbox.Timedout"), "{text}");
        }
        assert_eq!(peer.connections(), 4);
        wait_until("the peer sees its connections end", || peer.ended() == 4);
    }
    wait_until("the descriptors are back where they were", || descriptors(&server) <= baseline);
    assert!(ask(&good).0, "and requests go on");
}

/// An authority that signs certificates, and its own as a file.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(certificate.pem().as_bytes()).expect("it is written");
        Self { issuer: rcgen::Issuer::new(params, key), file }
    }

    fn server(&self, name: &str) -> Arc<rustls::ServerConfig> {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("a configuration"))
    }
}

#[test]
fn https_goes_to_servers_that_prove_to_be_the_host_of_the_url() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let peer = |config| Peer::start_on("127.0.0.1:0", Some(config), |_| ok("hello"));
    let good = peer(trusted.server("localhost"));
    let by_address = peer(trusted.server("127.0.0.1"));
    let other_name = peer(trusted.server("other.example"));
    let strangers = peer(stranger.server("localhost"));
    let roots = trusted.file.path().to_str().expect("a path");
    let server = Server::start_in(
        &[("SSL_CERT_FILE", roots), ("SSL_CERT_DIR", "")],
        &[
            "--allow-outbound",
            "https://localhost:*",
            "--allow-outbound",
            "https://127.0.0.1:*",
            "--open-address",
            "127.0.0.1/32",
        ],
    );
    let deployed = command(
        &server,
        &["deploy", "fetch", &guest_path("fetch"), "--allow-outbound", "https://*:*", "--timeout", "20"],
    );
    assert!(deployed.0, "{}", deployed.1);
    let ask = |url: String| {
        let event = json!({ "url": url }).to_string();
        command(&server, &["invoke", "fetch", "--payload", &event, "--log"]).1
    };
    let hello = r#"{"body":"hello","status":200}"#;
    assert!(ask(format!("https://localhost:{}/", good.port())).contains(hello));
    assert!(good.head().contains(&format!("localhost:{}", good.port())));
    assert!(ask(format!("https://127.0.0.1:{}/", by_address.port())).contains(hello));
    for peer in [&strangers, &other_name] {
        let text = ask(format!("https://localhost:{}/", peer.port()));
        assert!(text.contains("Http.Failed") && text.contains("certificate is not trusted"), "{text}");
        assert!(text.contains("samovar: outbound request to https://localhost:"), "{text}");
        assert_eq!(peer.head(), "", "a request was sent");
    }
    let denied = ask(format!("http://localhost:{}/", good.port()));
    assert!(denied.contains("Http.Denied"), "{denied}");
}

#[test]
fn a_bad_rule_is_refused_when_it_is_set() {
    let server = Server::start();
    let fetch = guest_path("fetch");
    let refused =
        command(&server, &["deploy", "fetch", &fetch, "--env", "SAMOVAR_OUTBOUND=https://a.example/path"]);
    assert!(
        !refused.0 && refused.1.contains("SAMOVAR_OUTBOUND") && refused.1.contains("no path"),
        "{}",
        refused.1
    );
}
