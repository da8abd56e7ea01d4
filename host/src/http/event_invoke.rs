//! The operations on what becomes of events that are queued.

use serde::{Deserialize, Serialize};

use crate::EventInvokeInfo;
use crate::function::{Destination, DestinationError, DestinationsChange, EventInvokeChange};

use super::api::Answer;
use super::call::Call;
use super::paging::{Paging, marker};
use super::wire_error::WireError;

/// What PutFunctionEventInvokeConfig and UpdateFunctionEventInvokeConfig are given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigInput {
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u32>,
    destination_config: Option<DestinationConfig>,
}

/// Destinations as requests and answers have them: both are there in answers, be there a destination or not.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationConfig {
    on_success: Option<Side>,
    on_failure: Option<Side>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Side {
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionEventInvokeConfig {
    last_modified: f64,
    function_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u32>,
    destination_config: DestinationConfig,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    function_event_invoke_configs: Vec<FunctionEventInvokeConfig>,
}

pub(super) async fn put(call: Call<'_>) -> Answer {
    let change = call.input::<ConfigInput>()?.change()?;
    let info = call.host().put_event_invoke_config(&call.function()?, change).await?;
    call.answer(&FunctionEventInvokeConfig::of(info))
}

pub(super) async fn update(call: Call<'_>) -> Answer {
    let change = call.input::<ConfigInput>()?.change()?;
    let info = call.host().update_event_invoke_config(&call.function()?, change).await?;
    call.answer(&FunctionEventInvokeConfig::of(info))
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let info = call.host().event_invoke_config(&call.function()?)?;
    call.answer(&FunctionEventInvokeConfig::of(info))
}

pub(super) async fn delete(call: Call<'_>) -> Answer {
    call.host().delete_event_invoke_config(&call.function()?).await?;
    call.done()
}

pub(super) async fn list(call: Call<'_>) -> Answer {
    let paging: Paging = call.input()?;
    let from: usize = paging.from(|text| text.parse().ok())?.unwrap_or(0);
    let all = call.host().list_event_invoke_configs(&call.whole_function()?)?;
    let next = from.saturating_add(paging.limit());
    let next_marker = (next < all.len()).then(|| marker(&next.to_string()));
    let page = all.into_iter().skip(from).take(paging.limit());
    let function_event_invoke_configs = page.map(FunctionEventInvokeConfig::of).collect();
    call.answer(&ListResponse { next_marker, function_event_invoke_configs })
}

impl ConfigInput {
    fn change(self) -> Result<EventInvokeChange, WireError> {
        // The model has seen to the range.
        let retries = self.maximum_retry_attempts.map(|attempts| u8::try_from(attempts).unwrap_or(u8::MAX));
        let destinations = self.destination_config.as_ref().map(DestinationConfig::change).transpose()?;
        Ok(EventInvokeChange {
            maximum_retry_attempts: retries,
            maximum_event_age_seconds: self.maximum_event_age_in_seconds,
            destinations,
        })
    }
}

impl DestinationConfig {
    fn change(&self) -> Result<DestinationsChange, WireError> {
        let side = |side: &Option<Side>| side.as_ref().map(Side::checked).transpose();
        match (side(&self.on_success), side(&self.on_failure)) {
            (Ok(on_success), Ok(on_failure)) => Ok(DestinationsChange { on_success, on_failure }),
            (Err(error), _) | (_, Err(error)) => Err(self.refusal(error)),
        }
    }

    /// Of services that no destination is of, Lambda tells all that was given, in a form of its own.
    fn refusal(&self, error: DestinationError) -> WireError {
        let DestinationError::Service { .. } = error else { return error.into() };
        let shown = |name: &str, side: &Option<Side>| match side.as_ref().and_then(Side::given) {
            Some(arn) => format!("{name}(destination={})", super::wire_error::shown(arn)),
            None => "null".to_owned(),
        };
        WireError::parameter(format!(
            "The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is invalid.",
            shown("OnSuccess", &self.on_success),
            shown("OnFailure", &self.on_failure),
        ))
    }
}

impl Side {
    fn of(destination: Option<Destination>) -> Option<Self> {
        Some(Self { destination: destination.map(|destination| destination.to_string()) })
    }

    fn given(&self) -> Option<&str> {
        self.destination.as_deref().filter(|arn| !arn.is_empty())
    }

    fn checked(&self) -> Result<Option<Destination>, DestinationError> {
        self.given().map(Destination::parse).transpose()
    }
}

impl FunctionEventInvokeConfig {
    fn of(EventInvokeInfo { arn, config, .. }: EventInvokeInfo) -> Self {
        Self {
            last_modified: config.last_modified_seconds(),
            function_arn: arn,
            maximum_retry_attempts: config.maximum_retry_attempts,
            maximum_event_age_in_seconds: config.maximum_event_age_seconds,
            destination_config: DestinationConfig {
                on_success: Side::of(config.on_success),
                on_failure: Side::of(config.on_failure),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::function::EventInvokeConfig;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

    fn change(input: Value) -> Result<EventInvokeChange, WireError> {
        serde_json::from_value::<ConfigInput>(input).expect("the shape").change()
    }

    #[test]
    fn what_is_given_is_told_from_what_is_not() {
        assert!(change(json!({})).expect("nothing").is_empty());
        let empty = change(json!({ "DestinationConfig": {} })).expect("destinations");
        assert_eq!((empty.is_empty(), empty.destinations), (false, Some(DestinationsChange::default())));
        let sides = json!({ "OnSuccess": { "Destination": "" }, "OnFailure": { "Destination": QUEUE } });
        let given =
            change(json!({ "MaximumRetryAttempts": 0, "DestinationConfig": sides })).expect("a change");
        let expected = DestinationsChange {
            on_success: Some(None),
            on_failure: Some(Some(Destination::parse(QUEUE).expect("a destination"))),
        };
        assert_eq!((given.maximum_retry_attempts, given.destinations), (Some(0), Some(expected)));
    }

    #[test]
    fn both_sides_are_named_when_one_is_of_a_service_that_gets_nothing() {
        let user = "arn:aws:iam::000000000000:user/u";
        let sides = json!({ "OnSuccess": { "Destination": user }, "OnFailure": {} });
        let error = change(json!({ "DestinationConfig": sides })).expect_err("refused");
        let expected = format!(
            "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination={user}), onFailure=null) is \
             invalid."
        );
        assert_eq!((error.name(), error.message()), ("InvalidParameterValueException", expected.as_str()));
    }

    #[test]
    fn an_answer_has_both_sides_and_a_number_for_a_time() {
        let config = EventInvokeConfig {
            last_modified_ms: 1_795_280_400_007,
            on_failure: Some(Destination::parse(QUEUE).expect("a destination")),
            ..EventInvokeConfig::default()
        };
        let info = EventInvokeInfo { arn: "arn".to_owned(), config };
        let expected = json!({
            "LastModified": 1_795_280_400.007, "FunctionArn": "arn",
            "DestinationConfig": { "OnSuccess": {}, "OnFailure": { "Destination": QUEUE } },
        });
        assert_eq!(serde_json::to_value(FunctionEventInvokeConfig::of(info)).expect("JSON"), expected);
    }
}
