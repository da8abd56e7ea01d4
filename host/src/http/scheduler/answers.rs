//! The shapes of answers, as the API's model has them.

use serde::Serialize;

use crate::sources::schedules::{ActionAfterCompletion, GROUP, ScheduleInfo, ScheduleState, ScheduleTarget};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleArn {
    pub(super) schedule_arn: String,
}

/// An answer without members.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Schedule {
    arn: String,
    group_name: &'static str,
    name: String,
    schedule_expression: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    schedule_expression_timezone: String,
    state: ScheduleState,
    creation_date: f64,
    last_modification_date: f64,
    target: Target,
    flexible_time_window: FlexibleTimeWindow,
    action_after_completion: ActionAfterCompletion,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    arn: String,
    role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    retry_policy: RetryPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    maximum_event_age_in_seconds: u32,
    maximum_retry_attempts: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FlexibleTimeWindow {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_window_in_minutes: Option<u16>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Schedules {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
    pub(super) schedules: Vec<ScheduleSummary>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleSummary {
    arn: String,
    name: String,
    group_name: &'static str,
    state: ScheduleState,
    creation_date: f64,
    last_modification_date: f64,
    target: TargetSummary,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetSummary {
    arn: String,
}

/// The one group. It was always there, so no times are told of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleGroup {
    pub(super) arn: String,
    pub(super) name: &'static str,
    pub(super) state: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleGroups {
    pub(super) schedule_groups: Vec<ScheduleGroup>,
}

impl From<ScheduleInfo> for Schedule {
    fn from(info: ScheduleInfo) -> Self {
        let ScheduleInfo { name, arn, settings, created, modified, .. } = info;
        Self {
            arn,
            group_name: GROUP,
            name: name.into(),
            schedule_expression: settings.expression.into(),
            start_date: settings.start.map(seconds),
            end_date: settings.end.map(seconds),
            description: settings.description,
            schedule_expression_timezone: settings.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            state: settings.state,
            creation_date: seconds(created),
            last_modification_date: seconds(modified),
            target: settings.target.into(),
            flexible_time_window: FlexibleTimeWindow {
                mode: if settings.window_minutes.is_some() { "FLEXIBLE" } else { "OFF" },
                maximum_window_in_minutes: settings.window_minutes,
            },
            action_after_completion: settings.after_completion,
        }
    }
}

impl From<ScheduleTarget> for Target {
    fn from(target: ScheduleTarget) -> Self {
        let ScheduleTarget { function, role_arn, input, event_age_s, retries, dead_letter } = target;
        Self {
            arn: function.into(),
            role_arn,
            dead_letter_config: dead_letter.map(|queue| DeadLetterConfig { arn: queue.to_string() }),
            retry_policy: RetryPolicy {
                maximum_event_age_in_seconds: event_age_s,
                maximum_retry_attempts: retries,
            },
            input,
        }
    }
}

impl From<ScheduleInfo> for ScheduleSummary {
    fn from(info: ScheduleInfo) -> Self {
        Self {
            arn: info.arn,
            name: info.name.into(),
            group_name: GROUP,
            state: info.settings.state,
            creation_date: seconds(info.created),
            last_modification_date: seconds(info.modified),
            target: TargetSummary { arn: info.settings.target.function.into() },
        }
    }
}

/// Seconds since 1970, to the millisecond.
fn seconds(moment: jiff::Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1e3
}
