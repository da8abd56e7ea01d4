//! Messages that are to be sent, in a lane for each queue: one that hangs or throttles delays only its own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::policy::retry::backoff_ms;
use crate::sqs::QueueArn;
use crate::store::journal::RowId;

use super::super::status::Backlog;

/// The lanes of all queues that messages wait for. There are no more of them than functions' settings name.
#[derive(Debug)]
pub(super) struct Targets {
    lanes: HashMap<QueueArn, Lane>,
    sending_max: usize,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<RowId>,
    sending: usize,
    /// How often it failed in a row.
    failures: u32,
    /// Why, the last time.
    last_error: Option<Arc<str>>,
    paused: bool,
}

impl Targets {
    pub(super) fn new(sending_max: usize) -> Self {
        Self { lanes: HashMap::new(), sending_max: sending_max.max(1) }
    }

    /// A message is to be sent.
    pub(super) fn push(&mut self, target: &QueueArn, row: RowId) {
        self.lane(target).waiting.push_back(row);
    }

    /// The next message to send to that queue, if it may be sent now.
    pub(super) fn next(&mut self, target: &QueueArn) -> Option<RowId> {
        let lane = self.lanes.get_mut(target)?;
        // A queue that failed is tried with one message.
        let sending_max = if lane.failures > 0 { 1 } else { self.sending_max };
        if lane.paused || lane.sending >= sending_max {
            return None;
        }
        let row = lane.waiting.pop_front()?;
        lane.sending += 1;
        Some(row)
    }

    /// A message needs no more sending: the queue has it, or refuses it for good.
    pub(super) fn done(&mut self, target: &QueueArn) {
        let lane = self.lane(target);
        lane.sending -= 1;
        lane.failures = 0;
        lane.last_error = None;
        if lane.sending == 0 && lane.waiting.is_empty() && !lane.paused {
            self.lanes.remove(target);
        }
    }

    /// A message was not sent, and is to be tried again. How long the queue is to be left alone, if it is not already.
    pub(super) fn failed(&mut self, target: &QueueArn, row: RowId, error: Arc<str>) -> Option<u64> {
        let lane = self.lane(target);
        lane.sending -= 1;
        lane.last_error = Some(error);
        // Others come before it: it may be this message that the queue cannot take.
        lane.waiting.push_back(row);
        if lane.paused {
            return None;
        }
        lane.paused = true;
        lane.failures = lane.failures.saturating_add(1);
        Some(backoff_ms(lane.failures))
    }

    /// The pause is over.
    pub(super) fn resume(&mut self, target: &QueueArn) {
        self.lane(target).paused = false;
    }

    /// What waits for each queue, in the order of their ARNs.
    pub(super) fn backlogs(&self) -> Vec<Backlog> {
        let backlog = |(target, lane): (&QueueArn, &Lane)| Backlog {
            target: target.clone(),
            waiting: lane.waiting.len() + lane.sending,
            failures: lane.failures,
            last_error: lane.last_error.clone(),
        };
        let mut backlogs: Vec<_> =
            self.lanes.iter().map(backlog).filter(|backlog| backlog.waiting > 0).collect();
        backlogs.sort_by_cached_key(|backlog| backlog.target.to_string());
        backlogs
    }

    fn lane(&mut self, target: &QueueArn) -> &mut Lane {
        if !self.lanes.contains_key(target) {
            self.lanes.insert(target.clone(), Lane::default());
        }
        self.lanes.get_mut(target).expect("it was put there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str) -> QueueArn {
        QueueArn::parse(&format!("arn:aws:sqs:us-east-1:000000000000:{name}")).expect("an ARN")
    }

    #[test]
    fn a_queue_that_fails_is_left_alone_for_longer_and_longer_and_delays_no_other() {
        let mut targets = Targets::new(2);
        for row in 0..4 {
            targets.push(&queue("slow"), RowId(row));
        }
        targets.push(&queue("other"), RowId(9));
        let (one, two) = (targets.next(&queue("slow")), targets.next(&queue("slow")));
        assert_eq!((one, two), (Some(RowId(0)), Some(RowId(1))));
        assert_eq!(targets.next(&queue("slow")), None, "two at a time");
        let backlog = |targets: &Targets, name| {
            let mut backlogs = targets.backlogs().into_iter();
            let backlog = backlogs.find(|backlog| backlog.target == queue(name));
            backlog.map(|it| (it.waiting, it.failures, it.last_error.as_deref().map(str::to_owned)))
        };
        assert_eq!(backlog(&targets, "slow"), Some((4, 0, None)));
        assert_eq!(targets.failed(&queue("slow"), RowId(1), "away".into()), Some(1_000));
        assert_eq!(
            targets.failed(&queue("slow"), RowId(0), "still".into()),
            None,
            "it is left alone already"
        );
        assert_eq!(backlog(&targets, "slow"), Some((4, 1, Some("still".to_owned()))));
        assert_eq!(backlog(&targets, "other"), Some((1, 0, None)));
        assert_eq!(targets.next(&queue("slow")), None);
        assert_eq!(targets.next(&queue("other")), Some(RowId(9)));
        targets.resume(&queue("slow"));
        assert_eq!(targets.next(&queue("slow")), Some(RowId(2)), "one that it was not tried with");
        assert_eq!(targets.next(&queue("slow")), None, "it is tried with one");
        assert_eq!(targets.failed(&queue("slow"), RowId(2), "away".into()), Some(2_000));
        targets.resume(&queue("slow"));
        assert_eq!(targets.next(&queue("slow")), Some(RowId(3)));
        targets.done(&queue("slow"));
        assert_eq!(backlog(&targets, "slow"), Some((3, 0, None)));
        assert!(targets.next(&queue("slow")).is_some() && targets.next(&queue("slow")).is_some());
    }
}
