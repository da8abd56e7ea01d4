//! The operations on event source mappings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::function::{QueueArn, Tags};
use crate::sources::mapping::{MappingChange, MappingSettings};
use crate::{CreateMapping, ListMappings, MappingInfo, UpdateMapping};

use super::api::Answer;
use super::call::Call;
use super::paging::{Paging, marker};
use super::wire_error::WireError;

/// The most mappings of a page, as on Lambda.
const MAPPINGS_LISTED_MAX: usize = 100;
/// What makes a function's answers say which messages failed.
const REPORTS: &str = "ReportBatchItemFailures";
/// Why a mapping is in the state that it is in: nobody else changes any.
const USER_INITIATED: &str = "USER_INITIATED";

/// What the model has for other event sources than queues.
const OF_OTHER_SOURCES: [&str; 16] = [
    "AmazonManagedKafkaEventSourceConfig",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "LoggingConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "Queues",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
    "TumblingWindowInSeconds",
];
/// What the model has for queues, and is not here.
const NOT_HERE: [(&str, &str); 2] = [
    ("KMSKeyArn", "Filters are not encrypted here; leave KMSKeyArn out."),
    (
        "ProvisionedPollerConfig",
        "Provisioned mode is not available here; set ScalingConfig.MaximumConcurrency to bound a mapping.",
    ),
];

