//! Large bodies and answers, moved in turns.
//!
//! A connection that has much to read or to write would otherwise go on until its socket has no more, and fifty of them keep all
//! threads from a small request that comes meanwhile. So what is large is moved piece by piece, and there are only so many
//! turns: who waits for one stands in no thread's way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

/// What is moved at once needs no turn up to so many bytes.
const SMALL_BYTES_MAX: usize = 16 << 10;
/// How much is written in one turn: some ten microseconds. What is read in one is bounded by hyper's buffer, of the same size.
const PIECE_BYTES: usize = 64 << 10;

/// The turns of all connections of a server.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    /// As many as leave half of the cores to others.
    pub(super) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((cores / 2).max(1))))
    }
}

/// A connection that takes turns with others for what is large.
#[derive(Debug)]
pub(super) struct Bulk {
    stream: TcpStream,
    turns: PollSemaphore,
    /// Whether the last that came was much, so that there may be more.
    reads_much: bool,
}

impl Bulk {
    pub(super) fn new(stream: TcpStream, turns: &Turns) -> Self {
        Self { stream, turns: PollSemaphore::new(turns.0.clone()), reads_much: false }
    }
}

impl AsyncRead for Bulk {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Given back at the end of this: the next piece is behind those who wait.
        let _turn = match this.reads_much {
            true => ready!(this.turns.poll_acquire(cx)),
            false => None,
        };
        let before = to.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, to))?;
        this.reads_much = to.filled().len() - before > SMALL_BYTES_MAX;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bulk {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let _turn = match bytes.len() > SMALL_BYTES_MAX {
            true => ready!(this.turns.poll_acquire(cx)),
            false => None,
        };
        Pin::new(&mut this.stream).poll_write(cx, &bytes[..bytes.len().min(PIECE_BYTES)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if pieces.iter().map(|piece| piece.len()).sum::<usize>() <= SMALL_BYTES_MAX {
            return Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces);
        }
        // The head of an answer may go alone: what follows comes in pieces anyway.
        let first = pieces.iter().find(|piece| !piece.is_empty());
        self.poll_write(cx, first.map_or(&[], |piece| piece))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
