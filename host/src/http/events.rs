//! What has become of asynchronous events, and working with dead letters: operations of Samovar's own, beside Lambda's.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::function::FunctionRef;
use crate::timestamp;
use crate::{
    DeadLetterChangeError, DeadLetterCursor, DeadLetterFilter, DeadLetterTask, DeliveryBacklog, EventBody,
    EventCondition, EventInfo, EventState, Host, UndeliveredEvent,
};

use super::api::{Answer, json};
use super::bodies::{Held, Limit};
use super::credential;
use super::model::{Query, decoded};
use super::paging::{Paging, marker};
use super::request;
use super::wire_error::{Exception, Member, WireError, sentence, shown};

/// How long who puts many dead letters back or removes them waits for the end before the answer is that it goes on.
const TASK_WAIT_MAX: Duration = Duration::from_secs(2);
/// The highest rate that may be asked for.
const RATE_MAX: u32 = 10_000;

/// How large the body of a request about many dead letters may be.
pub(super) const BODY_LIMIT: Limit<'_> =
    Limit { bytes: 64 << 10, exception: Exception::RequestEntityTooLarge, operation: "DeadLetters" };

/// Which dead letters are meant. A member that is not known is refused: without it, too many would fit.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FilterInput {
    function: Option<String>,
    reason: Option<String>,
    older_than_seconds: Option<u64>,
    /// Only when they are put back.
    rate_per_second: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventResponse {
    request_id: String,
    function_arn: String,
    state: &'static str,
    accepted_time: String,
    payload_bytes: u64,
    attempts: u32,
    redrives: u32,
    /// Of an event that a function runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_time: Option<String>,
    /// Of an event that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executed_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<FailureResponse>,
    /// The ARNs of those that are still to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_be_told: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undelivered: Option<Vec<UndeliveredResponse>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailureResponse {
    code: u16,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct UndeliveredResponse {
    target: String,
    reason: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListResponse {
    /// The one that ended first at the beginning.
    dead_letters: Vec<EventResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BacklogsResponse {
    delivery_backlogs: Vec<BacklogResponse>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BacklogResponse {
    queue_arn: String,
    waiting: usize,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// How far a task on many dead letters has come.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TaskResponse {
    matched: u64,
    done: u64,
    refused: u64,
}

/// `GET /samovar/events/REQUEST_ID`.
pub(super) async fn show(host: &Host, parts: &Parts, id: &str) -> Answer {
    let id = decoded(id)?;
    let event = host.event(&id).ok_or_else(|| no_event(&id))?;
    one(host, parts, event).await
}

/// `GET /samovar/dead-letters/REQUEST_ID`.
pub(super) async fn dead_letter(host: &Host, parts: &Parts, id: &str) -> Answer {
    let id = decoded(id)?;
    let event = host.event(&id).filter(EventInfo::is_dead_letter).ok_or_else(|| no_dead_letter(&id))?;
    one(host, parts, event).await
}

/// `GET /samovar/dead-letters`.
pub(super) fn dead_letters(host: &Host, parts: &Parts) -> Answer {
    let query = Query::parse(parts.uri.query())?;
    let text = |key: &str| query.first(key).filter(|value| !value.is_empty()).map(str::to_owned);
    let number = |key: &str| text(key).map(|value| whole_number(key, &value)).transpose();
    let input = FilterInput {
        function: text("function"),
        reason: text("reason"),
        older_than_seconds: number("older-than-seconds")?,
        rate_per_second: None,
    };
    let max_items = number("max-items")?.map(|items| usize::try_from(items).unwrap_or(usize::MAX));
    let paging = Paging::new(text("marker"), max_items);
    let filter = input.filter(host, parts)?;
    let page = host.dead_letters(&filter, paging.from(DeadLetterCursor::parse)?, paging.limit());
    let dead_letters = page.items.into_iter().map(|event| EventResponse::of(event, None)).collect();
    let next_marker = page.next.map(|next| marker(&next.to_text()));
    json(StatusCode::OK, &ListResponse { dead_letters, next_marker })
}

/// `GET /samovar/delivery-backlogs`.
pub(super) fn delivery_backlogs(host: &Host) -> Answer {
    let backlog = |backlog: DeliveryBacklog| BacklogResponse {
        queue_arn: backlog.queue_arn,
        waiting: backlog.waiting,
        failures: backlog.failures,
        last_error: backlog.last_error.as_deref().map(str::to_owned),
    };
    let delivery_backlogs = host.delivery_backlogs().into_iter().map(backlog).collect();
    json(StatusCode::OK, &BacklogsResponse { delivery_backlogs })
}

/// `POST /samovar/dead-letters/REQUEST_ID/redrive`: answers with the event as it is then.
pub(super) async fn redrive_one(host: &Host, id: &str) -> Answer {
    let id = decoded(id)?;
    host.redrive_dead_letter(&id).await?;
    let event = host.event(&id).ok_or_else(|| no_event(&id))?;
    json(StatusCode::OK, &EventResponse::of(event, None))
}

/// `DELETE /samovar/dead-letters/REQUEST_ID`.
pub(super) async fn purge_one(host: &Host, id: &str) -> Answer {
    host.purge_dead_letter(&decoded(id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /samovar/dead-letters/redrive`.
pub(super) async fn redrive(host: &Host, parts: &Parts, body: Result<Held, WireError>) -> Answer {
    let input = FilterInput::read(&body?.bytes)?;
    let rate = input.rate_per_second.map(rate).transpose()?;
    answered(host.redrive_dead_letters(&input.filter(host, parts)?, rate).await?).await
}

/// `POST /samovar/dead-letters/purge`.
pub(super) async fn purge(host: &Host, parts: &Parts, body: Result<Held, WireError>) -> Answer {
    let input = FilterInput::read(&body?.bytes)?;
    if input.rate_per_second.is_some() {
        return Err(WireError::parameter("RatePerSecond is for dead letters that are put back."));
    }
    answered(host.purge_dead_letters(&input.filter(host, parts)?).await?).await
}

/// 200 if all was done soon, or 202 with how far it has come: it goes on.
async fn answered(mut task: DeadLetterTask) -> Answer {
    let finished = tokio::time::timeout(TASK_WAIT_MAX, task.finished()).await;
    let (status, figures) = match finished {
        Ok(figures) => (StatusCode::OK, figures),
        Err(_) => (StatusCode::ACCEPTED, task.figures()),
    };
    let (matched, done, refused) = (figures.matched, figures.done, figures.refused);
    json(status, &TaskResponse { matched, done, refused })
}

/// One event, with what is kept of it if that is asked for.
async fn one(host: &Host, parts: &Parts, event: EventInfo) -> Answer {
    let query = Query::parse(parts.uri.query())?;
    let has_body = matches!(event.state, EventState::Succeeded { .. } | EventState::Dead { .. });
    let body = match query.first("body") {
        Some("1") if has_body => host.event_body(&event.request_id).await?,
        _ => None,
    };
    json(StatusCode::OK, &EventResponse::of(event, body))
}

impl FilterInput {
    fn read(body: &[u8]) -> Result<Self, WireError> {
        match body {
            [] => Ok(Self::default()),
            body => serde_json::from_slice(body).map_err(|error| WireError::json(&error)),
        }
    }

    fn filter(&self, host: &Host, parts: &Parts) -> Result<DeadLetterFilter, WireError> {
        let function = self.function.as_deref().map(|name| whole_function(host, parts, name)).transpose()?;
        let condition = self.reason.as_deref().map(condition).transpose()?;
        Ok(DeadLetterFilter {
            function,
            condition,
            age_min: self.older_than_seconds.map(Duration::from_secs),
        })
    }
}

fn whole_function(host: &Host, parts: &Parts, name: &str) -> Result<FunctionRef, WireError> {
    let region = credential::region(&parts.headers)?;
    let function = request::qualified(host, region, name, None)?;
    match function.qualifier {
        None => Ok(function),
        Some(_) => Err(WireError::function_only()),
    }
}

fn condition(text: &str) -> Result<EventCondition, WireError> {
    EventCondition::parse(text).ok_or_else(|| {
        let names: Vec<_> = EventCondition::ALL.iter().map(|condition| condition.as_str()).collect();
        let allowed = format!("Member must satisfy enum value set: [{}]", names.join(", "));
        WireError::constraint(Member("reason"), shown(text), &allowed)
    })
}

fn rate(rate: u32) -> Result<NonZeroU32, WireError> {
    NonZeroU32::new(rate).filter(|rate| rate.get() <= RATE_MAX).ok_or_else(|| {
        WireError::constraint(
            Member("ratePerSecond"),
            &rate.to_string(),
            &format!("Member must have value between 1 and {RATE_MAX}"),
        )
    })
}

fn whole_number(key: &str, text: &str) -> Result<u64, WireError> {
    text.parse()
        .map_err(|_| WireError::parameter(format!("{key} must be a whole number, not '{}'.", shown(text))))
}

fn no_event(id: &str) -> WireError {
    WireError::not_found(format!(
        "Event not found: {}: there was none, or it is not kept any longer",
        shown(id)
    ))
}

fn no_dead_letter(id: &str) -> WireError {
    WireError::not_found(format!("Dead letter not found: {}", shown(id)))
}

/// What was kept as JSON if it is, or else as a text of JSON.
fn raw(bytes: &[u8]) -> Box<RawValue> {
    let as_it_is = std::str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str(text).ok());
    as_it_is.unwrap_or_else(|| to_raw_value(&String::from_utf8_lossy(bytes)).expect("a text has a JSON form"))
}

fn texts(arns: Vec<std::sync::Arc<str>>) -> Option<Vec<String>> {
    Some(arns.iter().map(|arn| (**arn).to_owned()).collect())
}

fn undelivered(those: Vec<UndeliveredEvent>) -> Option<Vec<UndeliveredResponse>> {
    let response = |one: UndeliveredEvent| UndeliveredResponse {
        target: (*one.target).to_owned(),
        reason: (*one.reason).to_owned(),
    };
    Some(those.into_iter().map(response).collect())
}

impl EventResponse {
    fn of(event: EventInfo, body: Option<EventBody>) -> Self {
        let failure = event
            .last_failure
            .map(|failure| FailureResponse { code: failure.code, message: (*failure.message).to_owned() });
        let mut response = Self {
            request_id: (*event.request_id).to_owned(),
            function_arn: event.function_arn,
            state: "Queued",
            accepted_time: timestamp::lambda(event.accepted_ms),
            payload_bytes: event.payload_bytes,
            attempts: event.attempts,
            redrives: event.redrives,
            attempt: None,
            running_since: None,
            retry_time: None,
            condition: None,
            ended_time: None,
            executed_version: None,
            last_failure: failure,
            to_be_told: None,
            told: None,
            undelivered: None,
            result: None,
            payload: None,
        };
        match event.state {
            EventState::Queued => {}
            EventState::Running { attempt, since_ms } => {
                response.state = "Running";
                response.attempt = Some(attempt);
                response.running_since = Some(timestamp::lambda(since_ms));
            }
            EventState::Retrying { at_ms } => {
                response.state = "Retrying";
                response.retry_time = Some(timestamp::lambda(at_ms));
            }
            EventState::Delivering { condition, targets } => {
                response.state = "Delivering";
                response.condition = Some(condition.as_str());
                response.to_be_told = texts(targets);
            }
            EventState::Succeeded { at_ms, executed_version, told, undelivered: not } => {
                response.state = "Succeeded";
                response.condition = Some(EventCondition::Success.as_str());
                response.ended_time = Some(timestamp::lambda(at_ms));
                response.executed_version = executed_version.map(|version| version.to_string());
                (response.told, response.undelivered) = (texts(told), undelivered(not));
            }
            EventState::Dead { at_ms, condition, told, undelivered: not } => {
                response.state = "Dead";
                response.condition = Some(condition.as_str());
                response.ended_time = Some(timestamp::lambda(at_ms));
                (response.told, response.undelivered) = (texts(told), undelivered(not));
            }
        }
        match body {
            None => {}
            Some(EventBody::Result(bytes)) => response.result = Some(raw(&bytes)),
            Some(EventBody::Payload(bytes)) if bytes.is_empty() => response.payload = Some(raw(b"{}")),
            Some(EventBody::Payload(bytes)) => response.payload = Some(raw(&bytes)),
        }
        response
    }
}

impl From<DeadLetterChangeError> for WireError {
    fn from(error: DeadLetterChangeError) -> Self {
        match error {
            DeadLetterChangeError::NotFound { request_id } => no_dead_letter(&request_id),
            DeadLetterChangeError::NotDead { .. } => Self::new(Exception::ResourceConflict, sentence(&error)),
            DeadLetterChangeError::TooMany { .. } => {
                Self::new(Exception::CallerRateLimit, format!("Rate Exceeded: {error}"))
            }
            DeadLetterChangeError::Closing => Self::closing(),
            DeadLetterChangeError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(state: EventState) -> EventInfo {
        let mut event = EventInfo::example("6b0e4d1c");
        event.state = state;
        event
    }

    fn written(state: EventState, body: Option<EventBody>) -> Value {
        serde_json::to_value(EventResponse::of(event(state), body)).expect("JSON")
    }

    #[test]
    fn an_event_has_the_members_of_its_state() {
        let common = json!({
            "RequestId": "6b0e4d1c",
            "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",
            "State": "Queued",
            "AcceptedTime": "2026-11-21T17:00:00.000+0000",
            "PayloadBytes": 2,
            "Attempts": 0,
            "Redrives": 0,
        });
        let with = |state: &str, more: Value| {
            let mut all = common.clone();
            all["State"] = state.into();
            all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            all
        };
        let (at_ms, time) = (1_795_280_401_000, "2026-11-21T17:00:01.000+0000");
        assert_eq!(written(EventState::Queued, None), common);
        let running = EventState::Running { attempt: 2, since_ms: at_ms };
        assert_eq!(written(running, None), with("Running", json!({ "Attempt": 2, "RunningSince": time })));
        let retrying = EventState::Retrying { at_ms };
        assert_eq!(written(retrying, None), with("Retrying", json!({ "RetryTime": time })));
        let targets = vec!["arn".into()];
        let delivering = EventState::Delivering { condition: EventCondition::HostCrash, targets };
        let expected = with("Delivering", json!({ "Condition": "HostCrash", "ToBeTold": ["arn"] }));
        assert_eq!(written(delivering, None), expected);
        let undelivered = vec![UndeliveredEvent { target: "arn".into(), reason: "it is too large".into() }];
        let condition = EventCondition::RetriesExhausted;
        let dead = EventState::Dead { at_ms, condition, told: Vec::new(), undelivered };
        let expected = with(
            "Dead",
            json!({
                "Condition": "RetriesExhausted",
                "EndedTime": time,
                "Told": [],
                "Undelivered": [{ "Target": "arn", "Reason": "it is too large" }],
                "Payload": {},
            }),
        );
        assert_eq!(written(dead, Some(EventBody::Payload("".into()))), expected);
    }

    #[test]
    fn what_is_kept_is_shown_as_json_if_it_is() {
        let shown = |bytes: &'static [u8]| serde_json::to_string(&raw(bytes)).expect("JSON");
        assert_eq!(shown(br#"{"b":1.0,"a":2}"#), r#"{"b":1.0,"a":2}"#);
        assert_eq!(shown(b"not JSON"), r#""not JSON""#);
        assert_eq!(shown(b"\xff"), "\"\u{fffd}\"");
    }

    #[test]
    fn a_filter_with_a_member_that_is_not_known_is_refused() {
        let filter = FilterInput::read(br#"{"Function":"f","OlderThanSeconds":60,"RatePerSecond":10}"#);
        let filter = filter.expect("a filter");
        assert_eq!((filter.function.as_deref(), filter.older_than_seconds), (Some("f"), Some(60)));
        assert!(FilterInput::read(b"").expect("all").function.is_none());
        for bad in [&br#"{"function":"f"}"#[..], b"{", br#"{"OlderThanSeconds":-1}"#] {
            assert!(FilterInput::read(bad).is_err());
        }
    }

    #[test]
    fn rates_and_reasons_have_bounds() {
        assert!(rate(1).is_ok() && rate(RATE_MAX).is_ok());
        assert!(rate(0).is_err() && rate(RATE_MAX + 1).is_err());
        assert_eq!(condition("HostCrash").expect("a reason"), EventCondition::HostCrash);
        assert!(condition("hostcrash").is_err());
    }
}
