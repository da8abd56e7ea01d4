//! The bodies of requests, read within limits: of each, and of all together.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wire_error::WireError;

/// The most bytes of large bodies that are held at a time, in KiB: 1 GiB. Further requests wait their turn.
const HELD_KIB_MAX: usize = 1 << 20;
/// Bodies up to this size do not count: connections are limited, and so is what these can sum up to.
const SMALL_BYTES_MAX: u64 = 64 << 10;
/// How long a body may take to come in, waiting for its turn included.
const READ_TIME_MAX: Duration = Duration::from_secs(300);
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
    _room: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(HELD_KIB_MAX)) }
    }

    /// Reads a whole body.
    pub(super) async fn read(&self, mut body: Body, limit: Limit) -> Result<Held, WireError> {
        let read = async {
            if body.size_hint().lower() > limit.bytes as u64 {
                discard(&mut body).await;
                return Err((limit.error)(limit.bytes));
            }
            let room = self.room_for(body.size_hint().upper(), limit).await;
            Ok(Held { bytes: whole(&mut body, limit).await?, _room: room })
        };
        match tokio::time::timeout(READ_TIME_MAX, read).await {
            Ok(read) => read,
            Err(_elapsed) => Err(WireError::request_timed_out()),
        }
    }

    async fn room_for(&self, bytes: Option<u64>, limit: Limit) -> Option<OwnedSemaphorePermit> {
        let bytes = bytes.unwrap_or(limit.bytes as u64);
        if bytes <= SMALL_BYTES_MAX {
            return None;
        }
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(HELD_KIB_MAX as u32);
        Some(self.room.clone().acquire_many_owned(kib).await.expect("the semaphore is never closed"))
    }
}

impl Held {
    /// The body as a JSON value of that shape. Members of no meaning here are passed over.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, WireError> {
        serde_json::from_slice(&self.bytes).map_err(|error| WireError::json(&error))
    }
}

async fn whole(body: &mut Body, limit: Limit) -> Result<Bytes, WireError> {
    let Some(first) = next(body).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() && first.len() <= limit.bytes {
        return Ok(first);
    }
    let expected = body.size_hint().lower().min(limit.bytes as u64) as usize;
    let mut whole = BytesMut::with_capacity(first.len() + expected);
    let mut following = Some(first);
    while let Some(data) = following {
        if whole.len() + data.len() > limit.bytes {
            discard(body).await;
            return Err((limit.error)(limit.bytes));
        }
        whole.extend_from_slice(&data);
        following = next(body).await?;
    }
    Ok(whole.freeze())
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
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
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
        assert_eq!(bodies.room.available_permits(), HELD_KIB_MAX - 1024);
        drop(held);
        assert_eq!(bodies.room.available_permits(), HELD_KIB_MAX);
    }
}
