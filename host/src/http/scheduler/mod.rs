//! EventBridge Scheduler: the five operations on schedules, and what can be said of the one group that they are in.
//!
//! REST JSON under `/schedules` and `/schedule-groups`; what requests may hold is in the [model](super::model) of its API.

mod answers;
mod error;
mod groups;
mod requests;
mod schedules;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::model::{Input, Model, Query};
use super::wire_error::WireError;
use crate::Host;
use crate::function::Region;
use crate::sources::schedules::ScheduleName;

pub(super) use self::error::SchedulerWireError;

/// What a credential scope names this service by.
pub(super) const SIGNING_NAME: &str = "scheduler";
/// What a request is called before it is known which operation it is.
pub(super) const OPERATION: &str = "EventBridge Scheduler";

/// What an operation answers.
type Done = Result<Response, SchedulerWireError>;

/// Where a request is made, and what it holds.
struct Call<'a> {
    host: &'a Host,
    /// The region of the signature, or the host's own.
    region: Region,
    members: Map<String, Value>,
}

/// Whether a path is one of this service, whoever signed the request: Lambda has none that begins so.
pub(super) fn is_path(path: &str) -> bool {
    let first = path.split('/').find(|segment| !segment.is_empty());
    matches!(first, Some("schedules" | "schedule-groups"))
}

/// Whether a path may be of this service although others have such paths.
pub(super) fn is_shared_path(path: &str) -> bool {
    path.starts_with("/tags/")
}

/// Answers a request.
pub(super) async fn answer(host: &Host, region: Option<Region>, parts: &Parts, body: &[u8]) -> Response {
    let region = region.unwrap_or_else(|| host.region().clone());
    operate(host, region, parts, body).await.unwrap_or_else(SchedulerWireError::into_response)
}

async fn operate(host: &Host, region: Region, parts: &Parts, body: &[u8]) -> Done {
    let query = Query::parse(parts.uri.query()).map_err(WireError::from)?;
    let route = Model::scheduler().route(&parts.method, parts.uri.path(), &query);
    let route = route.ok_or_else(SchedulerWireError::unknown_operation)?;
    let input = Input::read(&route, &query, body).map_err(WireError::from)?;
    let call = Call { host, region, members: input.members };
    let name = route.labels.first().map_or("", |(_, name)| name);
    match route.operation.name {
        "CreateSchedule" => schedules::create(call).await,
        "GetSchedule" => schedules::get(call).await,
        "UpdateSchedule" => schedules::update(call).await,
        "DeleteSchedule" => schedules::delete(call).await,
        "ListSchedules" => schedules::list(call),
        "CreateScheduleGroup" => Err(groups::create(name)),
        "GetScheduleGroup" => groups::get(&call, name),
        "DeleteScheduleGroup" => Err(groups::delete(name)),
        "ListScheduleGroups" => groups::list(&call),
        other => Err(SchedulerWireError::not_implemented(other)),
    }
}

impl Call<'_> {
    /// What the request asks.
    fn request<T: DeserializeOwned>(&mut self) -> Result<T, SchedulerWireError> {
        let members = std::mem::take(&mut self.members);
        serde_json::from_value(Value::Object(members))
            .map_err(|error| SchedulerWireError::serialization(&error))
    }
}

/// The name of a schedule, as the model has it.
fn name_of(text: &str) -> Result<ScheduleName, SchedulerWireError> {
    ScheduleName::parse(text).map_err(|error| SchedulerWireError::validation(error.to_string()))
}

fn json(body: &impl Serialize) -> Done {
    Ok(super::api::json(StatusCode::OK, body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_schedules_and_their_groups_are_this_services() {
        for path in
            ["/schedules", "/schedules/", "/schedules/tea", "//schedules/tea", "/schedule-groups/default"]
        {
            assert!(is_path(path), "{path}");
        }
        for path in ["/", "/2015-03-31/functions/schedules", "/schedulesx", "/tags/arn"] {
            assert!(!is_path(path), "{path}");
        }
    }
}
