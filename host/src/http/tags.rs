//! The operations on tags of functions and of event source mappings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::MappingError;
use crate::function::{FunctionRef, Tags};

use super::api::Answer;
use super::call::Call;
use super::wire_error::{Exception, WireError};

/// What comes before the id in the ARN of an event source mapping.
const MAPPING: &str = ":event-source-mapping:";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResourceInput {
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagResourceInput {
    tag_keys: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListTagsResponse {
    tags: Tags,
}

/// What has tags.
enum Tagged {
    Function(FunctionRef),
    /// The mapping with that id.
    EventSourceMapping(String),
}

pub(super) async fn list(call: Call<'_>) -> Answer {
    let tags = match tagged(&call)? {
        Tagged::Function(function) => call.host().tags(&function)?,
        Tagged::EventSourceMapping(uuid) => {
            call.host().event_source_mapping_tags(&uuid).map_err(|error| of_mapping(&call, error))?
        }
    };
    call.answer(&ListTagsResponse { tags })
}

pub(super) async fn tag(call: Call<'_>) -> Answer {
    let input: TagResourceInput = call.input()?;
    if input.tags.is_empty() {
        return Err(WireError::parameter("An error occurred and the request cannot be processed."));
    }
    let tags = Tags::new(input.tags)?;
    match tagged(&call)? {
        Tagged::Function(function) => call.host().tag_function(&function, tags).await?,
        Tagged::EventSourceMapping(uuid) => {
            let done = call.host().tag_event_source_mapping(&uuid, tags).await;
            done.map_err(|error| of_mapping(&call, error))?;
        }
    }
    call.done()
}

pub(super) async fn untag(call: Call<'_>) -> Answer {
    let input: UntagResourceInput = call.input()?;
    match tagged(&call)? {
        Tagged::Function(function) => call.host().untag_function(&function, &input.tag_keys).await?,
        Tagged::EventSourceMapping(uuid) => {
            let done = call.host().untag_event_source_mapping(&uuid, &input.tag_keys).await;
            done.map_err(|error| of_mapping(&call, error))?;
        }
    }
    call.done()
}

/// What is meant. A function has tags only as a whole.
fn tagged(call: &Call<'_>) -> Result<Tagged, WireError> {
    if let Some((own, uuid)) = call.resource_arn().split_once(MAPPING) {
        // One of another region or account has an ARN that none has here.
        let is_own = own == format!("arn:aws:lambda:{}:{}", call.region(), call.host().account_id());
        return Ok(Tagged::EventSourceMapping(if is_own { uuid.to_owned() } else { String::new() }));
    }
    let function = call.resource("Resource")?;
    match function.qualifier {
        None => Ok(Tagged::Function(function)),
        Some(_) => Err(WireError::parameter(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        )),
    }
}

/// Of a mapping that is not there, Lambda tells the ARN where its tags are asked for.
fn of_mapping(call: &Call<'_>, error: MappingError) -> WireError {
    match error {
        MappingError::NotFound => {
            let text = format!("Event source mapping not found: {}", call.resource_arn());
            WireError::new(Exception::ResourceNotFound, text)
        }
        error => error.into(),
    }
}
