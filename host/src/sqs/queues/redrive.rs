//! Dead-letter queues of queues: whether one may be that, whose they are, and what goes there.

use std::sync::{Arc, PoisonError};

use super::super::redrive::{RedrivePolicy, RedrivePolicyError};
use super::directory::QueueList;
use super::{Inner, Queue, QueueError, Queues};
use crate::function::QueueArn;

/// Where the messages of a queue go, and after how many receipts.
#[derive(Debug, Clone)]
pub(super) struct DeadLetters {
    pub(super) target: Arc<Queue>,
    pub(super) receives_max: u32,
}

impl Queues {
    /// The queues whose dead-letter queue it is, from behind that one on.
    pub(crate) fn sources(
        &self,
        arn: &QueueArn,
        after: Option<&QueueArn>,
        limit: usize,
    ) -> Result<QueueList, QueueError> {
        self.0.find(arn)?;
        Ok(self.0.sources(arn, after, limit))
    }
}

impl Inner {
    /// The queues whose dead-letter queue it is, from behind that one on.
    pub(super) fn sources(&self, arn: &QueueArn, after: Option<&QueueArn>, limit: usize) -> QueueList {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.list(|queue| queue.redrive().is_some_and(|policy| policy.target == *arn), after, limit)
    }

    /// Whether that can be a queue's policy now.
    pub(super) fn check_redrive(
        &self,
        source: &QueueArn,
        policy: &RedrivePolicy,
    ) -> Result<(), RedrivePolicyError> {
        policy.check(source)?;
        let target = self.find(&policy.target).map_err(|_| RedrivePolicyError::NoSuchTarget)?;
        let allow = target.state().record.settings.redrive_allow.clone();
        match allow.is_none_or(|allow| allow.allows(source)) {
            true => Ok(()),
            false => Err(RedrivePolicyError::NotAllowed),
        }
    }

    /// The dead-letter queue of a queue. Where it is gone, messages are handed out as if there had never been one.
    pub(super) fn dead_letters(&self, queue: &Queue) -> Option<DeadLetters> {
        let policy = queue.redrive()?;
        let target = self.find(&policy.target).ok()?;
        Some(DeadLetters { target, receives_max: policy.receives_max })
    }
}

impl Queue {
    fn redrive(&self) -> Option<Arc<RedrivePolicy>> {
        self.state().record.settings.redrive.clone()
    }
}
