//! The shapes of requests, as the API's model has them and has checked them, and the schedules that they describe.

use jiff::Timestamp;
use serde::Deserialize;

use super::super::wire_error::shown;
use super::SchedulerWireError;
use crate::function::QueueArn;
use crate::sources::schedule::{Expression, time_zone};
use crate::sources::schedules::{
    ActionAfterCompletion, GROUP, ScheduleSettings, ScheduleState, TargetFunction,
};

/// CreateSchedule and UpdateSchedule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutSchedule {
    pub(super) name: String,
    pub(super) group_name: Option<String>,
    pub(super) client_token: Option<Box<str>>,
    #[serde(flatten)]
    description: Description,
}

/// What of such a request describes the schedule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    schedule_expression: String,
    start_date: Option<f64>,
    end_date: Option<f64>,
    description: Option<String>,
    schedule_expression_timezone: Option<String>,
    state: Option<ScheduleState>,
    kms_key_arn: Option<String>,
    target: Target,
    flexible_time_window: FlexibleTimeWindow,
    action_after_completion: Option<ActionAfterCompletion>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    arn: String,
    role_arn: String,
    dead_letter_config: Option<DeadLetterConfig>,
    retry_policy: Option<RetryPolicy>,
    input: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    maximum_event_age_in_seconds: Option<u32>,
    maximum_retry_attempts: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FlexibleTimeWindow {
    mode: Mode,
    maximum_window_in_minutes: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Off,
    Flexible,
}

/// GetSchedule and DeleteSchedule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneSchedule {
    pub(super) name: String,
    pub(super) group_name: Option<String>,
    pub(super) client_token: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSchedules {
    pub(super) group_name: Option<String>,
    pub(super) name_prefix: Option<String>,
    pub(super) state: Option<ScheduleState>,
    pub(super) next_token: Option<String>,
    pub(super) max_results: Option<usize>,
}

/// There is one group.
pub(super) fn check_group(group: Option<&str>) -> Result<(), SchedulerWireError> {
    match group {
        None | Some(GROUP) => Ok(()),
        Some(other) => Err(SchedulerWireError::no_group(other)),
    }
}

impl PutSchedule {
    /// The schedule that is meant. What is not given is at its default, also when a schedule is changed.
    pub(super) fn settings(&mut self) -> Result<ScheduleSettings, SchedulerWireError> {
        let given = &mut self.description;
        if given.kms_key_arn.is_some() {
            let message = "KmsKeyArn is not supported: what is kept is not encrypted here.";
            return Err(SchedulerWireError::validation(message));
        }
        let function = TargetFunction::parse(&given.target.arn).map_err(|error| {
            SchedulerWireError::validation(format!("{} is not supported: {error}", shown(&given.target.arn)))
        })?;
        let role_arn = std::mem::take(&mut given.target.role_arn);
        let mut settings = ScheduleSettings::new(expression(&given.schedule_expression)?, function, role_arn);
        if let Some(zone) = &given.schedule_expression_timezone {
            let zone = time_zone(zone);
            settings.time_zone = zone.map_err(|error| SchedulerWireError::validation(error.to_string()))?;
        }
        settings.start = given.start_date.map(|seconds| moment("StartDate", seconds)).transpose()?;
        settings.end = given.end_date.map(|seconds| moment("EndDate", seconds)).transpose()?;
        settings.window_minutes = given.flexible_time_window.minutes()?;
        settings.state = given.state.unwrap_or(settings.state);
        settings.description = given.description.take();
        settings.after_completion = given.action_after_completion.unwrap_or(settings.after_completion);
        let target = &mut settings.target;
        target.input = given.target.input.take();
        if let Some(policy) = &given.target.retry_policy {
            target.event_age_s = policy.maximum_event_age_in_seconds.unwrap_or(target.event_age_s);
            target.retries = policy.maximum_retry_attempts.unwrap_or(target.retries);
        }
        let dead_letter = given.target.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref());
        let dead_letter = dead_letter.map(QueueArn::parse).transpose();
        target.dead_letter =
            dead_letter.map_err(|error| SchedulerWireError::validation(error.to_string()))?;
        Ok(settings)
    }
}

impl FlexibleTimeWindow {
    fn minutes(&self) -> Result<Option<u16>, SchedulerWireError> {
        match (self.mode, self.maximum_window_in_minutes) {
            (Mode::Off, None) => Ok(None),
            (Mode::Flexible, Some(minutes)) => Ok(Some(minutes)),
            (Mode::Flexible, None) => Err(SchedulerWireError::validation(
                "MaximumWindowInMinutes must be provided when FlexibleTimeWindow Mode is FLEXIBLE.",
            )),
            (Mode::Off, Some(_)) => Err(SchedulerWireError::validation(
                "MaximumWindowInMinutes must not be provided when FlexibleTimeWindow Mode is OFF.",
            )),
        }
    }
}

/// The first words are AWS's, the reason is ours.
fn expression(text: &str) -> Result<Expression, SchedulerWireError> {
    Expression::parse(text).map_err(|error| {
        SchedulerWireError::validation(format!("Invalid Schedule Expression {}. ({error})", shown(text)))
    })
}

/// Seconds since 1970, of which milliseconds are kept.
fn moment(member: &str, seconds: f64) -> Result<Timestamp, SchedulerWireError> {
    // The nearest one: what is not a whole number of seconds has no exact form as a number. What is too large is none.
    let moment = Timestamp::from_millisecond((seconds * 1e3).round() as i64).ok();
    moment.ok_or_else(|| SchedulerWireError::validation(format!("{member} is not a time that there is.")))
}
