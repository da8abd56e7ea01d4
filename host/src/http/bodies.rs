//! The bodies of requests, read within limits: of each, and of all together.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::pace::Pace;
use super::settings::HttpSettings;
use super::wire_error::{Exception, WireError};

/// Bodies up to this size do not count: connections are limited, and so is what these can sum up to.
const SMALL_BYTES_MAX: usize = 64 << 10;
/// How much of a body that is too large is read and thrown away, so that a client that sends first and reads later
/// sees the answer instead of a broken connection.
const DISCARDED_BYTES_MAX: usize = 256 << 20;

/// How large a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit<'a> {
    pub(super) bytes: usize,
    /// What is said to a client that exceeds it.
    pub(super) exception: Exception,
    /// Of which operation it is.
    pub(super) operation: &'a str,
}

/// A body that nobody has looked at, until it is taken.
#[derive(Debug)]
pub(super) struct Unread(Option<Body>);

/// Reads bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    /// What bodies may hold together that are not small, in MiB. What comes in beyond it is refused.
    room: Arc<Semaphore>,
    pace: Pace,
}

/// A body on its way in.
struct Incoming<'a> {
    body: &'a mut Body,
    pace: Pace,
    started: Instant,
    last: Instant,
    received_bytes: u64,
}

/// A body that was read, and the room it takes.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let room = (settings.bodies_bytes_max.div_ceil(1 << 20)).min(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(room)), pace: Pace::of(settings) }
    }

    /// Reads a whole body.
    pub(super) async fn read(&self, body: &mut Unread, limit: Limit<'_>) -> Result<Held, WireError> {
        let mut body = body.0.take().unwrap_or_default();
        let declared = body.size_hint().lower();
        let mut incoming = Incoming::new(&mut body, self.pace);
        if declared > limit.bytes as u64 {
            incoming.discard().await;
            return Err(limit.exceeded());
        }
        self.whole(&mut incoming, limit).await
    }

    /// Reads a body that nobody wanted and throws it away, for the same clients as those of bodies that are too large.
    pub(super) async fn discard(&self, body: &mut Unread) {
        if let Some(mut body) = body.0.take() {
            Incoming::new(&mut body, self.pace).discard().await;
        }
    }

    /// Room is taken as bytes come in, never for what was only announced; when there is none, nobody waits for it.
    async fn whole(&self, body: &mut Incoming<'_>, limit: Limit<'_>) -> Result<Held, WireError> {
        let Some(first) = body.next().await? else { return Ok(Held { bytes: Bytes::new(), room: None }) };
        if body.body.is_end_stream() && first.len() <= limit.bytes.min(SMALL_BYTES_MAX) {
            return Ok(Held { bytes: first, room: None });
        }
        let mut whole = BytesMut::with_capacity(first.len());
        let mut room: Option<OwnedSemaphorePermit> = None;
        let mut following = Some(first);
        while let Some(data) = following {
            let bytes = whole.len() + data.len();
            if bytes > limit.bytes {
                body.discard().await;
                return Err(limit.exceeded());
            }
            let taken = room.as_ref().map_or(0, |room| room.num_permits() << 20);
            if bytes > SMALL_BYTES_MAX.max(taken) {
                let more = ((bytes - taken).div_ceil(1 << 20)) as u32;
                let more = self.room.clone().try_acquire_many_owned(more);
                let more = more.map_err(|_| WireError::no_room_for_body())?;
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
            }
            whole.extend_from_slice(&data);
            following = body.next().await?;
        }
        Ok(Held { bytes: whole.freeze(), room })
    }
}

impl Limit<'_> {
    pub(super) fn exceeded(&self) -> WireError {
        WireError::too_large(self.exception, self.bytes, self.operation)
    }
}

impl Unread {
    /// The body of a request.
    pub(super) fn new(body: Body) -> Self {
        Self(Some(body))
    }

    /// Whether there is something that nobody has read.
    pub(super) fn is_there(&self) -> bool {
        self.0.as_ref().is_some_and(|body| !body.is_end_stream())
    }
}

impl<'a> Incoming<'a> {
    fn new(body: &'a mut Body, pace: Pace) -> Self {
        let now = Instant::now();
        Self { body, pace, started: now, last: now, received_bytes: 0 }
    }

    /// The next piece of the body; `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, WireError> {
        loop {
            let deadline = self.pace.deadline(self.started, self.last, self.received_bytes);
            let frame = poll_fn(|cx| Pin::new(&mut *self.body).poll_frame(cx));
            let frame = timeout_at(deadline, frame).await;
            match frame.map_err(|_too_slow| WireError::request_timed_out())? {
                None => return Ok(None),
                Some(Err(error)) => return Err(WireError::broken_body(&error)),
                Some(Ok(frame)) => {
                    // What is no data is a trailer, which nobody here has a use for.
                    if let Ok(data) = frame.into_data() {
                        self.last = Instant::now();
                        self.received_bytes += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Who is too slow has lost the answer.
    async fn discard(&mut self) {
        let mut left = DISCARDED_BYTES_MAX;
        while let Ok(Some(data)) = self.next().await
            && let Some(less) = left.checked_sub(data.len())
        {
            left = less;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::wire_error::tests::written;

    const TEN: Limit<'_> =
        Limit { bytes: 10, exception: Exception::RequestEntityTooLarge, operation: "CreateFunction" };

    fn unread(body: impl Into<Body>) -> Unread {
        Unread::new(body.into())
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let bodies = Bodies::new(&HttpSettings::default());
        let read = bodies.read(&mut unread("0123456789"), TEN).await.expect("ten bytes");
        assert_eq!(read.bytes, "0123456789");
        let refused = bodies.read(&mut unread("0123456789+"), TEN).await.expect_err("eleven bytes");
        let (status, kind, body) = written(refused).await;
        assert_eq!((status, kind.as_str()), (413, "RequestEntityTooLargeException"));
        assert_eq!(body["message"], "Request must be smaller than 10 bytes for the CreateFunction operation");
        assert!(bodies.read(&mut unread(Body::empty()), TEN).await.expect("nothing").bytes.is_empty());
    }

    #[tokio::test]
    async fn only_what_was_not_read_is_discarded() {
        let mut body = unread("0123456789");
        assert!(body.is_there() && !unread(Body::empty()).is_there());
        Bodies::new(&HttpSettings::default()).discard(&mut body).await;
        assert!(!body.is_there());
        let mut body = unread("0123456789");
        Bodies::new(&HttpSettings::default()).read(&mut body, TEN).await.expect("ten bytes");
        assert!(!body.is_there());
    }

    #[tokio::test]
    async fn a_large_body_gives_its_room_back() {
        let bodies = Bodies::new(&HttpSettings::default());
        let limit = Limit { bytes: 1 << 20, ..TEN };
        let held = bodies.read(&mut unread(vec![0; 1 << 20]), limit).await.expect("a body");
        assert_eq!(bodies.room.available_permits(), 1024 - 1);
        drop(held);
        assert_eq!(bodies.room.available_permits(), 1024);
    }
}
