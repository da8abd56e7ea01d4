//! Fires what is due: an event for the function's queue, and how far the schedule has come, in one write.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::schedule::{Due, Timetable};
use super::input::Firing;
use super::settings::{ActionAfterCompletion, ScheduleState};
use super::{Inner, Kept, Schedule, ScheduleError, Schedules};
use crate::events::{AcceptError, Events, NewEvent, Refusal};
use crate::policy::retry::backoff_ms;
use crate::store::StoreError;
use crate::store::journal::{BodyChange, Change};

/// After which time the clock on the wall is read again at the latest while schedules wait: somebody may have set it.
const CLOCK_READ_AGAIN: Duration = Duration::from_secs(30);
/// After which time a schedule is tried again to be deleted that could not be.
const DELETE_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// How many due times of one schedule are fired before others have their turns.
const FIRINGS_PER_TURN: usize = 16;

/// What came of a due time.
enum Fired {
    /// It is done with.
    Done,
    /// It is to be tried again then; those after it wait.
    Again(Timestamp),
    /// The schedule is gone, or nothing is fired any more.
    Ended,
}

impl Schedules {
    /// Fires what is due, until it is dropped; what is being written then is written.
    pub(crate) async fn go_on(&self, events: Events) {
        loop {
            let now = self.0.wall.now();
            while let Some(schedule) = self.0.take_due(now) {
                let place = self.0.firings.clone().acquire_owned().await.expect("it is never closed");
                let (inner, events) = (self.0.clone(), events.clone());
                self.0.tasks.spawn(async move {
                    let stop = inner.stop.clone();
                    // Whoever has ended answers nobody any more.
                    stop.run_until_cancelled(inner.attend(&events, &schedule)).await;
                    drop(place);
                });
            }
            let Some(next) = self.0.agenda().next() else {
                self.0.sooner.notified().await;
                continue;
            };
            let wait = Duration::try_from(next.duration_since(self.0.wall.now())).unwrap_or_default();
            tokio::select! {
                () = tokio::time::sleep(wait.clamp(Duration::from_millis(1), CLOCK_READ_AGAIN)) => {}
                () = self.0.sooner.notified() => {}
            }
        }
    }
}

impl Inner {
    fn take_due(&self, now: Timestamp) -> Option<Arc<Schedule>> {
        self.agenda().take(now)
    }

    /// Fires what of a schedule is due, and says when it is to be looked at again.
    async fn attend(&self, events: &Events, schedule: &Arc<Schedule>) {
        let _turn = schedule.turn.lock().await;
        if let Some(again) = self.fire_due(events, schedule).await {
            self.plan(schedule, again);
        }
    }

    async fn fire_due(&self, events: &Events, schedule: &Schedule) -> Option<Timestamp> {
        let kept = schedule.kept()?;
        if kept.record.settings.state == ScheduleState::Disabled {
            return None;
        }
        let (timetable, age_s_max) = (kept.record.timetable(), kept.record.settings.target.event_age_s);
        let now = self.wall.now();
        let look = kept.record.watch.look(&timetable, now, age_s_max);
        let mut watch = kept.record.watch;
        let passed = watch.pass_over(&timetable, now, age_s_max, &look);
        if passed > 0 {
            self.drop_passed(schedule, passed);
            schedule.change(|record| record.watch = watch);
        }
        for due in look.due.iter().take(FIRINGS_PER_TURN) {
            match self.fire(events, schedule, &timetable, *due).await {
                Fired::Done => {}
                Fired::Again(at) => return Some(at),
                Fired::Ended => return None,
            }
        }
        if look.due.len() > FIRINGS_PER_TURN {
            // Others have their turns, and whoever waits to change it.
            return Some(self.wall.now());
        }
        self.catch_up(schedule).await;
        match look.again {
            Some(again) => Some(again),
            None => self.complete(schedule).await,
        }
    }

