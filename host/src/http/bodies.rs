//! The bodies of requests, read within limits: of each, and of all together.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wire_error::WireError;

/// The most bytes of large bodies that are held at a time, in MiB. What comes in beyond it is refused.
const HELD_MIB_MAX: usize = 1024;
/// Bodies up to this size do not count: connections are limited, and so is what these can sum up to.
const SMALL_BYTES_MAX: usize = 64 << 10;
/// How long a body may take to come in.
const READ_TIME_MAX: Duration = Duration::from_secs(300);
/// How long a client may send nothing in the middle of a body.
const PAUSE_TIME_MAX: Duration = Duration::from_secs(20);
/// How much of a body that is too large is read and thrown away, so that a client that sends first and reads later
/// sees the answer instead of a broken connection.
const DISCARDED_BYTES_MAX: usize = 256 << 20;

/// How large a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) bytes: usize,
    /// What is said to a client that exceeds it.
    pub(super) error: fn(usize) -> WireError,
}

/// Reads bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    room: Arc<Semaphore>,
}

/// A body that was read, and the room it takes.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(HELD_MIB_MAX)) }
    }

    /// Reads a whole body.
    pub(super) async fn read(&self, mut body: Body, limit: Limit) -> Result<Held, WireError> {
        let read = async {
            if body.size_hint().lower() > limit.bytes as u64 {
                discard(&mut body).await;
                return Err((limit.error)(limit.bytes));
            }
            self.whole(&mut body, limit).await
        };
        match tokio::time::timeout(READ_TIME_MAX, read).await {
            Ok(read) => read,
            Err(_elapsed) => Err(WireError::request_timed_out()),
        }
    }

    /// Room is taken as bytes come in, never for what was only announced; when there is none, nobody waits for it.
    async fn whole(&self, body: &mut Body, limit: Limit) -> Result<Held, WireError> {
        let Some(first) = next(body).await? else { return Ok(Held { bytes: Bytes::new(), room: None }) };
        if body.is_end_stream() && first.len() <= limit.bytes.min(SMALL_BYTES_MAX) {
            return Ok(Held { bytes: first, room: None });
        }
        let mut whole = BytesMut::with_capacity(first.len());
        let mut room: Option<OwnedSemaphorePermit> = None;
        let mut following = Some(first);
        while let Some(data) = following {
            let bytes = whole.len() + data.len();
            if bytes > limit.bytes {
                discard(body).await;
                return Err((limit.error)(limit.bytes));
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
            following = next(body).await?;
        }
        Ok(Held { bytes: whole.freeze(), room })
    }
}

async fn discard(body: &mut Body) {
    let mut left = DISCARDED_BYTES_MAX;
    while let Ok(Some(data)) = next(body).await
        && let Some(less) = left.checked_sub(data.len())
    {
        left = less;
    }
}

/// The next piece of a body; `None` at its end.
async fn next(body: &mut Body) -> Result<Option<Bytes>, WireError> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        let frame = tokio::time::timeout(PAUSE_TIME_MAX, frame).await;
        match frame.map_err(|_paused| WireError::request_timed_out())? {
            None => return Ok(None),
            Some(Err(error)) => return Err(WireError::broken_body(&error)),
            Some(Ok(frame)) => {
                // What is no data is a trailer, which nobody here has a use for.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Limit = Limit { bytes: 10, error: |_| WireError::request_timed_out() };

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let bodies = Bodies::new();
        let read = bodies.read(Body::from("0123456789"), TEN).await.expect("ten bytes");
        assert_eq!(read.bytes, "0123456789");
        assert!(bodies.read(Body::from("0123456789+"), TEN).await.is_err());
        assert!(bodies.read(Body::empty(), TEN).await.expect("nothing").bytes.is_empty());
    }

    #[tokio::test]
    async fn a_large_body_gives_its_room_back() {
        let bodies = Bodies::new();
        let limit = Limit { bytes: 1 << 20, ..TEN };
        let held = bodies.read(Body::from(vec![0; 1 << 20]), limit).await.expect("a body");
        assert_eq!(bodies.room.available_permits(), HELD_MIB_MAX - 1);
        drop(held);
        assert_eq!(bodies.room.available_permits(), HELD_MIB_MAX);
    }
}
