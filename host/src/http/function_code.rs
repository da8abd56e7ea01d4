//! The code of functions: where requests have it, and UpdateFunctionCode.

use bytes::Bytes;
use serde::Deserialize;

use crate::UpdateFunctionCode;
use crate::function::Architecture;

use super::api::Answer;
use super::call::Call;
use super::function_answer::FunctionConfiguration;
use super::refused::Refused;
use super::wire_error::WireError;

/// Where the code comes from, unless it is in the request itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CodeSource {
    #[serde(default)]
    s3_bucket: Refused,
    #[serde(default)]
    image_uri: Refused,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateFunctionCodeInput {
    #[serde(flatten)]
    source: CodeSource,
    publish: Option<bool>,
    #[serde(default)]
    publish_to: Refused,
    dry_run: Option<bool>,
    architectures: Option<Vec<Architecture>>,
    revision_id: Option<String>,
}

pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let function = call.latest()?;
    let input: UpdateFunctionCodeInput = call.input()?;
    input.publish_to.check("PublishTo")?;
    let update = UpdateFunctionCode {
        publish: input.publish.unwrap_or(false),
        dry_run: input.dry_run.unwrap_or(false),
        architecture: input.architectures.and_then(|given| given.first().copied()),
        revision_id: input.revision_id,
        wait_max: Some(call.api.compile_wait_max),
        ..UpdateFunctionCode::new(function, input.source.package(&mut call)?)
    };
    let host = call.host().clone();
    let updated = call.to_the_end(async move { host.update_function_code(update).await }).await??;
    call.answer(&FunctionConfiguration::of(updated, None))
}

impl CodeSource {
    /// The package of the request, which is the only form that is taken.
    pub(super) fn package(&self, call: &mut Call<'_>) -> Result<Bytes, WireError> {
        if self.s3_bucket.is_given() || self.image_uri.is_given() {
            let text =
                "Only Code.ZipFile is taken: upload the WebAssembly component itself, or a zip with it.";
            return Err(WireError::parameter(text));
        }
        let package = call.take_package().filter(|package| !package.is_empty());
        let text = "Please provide a source for function code: ZipFile must not be empty.";
        package.ok_or_else(|| WireError::parameter(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_elsewhere_is_told_from_code_in_the_request() {
        let source = |value| serde_json::from_value::<CodeSource>(value).expect("the shape");
        let elsewhere = source(serde_json::json!({ "S3Bucket": "bucket", "S3Key": "key" }));
        assert!(elsewhere.s3_bucket.is_given());
        let here = source(serde_json::json!({ "ZipFile": true }));
        assert!(!here.s3_bucket.is_given() && !here.image_uri.is_given());
    }
}
