//! The server that the guest `relay` hands events on to: a test decides there what the function answers.

use std::fmt;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::{Api, guest};

/// What an event is answered with: a status, and a body. Whatever is no success is an error of the function.
type Answer = (u16, Vec<u8>);

/// The server. It ends when dropped.
pub struct Relayed {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Relayed {
    /// Starts a server on a port of the system's choice. It decides on each event on a thread of its connection's own.
    pub fn start(decide: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("it has one");
        let (decide, is_over) = (Arc::new(decide), Arc::new(AtomicBool::new(false)));
        let is_over_too = Arc::clone(&is_over);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over_too.load(Ordering::SeqCst) {
                    return;
                }
                let decide = Arc::clone(&decide);
                // A connection that breaks is the server's that was killed.
                thread::spawn(move || stream.ok().and_then(|stream| serve(stream, &*decide).ok()));
            }
        });
        Self { address, is_over }
    }

    /// What a server must be started with for its functions to reach this one.
    pub fn arguments(&self) -> [String; 4] {
        let to = |text: &str| text.to_owned();
        [to("--allow-outbound"), self.url(), to("--open-address"), to("127.0.0.1")]
    }

    /// Makes a function that hands its events on to this server.
    pub fn create(&self, api: &Api, name: &str, timeout_seconds: u32) {
        let body = json!({
            "FunctionName": name,
            "Role": "arn:aws:iam::000000000000:role/any",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Timeout": timeout_seconds,
            "Environment": { "Variables": { "RELAY_TO": self.url(), "SAMOVAR_OUTBOUND": self.url() } },
            "Code": { "ZipFile": BASE64_STANDARD.encode(guest("relay")) },
        });
        let reply = api.call("POST", "/2015-03-31/functions", Some(&body));
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl fmt::Debug for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relayed").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // So that it looks.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, decide: &dyn Fn(&Value) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut length = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
        let mut body = vec![0; length.expect("functions say how long a body is")];
        reader.read_exact(&mut body)?;
        let event = serde_json::from_slice(&body).expect("an event is JSON");
        let (status, answer) = decide(&event);
        let head = format!("HTTP/1.1 {status} Decided\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(&answer)?;
    }
}
