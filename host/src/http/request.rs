//! What the operations read from a request's line and headers.

use std::borrow::Cow;

use axum::http::HeaderName;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::Host;
use crate::function::{AliasName, FunctionRef, Qualifier};

use super::region;
use super::wire_error::WireError;

/// The function a segment of the path and `?Qualifier=` mean, in the request's region.
pub(super) fn function(host: &Host, parts: &Parts, segment: &str) -> Result<FunctionRef, WireError> {
    let reference = function_named(host, parts, &decoded(segment)?)?;
    let qualifier = match query(parts, "Qualifier") {
        None => None,
        Some(text) => {
            let text = decoded(text)?;
            Some(Qualifier::parse(&text).map_err(|error| WireError::qualifier(&text, error))?)
        }
    };
    reference.qualified(qualifier).map_err(|error| WireError::reference(segment, error))
}

/// The function of that name or ARN, in the request's region.
pub(super) fn function_named(host: &Host, parts: &Parts, text: &str) -> Result<FunctionRef, WireError> {
    let mut reference = FunctionRef::parse(text).map_err(|error| WireError::reference(text, error))?;
    let signed = region::of(&parts.headers)?;
    let region = signed.as_ref().unwrap_or(host.region());
    match &reference.region {
        Some(own) if own != region => return Err(WireError::foreign_region(own, region)),
        _ => reference.region = signed,
    }
    Ok(reference)
}

/// The alias a segment of the path means.
pub(super) fn alias(segment: &str) -> Result<AliasName, WireError> {
    alias_named(&decoded(segment)?)
}

/// The alias of that name.
pub(super) fn alias_named(text: &str) -> Result<AliasName, WireError> {
    AliasName::parse(text).map_err(|error| WireError::alias_name(text, error))
}

/// The value of a header, if it is there. Bytes that are not ASCII are nobody's meaning here.
pub(super) fn header<'a>(parts: &'a Parts, name: &HeaderName) -> Result<Option<&'a str>, WireError> {
    let Some(value) = parts.headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| WireError::header_not_text(name.as_str()))
}

fn query<'a>(parts: &'a Parts, key: &str) -> Option<&'a str> {
    let pairs = parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next()
}

pub(super) fn decoded(text: &str) -> Result<Cow<'_, str>, WireError> {
    percent_decode_str(text).decode_utf8().map_err(|_| WireError::path_not_text(text))
}
