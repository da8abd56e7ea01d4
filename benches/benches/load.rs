//! Load on an HTTP server: so many connections, each of which asks again as soon as it was answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use samovar_benches::Stopwatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How many connections there are.
pub(crate) const CONNECTIONS: usize = 64;
/// No answer of a benchmark is longer, head and body together.
const ANSWER_BYTES_MAX: usize = (1 << 20) + (16 << 10);

/// The same request, again and again, over connections that stay open.
#[derive(Debug)]
pub(crate) struct Load {
    request: Arc<[u8]>,
    connections: Vec<TcpStream>,
}

impl Load {
    /// Opens as many connections as is usual.
    pub(crate) async fn open(address: SocketAddr, path: &str, body: &str) -> Result<Self> {
        Self::open_some(CONNECTIONS, address, path, body).await
    }

    /// Opens so many connections.
    pub(crate) async fn open_some(count: usize, address: SocketAddr, path: &str, body: &str) -> Result<Self> {
        Self::open_with(count, address, path, "", body).await
    }

    /// Opens so many connections that invoke a function asynchronously.
    pub(crate) async fn open_events(
        count: usize,
        address: SocketAddr,
        function: &str,
        event: &str,
    ) -> Result<Self> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        Self::open_with(count, address, &path, "x-amz-invocation-type: Event\r\n", event).await
    }

    async fn open_with(
        count: usize,
        address: SocketAddr,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Self> {
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {}\r\n", body.len());
        let request = format!("{head}content-type: application/json\r\n\r\n{body}").into_bytes().into();
        let mut connections = Vec::new();
        for _ in 0..count {
            let connection = TcpStream::connect(address).await?;
            connection.set_nodelay(true)?;
            connections.push(connection);
        }
        Ok(Self { request, connections })
    }

    /// Asks on the first connection, once every so often; gives back how long each answer took.
    pub(crate) async fn ask_now_and_then(
        &mut self,
        period: Duration,
        time: Duration,
    ) -> Result<Vec<Duration>> {
        let connection = self.connections.first_mut().context("there is none")?;
        let (whole, mut buffer, mut waits) = (Stopwatch::start(), vec![0; ANSWER_BYTES_MAX], Vec::new());
        while whole.spent().wall < time {
            let asked = Stopwatch::start();
            exchange(connection, &self.request, &mut buffer).await?;
            waits.push(asked.spent().wall);
            tokio::time::sleep(period).await;
        }
        Ok(waits)
    }

    /// Asks on all connections for that long; gives back how many answers came per second.
    pub(crate) async fn run(&mut self, time: Duration) -> Result<Answered> {
        let stopwatch = Stopwatch::start();
        let running: Vec<_> = self
            .connections
            .drain(..)
            .map(|connection| tokio::spawn(ask(connection, self.request.clone(), stopwatch, time)))
            .collect();
        let mut answers = 0;
        for connection in running {
            let (connection, answered) = connection.await??;
            self.connections.push(connection);
            answers += answered;
        }
        Ok(Answered { answers, per_second: answers as f64 / stopwatch.spent().wall.as_secs_f64() })
    }
}

/// What a server answered under load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) answers: u64,
    pub(crate) per_second: f64,
}

async fn ask(
    mut connection: TcpStream,
    request: Arc<[u8]>,
    stopwatch: Stopwatch,
    time: Duration,
) -> Result<(TcpStream, u64)> {
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    let mut answers = 0;
    while stopwatch.spent().wall < time {
        exchange(&mut connection, &request, &mut buffer).await?;
        answers += 1;
    }
    Ok((connection, answers))
}

async fn exchange(connection: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> Result<()> {
    connection.write_all(request).await?;
    let mut read = 0;
    while !is_whole(&buffer[..read])? {
        let more = connection.read(&mut buffer[read..]).await?;
        ensure!(more > 0, "the server closed the connection");
        read += more;
    }
    Ok(())
}

/// Whether an answer is there to its last byte. Any but a 200 or a 202 is an error.
fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(head_bytes) = answer.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(false) };
    let head = std::str::from_utf8(&answer[..head_bytes])?;
    let is_taken = head.starts_with("HTTP/1.1 200 ") || head.starts_with("HTTP/1.1 202 ");
    ensure!(is_taken, "{}", String::from_utf8_lossy(answer));
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let length = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let body_bytes: usize = length.context("an answer without content-length")?.1.parse()?;
    Ok(answer.len() >= head_bytes + 4 + body_bytes)
}
