//! Messages that are held for a function: kept from others until it is known what becomes of each.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::room::Share;
use crate::function::QueueArn;
use crate::sources::mapping::records;
use crate::sqs::limits::BATCH_ENTRIES_MAX;
use crate::sqs::{ConsumeError, Consumer};

/// The most bytes of an event: Lambda's limit for what a function is invoked with.
const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;
/// What an event takes beside its records, and each record beside itself.
const FRAME_BYTES: usize = 16;
/// How long a message is kept from others at the least, whatever its queue says: less cannot be kept up on a busy machine.
pub(super) const KEPT_MIN: Duration = Duration::from_secs(5);
/// How long a message is held at most: SQS keeps none for longer than twelve hours.
pub(super) const HELD_MAX: Duration = Duration::from_secs(11 * 3600);
/// How soon it is tried again to keep messages, if it did not go well.
const KEEP_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// In how many parts something is done with many messages.
const PARTS: usize = 16;
/// How often messages are deleted that the function is done with, if it does not go well, and how long after one another.
const DELETE_TRIES: u32 = 4;
const DELETE_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// A message that is held.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) receipt: String,
    /// As the function gets it.
    pub(super) record: Vec<u8>,
    /// The trace header that came with it.
    pub(super) trace: Option<String>,
    /// When it came.
    pub(super) received: Instant,
    /// Until when nobody else gets it.
    pub(super) kept_until: Instant,
}

/// Messages that are held together, and will be one event.
#[derive(Debug)]
pub(super) struct Batch {
    consumer: Arc<dyn Consumer>,
    queue: QueueArn,
    /// After how long the queue gives a message to others.
    visibility: Duration,
    messages: Vec<Message>,
    /// Messages for which there is no room in the event; they are kept from others all the same.
    aside: Vec<Message>,
    /// How many bytes the event has, about.
    bytes: usize,
    share: Share,
}

/// A request to keep messages for longer that is under way, and until when they are kept if it goes well.
type Keeping = (Pin<Box<dyn Future<Output = Result<(), ConsumeError>> + Send>>, Instant);

impl Batch {
    /// No messages yet.
    pub(super) fn new(
        consumer: Arc<dyn Consumer>,
        queue: QueueArn,
        visibility: Duration,
        share: Share,
    ) -> Self {
        let (messages, aside) = (Vec::new(), Vec::new());
        Self { consumer, queue, visibility, messages, aside, bytes: FRAME_BYTES, share }
    }

    /// Takes messages in, up to so many in all and as long as one event has room for them; the others it puts aside.
    pub(super) fn add(&mut self, messages: Vec<Message>, size: usize) {
        for message in messages {
            self.share.add(message.record.len());
            let bytes = self.bytes + message.record.len() + 1;
            let fits = self.messages.is_empty() || bytes <= EVENT_BYTES_MAX;
            if fits && self.messages.len() < size && self.aside.is_empty() {
                self.bytes = bytes;
                self.messages.push(message);
            } else {
                self.aside.push(message);
            }
        }
    }

    /// After how long the queue gives a message to others now.
    pub(super) fn set_visibility(&mut self, visibility: Duration) {
        self.visibility = visibility;
    }

