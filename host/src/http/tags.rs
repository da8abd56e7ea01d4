//! The operations on tags of functions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::function::{FunctionRef, Tags};

use super::api::Answer;
use super::call::Call;
use super::wire_error::WireError;

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

pub(super) async fn list(call: Call<'_>) -> Answer {
    let tags = call.host().tags(&tagged(&call)?)?;
    call.answer(&ListTagsResponse { tags })
}

pub(super) async fn tag(call: Call<'_>) -> Answer {
    let input: TagResourceInput = call.input()?;
    if input.tags.is_empty() {
        return Err(WireError::parameter("An error occurred and the request cannot be processed."));
    }
    call.host().tag_function(&tagged(&call)?, Tags::new(input.tags)?).await?;
    call.done()
}

pub(super) async fn untag(call: Call<'_>) -> Answer {
    let input: UntagResourceInput = call.input()?;
    call.host().untag_function(&tagged(&call)?, &input.tag_keys).await?;
    call.done()
}

/// The function that is meant: only as a whole it has tags.
fn tagged(call: &Call<'_>) -> Result<FunctionRef, WireError> {
    let function = call.resource("Resource")?;
    match function.qualifier {
        None => Ok(function),
        Some(_) => Err(WireError::parameter(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        )),
    }
}
