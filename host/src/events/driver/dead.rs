//! Working with the dead table.

use std::time::Duration;

use super::super::core::{Input, Refusal};
use super::super::event::RequestId;
use super::super::status::{DeadCursor, DeadFilter, EventStatus};
use super::Events;

/// How many dead letters are looked up at once.
const PAGE: usize = 100;

/// Why a dead letter was not put back or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RedriveError {
    /// The queue refuses it.
    #[error("{0}")]
    Refused(Refusal),
    /// The queue has ended.
    #[error("the queue of events has ended")]
    Ended,
}

/// How many dead letters were put back or removed, and how many could not be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RedriveFigures {
    pub(crate) done: u64,
    pub(crate) refused: u64,
}

impl Events {
    /// A page of the dead letters that fit, the one that ended first at the beginning, and where the next page begins, if there may
    /// be one. A page may be short although others follow.
    pub(crate) fn dead_letters(
        &self,
        filter: &DeadFilter,
        after: Option<DeadCursor>,
        limit: usize,
    ) -> (Vec<EventStatus>, Option<DeadCursor>) {
        self.0.core().dead_letters(filter, after, limit, self.0.now())
    }

    /// Puts a dead letter back into the queue: the same event under the same request id, with all its attempts before it.
    ///
    /// # Errors
    /// When it is not in the dead table, or cannot be written down.
    pub(crate) async fn redrive(&self, request_id: RequestId) -> Result<(), RedriveError> {
        settled(self.0.ask(|ask| Input::Redrive { ask, request_id }).await)
    }

    /// Removes a dead letter for good.
    ///
    /// # Errors
    /// When it is not in the dead table, or cannot be written down.
    pub(crate) async fn purge(&self, request_id: RequestId) -> Result<(), RedriveError> {
        settled(self.0.ask(|ask| Input::Purge { ask, request_id }).await)
    }

    /// Puts all dead letters back that fit and are there now, at most so many a second if a rate is given.
    pub(crate) async fn redrive_all(&self, filter: &DeadFilter, per_second: Option<u32>) -> RedriveFigures {
        let pause = per_second.map(|rate| Duration::from_secs(1) / rate.max(1));
        let mut figures = RedriveFigures::default();
        for request_id in self.all(filter) {
            figures.count(self.redrive(request_id).await);
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
        figures
    }

    /// Removes all dead letters that fit and are there now.
    pub(crate) async fn purge_all(&self, filter: &DeadFilter) -> RedriveFigures {
        let mut figures = RedriveFigures::default();
        for request_id in self.all(filter) {
            figures.count(self.purge(request_id).await);
        }
        figures
    }

    /// The request ids of all that fit and are there now: what dies again meanwhile is not put back again and again.
    fn all(&self, filter: &DeadFilter) -> Vec<RequestId> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = self.dead_letters(filter, after, PAGE);
            ids.extend(page.into_iter().map(|status| status.request_id));
            match next {
                Some(next) => after = Some(next),
                None => return ids,
            }
        }
    }
}

impl RedriveFigures {
    fn count(&mut self, result: Result<(), RedriveError>) {
        match result {
            Ok(()) => self.done += 1,
            Err(_) => self.refused += 1,
        }
    }
}

fn settled<E>(answer: Result<Result<(), Refusal>, E>) -> Result<(), RedriveError> {
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refusal)) => Err(RedriveError::Refused(refusal)),
        Err(_) => Err(RedriveError::Ended),
    }
}