    async fn fire(&self, events: &Events, schedule: &Schedule, timetable: &Timetable, due: Due) -> Fired {
        let Some(kept) = schedule.kept() else { return Fired::Ended };
        let attempt = kept.refused.map_or(0, |(at, times)| if at == due.scheduled { times } else { 0 }) + 1;
        let payload = match self.payload(schedule, &kept, due, attempt).await {
            Ok(payload) if payload.len() > self.payload_bytes_max => {
                let reason = format!("its event has {} bytes", payload.len());
                return self.drop_due(schedule, due, &reason);
            }
            Ok(payload) => payload,
            Err(error) => return self.refused(schedule, due, attempt, &error),
        };
        let mut record = kept.record.as_ref().clone();
        record.watch.done(due);
        let (id, fence) = (schedule.row, kept.fence);
        let is_over = record.settings.after_completion == ActionAfterCompletion::Delete
            && timetable.next_after(due.scheduled).is_none();
        let change = match is_over {
            true => Change::Delete { id, fence },
            false => Change::Update { id, fence, header: record.header(), body: BodyChange::Keep },
        };
        match events.accept_with(event(&kept, payload), vec![change]).await {
            Ok(_request_id) => {
                self.fired.fetch_add(1, Ordering::Relaxed);
                if is_over {
                    self.forget(schedule);
                    return Fired::Ended;
                }
                let (fence, record) = (fence + 1, record.into());
                let kept = Kept { fence, record, is_behind: false, refused: None, ..kept };
                schedule.set(Some(kept));
                Fired::Done
            }
            // Only a start can tell what is durable, or the next process fires it.
            Err(AcceptError::Ended)
            | Err(AcceptError::Refused(
                Refusal::Draining | Refusal::Store(StoreError::Closed | StoreError::Conflict),
            )) => Fired::Ended,
            Err(error) => self.refused(schedule, due, attempt, &error),
        }
    }

    async fn payload(
        &self,
        schedule: &Schedule,
        kept: &Kept,
        due: Due,
        attempt: u32,
    ) -> Result<Bytes, StoreError> {
        let input = if kept.has_input { self.journal.body(schedule.row).await? } else { None };
        let execution_id = Uuid::new_v4().to_string();
        let (key, account, scheduled) = (&schedule.key, &self.account, due.scheduled);
        Ok(Firing { key, account, scheduled, execution_id: &execution_id, attempt }.payload(input))
    }

    /// A due time whose event was refused is tried again, as often as its schedule says.
    fn refused(&self, schedule: &Schedule, due: Due, attempt: u32, reason: &dyn std::fmt::Display) -> Fired {
        let retries = schedule.kept().map_or(0, |kept| kept.record.settings.target.retries);
        if attempt > retries {
            return self.drop_due(schedule, due, &reason.to_string());
        }
        if attempt == 1 {
            tracing::warn!("{}, due at {}, is tried again: {reason}", schedule.key, due.scheduled);
        }
        if let Some(kept) = schedule.lock().as_mut() {
            kept.refused = Some((due.scheduled, attempt));
        }
        let wait = SignedDuration::from_millis(backoff_ms(attempt).cast_signed());
        Fired::Again(self.wall.now().saturating_add(wait).unwrap_or(Timestamp::MAX))
    }

    /// A due time is not fired. That is written down when nothing else is due, so that a start before may try it once more.
    fn drop_due(&self, schedule: &Schedule, due: Due, reason: &str) -> Fired {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::error!("{}, due at {}, was not fired: {reason}", schedule.key, due.scheduled);
        schedule.change(|record| record.watch.done(due));
        Fired::Done
    }

    fn drop_passed(&self, schedule: &Schedule, passed: usize) {
        self.dropped.fetch_add(passed as u64, Ordering::Relaxed);
        tracing::error!("{} was not fired {passed} times, which are too long ago", schedule.key);
    }

    /// Writes down what was passed over or given up, so that no start does so again. If that fails, one does.
    async fn catch_up(&self, schedule: &Schedule) {
        let Some(kept) = schedule.kept().filter(|kept| kept.is_behind) else { return };
        let (id, fence, header) = (schedule.row, kept.fence, kept.record.header());
        let update = Change::Update { id, fence, header, body: BodyChange::Keep };
        if self.journal.write(vec![update]).await.is_ok() {
            schedule.set(Some(Kept { fence: fence + 1, is_behind: false, ..kept }));
        }
    }

    /// A schedule is not due again.
    async fn complete(&self, schedule: &Schedule) -> Option<Timestamp> {
        let kept = schedule.kept()?;
        if kept.record.settings.after_completion == ActionAfterCompletion::None {
            return None;
        }
        match self.delete_one(schedule).await {
            Err(ScheduleError::Store(StoreError::Busy | StoreError::Full)) => {
                self.wall.now().checked_add(DELETE_AGAIN).ok()
            }
            _ => None,
        }
    }
}

impl Schedule {
    /// Changes what is known of it, which is written later.
    fn change(&self, change: impl FnOnce(&mut super::ScheduleRecord)) {
        if let Some(kept) = self.lock().as_mut() {
            change(Arc::make_mut(&mut kept.record));
            kept.is_behind = true;
        }
    }
}

fn event(kept: &Kept, payload: Bytes) -> NewEvent {
    let function = &kept.record.settings.target.function;
    NewEvent {
        request_id: Uuid::new_v4().to_string().into(),
        function: function.key().clone(),
        qualifier: function.qualifier().cloned(),
        payload,
        trace: None,
    }
}
