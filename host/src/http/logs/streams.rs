//! DescribeLogStreams.

use super::answers::{LogStream, LogStreams};
use super::error::LogsWireError;
use super::requests::{self, DescribeLogStreams};
use super::{Call, Done, json};
use crate::{LOG_LIST_MAX, ListLogStreams, LogStreamInfo, LogStreamOrder};

pub(super) async fn describe(call: &Call<'_>) -> Done {
    let request: DescribeLogStreams = call.request()?;
    let group = call.group(request.log_group_name, request.log_group_identifier)?;
    let mut list = ListLogStreams::new(group.clone());
    list.region = Some(call.region.clone());
    list.order = order(request.order_by.as_deref())?;
    if let Some(prefix) = request.log_stream_name_prefix {
        if list.order == LogStreamOrder::LastEventTime {
            return Err(LogsWireError::parameter(
                "Cannot order by LastEventTime with a logStreamNamePrefix.",
            ));
        }
        requests::stream_name("logStreamNamePrefix", &prefix)?;
        list.prefix = prefix;
    }
    list.descending = request.descending.unwrap_or(false);
    list.limit = requests::limit(request.limit, LOG_LIST_MAX)?;
    list.after = request.next_token.as_deref().map(after).transpose()?;
    let streams = call.host.log_streams(list).await?;
    let last = streams.entries.last().filter(|_| streams.has_more);
    let next_token = last.map(|last| format!("s/{}/{}", last.last_event_ms, last.name));
    let log_streams = streams.entries.into_iter().map(|stream| described(call, &group, stream)).collect();
    Ok(json(&LogStreams { log_streams, next_token }))
}

fn order(given: Option<&str>) -> Result<LogStreamOrder, LogsWireError> {
    match given {
        None | Some("LogStreamName") => Ok(LogStreamOrder::Name),
        Some("LastEventTime") => Ok(LogStreamOrder::LastEventTime),
        Some(other) => {
            let allowed = "Member must satisfy enum value set: [LogStreamName, LastEventTime]";
            Err(LogsWireError::constraint("orderBy", other, allowed))
        }
    }
}

/// What a list goes on from: the last stream of the one before, with its time for the order by that.
fn after(token: &str) -> Result<LogStreamInfo, LogsWireError> {
    let parsed = token.strip_prefix("s/").and_then(|rest| rest.split_once('/'));
    let parsed = parsed.and_then(|(last, name)| Some(LogStreamInfo::mark(name, last.parse().ok()?)));
    parsed.ok_or_else(LogsWireError::token)
}

fn described(call: &Call<'_>, group: &str, stream: LogStreamInfo) -> LogStream {
    LogStream {
        arn: format!("{}:log-stream:{}", call.arn(group), stream.name),
        log_stream_name: stream.name,
        creation_time: stream.first_event_ms,
        first_event_timestamp: stream.first_event_ms,
        last_event_timestamp: stream.last_event_ms,
        last_ingestion_time: stream.last_event_ms,
        stored_bytes: 0,
    }
}
