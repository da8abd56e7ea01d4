//! CreateSchedule, GetSchedule, UpdateSchedule, DeleteSchedule and ListSchedules.

use super::super::paging::{self, Paging};
use super::answers::{Nothing, Schedule, ScheduleArn, Schedules};
use super::requests::{self, OneSchedule, PutSchedule, check_group};
use super::{Call, Done, SchedulerWireError, json, name_of};
use crate::ScheduleRef;
use crate::sources::schedules::ListSchedules;

/// The most schedules of a list, which is also what is meant when nothing is said.
const LIST_MAX: usize = 100;

pub(super) async fn create(mut call: Call<'_>) -> Done {
    let mut request: PutSchedule = call.request()?;
    check_group(request.group_name.as_deref())?;
    let settings = request.settings()?;
    let (schedule, token) = (call.named(&request.name)?, request.client_token);
    let created = call.host.create_schedule(&schedule, settings, token.as_deref()).await;
    let schedule_arn = created.map_err(|error| SchedulerWireError::of(error, &request.name))?;
    json(&ScheduleArn { schedule_arn })
}

pub(super) async fn get(mut call: Call<'_>) -> Done {
    let request: OneSchedule = call.request()?;
    check_group(request.group_name.as_deref())?;
    let schedule = call.host.schedule(&call.named(&request.name)?).await;
    json(&Schedule::from(schedule.map_err(|error| SchedulerWireError::of(error, &request.name))?))
}

pub(super) async fn update(mut call: Call<'_>) -> Done {
    let mut request: PutSchedule = call.request()?;
    check_group(request.group_name.as_deref())?;
    let settings = request.settings()?;
    let (schedule, token) = (call.named(&request.name)?, request.client_token);
    let updated = call.host.update_schedule(&schedule, settings, token.as_deref()).await;
    let schedule_arn = updated.map_err(|error| SchedulerWireError::of(error, &request.name))?;
    json(&ScheduleArn { schedule_arn })
}

pub(super) async fn delete(mut call: Call<'_>) -> Done {
    let request: OneSchedule = call.request()?;
    check_group(request.group_name.as_deref())?;
    let (schedule, token) = (call.named(&request.name)?, request.client_token);
    let deleted = call.host.delete_schedule(&schedule, token.as_deref()).await;
    deleted.map_err(|error| SchedulerWireError::of(error, &request.name))?;
    json(&Nothing {})
}

pub(super) fn list(mut call: Call<'_>) -> Done {
    let request: requests::ListSchedules = call.request()?;
    check_group(request.group_name.as_deref())?;
    let after = Paging::new(request.next_token, None).from(|name| Some(name.to_owned()));
    let list = call.host.list_schedules(&ListSchedules {
        region: Some(call.region.clone()),
        prefix: request.name_prefix.unwrap_or_default(),
        state: request.state,
        after: after.map_err(|_| SchedulerWireError::validation("Invalid NextToken."))?,
        limit: request.max_results.unwrap_or(LIST_MAX),
    });
    let last = list.schedules.last().filter(|_| list.has_more);
    let next_token = last.map(|last| paging::marker(last.name.as_str()));
    json(&Schedules { next_token, schedules: list.schedules.into_iter().map(Into::into).collect() })
}

impl Call<'_> {
    fn named(&self, name: &str) -> Result<ScheduleRef, SchedulerWireError> {
        Ok(ScheduleRef { region: Some(self.region.clone()), name: name_of(name)? })
    }
}
