//! Messages are asked for until there is a batch: as many as it may have, for as long as they may be gathered, or as much as an event
//! may hold.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::batch::{Batch, KEPT_MIN, Message};
use super::{Poller, Shared};
use crate::function::RecursiveLoop;
use crate::metrics::MappingCounters;
use crate::policy::recursion;
use crate::sources::mapping::record;
use crate::sqs::limits::BATCH_ENTRIES_MAX;
use crate::sqs::{ConsumeError, Delivery, Receive};

/// The longest that one request waits for messages, in seconds: the longest that SQS waits.
const WAIT_SECONDS_MAX: u64 = 20;
/// How soon messages come that were there before they were asked for.
const AT_ONCE: Duration = Duration::from_millis(100);
/// The system attribute that says what a message is the consequence of.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// What becomes of a message that was received.
enum Sorted {
    /// The function gets it.
    Passed(Box<Message>),
    /// No filter lets it pass.
    FilteredOut,
    /// It is part of a loop of the function's invocations.
    Recursive,
}

impl Poller {
    /// A batch that is empty but for what was left before.
    pub(super) fn batch(&mut self, visibility: Duration) -> Batch {
        let (parts, mapping) = (&self.shared.parts, &self.shared.mapping);
        let mut batch =
            Batch::new(parts.consumer.clone(), mapping.queue.clone(), visibility, parts.held.share());
        batch.add(std::mem::take(&mut self.left), mapping.settings.batch_size as usize);
        batch
    }

    /// Gathers a batch. None if no message comes for a while, or if nothing more is to be asked for.
    pub(super) async fn gather(&mut self, visibility: Duration) -> Option<Batch> {
        let settings = &self.shared.clone().mapping.settings;
        let window = Duration::from_secs(settings.maximum_batching_window_seconds.into());
        let mut batch = self.batch(visibility);
        loop {
            let room = (settings.batch_size as usize).saturating_sub(batch.len());
            let until = batch.since().map(|since| since + window);
            let is_over = until.is_some_and(|until| until <= Instant::now());
            let is_ended = room == 0 || batch.is_full() || is_over || self.shared.stop.is_cancelled();
            if is_ended {
                return (!batch.is_empty()).then_some(batch);
            }
            let asked = Instant::now();
            let received = self.receive(&mut batch, room, until).await;
            // What comes at once nobody had waited for.
            let is_more = asked.elapsed() < AT_ONCE;
            match received {
                Err(error) => {
                    self.shared.queue_failed(&error);
                    return (!batch.is_empty()).then_some(batch);
                }
                Ok(received) if received.is_empty() && batch.is_empty() => return None,
                Ok(received) => self.take_in(&mut batch, received, is_more).await,
            }
        }
    }

    /// Asks for messages, for no longer than until then.
    async fn receive(
        &self,
        batch: &mut Batch,
        room: usize,
        until: Option<Instant>,
    ) -> Result<Vec<Delivery>, ConsumeError> {
        let shared = &self.shared;
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = left.map_or(WAIT_SECONDS_MAX, |left| left.as_millis().div_ceil(1_000) as u64);
        let request = Receive {
            messages_max: room.min(BATCH_ENTRIES_MAX),
            visibility_seconds: shared.kept_seconds(),
            wait_seconds: u32::try_from(wait.min(WAIT_SECONDS_MAX)).ok(),
        };
        let stop = shared.stop.child_token();
        let waiting = batch.is_empty().then(|| shared.status.wait());
        let received = shared.parts.consumer.receive(&shared.mapping.queue, request, &stop);
        let time_up = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let in_time = async {
            let mut received = received;
            tokio::select! {
                received = &mut received => received,
                () = time_up => {
                    stop.cancel();
                    received.await
                }
            }
        };
        let received = batch.beside(in_time).await;
        drop(waiting);
        received
    }

    /// Takes in what was received, of which some is deleted at once.
    async fn take_in(&self, batch: &mut Batch, received: Vec<Delivery>, is_more: bool) {
        if received.is_empty() {
            return;
        }
        let (shared, came) = (&self.shared, Instant::now());
        shared.one_has_messages(is_more);
        let counters = &shared.status.counters;
        MappingCounters::count(&counters.polled, received.len());
        let (mut passed, mut unwanted) = (Vec::new(), Vec::new());
        for delivery in received {
            match shared.sort(&delivery, came) {
                Sorted::Passed(message) => passed.push(*message),
                Sorted::FilteredOut => {
                    MappingCounters::count(&counters.filtered_out, 1);
                    unwanted.push(delivery.receipt);
                }
                Sorted::Recursive => {
                    if shared.drop_recursive(&delivery).await {
                        MappingCounters::count(&counters.dropped, 1);
                        unwanted.push(delivery.receipt);
                    }
                }
            }
        }
        batch.add(passed, shared.mapping.settings.batch_size as usize);
        if !unwanted.is_empty() {
            let deleted = batch.beside(shared.parts.consumer.delete(&shared.mapping.queue, unwanted)).await;
            if let Err(error) = deleted {
                tracing::warn!(queue = %shared.mapping.queue, "messages that no filter lets pass come again: {error}");
            }
        }
    }
}

impl Shared {
    /// For how long messages are kept from others when they are received, if not for as long as the queue says.
    fn kept_seconds(&self) -> Option<u32> {
        let facts = self.facts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let visibility = facts.as_ref().map(|(facts, _)| facts.visibility_seconds);
        let least = KEPT_MIN.as_secs() as u32;
        Some(visibility.unwrap_or(least).max(least))
    }

    fn sort(&self, delivery: &Delivery, came: Instant) -> Sorted {
        let record = record(&self.mapping.queue, delivery);
        if !self.filters.is_empty() {
            let parsed = serde_json::from_slice(&record).expect("a record is JSON");
            if !self.filters.pass(&parsed) {
                return Sorted::FilteredOut;
            }
        }
        let trace = delivery.system.get(TRACE_HEADER);
        let setting = self.parts.functions.recursive_loop(&self.mapping.function);
        if setting == RecursiveLoop::Terminate
            && let Some(trace) = trace
            && recursion::hop(Some(trace), &self.mapping.function, setting, String::new).is_err()
        {
            return Sorted::Recursive;
        }
        let kept = Duration::from_secs(self.kept_seconds().unwrap_or_default().into());
        Sorted::Passed(Box::new(Message {
            id: delivery.id.clone(),
            receipt: delivery.receipt.clone(),
            record,
            trace: trace.cloned(),
            received: came,
            kept_until: came + kept,
        }))
    }
}
