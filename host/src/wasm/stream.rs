//! What a guest writes to a standard stream of its own, as the log or as an answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::telemetry::Writer;

/// The most bytes a guest may write at a time.
pub(super) const WRITE_BYTES_MAX: usize = 64 << 10;

/// Where a guest's stream ends.
pub(super) trait Sink: Clone + Send + Sync + Unpin + 'static {
    /// Takes what the guest wrote; false if there is no room for it.
    fn take(&self, bytes: &[u8]) -> bool;

    /// Whether there is no room for anything any more.
    fn is_full(&self) -> bool;
}

/// A stream that never waits: what is written is taken at once.
#[derive(Debug, Clone)]
pub(super) struct Output<S>(pub(super) S);

/// A log takes everything.
impl Sink for Writer {
    fn take(&self, bytes: &[u8]) -> bool {
        self.write(bytes);
        true
    }

    fn is_full(&self) -> bool {
        false
    }
}

impl<S: Sink> StdoutStream for Output<S> {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl<S> IsTerminal for Output<S> {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl<S: Sink> OutputStream for Output<S> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE_BYTES_MAX {
            // The guest was told how much it may write at a time.
            return Err(StreamError::trap("a write larger than was permitted"));
        }
        if self.0.take(&bytes) { Ok(()) } else { Err(StreamError::Closed) }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.0.is_full() { Err(StreamError::Closed) } else { Ok(WRITE_BYTES_MAX) }
    }
}

#[async_trait]
impl<S: Sink> Pollable for Output<S> {
    async fn ready(&mut self) {}
}

impl<S: Sink> AsyncWrite for Output<S> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(match self.0.take(bytes) {
            true => Ok(bytes.len()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
