//! The bodies of requests, read within limits: of each, and of all together.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
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
pub(super) struct Unread {
    body: Option<Body>,
    /// Whether something of it may still come that nobody will read.
    is_given_up: bool,
}

/// Marks a response whose client may still be sending what nobody will read.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyGivenUp;

/// Reads bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    /// What bodies may hold together that are not small, in MiB. What comes in beyond it is refused.
    room: Arc<Semaphore>,
    bytes_max: usize,
    pace: Pace,
}

/// A body on its way in.
struct Incoming<'a> {
    body: &'a mut Body,
    pace: Pace,
    started: Instant,
    last: Instant,
    received_bytes: u64,
    /// It was too slow, or its connection ended.
    has_failed: bool,
}

/// A body that was read, and the room it takes.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    /// None if it is small.
    room: Option<Room>,
}

/// The room in memory that a body takes: given back when the last of what was made of the body is dropped.
#[derive(Debug, Clone)]
pub(super) struct Room(#[expect(dead_code, reason = "it is there to be dropped")] Arc<OwnedSemaphorePermit>);

/// Bytes that keep their room.
struct InRoom {
    bytes: Bytes,
    _room: Room,
}

/// A body that grows, and the room that was taken for it so far: never less than its capacity.
#[derive(Debug, Default)]
struct Growing {
    bytes: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let room = (settings.bodies_bytes_max.div_ceil(1 << 20)).min(Semaphore::MAX_PERMITS);
        Self {
            room: Arc::new(Semaphore::new(room)),
            bytes_max: settings.bodies_bytes_max,
            pace: Pace::of(settings),
        }
    }

    /// Reads a whole body.
    pub(super) async fn read(&self, body: &mut Unread, limit: Limit<'_>) -> Result<Held, WireError> {
        let mut taken = body.body.take().unwrap_or_default();
        let declared = taken.size_hint().lower();
        let mut incoming = Incoming::new(&mut taken, self.pace);
        let read = match declared > limit.bytes as u64 {
            true => Err(limit.exceeded()),
            // What was read by then is gone before the rest is thrown away.
            false => self.whole(&mut incoming, limit).await,
        };
        if read.is_err() {
            incoming.discard().await;
            body.is_given_up = !taken.is_end_stream();
        }
        read
    }

    /// Reads a body that nobody wanted and throws it away, for the same clients as those of bodies that are too large.
    pub(super) async fn discard(&self, body: &mut Unread) {
        if let Some(mut taken) = body.body.take() {
            Incoming::new(&mut taken, self.pace).discard().await;
            body.is_given_up = !taken.is_end_stream();
        }
    }

    /// Room is taken as bytes come in, never for what was only announced; when there is none, nobody waits for it.
    async fn whole(&self, body: &mut Incoming<'_>, limit: Limit<'_>) -> Result<Held, WireError> {
        let Some(first) = body.next().await? else { return Ok(Held::default()) };
        if body.body.is_end_stream() && first.len() <= limit.bytes.min(SMALL_BYTES_MAX) {
            return Ok(Held { bytes: first, room: None });
        }
        let declared = body.body.size_hint().upper().and_then(|rest| usize::try_from(rest).ok());
        let most = declared.map_or(limit.bytes, |rest| limit.bytes.min(rest.saturating_add(first.len())));
        let mut whole = Growing::default();
        let mut following = Some(first);
        while let Some(data) = following {
            let bytes = whole.bytes.len() + data.len();
            if bytes > limit.bytes {
                return Err(limit.exceeded());
            }
            if !whole.make_room(&self.room, bytes, most) {
                return Err(WireError::no_room_for_body(self.bytes_max));
            }
            whole.bytes.extend_from_slice(&data);
            following = body.next().await?;
        }
        Ok(whole.held())
    }
}

impl Growing {
    /// Makes room for that many bytes of a body that may come to `most`, and if there is enough of it for twice as many as
    /// there were, so that a body is not copied with each of its pieces. False if there is none.
    fn make_room(&mut self, room: &Arc<Semaphore>, bytes: usize, most: usize) -> bool {
        let capacity = self.bytes.capacity();
        if bytes <= capacity {
            return true;
        }
        let ample = bytes.max((2 * capacity).min(most));
        let paid = [ample, bytes].into_iter().find(|capacity| self.pay(room, *capacity));
        if let Some(capacity) = paid {
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        paid.is_some()
    }

    /// Takes the room that so large a capacity needs; false if there is none.
    fn pay(&mut self, room: &Arc<Semaphore>, capacity: usize) -> bool {
        let paid = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if capacity <= SMALL_BYTES_MAX.max(paid << 20) {
            return true;
        }
        let Ok(more) = u32::try_from(capacity.div_ceil(1 << 20) - paid) else { return false };
        let Ok(more) = room.clone().try_acquire_many_owned(more) else { return false };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        true
    }

    fn held(self) -> Held {
        Held { bytes: self.bytes.into(), room: self.permit.map(|permit| Room(Arc::new(permit))) }
    }
}

impl Held {
    /// The bytes, which keep their room for as long as anybody has one of them.
    pub(super) fn into_bytes(self) -> Bytes {
        Room::around(self.room, self.bytes)
    }

