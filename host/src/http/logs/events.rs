//! GetLogEvents and FilterLogEvents.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::answers::{FilteredLogEvent, FilteredLogEvents, LogEvents, OutputLogEvent};
use super::error::LogsWireError;
use super::requests::{self, FilterLogEvents, GetLogEvents, STREAM_NAMES_MAX};
use super::{Call, Done, json};
use crate::{
    LOG_PAGE_EVENTS_MAX, LogEvent, LogFilter, LogPosition, LogStreamChoice, ReadLogEvents, ReadLogsFrom,
};

/// The request header of FilterLogEvents that asks for one request's lines alone, with its id for a value: also for those
/// lines in which the id does not stand.
pub const LOG_REQUEST_ID_HEADER: &str = "x-samovar-log-request-id";

/// The header of FilterLogEvents' answers that has a token for the lines which come next, also when there is none yet: for
/// those who follow a log. The body has a token, as CloudWatch's, only if there are more lines already.
pub const LOG_NEXT_TOKEN_HEADER: &str = "x-samovar-log-next-token";

pub(super) async fn get(call: &Call<'_>) -> Done {
    let request: GetLogEvents = call.request()?;
    let group = call.group(request.log_group_name, request.log_group_identifier)?;
    let stream = request
        .log_stream_name
        .ok_or_else(|| LogsWireError::constraint("logStreamName", "null", "Member must not be null"))?;
    requests::stream_name("logStreamName", &stream)?;
    let mut read = ReadLogEvents::new(group);
    read.region = Some(call.region.clone());
    read.streams = LogStreamChoice::Named(vec![stream]);
    read.since_ms = requests::time("startTime", request.start_time)?;
    read.until_ms = requests::time("endTime", request.end_time)?;
    read.limit = requests::limit(request.limit, LOG_PAGE_EVENTS_MAX)?;
    read.from = from(request.next_token.as_deref(), request.start_from_head.unwrap_or(false))?;
    let from = read.from;
    let page = call.host.log_events(read).await?;
    // A client goes on until it gets the token that it gave.
    let is_end = page.events.is_empty() && !page.has_more;
    let (before, after) = match from {
        ReadLogsFrom::After(given) if is_end => (page.before, given),
        ReadLogsFrom::Before(given) if is_end => (given, page.after),
        _ => (page.before, page.after),
    };
    let event = |event: LogEvent| OutputLogEvent {
        timestamp: event.at_ms,
        message: event.message,
        ingestion_time: event.at_ms,
    };
    Ok(json(&LogEvents {
        events: page.events.into_iter().map(event).collect(),
        next_forward_token: forward_token(after),
        next_backward_token: backward_token(before),
    }))
}

pub(super) async fn filter(call: &Call<'_>) -> Done {
    let request: FilterLogEvents = call.request()?;
    let group = call.group(request.log_group_name, request.log_group_identifier)?;
    let mut read = ReadLogEvents::new(group);
    read.region = Some(call.region.clone());
    read.streams = streams(request.log_stream_names, request.log_stream_name_prefix)?;
    read.since_ms = requests::time("startTime", request.start_time)?;
    // Here the end belongs to the range; that of GetLogEvents does not.
    read.until_ms = requests::time("endTime", request.end_time)?.map(|end| end.saturating_add(1));
    read.filter = LogFilter::parse(request.filter_pattern.as_deref().unwrap_or_default())
        .map_err(|error| LogsWireError::parameter(error.to_string()))?;
    read.request_id = request_id(call.headers)?;
    read.limit = requests::limit(request.limit, LOG_PAGE_EVENTS_MAX)?;
    read.from = from(request.next_token.as_deref(), request.start_from_head.unwrap_or(true))?;
    let is_forward = matches!(read.from, ReadLogsFrom::Oldest | ReadLogsFrom::After(_));
    let page = call.host.log_events(read).await?;
    let next = match is_forward {
        true => forward_token(page.after),
        false => backward_token(page.before),
    };
    let mut events: Vec<FilteredLogEvent> = page.events.into_iter().map(filtered).collect();
    if !is_forward {
        events.reverse();
    }
    let next_token = page.has_more.then(|| next.clone());
    let mut response = json(&FilteredLogEvents { events, searched_log_streams: [], next_token });
    let value = HeaderValue::try_from(next).expect("a token is visible ASCII");
    response.headers_mut().insert(HeaderName::from_static(LOG_NEXT_TOKEN_HEADER), value);
    Ok(response)
}

