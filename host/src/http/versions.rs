//! The operations on versions of functions.

use serde::{Deserialize, Serialize};

use crate::PublishVersion;
use crate::function::VersionNumber;

use super::api::Answer;
use super::call::Call;
use super::function_answer::FunctionConfiguration;
use super::paging::{Paging, marker};
use super::refused::Refused;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublishVersionInput {
    code_sha256: Option<String>,
    description: Option<String>,
    #[serde(default)]
    publish_to: Refused,
    revision_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListVersionsResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    versions: Vec<FunctionConfiguration>,
}

pub(super) async fn publish(call: Call<'_>) -> Answer {
    let function = call.latest()?;
    let input: PublishVersionInput = call.input()?;
    input.publish_to.check("PublishTo")?;
    let publish = PublishVersion {
        description: input.description,
        code_sha256: input.code_sha256,
        revision_id: input.revision_id,
        ..PublishVersion::new(function)
    };
    let published = call.host().publish_version(&publish).await?;
    call.answer(&FunctionConfiguration::of(published, None))
}

pub(super) async fn list(call: Call<'_>) -> Answer {
    let paging: Paging = call.input()?;
    let from = paging.from(VersionNumber::parse)?;
    let page = call.host().list_versions(&call.whole_function()?, from, paging.limit())?;
    call.answer(&ListVersionsResponse {
        next_marker: page.next.map(|number| marker(&number.to_string())),
        versions: page.items.into_iter().map(FunctionConfiguration::listed).collect(),
    })
}
