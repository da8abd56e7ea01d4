//! Bodies that end with an error where their limit is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use super::failure::from_hyper;
use super::permits::Permits;

/// A request's body. It is passed on as it comes, and never collected.
pub(super) struct RequestBody {
    body: WasiBody,
    bytes_left: u64,
    bytes_max: u64,
}

/// An answer's body, which the peer may not let the guest wait for too long.
pub(super) struct AnswerBody {
    body: Incoming,
    bytes_left: u64,
    bytes_max: u64,
    pause_time_max: Duration,
    /// Running while nothing comes although something was asked for.
    pause: Option<Pin<Box<Sleep>>>,
    /// What the connection holds may be in buffers for as long as this is read.
    _permits: Arc<Permits>,
}

impl RequestBody {
    pub(super) fn new(body: WasiBody, bytes_max: u64) -> Self {
        Self { body, bytes_left: bytes_max, bytes_max }
    }
}

impl AnswerBody {
    pub(super) fn new(
        body: Incoming,
        bytes_max: u64,
        pause_time_max: Duration,
        permits: Arc<Permits>,
    ) -> Self {
        Self { body, bytes_left: bytes_max, bytes_max, pause_time_max, pause: None, _permits: permits }
    }

    fn pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let time_max = self.pause_time_max;
        self.pause.get_or_insert_with(|| Box::pin(sleep(time_max))).as_mut().poll(cx)
    }
}

/// Takes a frame off what may still come; `None` when that is less.
fn count(bytes_left: &mut u64, frame: &Frame<Bytes>) -> Option<()> {
    let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
    *bytes_left = bytes_left.checked_sub(bytes)?;
    Some(())
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            let bytes_max = self.bytes_max;
            count(&mut self.bytes_left, &frame).ok_or(Error::HttpRequestBodySize(Some(bytes_max)))?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.pause(cx));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        self.pause = None;
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|error| from_hyper(&error))?;
            let bytes_max = self.bytes_max;
            count(&mut self.bytes_left, &frame).ok_or(Error::HttpResponseBodySize(Some(bytes_max)))?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
