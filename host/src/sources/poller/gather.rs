//! Messages are asked for until there is a batch: as many as it may have, for as long as they may be gathered, or as much as an event
//! may hold.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

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
/// How long a queue is left alone that answered at once with nothing.
const PAUSE: Duration = Duration::from_secs(1);
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
    /// A batch of what was left before.
    pub(super) fn batch(&self, left: Vec<Message>) -> Batch {
        let (parts, mapping) = (&self.shared.parts, &self.shared.mapping);
        let visibility = self.shared.kept();
        let mut batch =
            Batch::new(parts.consumer.clone(), mapping.queue.clone(), visibility, parts.held.share());
        batch.add(left, mapping.settings.batch_size as usize);
        batch
    }

    /// Gathers a batch. None if no message comes for a while, or if nothing more is to be asked for.
    pub(super) async fn gather(&self, mut batch: Batch) -> Option<Batch> {
        let (shared, settings) = (&self.shared, &self.shared.mapping.settings);
        let window = Duration::from_secs(settings.maximum_batching_window_seconds.into());
        loop {
            let room = (settings.batch_size as usize).saturating_sub(batch.len());
            let until = batch.since().map(|since| since + window);
            let is_over = until.is_some_and(|until| until <= Instant::now());
            let is_enough = batch.is_full() || (!batch.is_empty() && shared.parts.held.is_full());
            if room == 0 || is_enough || is_over || shared.stop.is_cancelled() {
                return (!batch.is_empty()).then_some(batch);
            }
            let (asked, kept) = (Instant::now(), shared.kept());
            let received = self.receive(&mut batch, room, kept, until).await;
            // What comes at once nobody had waited for.
            let is_at_once = asked.elapsed() < AT_ONCE;
            match received {
                Err(error) => {
                    shared.queue_failed(&error);
                    return (!batch.is_empty()).then_some(batch);
                }
                Ok(received) if received.is_empty() => {
                    let is_early = until.is_none_or(|until| Instant::now() < until);
                    if is_at_once && is_early {
                        // A server that lets nobody wait is not asked on and on.
                        let pause = shared.stop.run_until_cancelled(sleep(PAUSE));
                        batch.beside(pause).await;
                    }
                    if batch.is_empty() {
                        return None;
                    }
                }
                Ok(received) => self.take_in(&mut batch, received, kept, is_at_once).await,
            }
        }
    }

    /// Asks for messages that are kept from others for so long, and waits for them no longer than until then.
    async fn receive(
        &self,
        batch: &mut Batch,
        room: usize,
        kept: Duration,
        until: Option<Instant>,
    ) -> Result<Vec<Delivery>, ConsumeError> {
        let shared = &self.shared;
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = left.map_or(WAIT_SECONDS_MAX, |left| left.as_millis().div_ceil(1_000) as u64);
        let request = Receive {
            messages_max: room.min(BATCH_ENTRIES_MAX),
            visibility_seconds: u32::try_from(kept.as_secs()).ok(),
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
    async fn take_in(&self, batch: &mut Batch, received: Vec<Delivery>, kept: Duration, is_more: bool) {
        let (shared, came) = (&self.shared, Instant::now());
        shared.one_has_messages(is_more);
        let counters = &shared.status.counters;
        MappingCounters::count(&counters.polled, received.len());
        let (mut passed, mut unwanted, mut recursive) = (Vec::new(), Vec::new(), Vec::new());
        for delivery in received {
            match shared.sort(&delivery, came, kept) {
                Sorted::Passed(message) => passed.push(*message),
                Sorted::FilteredOut => {
                    MappingCounters::count(&counters.filtered_out, 1);
                    unwanted.push(delivery.receipt);
                }
                Sorted::Recursive => recursive.push(delivery),
            }
        }
        batch.add(passed, shared.mapping.settings.batch_size as usize);
        if !recursive.is_empty() {
            let dropped = shared.stop.run_until_cancelled(shared.drop_recursive(&recursive));
            let dropped = batch.beside(dropped).await.unwrap_or_default();
            MappingCounters::count(&counters.dropped, dropped.len());
            unwanted.extend(dropped);
        }
        if !unwanted.is_empty() {
            let deleted = batch.beside(shared.parts.consumer.delete(&shared.mapping.queue, unwanted)).await;
            if let Err(error) = deleted {
                tracing::warn!(queue = %shared.mapping.queue, "messages that no filter lets pass come again: {error}");
            }
        }
    }
}

impl Shared {
    /// For how long messages are kept from others at once: as long as the queue says, as far as that is known, but not too shortly.
    fn kept(&self) -> Duration {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let visibility =
            facts.as_ref().map(|(facts, _)| Duration::from_secs(facts.visibility_seconds.into()));
        visibility.unwrap_or(KEPT_MIN).max(KEPT_MIN)
    }

    fn sort(&self, delivery: &Delivery, came: Instant, kept: Duration) -> Sorted {
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
