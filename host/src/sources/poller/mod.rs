//! Those who poll queues for functions: event source mappings at work.
//!
//! Each mapping has a worker, which has pollers. A poller waits until its function has room, waits for messages, gathers a batch, runs
//! the function on it and deletes what the function is done with; then it begins again. While it holds messages it keeps them from
//! others. Nothing of it is written down: what was not deleted comes again from its queue.

mod back_off;
mod batch;
mod functions;
mod gather;
mod process;
mod room;
mod scale;
mod status;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::back_off::BackOff;
use self::room::HeldBytes;
use self::scale::Scale;
use crate::sources::mapping::{Mapping, MappingSettingsError};
use crate::sources::pattern::Filters;
use crate::sqs::{ConsumeError, Consumer, QueueFacts, Sender};

pub(crate) use self::functions::Functions;
pub(crate) use self::status::Status;
pub(crate) use self::worker::Worker;

/// How long what is known of a queue is good.
const FACTS_GOOD_FOR: Duration = Duration::from_secs(60);

/// What all pollers of a host share.
#[derive(Debug)]
pub(crate) struct PollerParts {
    pub(crate) consumer: Arc<dyn Consumer>,
    /// Who sends what is part of a loop to a queue's dead letters.
    pub(crate) sender: Arc<dyn Sender>,
    pub(crate) functions: Arc<dyn Functions>,
    /// Nothing is polled any more when it is cancelled.
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    held: Arc<HeldBytes>,
}

impl PollerParts {
    pub(crate) fn new(
        consumer: Arc<dyn Consumer>,
        sender: Arc<dyn Sender>,
        functions: Arc<dyn Functions>,
        stop: CancellationToken,
    ) -> Self {
        Self { consumer, sender, functions, stop, tasks: TaskTracker::new(), held: Arc::default() }
    }
}

/// What the pollers of a mapping share, for as long as it stays as it is.
#[derive(Debug)]
struct Shared {
    parts: Arc<PollerParts>,
    mapping: Arc<Mapping>,
    filters: Filters,
    status: Arc<Status>,
    scale: Mutex<Scale>,
    /// More pollers are wanted than before.
    grown: Notify,
    back_off: BackOff,
    facts: Mutex<Option<(QueueFacts, Instant)>>,
    /// How many have messages and wait for room in the function: as long as any does, nobody asks for more.
    throttled: watch::Sender<usize>,
    /// Nothing more is asked for when it is cancelled.
    stop: CancellationToken,
}

/// One of those who poll for a mapping.
#[derive(Debug)]
struct Poller {
    shared: Arc<Shared>,
}

impl Poller {
    /// Polls until it is told to stop, or until there are more pollers than are needed.
    async fn poll(self) {
        let shared = &self.shared;
        // Messages that came with others and found no room in their event. They are kept from others like all.
        let mut left = Vec::new();
        loop {
            let mut batch = self.batch(left);
            let has_some = !batch.is_empty();
            let Some(facts) = batch.beside(self.turn(has_some)).await else {
                batch.release().await;
                return;
            };
            batch.set_visibility(Duration::from_secs(facts.visibility_seconds.into()));
            left = match self.gather(batch).await {
                Some(batch) => self.process(batch).await,
                None if shared.stop.is_cancelled() => return,
                None if shared.scale().one_found_nothing() => return,
                None => Vec::new(),
            };
        }
    }

    /// Waits until messages may be asked for, or, if it has some, until the function may be run on them. None if that is over.
    async fn turn(&self, has_some: bool) -> Option<QueueFacts> {
        let shared = &self.shared;
        let mapping = &shared.mapping;
        let ready = async {
            loop {
                if !has_some {
                    shared.parts.held.room().await;
                }
                shared.nobody_waits_for_room().await;
                shared.parts.functions.room(&mapping.function, mapping.qualifier.as_ref()).await;
                // Last, as others may have failed meanwhile.
                if let Some(until) = shared.back_off.until()
                    && until > Instant::now()
                {
                    sleep_until(until).await;
                    continue;
                }
                match shared.facts().await {
                    Ok(facts) => return facts,
                    Err(error) => shared.queue_failed(&error),
                }
            }
        };
        shared.stop.run_until_cancelled(ready).await
    }
}

impl Shared {
    /// What pollers of a mapping share.
    ///
    /// # Errors
    /// When its filters cannot be read. They were checked when they were set, but then by another Samovar, and whatever no filter lets
    /// pass is deleted, so nothing is polled.
    fn new(
        parts: Arc<PollerParts>,
        mapping: Arc<Mapping>,
        status: Arc<Status>,
    ) -> Result<Arc<Self>, MappingSettingsError> {
        let scale = Mutex::new(Scale::new(mapping.settings.maximum_concurrency));
        let filters = mapping.settings.patterns()?;
        let stop = parts.stop.child_token();
        Ok(Arc::new(Self {
            parts,
            mapping,
            filters,
            status,
            scale,
            grown: Notify::new(),
            back_off: BackOff::default(),
            facts: Mutex::default(),
            throttled: watch::Sender::new(0),
            stop,
        }))
    }

    /// What is known of the queue; it is asked again now and then.
    async fn facts(&self) -> Result<QueueFacts, ConsumeError> {
        let known = self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((facts, since)) = known
            && since.elapsed() < FACTS_GOOD_FOR
        {
            return Ok(facts);
        }
        let facts = self.parts.consumer.facts(&self.mapping.queue).await?;
        *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = Some((facts.clone(), Instant::now()));
        Ok(facts)
    }

    /// The queue could not be used.
    fn queue_failed(&self, error: &ConsumeError) {
        self.back_off.failed(Instant::now());
        self.status.came(format!("PROBLEM: {error}"));
        tracing::warn!(mapping = self.mapping.uuid, queue = %self.mapping.queue, "a poll brought nothing: {error}");
    }

    fn scale(&self) -> std::sync::MutexGuard<'_, Scale> {
        // Each change is whole, whoever has panicked.
        self.scale.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody has messages for which there is no room in the function.
    async fn nobody_waits_for_room(&self) {
        // It ends with this, so that there is always an answer.
        let _ = self.throttled.subscribe().wait_for(|waiting| *waiting == 0).await;
    }

    /// A poller has messages, and there may be more than they all take.
    fn one_has_messages(&self, is_more: bool) {
        if is_more || self.status.waiting() == 0 {
            self.scale().there_are_more(Instant::now());
            self.grown.notify_one();
        }
    }
}
