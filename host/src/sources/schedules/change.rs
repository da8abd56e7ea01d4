//! Schedules are made, changed and deleted.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedMutexGuard;

use super::input;
use super::name::ScheduleKey;
use super::record::{SCHEDULE, ScheduleRecord};
use super::settings::{ScheduleSettings, ScheduleState};
use super::{Inner, Kept, Schedule, ScheduleError, Schedules};
use crate::store::journal::{BodyChange, Change};

/// How many deletions are remembered, for requests that come again.
const DELETIONS_MAX: usize = 1_000;
/// How long ago a recurring schedule that is made may have started, as on AWS.
const START_AGO_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Where a new schedule would be.
enum Place {
    /// It is there now, and nobody else can do anything with it yet.
    New(Arc<Schedule>, OwnedMutexGuard<()>),
    Taken(Arc<Schedule>),
}

impl Schedules {
    /// Makes a schedule. The same request once more, by its token, is as good as the first.
    pub(crate) async fn create(
        &self,
        key: ScheduleKey,
        settings: ScheduleSettings,
        token: Option<Box<str>>,
    ) -> Result<(), ScheduleError> {
        let inner = self.0.clone();
        self.0.to_the_end(async move { inner.create(&key, settings, token).await }).await
    }

    /// Gives a schedule other settings, from now on. The same request once more, by its token, changes nothing.
    pub(crate) async fn update(
        &self,
        key: ScheduleKey,
        settings: ScheduleSettings,
        token: Option<Box<str>>,
    ) -> Result<(), ScheduleError> {
        let inner = self.0.clone();
        self.0.to_the_end(async move { inner.update(&key, settings, token).await }).await
    }

    /// Deletes a schedule. The same request once more, by its token, is as good as the first.
    pub(crate) async fn delete(
        &self,
        key: ScheduleKey,
        token: Option<Box<str>>,
    ) -> Result<(), ScheduleError> {
        let inner = self.0.clone();
        self.0.to_the_end(async move { inner.delete(&key, token).await }).await
    }
}

impl Inner {
    async fn create(
        &self,
        key: &ScheduleKey,
        mut settings: ScheduleSettings,
        token: Option<Box<str>>,
    ) -> Result<(), ScheduleError> {
        self.check(key, &settings)?;
        let (schedule, _turn) = loop {
            match self.place(key)? {
                Place::New(schedule, turn) => break (schedule, turn),
                Place::Taken(schedule) => {
                    let _turn = schedule.turn.lock().await;
                    // It may not have been made after all, or be gone by now; then its place is free.
                    if let Some(kept) = schedule.kept() {
                        let is_again = token.is_some() && kept.record.created_by == token;
                        return if is_again { Ok(()) } else { Err(ScheduleError::Exists) };
                    }
                }
            }
        };
        let now = self.wall.now();
        let input = settings.target.input.take().map(Bytes::from);
        let record = ScheduleRecord::new(key, settings, now, token);
        let made = match check_start(&record, now) {
            Ok(()) => {
                let (id, header, has_input) = (schedule.row, record.header(), input.is_some());
                let insert = Change::Insert { id, kind: SCHEDULE, header, body: input };
                let written = self.journal.write(vec![insert]).await;
                let kept =
                    Kept { fence: 0, record: Arc::new(record), has_input, is_behind: false, refused: None };
                written.map(|()| kept).map_err(ScheduleError::from)
            }
            Err(error) => Err(error),
        };
        match made {
            Ok(kept) => {
                self.put(&schedule, kept, now);
                Ok(())
            }
            Err(error) => {
                self.directory_mut().remove(key);
                Err(error)
            }
        }
    }

    async fn update(
        &self,
        key: &ScheduleKey,
        mut settings: ScheduleSettings,
        token: Option<Box<str>>,
    ) -> Result<(), ScheduleError> {
        self.check(key, &settings)?;
        let schedule = self.find(key)?;
        let _turn = schedule.turn.lock().await;
        self.check_open()?;
        let kept = schedule.kept().ok_or(ScheduleError::NotFound)?;
        if token.is_some() && kept.record.updated_by == token {
            return Ok(());
        }
        let now = self.wall.now();
        let (has_input, body) = match settings.target.input.take() {
            Some(input) => (true, BodyChange::Put(input.into())),
            None => (false, BodyChange::Remove),
        };
        let record = kept.record.updated(settings, now, token);
        let update = Change::Update { id: schedule.row, fence: kept.fence, header: record.header(), body };
        self.journal.write_new(vec![update]).await?;
        let fence = kept.fence + 1;
        let kept = Kept { fence, record: Arc::new(record), has_input, is_behind: false, refused: None };
        self.put(&schedule, kept, now);
        Ok(())
    }

