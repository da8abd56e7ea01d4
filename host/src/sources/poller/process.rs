//! The function is run on a batch, and its answer is taken for what it says of the messages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::batch::{Batch, HELD_MAX};
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
/// How long a message whose function is in a loop may take to its queue's dead letters.
const DEAD_LETTER_TIME_MAX: Duration = Duration::from_secs(20);

impl Poller {
    /// Runs the function on a batch and settles each of its messages.
    pub(super) async fn process(&mut self, mut batch: Batch) {
        let shared = self.shared.clone();
        let request = shared.request(&batch);
        let messages = batch.len();
        let Some(outcome) = batch.beside(shared.run(request)).await else {
            batch.release().await;
            return;
        };
        let counters = &shared.status.counters;
        MappingCounters::count(&counters.invoked, messages);
        let judged = shared.judge(&outcome, &batch);
        if shared.stop.is_cancelled() && matches!(outcome, RunOutcome::System { .. }) {
            // It has not been tried: the host is closing.
            batch.release().await;
            return;
        }
        let failed = match &judged {
            Ok(failed) => failed.len(),
            Err(_) => messages,
        };
        MappingCounters::count(&counters.failed_invoke, failed);
        let is_failed = |place: usize| judged.as_ref().map_or(true, |failed| failed.contains(&place));
        let (deleted, left) = batch.settle(is_failed).await;
        self.left = left;
        match &deleted {
            Ok(()) => MappingCounters::count(&counters.deleted, messages - failed),
            Err(error) => tracing::error!(
                mapping = shared.mapping.uuid,
                "messages that the function is done with come again: {error}"
            ),
        }
        let problem = judged.err().or(deleted.err().map(|error| error.to_string()));
        shared.note(&outcome, problem);
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
        loop {
            let outcome = functions.run(request.clone()).await;
            let RunOutcome::Throttled { .. } = outcome else { return Some(outcome) };
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

    /// Puts a message that is part of a loop among its queue's dead letters, if the queue has any. Whether it may be deleted now.
    pub(super) async fn drop_recursive(&self, delivery: &Delivery) -> bool {
        let mapping = &self.mapping;
        tracing::warn!(
            mapping = mapping.uuid,
            queue = %mapping.queue,
            message = delivery.id,
            "the function invokes itself in a circle, which ends here"
        );
        let Ok(QueueFacts { dead_letters, .. }) = self.facts().await else { return false };
        let Some(queue) = dead_letters else { return true };
        let attribute = |name: &str| delivery.system.get(name).cloned();
        let message = OutgoingMessage {
            body: delivery.body.clone(),
            attributes: delivery.attributes.clone(),
            trace_header: attribute("AWSTraceHeader"),
            group: attribute("MessageGroupId"),
            deduplication: attribute("MessageDeduplicationId"),
        };
        let sent = tokio::time::timeout(DEAD_LETTER_TIME_MAX, self.parts.sender.send(&queue, &message)).await;
        match sent {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::warn!(%queue, "the message stays where it is: {error}");
                false
            }
            Err(_) => false,
        }
    }
}
