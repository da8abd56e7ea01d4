//! The operations on functions and their versions.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;

use crate::function::{Configuration, FunctionRef, Qualifier, VersionNumber};
use crate::{CreateFunction, PublishVersion, UpdateFunctionCode};

use super::api::{Answer, Api, json, to_the_end};
use super::bodies::Limit;
use super::code;
use super::function_answer::FunctionConfiguration;
use super::function_request::{
    CreateFunctionRequest, PublishVersionRequest, UpdateFunctionCodeRequest,
    UpdateFunctionConfigurationRequest,
};
use super::request;
use super::wire_error::{Member, WireError};

/// How large the body of any request but Invoke may be: Lambda's limit, room for 50 MiB in base64.
pub(super) const BODY_LIMIT: Limit = Limit { bytes: 70_167_211, error: WireError::control_request_too_large };

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

pub(super) async fn create(api: &Api, parts: &Parts, body: Body) -> Answer {
    let body = api.bodies.read(body, BODY_LIMIT).await?;
    let request: CreateFunctionRequest = body.json()?;
    request.check()?;
    let name = request.function_name.as_deref().ok_or_else(|| WireError::missing(Member("functionName")))?;
    let function = request::function_named(&api.host, parts, name)?;
    let mut configuration = Configuration::default();
    request.settings.checked()?.apply(&mut configuration);
    let package = request.code.ok_or_else(|| WireError::missing(Member("code")))?.package()?;

    let publish = request.publish.unwrap_or(false);
    let wait_max = Some(api.compile_wait_max);
    let create =
        CreateFunction { configuration, publish, wait_max, ..CreateFunction::new(function, package) };
    let host = api.host.clone();
    let created = to_the_end(async move { host.create_function(create).await }).await??;
    json(StatusCode::CREATED, &FunctionConfiguration::of(created, None).newly_made())
}

pub(super) fn get(api: &Api, parts: &Parts, function: &str) -> Answer {
    let function = request::function(&api.host, parts, function)?;
    let version = api.host.function(&function)?;
    let location = code::location(parts, &version);
    let code = FunctionCodeLocation { repository_type: "S3", location };
    let configuration = FunctionConfiguration::of(version, function.qualifier.as_ref());
    json(StatusCode::OK, &GetFunctionResponse { configuration, code })
}

pub(super) fn get_configuration(api: &Api, parts: &Parts, function: &str) -> Answer {
    let function = request::function(&api.host, parts, function)?;
    let version = api.host.function(&function)?;
    json(StatusCode::OK, &FunctionConfiguration::of(version, function.qualifier.as_ref()))
}

pub(super) async fn update_code(api: &Api, parts: &Parts, function: &str, body: Body) -> Answer {
    let function = latest(request::function(&api.host, parts, function)?)?;
    let body = api.bodies.read(body, BODY_LIMIT).await?;
    let request: UpdateFunctionCodeRequest = body.json()?;
    let update = UpdateFunctionCode {
        publish: request.publish.unwrap_or(false),
        dry_run: request.dry_run.unwrap_or(false),
        revision_id: request.revision_id,
        wait_max: Some(api.compile_wait_max),
        ..UpdateFunctionCode::new(function, request.code.package()?)
    };
    let host = api.host.clone();
    let updated = to_the_end(async move { host.update_function_code(update).await }).await??;
    json(StatusCode::OK, &FunctionConfiguration::of(updated, None))
}

pub(super) async fn update_configuration(api: &Api, parts: &Parts, function: &str, body: Body) -> Answer {
    let function = latest(request::function(&api.host, parts, function)?)?;
    let body = api.bodies.read(body, BODY_LIMIT).await?;
    let request: UpdateFunctionConfigurationRequest = body.json()?;
    let change = request.settings.checked()?;
    let host = api.host.clone();
    let update = async move {
        let change = |present: &mut Configuration| change.apply(present);
        host.update_function_configuration(&function, request.revision_id.as_deref(), change).await
    };
    let updated = to_the_end(update).await??;
    json(StatusCode::OK, &FunctionConfiguration::of(updated, None))
}

pub(super) async fn publish_version(api: &Api, parts: &Parts, function: &str, body: Body) -> Answer {
    let function = latest(request::function(&api.host, parts, function)?)?;
    let body = api.bodies.read(body, BODY_LIMIT).await?;
    let request = if body.bytes.is_empty() { PublishVersionRequest::default() } else { body.json()? };
    let publish = PublishVersion {
        description: request.description,
        code_sha256: request.code_sha256,
        revision_id: request.revision_id,
        ..PublishVersion::new(function)
    };
    let published = api.host.publish_version(&publish).await?;
    json(StatusCode::CREATED, &FunctionConfiguration::of(published, None))
}

/// The function, if no version but `$LATEST` was named: the others never change.
fn latest(function: FunctionRef) -> Result<FunctionRef, WireError> {
    match function.qualifier {
        None | Some(Qualifier::Version(VersionNumber::Latest)) => Ok(function),
        Some(_) => Err(WireError::parameter(
            "This operation is permitted on Lambda functions only. Versions and aliases do not support this operation. \
             Please specify either a function name or an unqualified function ARN.",
        )),
    }
}
