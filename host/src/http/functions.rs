//! The operations on whole functions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::function::{Configuration, FunctionName, Tags, VersionNumber};
use crate::{CreateFunction, FunctionVersion, ListFunctions};

use super::api::Answer;
use super::call::Call;
use super::code;
use super::concurrency::{self, Concurrency};
use super::function_answer::FunctionConfiguration;
use super::function_code::CodeSource;
use super::function_settings::Settings;
use super::paging::{Paging, marker};
use super::refused::Refused;
use super::wire_error::WireError;

/// What CreateFunction is given beside the function's name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateFunctionInput {
    code: CodeSource,
    publish: Option<bool>,
    #[serde(default)]
    publish_to: Refused,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<Concurrency>,
}

/// Which functions to list. None of them comes from another region, so a master region changes nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListFunctionsInput {
    function_version: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListFunctionsResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    functions: Vec<FunctionConfiguration>,
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
    let tags = Tags::new(input.tags.unwrap_or_default())?;
    let package = input.code.package(&mut call)?;

    let publish = input.publish.unwrap_or(false);
    let wait_max = Some(call.api.compile_wait_max);
    let create =
        CreateFunction { configuration, tags, publish, wait_max, ..CreateFunction::new(function, package) };
    let host = call.host().clone();
    let created = call.to_the_end(async move { host.create_function(create).await }).await??;
    call.answer(&FunctionConfiguration::newly_made(created))
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let function = call.function()?;
    let version = call.host().function(&function)?;
    let location = code::location(call.parts, &version);
    let code = FunctionCodeLocation { repository_type: "S3", location };
    let configuration = FunctionConfiguration::of(version, function.qualifier.as_ref());
    let tags = Some(call.host().tags(&call.whole_function()?)?).filter(|tags| !tags.by_key().is_empty());
    let concurrency = Some(concurrency::of(&call, &call.whole_function()?)?).filter(|of| of.is_reserved());
    call.answer(&GetFunctionResponse { configuration, code, tags, concurrency })
}

pub(super) async fn delete(call: Call<'_>) -> Answer {
    let function = call.function()?;
    let host = call.host().clone();
    call.to_the_end(async move { host.delete_function(&function).await }).await??;
    call.done()
}

pub(super) async fn list(call: Call<'_>) -> Answer {
    let input: ListFunctionsInput = call.input()?;
    let all_versions = input.function_version.is_some();
    let list = ListFunctions {
        all_versions,
        from: input.paging.from(place)?,
        ..ListFunctions::new(call.region().clone(), input.paging.limit())
    };
    let page = call.host().list_functions(&list);
    let listed = |version: FunctionVersion| match all_versions {
        true => FunctionConfiguration::listed(version),
        false => FunctionConfiguration::of(version, None).without_state(),
    };
    call.answer(&ListFunctionsResponse {
        next_marker: page.next.map(|(name, number)| marker(&format!("{name}:{number}"))),
        functions: page.items.into_iter().map(listed).collect(),
    })
}

/// A place in the list of all functions, as its marker has it.
fn place(text: &str) -> Option<(FunctionName, VersionNumber)> {
    let (name, number) = text.split_once(':')?;
    Some((FunctionName::parse(name).ok()?, VersionNumber::parse(number)?))
}

impl CreateFunctionInput {
    /// Checks what Lambda itself, and not its model, wants of a new function.
    fn check(&self) -> Result<(), WireError> {
        self.publish_to.check("PublishTo")?;
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
