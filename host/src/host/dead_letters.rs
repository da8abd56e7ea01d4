//! Working with dead letters: events that ended without success and that nobody was told of, and those whose ends somebody could not
//! be told.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::Host;
use super::event_status::EventInfo;
use super::listing::Page;
use crate::events::{Backlog, DeadCounts, DeadCursor, DeadFilter, Events, RedriveError, Refusal, RequestId};
use crate::function::FunctionRef;
use crate::policy::retry::Condition;
use crate::store::StoreError;

/// How many tasks on many dead letters go on at a time.
pub(super) const TASKS_MAX: usize = 8;

/// Which dead letters are meant: those that fit everything that is given; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Those of this function, of whichever version or alias.
    pub function: Option<FunctionRef>,
    /// Those that ended in this way. [`Condition::Success`] are those of which somebody could not be told.
    pub condition: Option<Condition>,
    /// Those that ended at least so long ago, to the millisecond.
    pub age_min: Option<Duration>,
}

/// Where a page of dead letters begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterCursor(DeadCursor);

/// How many dead letters were put back or removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetterFigures {
    /// How many fitted when it was asked for.
    pub matched: u64,
    /// How many were put back or removed so far.
    pub done: u64,
    /// How many could not be so far: they are gone or have been put back already, succeeded and are not to run again, or could not
    /// be written.
    pub refused: u64,
}

/// A queue that messages wait for: dead letters and records of how events ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryBacklog {
    /// The queue's ARN.
    pub queue_arn: String,
    /// How many messages wait, or are being sent.
    pub waiting: usize,
    /// How often sending failed in a row; it is tried again ever more rarely, every 5 minutes at the end.
    pub failures: u32,
    /// Why it failed the last time. A queue that does not exist is waited for six hours, one that cannot be reached 14 days; then
    /// the event is a dead letter here.
    pub last_error: Option<Arc<str>>,
}

/// Many dead letters being put back or removed. It goes on when this is dropped, until it is done or the host closes.
#[derive(Debug)]
pub struct DeadLetterTask {
    matched: u64,
    counts: Arc<DeadCounts>,
    task: JoinHandle<Option<()>>,
}

/// Why a dead letter was not put back or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeadLetterChangeError {
    /// There is no event of that request id, or it is not kept any longer.
    #[error("there is no dead letter of the request id {request_id}")]
    NotFound {
        /// The id.
        request_id: Arc<str>,
    },
    /// It is no dead letter, or one that succeeded and is not to run again.
    #[error(
        "the event {request_id} is not to be put back or removed: it is no dead letter, or it succeeded and is not to run again"
    )]
    NotDead {
        /// Its id.
        request_id: Arc<str>,
    },
    /// As many dead letters are being put back or removed by others as may be at a time.
    #[error("{limit} others put dead letters back or remove them; no more may at a time")]
    TooMany {
        /// How many may.
        limit: usize,
    },
    /// The host is closing, or its queue of events has ended.
    #[error("the host is closing")]
    Closing,
    /// It could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeadLetterCursor {
    /// The cursor as text, which [`DeadLetterCursor::parse`] takes.
    pub fn to_text(self) -> String {
        self.0.to_text()
    }

    /// Takes the text of a cursor.
    pub fn parse(text: &str) -> Option<Self> {
        DeadCursor::parse(text).map(Self)
    }
}

impl DeadLetterTask {
    /// How far it has come.
    pub fn figures(&self) -> DeadLetterFigures {
        let counts = self.counts.read();
        DeadLetterFigures { matched: self.matched, done: counts.done, refused: counts.refused }
    }

    /// Waits until it is done, or the host closes; it may be called again.
    pub async fn finished(&mut self) -> DeadLetterFigures {
        if !self.task.is_finished() {
            // That it was ended with the host, or died of a panic, is in the figures: they are short.
            let _ = (&mut self.task).await;
        }
        self.figures()
    }