    /// Whether there are messages for which it has no room.
    pub(super) fn is_full(&self) -> bool {
        !self.aside.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// When the first of them was received.
    pub(super) fn since(&self) -> Option<Instant> {
        self.messages.iter().map(|message| message.received).min()
    }

    pub(super) fn ids(&self) -> Vec<&str> {
        self.messages.iter().map(|message| message.id.as_str()).collect()
    }

    pub(super) fn traces(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().filter_map(|message| message.trace.as_deref())
    }

    /// The event that the function gets.
    pub(super) fn event(&self) -> Vec<u8> {
        records(self.messages.iter().map(|message| message.record.as_slice()), self.bytes)
    }

    /// Lets something be done while the messages are kept from others for as long as it takes.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut keeping: Option<Keeping> = None;
        let mut again = Instant::now();
        loop {
            let due = self.due().map(|due| due.max(again));
            let far = Instant::now() + HELD_MAX;
            tokio::select! {
                biased;
                done = &mut work => {
                    // What is said of the messages from now on is to come after it.
                    if let Some((kept, until)) = keeping.take() {
                        self.came_to_keep(kept.await, until);
                    }
                    return done;
                }
                kept = async { keeping.as_mut().expect("it is under way").0.as_mut().await }, if keeping.is_some() => {
                    let (_, until) = keeping.take().expect("it was under way");
                    if !self.came_to_keep(kept, until) {
                        again = Instant::now() + KEEP_AGAIN_AFTER;
                    }
                }
                () = sleep_until(due.unwrap_or(far)), if keeping.is_none() && due.is_some() => {
                    keeping = Some(self.keep());
                }
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().chain(&self.aside)
    }

    /// When messages have to be kept for longer: after half of the time, before they are others'.
    fn due(&self) -> Option<Instant> {
        let kept = self.visibility.max(KEPT_MIN);
        let first = self.all().map(|message| message.kept_until).min();
        first.map(|until| until.checked_sub(kept / 2).unwrap_or(until))
    }

    /// Asks for all messages to be kept for longer.
    fn keep(&self) -> Keeping {
        let kept = self.visibility.max(KEPT_MIN);
        let (consumer, queue) = (self.consumer.clone(), self.queue.clone());
        let receipts: Vec<String> = self.all().map(|message| message.receipt.clone()).collect();
        let until = Instant::now() + kept;
        let seconds = seconds(kept);
        let keep = in_parts(receipts, move |part| {
            let (consumer, queue) = (consumer.clone(), queue.clone());
            async move { consumer.keep(&queue, part, seconds).await }
        });
        (Box::pin(keep), until)
    }

    fn came_to_keep(&mut self, kept: Result<(), ConsumeError>, until: Instant) -> bool {
        match kept {
            Ok(()) => {
                let all = self.messages.iter_mut().chain(&mut self.aside);
                all.for_each(|message| message.kept_until = until);
                true
            }
            Err(error) => {
                tracing::warn!(queue = %self.queue, "messages that a function has may be handed out again: {error}");
                false
            }
        }
    }

    /// Deletes the messages with which the function succeeded, and lets the others, which are in these places, be received again when
    /// their queue's visibility timeout is over. What was put aside is given back.
    pub(super) async fn settle(
        mut self,
        failed: impl Fn(usize) -> bool,
    ) -> (Result<(), ConsumeError>, Vec<Message>) {
        let (mut done, mut back) = (Vec::new(), Vec::new());
        for (place, message) in std::mem::take(&mut self.messages).into_iter().enumerate() {
            if failed(place) { back.push(message) } else { done.push(message) }
        }
        let mut deleted = Ok(());
        if !done.is_empty() {
            let receipts: Vec<String> = done.iter().map(|message| message.receipt.clone()).collect();
            self.messages = done;
            let (consumer, queue) = (self.consumer.clone(), self.queue.clone());
            deleted = self.beside(delete(consumer, queue, receipts)).await;
        }
        if self.queue.is_fifo() && !back.is_empty() {
            // What comes after them in their groups is not to be run before them.
            back.append(&mut self.aside);
        }
        let at = |message: &Message| message.received + self.visibility;
        self.give_back(back, at).await;
        (deleted, std::mem::take(&mut self.aside))
    }

    /// Lets all messages be received again at once.
    pub(super) async fn release(mut self) {
        let mut messages = std::mem::take(&mut self.messages);
        messages.append(&mut self.aside);
        let now = Instant::now();
        self.give_back(messages, |_| now).await;
    }

    /// Lets messages be received again at that time of each.
    async fn give_back(&self, messages: Vec<Message>, at: impl Fn(&Message) -> Instant) {
        let now = Instant::now();
        let mut by_seconds: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for message in messages {
            let at = at(&message);
            // As the queue has it already, to a second.
            let is_so = at <= message.kept_until && message.kept_until - at < Duration::from_millis(500);
            if !is_so {
                by_seconds
                    .entry(seconds(at.saturating_duration_since(now)))
                    .or_default()
                    .push(message.receipt);
            }
        }
        for (seconds, receipts) in by_seconds {
            if let Err(error) = self.consumer.keep(&self.queue, receipts, seconds).await {
                tracing::warn!(queue = %self.queue, "messages come back later than they would: {error}");
            }
        }
    }
}

/// Deletes messages, with some patience: what is not deleted comes again although it is done.
async fn delete(
    consumer: Arc<dyn Consumer>,
    queue: QueueArn,
    receipts: Vec<String>,
) -> Result<(), ConsumeError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let deleted = in_parts(receipts.clone(), |part| {
            let (consumer, queue) = (consumer.clone(), queue.clone());
            async move { consumer.delete(&queue, part).await }
        });
        match deleted.await {
            Err(error) if error != ConsumeError::NoSuchQueue && tries < DELETE_TRIES => {
                tracing::warn!(%queue, "messages that a function is done with are not deleted yet: {error}");
                tokio::time::sleep(DELETE_AGAIN_AFTER * tries).await;
            }
            done => return done,
        }
    }
}

/// Does something with many messages: in parts that are done at the same time, as a server takes ten at once and many take long.
async fn in_parts<F>(mut receipts: Vec<String>, act: impl Fn(Vec<String>) -> F) -> Result<(), ConsumeError>
where
    F: Future<Output = Result<(), ConsumeError>> + Send + 'static,
{
    let size = receipts.len().div_ceil(PARTS).next_multiple_of(BATCH_ENTRIES_MAX);
    let mut parts = JoinSet::new();
    while receipts.len() > size {
        let rest = receipts.split_off(size);
        parts.spawn(act(std::mem::replace(&mut receipts, rest)));
    }
    let mut done = act(receipts).await;
    while let Some(part) = parts.join_next().await {
        let unusable = |error: JoinError| ConsumeError::Unusable { reason: error.to_string() };
        done = done.and(part.unwrap_or_else(|error| Err(unusable(error))));
    }
    done
}

/// Whole seconds, of which a part counts as one.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}
