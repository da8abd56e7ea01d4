//! The bodies of requests, and what the API's model asks of their members. Those without a meaning here are passed over.

use serde::Deserialize;

use super::error::LogsWireError;
use crate::function::LogGroup;

/// The most names of streams in a request.
pub(super) const STREAM_NAMES_MAX: usize = 100;
const STREAM_NAME_BYTES_MAX: usize = 512;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeLogGroups {
    pub(super) log_group_name_prefix: Option<String>,
    pub(super) log_group_name_pattern: Option<String>,
    pub(super) log_group_class: Option<String>,
    pub(super) log_group_identifiers: Option<Vec<String>>,
    pub(super) next_token: Option<String>,
    pub(super) limit: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeLogStreams {
    pub(super) log_group_name: Option<String>,
    pub(super) log_group_identifier: Option<String>,
    pub(super) log_stream_name_prefix: Option<String>,
    pub(super) order_by: Option<String>,
    #[serde(default)]
    pub(super) descending: Option<bool>,
    pub(super) next_token: Option<String>,
    pub(super) limit: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetLogEvents {
    pub(super) log_group_name: Option<String>,
    pub(super) log_group_identifier: Option<String>,
    pub(super) log_stream_name: Option<String>,
    pub(super) start_time: Option<i64>,
    pub(super) end_time: Option<i64>,
    pub(super) next_token: Option<String>,
    pub(super) limit: Option<i64>,
    pub(super) start_from_head: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilterLogEvents {
    pub(super) log_group_name: Option<String>,
    pub(super) log_group_identifier: Option<String>,
    pub(super) log_stream_names: Option<Vec<String>>,
    pub(super) log_stream_name_prefix: Option<String>,
    pub(super) start_time: Option<i64>,
    pub(super) end_time: Option<i64>,
    pub(super) filter_pattern: Option<String>,
    pub(super) next_token: Option<String>,
    pub(super) limit: Option<i64>,
    pub(super) start_from_head: Option<bool>,
}

/// How many are asked for: from 1 to the most, which is also what is meant when nothing is said.
pub(super) fn limit(given: Option<i64>, max: usize) -> Result<usize, LogsWireError> {
    let Some(limit) = given else { return Ok(max) };
    let outside = |bound| LogsWireError::constraint("limit", &limit.to_string(), bound);
    match usize::try_from(limit) {
        Err(_) | Ok(0) => Err(outside("Member must have value greater than or equal to 1")),
        Ok(limit) if limit > max => {
            Err(outside(&format!("Member must have value less than or equal to {max}")))
        }
        Ok(limit) => Ok(limit),
    }
}

/// A time in milliseconds since 1970.
pub(super) fn time(member: &str, given: Option<i64>) -> Result<Option<u64>, LogsWireError> {
    let negative = |time: i64| {
        let bound = "Member must have value greater than or equal to 0";
        LogsWireError::constraint(member, &time.to_string(), bound)
    };
    given.map(|time| u64::try_from(time).map_err(|_| negative(time))).transpose()
}

/// The name of a group, or the beginning of one.
pub(super) fn group_name(member: &str, name: &str) -> Result<(), LogsWireError> {
    let constraint = r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+";
    LogGroup::parse(name).map(drop).map_err(|_| LogsWireError::constraint(member, name, constraint))
}

/// The name of a stream, or the beginning of one.
pub(super) fn stream_name(member: &str, name: &str) -> Result<(), LogsWireError> {
    let constraint = "Member must satisfy regular expression pattern: [^:*]*";
    match !name.is_empty() && name.len() <= STREAM_NAME_BYTES_MAX && !name.contains([':', '*']) {
        true => Ok(()),
        false => Err(LogsWireError::constraint(member, name, constraint)),
    }
}
