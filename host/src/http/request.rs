//! What the operations read from a request's line and headers.

use axum::http::HeaderName;
use axum::http::request::Parts;

use crate::Host;
use crate::function::{AliasName, FunctionRef, Qualifier, Region};

use super::credential;
use super::model::{Query, decoded};
use super::wire_error::WireError;

/// The function that Invoke's path and `?Qualifier=` mean, in the request's region.
pub(super) fn function(host: &Host, parts: &Parts, segment: &str) -> Result<FunctionRef, WireError> {
    let region = credential::region(&parts.headers)?;
    let query = Query::parse(parts.uri.query())?;
    qualified(host, region, &decoded(segment)?, query.first("Qualifier"))
}

/// The function of that name or ARN and with that qualifier, in the request's region.
pub(super) fn qualified(
    host: &Host,
    signed: Option<Region>,
    text: &str,
    qualifier: Option<&str>,
) -> Result<FunctionRef, WireError> {
    let mut reference = FunctionRef::parse(text).map_err(|error| WireError::reference(text, error))?;
    let region = signed.as_ref().unwrap_or(host.region());
    match &reference.region {
        Some(own) if own != region => return Err(WireError::foreign_region(own, region)),
        _ => reference.region = signed,
    }
    let parsed = |text| Qualifier::parse(text).map_err(|error| WireError::qualifier(text, error));
    let qualifier = qualifier.map(parsed).transpose()?;
    reference.qualified(qualifier).map_err(|error| WireError::reference(text, error))
}

/// The alias of that name.
pub(super) fn alias(text: &str) -> Result<AliasName, WireError> {
    AliasName::parse(text).map_err(|error| WireError::alias_name(text, error))
}

/// The value of a header, if it is there. Bytes that are not ASCII are nobody's meaning here.
pub(super) fn header<'a>(parts: &'a Parts, name: &HeaderName) -> Result<Option<&'a str>, WireError> {
    let Some(value) = parts.headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| WireError::header_not_text(name.as_str()))
}
