//! The function is run on a batch, and its answer is taken for what it says of the messages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::batch::{Batch, HELD_MAX, Message};
use super::{Poller, Shared};
use crate::events::{RunOutcome, RunRequest};
use crate::function::RecursiveLoop;
use crate::metrics::MappingCounters;
use crate::policy::recursion;
use crate::sources::mapping::failed_items;
use crate::sqs::{Delivery, OutgoingMessage, QueueFacts};
use crate::timestamp;

/// What stands for a batch that went well.
const OK: &str = "OK";
/// The shortest and the longest wait after a run that was refused for want of room, beside the wait for room itself: others may have got it.
const ROOM_AGAIN_AFTER: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// How long messages that are part of a loop may take to their queue's dead letters.
const DEAD_LETTER_TIME_MAX: Duration = Duration::from_secs(20);

impl Poller {
    /// Runs the function on a batch and settles each of its messages. What it had put aside is given back.
    pub(super) async fn process(&self, mut batch: Batch) -> Vec<Message> {
        let shared = &self.shared;
        let request = shared.request(&batch);
        let messages = batch.len();
        let Some(outcome) = batch.beside(shared.run(request)).await else {
            batch.release().await;
            return Vec::new();
        };
        let counters = &shared.status.counters;
        MappingCounters::count(&counters.invoked, messages);
        let judged = shared.judge(&outcome, &batch);
        if shared.parts.stop.is_cancelled() && matches!(outcome, RunOutcome::System { .. }) {
            // It has not been tried: the host is closing.
            batch.release().await;
            return Vec::new();
        }
        let failed = match &judged {
            Ok(failed) => failed.len(),
            Err(_) => messages,
        };
        MappingCounters::count(&counters.failed_invoke, failed);
        let is_failed = |place: usize| judged.as_ref().map_or(true, |failed| failed.contains(&place));
        let (deleted, left) = batch.settle(is_failed).await;
        match &deleted {
            Ok(()) => MappingCounters::count(&counters.deleted, messages - failed),
            Err(error) => tracing::error!(
                mapping = shared.mapping.uuid,
                "messages that the function is done with come again: {error}"
            ),
        }
        let problem = judged.err().or(deleted.err().map(|error| error.to_string()));
        shared.note(&outcome, problem);
        left
    }
}

/// One that has messages and waits for room in the function, for as long as this lives.
struct Throttled<'a>(&'a watch::Sender<usize>);

impl<'a> Throttled<'a> {
    fn count(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Throttled<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl Shared {
    /// What the function is asked to run on.
    fn request(&self, batch: &Batch) -> RunRequest {
        let mapping = &self.mapping;
        let request_id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        // One of its messages' that comes closest to being part of a loop stands for all.
        let trace = batch.traces().max_by_key(|trace| recursion::hops(trace, &mapping.function));
        let root = || recursion::root(timestamp::now_ms(), &request_id);
        let trace = recursion::hop(trace, &mapping.function, RecursiveLoop::Allow, root);
        RunRequest {
            function: mapping.function.clone(),
            qualifier: mapping.qualifier.clone(),
            payload: Bytes::from(batch.event()),
            trace: trace.expect("loops are allowed here"),
            request_id,
        }
    }

    /// Runs the function, as soon as there is room for it. None if that takes too long, or is over before it began.
    async fn run(&self, request: RunRequest) -> Option<RunOutcome> {
        let (began, mut wait) = (Instant::now(), ROOM_AGAIN_AFTER.0);
        let functions = &self.parts.functions;
        let mut waits = None;
        loop {
            let outcome = functions.run(request.clone()).await;
            let RunOutcome::Throttled { .. } = outcome else { return Some(outcome) };
            waits.get_or_insert_with(|| Throttled::count(&self.throttled));
            if began.elapsed() > HELD_MAX {
                return None;
            }
            let again = async {
                sleep(wait).await;
                functions.room(&request.function, request.qualifier.as_ref()).await;
            };
            self.stop.run_until_cancelled(again).await?;
            wait = (wait * 2).min(ROOM_AGAIN_AFTER.1);
        }
    }

    /// Which messages of a batch have failed, by their places; or why all have.
    fn judge(&self, outcome: &RunOutcome, batch: &Batch) -> Result<BTreeSet<usize>, String> {
        match outcome {
            RunOutcome::Answered { payload, .. } if self.mapping.settings.report_batch_item_failures => {
                failed_items(payload, &batch.ids())
                    .map_err(|reason| format!("the answer does not say which messages failed: {reason}"))
            }
            RunOutcome::Answered { .. } => Ok(BTreeSet::new()),
            RunOutcome::FunctionError { message, .. } => Err(format!("Function call failed: {message}")),
            RunOutcome::NotFound => Err("the function, its version or its alias does not exist".to_owned()),
            RunOutcome::Throttled { reason, .. }
            | RunOutcome::System { reason }
            | RunOutcome::Unreadable { reason } => Err(format!("the function was not run: {reason}")),
        }
    }

    /// Remembers what came of a batch; after a failure the next waits, unless the function reports failures, as on Lambda.
    fn note(&self, outcome: &RunOutcome, problem: Option<String>) {
        let is_reporting = self.mapping.settings.report_batch_item_failures;
        let has_run = matches!(outcome, RunOutcome::Answered { .. } | RunOutcome::FunctionError { .. });
        match problem {
            None => {
                self.back_off.succeeded();
                self.status.came(OK);
            }
            Some(problem) => {
                if !(is_reporting && has_run) {
                    self.back_off.failed(Instant::now());
                }
                self.status.came(format!("PROBLEM: {problem}"));
            }
        }
    }

    /// Puts messages that are part of a loop among their queue's dead letters, if the queue has any. Gives back the receipts of those that
    /// may be deleted now.
    pub(super) async fn drop_recursive(&self, deliveries: &[Delivery]) -> Vec<String> {
        let mapping = &self.mapping;
        let Ok(QueueFacts { dead_letters, .. }) = self.facts().await else { return Vec::new() };
        let (deadline, mut dropped) = (Instant::now() + DEAD_LETTER_TIME_MAX, Vec::new());
        for delivery in deliveries {
            tracing::warn!(
                mapping = mapping.uuid,
                queue = %mapping.queue,
                message = delivery.id,
                "the function invokes itself in a circle, which ends here"
            );
            if let Some(queue) = &dead_letters {
                let message = dead_letter(delivery);
                let sent = timeout_at(deadline, self.parts.sender.send(queue, &message)).await;
                let problem = match sent {
                    Ok(Ok(_)) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("it does not answer".to_owned()),
                };
                if let Some(problem) = problem {
                    tracing::warn!(%queue, "the message stays where it is: {problem}");
                    continue;
                }
            }
            dropped.push(delivery.receipt.clone());
        }
        dropped
    }
}

/// A message as its queue's dead letters get it.
fn dead_letter(delivery: &Delivery) -> OutgoingMessage {
    let attribute = |name: &str| delivery.system.get(name).cloned();
    OutgoingMessage {
        body: delivery.body.clone(),
        attributes: delivery.attributes.clone(),
        trace_header: attribute("AWSTraceHeader"),
        group: attribute("MessageGroupId"),
        deduplication: attribute("MessageDeduplicationId"),
    }
}