fn streams(names: Option<Vec<String>>, prefix: Option<String>) -> Result<LogStreamChoice, LogsWireError> {
    match (names, prefix) {
        (None, None) => Ok(LogStreamChoice::All),
        (Some(_), Some(_)) => {
            Err(LogsWireError::parameter("logStreamNamePrefix and logStreamNames cannot both be given"))
        }
        (None, Some(prefix)) => {
            requests::stream_name("logStreamNamePrefix", &prefix)?;
            Ok(LogStreamChoice::Prefix(prefix))
        }
        (Some(names), None) => {
            if names.is_empty() || names.len() > STREAM_NAMES_MAX {
                let constraint = "Member must have length between 1 and 100";
                return Err(LogsWireError::constraint(
                    "logStreamNames",
                    &names.len().to_string(),
                    constraint,
                ));
            }
            names.iter().try_for_each(|name| requests::stream_name("logStreamNames", name))?;
            Ok(LogStreamChoice::Named(names))
        }
    }
}

/// The request whose lines alone are asked for.
fn request_id(headers: &HeaderMap) -> Result<Option<String>, LogsWireError> {
    let Some(id) = headers.get(LOG_REQUEST_ID_HEADER) else { return Ok(None) };
    let id = id.to_str().map_err(|_| {
        LogsWireError::parameter(format!("The header {LOG_REQUEST_ID_HEADER} must be visible ASCII"))
    })?;
    Ok(Some(id.to_owned()))
}

/// Where reading begins: where a token says, or at one end.
fn from(token: Option<&str>, from_head: bool) -> Result<ReadLogsFrom, LogsWireError> {
    let Some(token) = token else {
        return Ok(if from_head { ReadLogsFrom::Oldest } else { ReadLogsFrom::Newest });
    };
    let (way, position) = token.split_once('/').ok_or_else(LogsWireError::token)?;
    let position: LogPosition = position.parse().map_err(|_| LogsWireError::token())?;
    match way {
        "f" => Ok(ReadLogsFrom::After(position)),
        "b" => Ok(ReadLogsFrom::Before(position)),
        _ => Err(LogsWireError::token()),
    }
}

fn forward_token(after: LogPosition) -> String {
    format!("f/{after}")
}

fn backward_token(before: LogPosition) -> String {
    format!("b/{before}")
}

fn filtered(event: LogEvent) -> FilteredLogEvent {
    FilteredLogEvent {
        // 56 digits, as CloudWatch's: the time, and the line's place.
        event_id: format!("{:016}{}", event.at_ms, event.position.digits()),
        log_stream_name: event.stream,
        timestamp: event.at_ms,
        message: event.message,
        ingestion_time: event.at_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It was dropped, and the answer had the lines of all requests.
    #[test]
    fn a_request_id_that_is_no_text_is_refused() {
        let of = |id: &[u8]| {
            let id = HeaderValue::from_bytes(id).expect("a header");
            request_id(&HeaderMap::from_iter([(HeaderName::from_static(LOG_REQUEST_ID_HEADER), id)]))
        };
        assert_eq!(of(b"c0ffee").ok().flatten().as_deref(), Some("c0ffee"));
        assert!(of("caf\u{e9}".as_bytes()).is_err());
        assert!(matches!(request_id(&HeaderMap::new()), Ok(None)));
    }
}