    /// Whether it is done.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl Host {
    /// Dead letters that fit, the one that ended first at the beginning: those behind `after`, at most so many. A page may be short,
    /// or empty, although another follows.
    pub fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        after: Option<DeadLetterCursor>,
        limit: usize,
    ) -> Page<EventInfo, DeadLetterCursor> {
        let Some(filter) = self.dead_filter(filter) else { return Page { items: Vec::new(), next: None } };
        let (items, next) = self.events().dead_letters(&filter, after.map(|after| after.0), limit.max(1));
        let items = items.into_iter().map(|status| self.event_info(status)).collect();
        Page { items, next: next.map(DeadLetterCursor) }
    }

    /// The queues that messages wait for which tell how events ended, in the order of their ARNs. Failures that wait so are not
    /// among the dead letters yet.
    pub fn delivery_backlogs(&self) -> Vec<DeliveryBacklog> {
        let backlog = |Backlog { target, waiting, failures, last_error }| DeliveryBacklog {
            queue_arn: target.to_string(),
            waiting,
            failures,
            last_error,
        };
        self.events().backlogs().into_iter().map(backlog).collect()
    }

    /// Puts a dead letter back into the queue: the same event under the same request id, as if it had just been accepted.
    ///
    /// # Errors
    /// When it is none, it succeeded and is not to run again, or it cannot be written.
    pub async fn redrive_dead_letter(&self, request_id: &str) -> Result<(), DeadLetterChangeError> {
        let request_id = RequestId::from(request_id);
        self.events().redrive(request_id.clone()).await.map_err(|error| refused(error, request_id))
    }

    /// Removes a dead letter for good.
    ///
    /// # Errors
    /// When it is none, or cannot be removed on the disk.
    pub async fn purge_dead_letter(&self, request_id: &str) -> Result<(), DeadLetterChangeError> {
        let request_id = RequestId::from(request_id);
        self.events().purge(request_id.clone()).await.map_err(|error| refused(error, request_id))
    }

    /// Puts all dead letters back that fit and are there now, at most so many a second if a rate is given. When this answers, it
    /// has begun.
    ///
    /// # Errors
    /// [`DeadLetterChangeError::TooMany`] or [`DeadLetterChangeError::Closing`]. What becomes of each is in the figures.
    pub async fn redrive_dead_letters(
        &self,
        filter: &DeadLetterFilter,
        per_second: Option<NonZeroU32>,
    ) -> Result<DeadLetterTask, DeadLetterChangeError> {
        self.begin(filter, Work::Redrive { per_second }).await
    }

    /// Removes all dead letters for good that fit and are there now. When this answers, it has begun.
    ///
    /// # Errors
    /// [`DeadLetterChangeError::TooMany`] or [`DeadLetterChangeError::Closing`]. What becomes of each is in the figures.
    pub async fn purge_dead_letters(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<DeadLetterTask, DeadLetterChangeError> {
        self.begin(filter, Work::Purge).await
    }

    async fn begin(
        &self,
        filter: &DeadLetterFilter,
        work: Work,
    ) -> Result<DeadLetterTask, DeadLetterChangeError> {
        self.check_open().map_err(|_| DeadLetterChangeError::Closing)?;
        let turn = self.parts.dead_letter_tasks.clone().try_acquire_owned();
        let turn = turn.map_err(|_| DeadLetterChangeError::TooMany { limit: TASKS_MAX })?;
        let events = self.events().clone();
        let ids = match self.dead_filter(filter) {
            Some(filter) => events.matching(&filter).await,
            None => Vec::new(),
        };
        let (matched, counts) = (ids.len() as u64, Arc::<DeadCounts>::default());
        let task = self.on_own_task(work.carry_out(events, ids, counts.clone(), turn));
        Ok(DeadLetterTask { matched, counts, task })
    }

    /// The filter as the queue takes it; none, if nothing can fit.
    fn dead_filter(&self, filter: &DeadLetterFilter) -> Option<DeadFilter> {
        let function = match &filter.function {
            Some(function) => Some(self.key(function)?),
            None => None,
        };
        let older_than_ms = filter.age_min.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        Some(DeadFilter { function, condition: filter.condition, older_than_ms })
    }
}

/// What is done with many dead letters.
enum Work {
    Redrive { per_second: Option<NonZeroU32> },
    Purge,
}

impl Work {
    async fn carry_out(
        self,
        events: Events,
        ids: Vec<RequestId>,
        counts: Arc<DeadCounts>,
        turn: OwnedSemaphorePermit,
    ) {
        match self {
            Self::Redrive { per_second } => events.redrive_all(&ids, per_second, &counts).await,
            Self::Purge => events.purge_all(&ids, &counts).await,
        }
        drop(turn);
    }
}

fn refused(error: RedriveError, request_id: RequestId) -> DeadLetterChangeError {
    match error {
        RedriveError::Refused(Refusal::NotFound) => DeadLetterChangeError::NotFound { request_id },
        RedriveError::Refused(Refusal::Store(error)) => error.into(),
        RedriveError::Refused(Refusal::Draining) | RedriveError::Ended => DeadLetterChangeError::Closing,
        // The others are of events that are to be accepted.
        RedriveError::Refused(
            Refusal::NotDead | Refusal::Duplicate | Refusal::QueueFull { .. } | Refusal::ShareFull { .. },
        ) => DeadLetterChangeError::NotDead { request_id },
    }
}
