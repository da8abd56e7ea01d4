//! The shapes of answers, as the API's model has them.

use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogGroups {
    pub(super) log_groups: Vec<LogGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogGroup {
    pub(super) log_group_name: String,
    pub(super) creation_time: u64,
    pub(super) metric_filter_count: u64,
    pub(super) arn: String,
    pub(super) stored_bytes: u64,
    pub(super) log_group_class: &'static str,
    pub(super) log_group_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogStreams {
    pub(super) log_streams: Vec<LogStream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogStream {
    pub(super) log_stream_name: String,
    pub(super) creation_time: u64,
    pub(super) first_event_timestamp: u64,
    pub(super) last_event_timestamp: u64,
    pub(super) last_ingestion_time: u64,
    pub(super) arn: String,
    pub(super) stored_bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogEvents {
    pub(super) events: Vec<OutputLogEvent>,
    pub(super) next_forward_token: String,
    pub(super) next_backward_token: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutputLogEvent {
    pub(super) timestamp: u64,
    pub(super) message: String,
    pub(super) ingestion_time: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilteredLogEvents {
    pub(super) events: Vec<FilteredLogEvent>,
    /// CloudWatch stopped to say which streams it has searched.
    pub(super) searched_log_streams: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilteredLogEvent {
    pub(super) log_stream_name: String,
    pub(super) timestamp: u64,
    pub(super) message: String,
    pub(super) ingestion_time: u64,
    pub(super) event_id: String,
}
