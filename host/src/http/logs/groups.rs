//! DescribeLogGroups.

use super::answers::{LogGroup, LogGroups};
use super::error::LogsWireError;
use super::requests::{self, DescribeLogGroups};
use super::{Call, Done, json};
use crate::{LOG_LIST_MAX, ListLogGroups, LogGroupInfo, LogsError};

/// The one class of groups there is.
const CLASS: &str = "STANDARD";

pub(super) async fn describe(call: &Call<'_>) -> Done {
    let request: DescribeLogGroups = call.request()?;
    if request.log_group_identifiers.is_some() {
        return Err(LogsWireError::parameter("logGroupIdentifiers is not supported here"));
    }
    if request.log_group_name_prefix.is_some() && request.log_group_name_pattern.is_some() {
        return Err(LogsWireError::parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive.",
        ));
    }
    if let Some(prefix) = &request.log_group_name_prefix {
        requests::group_name("logGroupNamePrefix", prefix)?;
    }
    let list = ListLogGroups {
        region: Some(call.region.clone()),
        prefix: request.log_group_name_prefix.unwrap_or_default(),
        part: request.log_group_name_pattern.unwrap_or_default(),
        limit: requests::limit(request.limit, LOG_LIST_MAX)?,
        after: request.next_token.as_deref().map(after).transpose()?,
    };
    let is_of_class = request.log_group_class.is_none_or(|class| class == CLASS);
    let (entries, has_more) = match call.host.log_groups(list).await {
        Ok(list) if is_of_class => (list.entries, list.has_more),
        Ok(_) | Err(LogsError::NotKept) => (Vec::new(), false),
        Err(error) => return Err(error.into()),
    };
    let next_token = entries.last().filter(|_| has_more).map(|last| format!("g/{}", last.name));
    let log_groups = entries.into_iter().map(|group| described(call, group)).collect();
    Ok(json(&LogGroups { log_groups, next_token }))
}

fn after(token: &str) -> Result<String, LogsWireError> {
    token.strip_prefix("g/").map(str::to_owned).ok_or_else(LogsWireError::token)
}

fn described(call: &Call<'_>, group: LogGroupInfo) -> LogGroup {
    let log_group_arn = call.arn(&group.name);
    LogGroup {
        arn: format!("{log_group_arn}:*"),
        log_group_arn,
        log_group_name: group.name,
        creation_time: group.created_ms,
        metric_filter_count: 0,
        stored_bytes: group.stored_bytes,
        log_group_class: CLASS,
    }
}