/// What CreateEventSourceMapping and UpdateEventSourceMapping are given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MappingInput {
    event_source_arn: Option<String>,
    function_name: Option<String>,
    enabled: Option<bool>,
    batch_size: Option<u32>,
    maximum_batching_window_in_seconds: Option<u32>,
    filter_criteria: Option<FilterCriteria>,
    scaling_config: Option<ScalingConfig>,
    function_response_types: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterCriteria {
    filters: Option<Vec<Filter>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScalingConfig {
    maximum_concurrency: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    event_source_arn: Option<String>,
    function_name: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct MappingId {
    #[serde(rename = "UUID")]
    uuid: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventSourceMappingConfiguration {
    #[serde(rename = "UUID")]
    uuid: String,
    batch_size: u32,
    maximum_batching_window_in_seconds: u32,
    event_source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_criteria: Option<FilterCriteria>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling_config: Option<ScalingConfig>,
    function_arn: String,
    last_modified: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_processing_result: Option<String>,
    state: &'static str,
    state_transition_reason: &'static str,
    function_response_types: Vec<&'static str>,
    event_source_mapping_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    event_source_mappings: Vec<EventSourceMappingConfiguration>,
}

pub(super) async fn create(call: Call<'_>) -> Answer {
    check_members(call.input()?)?;
    let input: MappingInput = call.input()?;
    let queue = queue(input.event_source_arn.as_deref())?;
    let settings = MappingSettings::default().changed(input.change());
    let create = CreateMapping {
        enabled: input.enabled.unwrap_or(true),
        settings,
        tags: Tags::new(input.tags.unwrap_or_default())?,
        ..CreateMapping::new(queue, call.function()?)
    };
    let info = call.host().create_event_source_mapping(create).await?;
    call.answer(&EventSourceMappingConfiguration::of(info))
}

pub(super) async fn update(call: Call<'_>) -> Answer {
    check_members(call.input()?)?;
    let MappingId { uuid } = call.input()?;
    let input: MappingInput = call.input()?;
    let function = input.function_name.is_some().then(|| call.function()).transpose()?;
    let update = UpdateMapping { function, enabled: input.enabled, settings: input.change() };
    let info = call.host().update_event_source_mapping(&uuid, update).await?;
    call.answer(&EventSourceMappingConfiguration::of(info))
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let MappingId { uuid } = call.input()?;
    call.answer(&EventSourceMappingConfiguration::of(call.host().event_source_mapping(&uuid)?))
}

pub(super) async fn delete(call: Call<'_>) -> Answer {
    let MappingId { uuid } = call.input()?;
    let info = call.host().delete_event_source_mapping(&uuid).await?;
    call.answer(&EventSourceMappingConfiguration::of(info))
}

pub(super) async fn list(call: Call<'_>) -> Answer {
    let input: ListInput = call.input()?;
    let function = input.function_name.is_some().then(|| call.function()).transpose()?;
    let limit = input.max_items.map_or(MAPPINGS_LISTED_MAX, |items| items.min(MAPPINGS_LISTED_MAX));
    let after = Paging::new(input.marker, None).from(|text| Some(text.to_owned()))?;
    // One more than the page has tells whether there is another.
    let list = ListMappings { queue: input.event_source_arn, function, after, limit: limit + 1 };
    let mut found = call.host().list_event_source_mappings(&list);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_marker = found.last().filter(|_| has_more).map(|last| marker(&last.uuid));
    let event_source_mappings = found.into_iter().map(EventSourceMappingConfiguration::of).collect();
    call.answer(&ListResponse { next_marker, event_source_mappings })
}

/// Refuses what only other sources have, and what is not here.
fn check_members(members: Map<String, Value>) -> Result<(), WireError> {
    let is_given = |name: &str| members.get(name).is_some_and(is_something);
    if let Some(name) = OF_OTHER_SOURCES.into_iter().find(|name| is_given(name)) {
        return Err(WireError::parameter(format!(
            "Unsupported {name} parameter for given event source mapping type."
        )));
    }
    match NOT_HERE.into_iter().find(|(name, _)| is_given(name)) {
        Some((_, text)) => Err(WireError::parameter(text)),
        None => Ok(()),
    }
}

/// Whether anything is said: tools give members that are empty for what they do not set.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The queue that is the event source.
fn queue(arn: Option<&str>) -> Result<QueueArn, WireError> {
    let unrecognized = |more: &str| WireError::parameter(format!("Unrecognized event source.{more}"));
    let arn = arn.ok_or_else(|| unrecognized(""))?;
    QueueArn::parse(arn).map_err(|_| unrecognized(" Only SQS queues are polled here."))
}

impl MappingInput {
    fn change(&self) -> MappingChange {
        let patterns = |criteria: &FilterCriteria| {
            let filters = criteria.filters.iter().flatten();
            filters.map(|filter| filter.pattern.clone().unwrap_or_default()).collect()
        };
        let reports = |types: &Vec<String>| types.iter().any(|name| name == REPORTS);
        MappingChange {
            batch_size: self.batch_size,
            maximum_batching_window_seconds: self.maximum_batching_window_in_seconds,
            maximum_concurrency: self.scaling_config.as_ref().map(|config| config.maximum_concurrency),
            filters: self.filter_criteria.as_ref().map(patterns),
            report_batch_item_failures: self.function_response_types.as_ref().map(reports),
        }
    }
}

impl EventSourceMappingConfiguration {
    fn of(info: MappingInfo) -> Self {
        let settings = info.settings;
        let filter = |pattern| Filter { pattern: Some(pattern) };
        let filters: Vec<Filter> = settings.filters.into_iter().map(filter).collect();
        Self {
            uuid: info.uuid,
            batch_size: settings.batch_size,
            maximum_batching_window_in_seconds: settings.maximum_batching_window_seconds,
            event_source_arn: info.queue.to_string(),
            filter_criteria: (!filters.is_empty()).then_some(FilterCriteria { filters: Some(filters) }),
            scaling_config: settings
                .maximum_concurrency
                .map(|batches| ScalingConfig { maximum_concurrency: Some(batches) }),
            function_arn: info.function_arn,
            // In seconds, with a fraction: as many milliseconds as a f64 tells apart last for some 280,000 years.
            last_modified: info.last_modified_ms as f64 / 1000.0,
            last_processing_result: info.last_result.as_deref().map(str::to_owned),
            state: info.state.as_str(),
            state_transition_reason: USER_INITIATED,
            function_response_types: settings
                .report_batch_item_failures
                .then_some(REPORTS)
                .into_iter()
                .collect(),
            event_source_mapping_arn: info.arn,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(members: Value) -> Result<(), WireError> {
        check_members(members.as_object().expect("an object").clone())
    }

    #[test]
    fn what_other_sources_have_is_refused_unless_nothing_is_said_in_it() {
        let destination = json!({ "OnFailure": { "Destination": "arn:aws:sqs:us-east-1:000000000000:q" } });
        let refused = checked(json!({ "DestinationConfig": destination })).expect_err("refused");
        let expected = "Unsupported DestinationConfig parameter for given event source mapping type.";
        assert_eq!((refused.name(), refused.message()), ("InvalidParameterValueException", expected));
        for name in ["StartingPosition", "KMSKeyArn"] {
            assert!(checked(json!({ name: "LATEST" })).is_err(), "{name}");
        }
        let nothing = json!({
            "DestinationConfig": { "OnFailure": {} }, "Topics": [], "KMSKeyArn": "", "StartingPosition": null,
            "BatchSize": 10, "MetricsConfig": { "Metrics": ["EventCount"] },
        });
        assert!(checked(nothing).is_ok());
    }

    #[test]
    fn only_queues_are_sources() {
        assert!(queue(Some("arn:aws:sqs:us-east-1:000000000000:q")).is_ok());
        let kinesis = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
        for (arn, text) in [
            (None, "Unrecognized event source."),
            (Some(kinesis), "Unrecognized event source. Only SQS queues are polled here."),
        ] {
            assert_eq!(queue(arn).expect_err("refused").message(), text);
        }
    }

    #[test]
    fn what_is_not_given_is_no_change_and_what_is_empty_is_one() {
        let change =
            |input: Value| serde_json::from_value::<MappingInput>(input).expect("the shape").change();
        assert_eq!(change(json!({})), MappingChange::default());
        let cleared =
            change(json!({ "FilterCriteria": {}, "ScalingConfig": {}, "FunctionResponseTypes": [] }));
        let expected = MappingChange {
            filters: Some(Vec::new()),
            maximum_concurrency: Some(None),
            report_batch_item_failures: Some(false),
            ..MappingChange::default()
        };
        assert_eq!(cleared, expected);
    }
}
