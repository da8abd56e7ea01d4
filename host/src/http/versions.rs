//! The operations on versions of functions.

use serde::Deserialize;

use crate::PublishVersion;

use super::api::Answer;
use super::call::Call;
use super::function_answer::FunctionConfiguration;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublishVersionInput {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

pub(super) async fn publish(call: Call<'_>) -> Answer {
    let function = call.latest()?;
    let input: PublishVersionInput = call.input()?;
    let publish = PublishVersion {
        description: input.description,
        code_sha256: input.code_sha256,
        revision_id: input.revision_id,
        ..PublishVersion::new(function)
    };
    let published = call.host().publish_version(&publish)?;
    call.answer(&FunctionConfiguration::of(published, None))
}