    /// The room alone, for what was made of the bytes.
    pub(super) fn room(&self) -> Option<Room> {
        self.room.clone()
    }
}

impl Room {
    /// The bytes, which keep that room for as long as anybody has one of them.
    pub(super) fn around(room: Option<Self>, bytes: Bytes) -> Bytes {
        match room {
            None => bytes,
            Some(room) => Bytes::from_owner(InRoom { bytes, _room: room }),
        }
    }
}

impl AsRef<[u8]> for InRoom {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
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
        Self { body: Some(body), is_given_up: false }
    }

    /// Whether there is something that nobody has read.
    pub(super) fn is_there(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.is_end_stream())
    }

    /// Leaves the body to the client, which may send it or not.
    pub(super) fn give_up(&mut self) {
        self.is_given_up |= self.is_there();
    }

    /// Whether the client may still be sending what nobody will read.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up
    }
}

impl<'a> Incoming<'a> {
    fn new(body: &'a mut Body, pace: Pace) -> Self {
        let now = Instant::now();
        Self { body, pace, started: now, last: now, received_bytes: 0, has_failed: false }
    }

    /// The next piece of the body; `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, WireError> {
        let next = self.data().await;
        self.has_failed |= next.is_err();
        next
    }

    async fn data(&mut self) -> Result<Option<Bytes>, WireError> {
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
        while !self.has_failed
            && let Ok(Some(data)) = self.next().await
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

    /// The room was given back with the request, while the function that it invoked still held the body.
    #[tokio::test]
    async fn room_is_taken_for_as_long_as_anybody_has_the_bytes() {
        let bodies = Bodies::new(&HttpSettings::default());
        let limit = Limit { bytes: 1 << 20, ..TEN };
        let held = bodies.read(&mut unread(vec![0; 1 << 20]), limit).await.expect("a body");
        let package = Room::around(held.room(), Bytes::from_static(b"what was made of it"));
        let bytes = held.into_bytes();
        let part = bytes.slice(7..9);
        drop(bytes);
        assert_eq!(bodies.room.available_permits(), 1024 - 1);
        drop(part);
        assert_eq!(bodies.room.available_permits(), 1024 - 1, "the package is there");
        drop(package);
        assert_eq!(bodies.room.available_permits(), 1024);
    }

    /// A buffer that doubles as it likes takes up to twice what was counted.
    #[test]
    fn a_body_never_has_more_capacity_than_was_counted() {
        let (room, most) = (Arc::new(Semaphore::new(8)), 7_500_000);
        let mut growing = Growing::default();
        let mut copied = 0;
        while growing.bytes.len() < most {
            let bytes = (growing.bytes.len() + 1000).min(most);
            let before = growing.bytes.capacity();
            assert!(growing.make_room(&room, bytes, most), "there is room");
            growing.bytes.resize(bytes, 0);
            let capacity = growing.bytes.capacity();
            copied += usize::from(capacity != before);
            let counted = (8 - room.available_permits()) << 20;
            assert!(capacity <= counted.max(SMALL_BYTES_MAX), "{capacity} bytes, {counted} counted");
        }
        assert!(copied < 20, "it was copied {copied} times");
        assert!(!growing.make_room(&room, (8 << 20) + 1, 9 << 20), "eight MiB are all there are");
    }

    #[tokio::test]
    async fn a_body_for_which_there_is_no_room_is_read_to_its_end_and_nothing_of_it_is_kept() {
        let bodies = Bodies::new(&HttpSettings::default().bodies_bytes_max(1 << 20));
        let limit = Limit { bytes: 4 << 20, ..TEN };
        let mut body = unread(vec![0; 2 << 20]);
        let (status, kind, _) = written(bodies.read(&mut body, limit).await.expect_err("too much")).await;
        assert_eq!((status, kind.as_str()), (429, "TooManyRequestsException"));
        assert!(!body.is_there() && !body.is_given_up());
        assert_eq!(bodies.room.available_permits(), 1);
    }
}
