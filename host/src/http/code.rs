//! The packages of functions, where `Code.Location` of GetFunction says they are.

use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::response::IntoResponse as _;

use crate::FunctionVersion;
use crate::function::{FunctionName, FunctionRef, FunctionState, Qualifier, Region, VersionNumber};

use super::api::{Answer, Api};
use super::model::decoded;
use super::wire_error::WireError;

/// Where the package of a version can be fetched, on the host that the request asked for.
pub(super) fn location(parts: &Parts, version: &FunctionVersion) -> String {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let number = match version.number {
        VersionNumber::Latest => "%24LATEST".to_owned(),
        VersionNumber::Published(number) => number.to_string(),
    };
    format!("http://{host}/code/{}/{}/{number}", version.region, version.name)
}

pub(super) async fn get(api: &Api, region: &str, function: &str, version: &str) -> Answer {
    let version = decoded(version)?;
    let found = Region::parse(region)
        .ok()
        .zip(FunctionName::parse(function).ok())
        .zip(VersionNumber::parse(&version));
    let Some(((region, name), number)) = found else { return Err(WireError::no_package()) };
    let qualifier = Some(Qualifier::Version(number));
    let reference = FunctionRef { region: Some(region), qualifier, ..FunctionRef::from(name) };
    if api.host.function(&reference)?.state != FunctionState::Active {
        // It is stored only once its code is known to be good.
        return Err(WireError::no_package());
    }
    let package = api.host.package(&reference).await?.map_err(|error| WireError::internal(&error))?;
    Ok(([(CONTENT_TYPE, "application/wasm")], package).into_response())
}
