//! What is written of a schedule.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::schedule::{Timetable, Watch};
use super::name::{ScheduleKey, ScheduleName};
use super::settings::{ScheduleSettings, ScheduleState};
use crate::function::Region;
use crate::store::StoreError;
use crate::store::journal::{Kind, Row, RowId};

/// Whose rows schedules are. The body of one is the input of its events.
pub(super) const SCHEDULE: Kind = Kind(32);

/// A schedule as its row has it, but for its input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ScheduleRecord {
    pub(super) region: Region,
    pub(super) name: ScheduleName,
    pub(super) settings: ScheduleSettings,
    #[serde(with = "ms")]
    pub(super) created: Timestamp,
    #[serde(with = "ms")]
    pub(super) modified: Timestamp,
    /// How far it has come.
    pub(super) watch: Watch,
    /// What its place in a flexible window is drawn with.
    pub(super) seed: u64,
    /// Which request made it, in its client's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_by: Option<Box<str>>,
    /// Which one changed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) updated_by: Option<Box<str>>,
}

impl ScheduleRecord {
    /// One that is made at that time, by that request.
    pub(super) fn new(
        key: &ScheduleKey,
        settings: ScheduleSettings,
        now: Timestamp,
        token: Option<Box<str>>,
    ) -> Self {
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            region: key.region.clone(),
            name: key.name.clone(),
            settings,
            created: now,
            modified: now,
            watch: Watch::new(now),
            seed,
            created_by: token,
            updated_by: None,
        }
    }

    /// The same one with other settings. If it is due at other times than before, or was not to be fired, they count from that moment
    /// on; otherwise what waits is still to be fired.
    pub(super) fn updated(
        &self,
        settings: ScheduleSettings,
        now: Timestamp,
        token: Option<Box<str>>,
    ) -> Self {
        let is_enabled = |settings: &ScheduleSettings| settings.state == ScheduleState::Enabled;
        let goes_on =
            is_enabled(&self.settings) && is_enabled(&settings) && self.settings.has_times_of(&settings);
        let mut watch = self.watch;
        if !goes_on {
            watch.resume(now);
        }
        Self { settings, modified: now, watch, updated_by: token, ..self.clone() }
    }

    pub(super) fn key(&self) -> ScheduleKey {
        ScheduleKey { region: self.region.clone(), name: self.name.clone() }
    }

    /// All times at which it is due.
    pub(super) fn timetable(&self) -> Timetable {
        let settings = &self.settings;
        Timetable {
            expression: settings.expression.clone(),
            time_zone: settings.time_zone.clone(),
            created: self.created,
            start: settings.start,
            end: settings.end,
            window: settings.window(self.seed).expect("it was checked when it was made or read"),
        }
    }

    pub(super) fn header(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts always have a JSON form")
    }

    /// The schedule of a row.
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        let record: Self = serde_json::from_slice(&row.header).map_err(|error| damaged(row.id, &error))?;
        record.settings.check().map_err(|error| damaged(row.id, &error))?;
        Ok(record)
    }
}

/// A row that is not as it was written.
pub(super) fn damaged(row: RowId, reason: &dyn fmt::Display) -> StoreError {
    StoreError::Damaged { file: "queue.db".to_owned(), reason: format!("row {}: {reason}", row.0) }
}

/// Moments as milliseconds since 1970.
mod ms {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(moment.as_millisecond())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_millisecond(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::schedule::{Expression, time_zone};
    use super::super::settings::{ActionAfterCompletion, TargetFunction};
    use super::*;

    fn row(header: Vec<u8>) -> Row {
        Row { id: RowId(7), kind: SCHEDULE, fence: 3, header, body_bytes: None }
    }

    #[test]
    fn a_record_reads_as_it_was_written_but_for_its_input() {
        let function = TargetFunction::parse("arn:aws:lambda:us-east-1:000000000000:function:f:live");
        let expression = Expression::parse("cron(30 9 ? * MON-FRI *)").expect("an expression");
        let mut settings =
            ScheduleSettings::new(expression, function.expect("an ARN"), "arn:aws:iam::000000000000:role/r");
        settings.time_zone = time_zone("Europe/Berlin").expect("a zone");
        settings.start = "2027-01-01T00:00:00.250Z".parse().ok();
        settings.end = "2028-01-01T00:00:00Z".parse().ok();
        settings.window_minutes = Some(15);
        settings.state = ScheduleState::Disabled;
        settings.after_completion = ActionAfterCompletion::Delete;
        settings.description = Some("tea".to_owned());
        settings.target.dead_letter = "arn:aws:sqs:us-east-1:000000000000:dead".parse().ok();
        let key = ScheduleKey {
            region: Region::parse("us-east-1").expect("a region"),
            name: ScheduleName::parse("tea.time").expect("a name"),
        };
        let now = "2026-12-01T10:00:00.123Z".parse().expect("a time");
        let made = ScheduleRecord::new(&key, settings.clone(), now, Some("one".into()));
        let later = "2026-12-01T11:00:00Z".parse().expect("a time");
        for written in [made.clone(), made.updated(settings, later, Some("two".into()))] {
            assert_eq!(ScheduleRecord::of(&row(written.header())), Ok(written));
        }
    }

    #[test]
    fn a_row_that_is_no_schedule_is_damaged() {
        for header in ["", "{}", "{\"region\": 1}"] {
            let read = ScheduleRecord::of(&row(header.as_bytes().to_vec()));
            assert!(matches!(read, Err(StoreError::Damaged { .. })), "{header}");
        }
    }
}
