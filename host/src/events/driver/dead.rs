//! Working with the dead table.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::super::core::{Ask, Input, Refusal};
use super::super::event::RequestId;
use super::super::status::{DeadCursor, DeadFilter, EventStatus};
use super::Events;

/// How many dead letters are looked up at once.
const PAGE: usize = 100;
/// How many dead letters are put back or removed at once, so that they share flushes.
const AT_ONCE: u32 = 64;
/// How often in a second some are put back when a rate is given: at a higher one, several at a time.
const TICKS_PER_SECOND_MAX: u32 = 100;

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

/// What is counted while dead letters are put back or removed.
#[derive(Debug, Default)]
pub(crate) struct DeadCounts {
    done: AtomicU64,
    refused: AtomicU64,
}

/// The queue takes no more changes.
struct Over;

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

    /// The request ids of all dead letters that fit and are there now: what dies again meanwhile is not put back again and again.
    pub(crate) async fn matching(&self, filter: &DeadFilter) -> Vec<RequestId> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = self.dead_letters(filter, after, PAGE);
            ids.extend(page.into_iter().map(|status| status.request_id));
            match next {
                Some(next) => after = Some(next),
                None => return ids,
            }
            // There may be hundreds of thousands, and others have something to do meanwhile.
            tokio::task::yield_now().await;
        }
    }

    /// Puts those dead letters back, at most so many a second if a rate is given. It counts while it goes on, and ends early when the
    /// queue does.
    pub(crate) async fn redrive_all(
        &self,
        ids: &[RequestId],
        per_second: Option<NonZeroU32>,
        counts: &DeadCounts,
    ) {
        let (at_once, mut ticks) = match per_second {
            None => (AT_ONCE, None),
            Some(rate) => {
                let at_once = rate.get().div_ceil(TICKS_PER_SECOND_MAX).min(AT_ONCE);
                let mut ticks = tokio::time::interval(Duration::from_secs(u64::from(at_once)) / rate.get());
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                (at_once, Some(ticks))
            }
        };
        for ids in ids.chunks(at_once as usize) {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            if self.change(ids, counts, |ask, request_id| Input::Redrive { ask, request_id }).await.is_err() {
                return;
            }
        }
    }

    /// Removes those dead letters. It counts while it goes on, and ends early when the queue does.
    pub(crate) async fn purge_all(&self, ids: &[RequestId], counts: &DeadCounts) {
        for ids in ids.chunks(AT_ONCE as usize) {
            if self.change(ids, counts, |ask, request_id| Input::Purge { ask, request_id }).await.is_err() {
                return;
            }
        }
    }

    /// Asks for changes of several dead letters, which so share flushes.
    async fn change(
        &self,
        ids: &[RequestId],
        counts: &DeadCounts,
        input: impl Fn(Ask, RequestId) -> Input,
    ) -> Result<(), Over> {
        let ask = |request_id: &RequestId| self.0.ask(|ask| input(ask, request_id.clone()));
        let asked: Vec<_> = ids.iter().map(ask).collect();
        let mut is_over = Ok(());
        for answer in asked {
            match settled(answer.await) {
                Ok(()) => counts.done.fetch_add(1, Ordering::Relaxed),
                Err(error) => {
                    if let RedriveError::Refused(Refusal::Draining) | RedriveError::Ended = error {
                        is_over = Err(Over);
                    }
                    counts.refused.fetch_add(1, Ordering::Relaxed)
                }
            };
        }
        is_over
    }
}

impl DeadCounts {
    /// What was counted so far.
    pub(crate) fn read(&self) -> RedriveFigures {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RedriveFigures { done: number(&self.done), refused: number(&self.refused) }
    }
}

fn settled<E>(answer: Result<Result<(), Refusal>, E>) -> Result<(), RedriveError> {
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refusal)) => Err(RedriveError::Refused(refusal)),
        Err(_) => Err(RedriveError::Ended),
    }
}