    async fn delete(&self, key: &ScheduleKey, token: Option<Box<str>>) -> Result<(), ScheduleError> {
        let deleted = match self.find(key) {
            Ok(schedule) => {
                let _turn = schedule.turn.lock().await;
                self.check_open()?;
                self.delete_one(&schedule).await
            }
            Err(error) => Err(error),
        };
        let mut deletions = self.deletions.lock().unwrap_or_else(PoisonError::into_inner);
        match (deleted, token) {
            (Ok(()), Some(token)) => {
                deletions.truncate(DELETIONS_MAX - 1);
                deletions.push_front((key.clone(), token));
                Ok(())
            }
            (Err(ScheduleError::NotFound), Some(token))
                if deletions.contains(&(key.clone(), token.clone())) =>
            {
                Ok(())
            }
            (deleted, _) => deleted,
        }
    }

    /// Deletes a schedule whose turn the caller holds.
    pub(super) async fn delete_one(&self, schedule: &Schedule) -> Result<(), ScheduleError> {
        let fence = schedule.kept().ok_or(ScheduleError::NotFound)?.fence;
        self.journal.write(vec![Change::Delete { id: schedule.row, fence }]).await?;
        self.forget(schedule);
        Ok(())
    }

    /// Takes a schedule out of memory whose row is gone. Who does so holds its turn.
    pub(super) fn forget(&self, schedule: &Schedule) {
        schedule.set(None);
        self.agenda().remove(schedule.row);
        self.directory_mut().remove(&schedule.key);
    }

    /// A schedule's row reads so now; the keeper looks at it at once, if it is to be fired at all.
    fn put(&self, schedule: &Arc<Schedule>, kept: Kept, now: Timestamp) {
        let is_enabled = kept.record.settings.state == ScheduleState::Enabled;
        schedule.set(Some(kept));
        match is_enabled {
            true => self.plan(schedule, now),
            false => self.agenda().remove(schedule.row),
        }
    }

    /// Whoever waited for a turn may find that nothing is to be written any more.
    fn check_open(&self) -> Result<(), ScheduleError> {
        if self.stop.is_cancelled() { Err(ScheduleError::Closing) } else { Ok(()) }
    }

    fn check(&self, key: &ScheduleKey, settings: &ScheduleSettings) -> Result<(), ScheduleError> {
        settings.check()?;
        let target = &settings.target.function;
        if target.function().account.as_ref() != Some(&self.account) {
            let (arn, account) = (target.arn().to_owned(), self.account.to_string());
            return Err(ScheduleError::Account { arn, account });
        }
        if let Some(text) = &settings.target.input {
            input::check(text, key, &self.account, self.payload_bytes_max)?;
        }
        Ok(())
    }

    fn place(&self, key: &ScheduleKey) -> Result<Place, ScheduleError> {
        let mut directory = self.directory_mut();
        if let Some(schedule) = directory.named(key) {
            return Ok(Place::Taken(schedule.clone()));
        }
        if directory.len() >= self.schedules_max {
            return Err(ScheduleError::TooMany { limit: self.schedules_max });
        }
        let schedule = Schedule::new(key.clone(), self.journal.allocate());
        let turn = schedule.turn.clone().try_lock_owned().expect("nobody else has it yet");
        directory.insert(schedule.clone());
        Ok(Place::New(schedule, turn))
    }
}

/// A recurring schedule that is made now cannot have started long ago.
fn check_start(record: &ScheduleRecord, now: Timestamp) -> Result<(), ScheduleError> {
    let settings = &record.settings;
    let is_over = |start: Timestamp| now.duration_since(start) > START_AGO_MAX;
    match settings.start {
        Some(start) if !settings.expression.is_one_time() && is_over(start) => {
            Err(ScheduleError::StartIsOver)
        }
        _ => Ok(()),
    }
}
