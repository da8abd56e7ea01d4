//! Schedule groups, of which there is one.

use super::answers::{ScheduleGroup, ScheduleGroups};
use super::{Call, Done, SchedulerWireError, json};
use crate::sources::schedules::GROUP;

pub(super) fn create(name: &str) -> SchedulerWireError {
    match name {
        GROUP => SchedulerWireError::conflict(format!("Schedule group {GROUP} already exists.")),
        _ => SchedulerWireError::quota(format!("There is one schedule group here, {GROUP}, and no other.")),
    }
}

pub(super) fn get(call: &Call<'_>, name: &str) -> Done {
    match name {
        GROUP => json(&group(call)),
        other => Err(SchedulerWireError::no_group(other)),
    }
}

pub(super) fn delete(name: &str) -> SchedulerWireError {
    match name {
        GROUP => SchedulerWireError::validation(format!("The schedule group {GROUP} cannot be deleted.")),
        other => SchedulerWireError::no_group(other),
    }
}

pub(super) fn list(call: &Call<'_>) -> Done {
    json(&ScheduleGroups { schedule_groups: vec![group(call)] })
}

fn group(call: &Call<'_>) -> ScheduleGroup {
    let arn = format!("arn:aws:scheduler:{}:{}:schedule-group/{GROUP}", call.region, call.host.account_id());
    ScheduleGroup { arn, name: GROUP, state: "ACTIVE" }
}
