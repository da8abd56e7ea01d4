//! A connection that is not closed before its client has had the chance to read the last answer.
//!
//! Whoever closes a connection on which something has come that nobody has read has the system take back what it sent. A client
//! that is still sending a body that was given up would see a broken connection in place of the answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::answer_pause::AnswerPause;
use super::bulk::Bulk;

/// How long such a connection is kept, and how much its client may send meanwhile: more than Lambda's largest payload.
const TIME: Duration = Duration::from_secs(3);
const BYTES_MAX: usize = 8 << 20;

/// Told to a connection whose client may still be sending what nobody will read.
#[derive(Debug, Clone, Default)]
pub(super) struct GivenUp(Arc<AtomicBool>);

/// A connection that reads on for a moment before it is closed, if its client was given up or has sent what nobody has read.
#[derive(Debug)]
pub(super) struct Lingering {
    stream: Bulk,
    pause: AnswerPause,
    given_up: GivenUp,
    /// Once nothing is written any more: until when, and how much may still come.
    end: Option<(Pin<Box<Sleep>>, usize)>,
}

impl GivenUp {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Lingering {
    /// A connection whose client may leave answers unread for so long.
    pub(super) fn new(stream: Bulk, answer_pause_max: Duration, given_up: GivenUp) -> Self {
        Self { stream, pause: AnswerPause::new(answer_pause_max), given_up, end: None }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut Bulk> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl AsyncRead for Lingering {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, to)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.pause.bound(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.pause.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.end.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let (until, left) = this.end.get_or_insert_with(|| (Box::pin(tokio::time::sleep(TIME)), BYTES_MAX));
        let mut scratch = [0; 4096];
        loop {
            let mut to = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.stream).poll_read(cx, &mut to) {
                Poll::Ready(Ok(())) if !to.filled().is_empty() && *left > to.filled().len() => {
                    *left -= to.filled().len();
                    this.given_up.set();
                }
                // It has ended, or goes on for too long.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending if !this.given_up.0.load(Ordering::Relaxed) => return Poll::Ready(Ok(())),
                Poll::Pending => return until.as_mut().poll(cx).map(Ok),
            }
        }
    }
}
