//! The operations on whole functions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::CreateFunction;
use crate::function::{Configuration, Tags};

use super::api::{Answer, to_the_end};
use super::call::Call;
use super::code;
use super::function_answer::FunctionConfiguration;
use super::function_code::CodeSource;
use super::function_settings::Settings;
use super::wire_error::WireError;

/// What CreateFunction is given beside the function's name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateFunctionInput {
    code: CodeSource,
    publish: Option<bool>,
    package_type: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetFunctionResponse {
    configuration: FunctionConfiguration,
    code: FunctionCodeLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionCodeLocation {
    repository_type: &'static str,
    location: String,
}

pub(super) async fn create(mut call: Call<'_>) -> Answer {
    let input: CreateFunctionInput = call.input()?;
    input.check()?;
    let function = call.function()?;
    let mut configuration = Configuration::default();
    input.settings.checked(call.api.any_runtime)?.apply(&mut configuration)?;
    Tags::new(input.tags.unwrap_or_default())?;
    let package = input.code.package(&mut call)?;

    let publish = input.publish.unwrap_or(false);
    let wait_max = Some(call.api.create_wait_max);
    let create =
        CreateFunction { configuration, publish, wait_max, ..CreateFunction::new(function, package) };
    let host = call.host().clone();
    let created = to_the_end(async move { host.create_function(create).await }).await??;
    call.answer(&FunctionConfiguration::of(created, None).newly_made())
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let function = call.function()?;
    let version = call.host().function(&function)?;
    let location = code::location(call.parts, &version);
    let code = FunctionCodeLocation { repository_type: "S3", location };
    let configuration = FunctionConfiguration::of(version, function.qualifier.as_ref());
    call.answer(&GetFunctionResponse { configuration, code })
}

impl CreateFunctionInput {
    /// Checks what Lambda itself, and not its model, wants of a new function.
    fn check(&self) -> Result<(), WireError> {
        if self.package_type.as_deref().is_some_and(|package_type| package_type != "Zip") {
            return Err(WireError::parameter("PackageType must be Zip: container images cannot be run."));
        }
        if !self.settings.has_runtime_and_handler() {
            let text = "Runtime and Handler are mandatory parameters for functions created with deployment packages.";
            return Err(WireError::parameter(text));
        }
        Ok(())
    }
}
