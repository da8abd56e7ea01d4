//! What the operations read from a request's line and headers.

use axum::http::HeaderName;
use axum::http::request::Parts;

use crate::Host;
use crate::function::{AliasName, FunctionRef, Qualifier, Region};

use super::credential;
use super::model::{Query, decoded};
use super::wire_error::WireError;

/// The longest qualifier that the model allows, in characters.
const QUALIFIER_CHARS_MAX: usize = 128;
/// The version of managed instances, which no function has here.
const PUBLISHED: &str = "$LATEST.PUBLISHED";

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
    let (reference, of_name) = match FunctionRef::parse(text) {
        Ok(reference) => (reference, None),
        Err(error) => {
            let parts = unknown_qualifier_of(text);
            parts
                .map(|(own, unknown)| (own, Some(unknown)))
                .ok_or_else(|| WireError::reference(text, error))?
        }
    };
    let reference = own(host, signed, reference)?;
    let parsed = |qualifier| match Qualifier::parse(qualifier) {
        Err(_) if is_well_formed(qualifier) => Err(no_such(host, &reference, qualifier)),
        Err(error) => Err(WireError::qualifier(qualifier, error)),
        Ok(qualifier) => Ok(qualifier),
    };
    if let Some(unknown) = of_name {
        return Err(no_such(host, &reference, unknown));
    }
    let qualifier = qualifier.map(parsed).transpose()?;
    reference.qualified(qualifier).map_err(|error| WireError::reference(text, error))
}

/// The reference in the request's region, if it is to a function of that region and of this host's account.
fn own(host: &Host, signed: Option<Region>, reference: FunctionRef) -> Result<FunctionRef, WireError> {
    let region = signed.as_ref().unwrap_or(host.region());
    match (&reference.region, &reference.account) {
        (Some(own), _) if own != region => Err(WireError::foreign_region(own, region)),
        (_, Some(account)) if account.as_str() != host.account_id() => {
            Err(WireError::foreign_account(&host.arn_of(&reference)))
        }
        _ => Ok(FunctionRef { region: signed, ..reference }),
    }
}

/// The function and the qualifier of a name whose qualifier the model allows, although no version or alias can have it.
fn unknown_qualifier_of(text: &str) -> Option<(FunctionRef, &str)> {
    let (function, qualifier) = text.rsplit_once(':')?;
    let function = FunctionRef::parse(function).ok().filter(|function| function.qualifier.is_none())?;
    let in_names = qualifier == PUBLISHED || !qualifier.contains('$');
    (in_names && is_well_formed(qualifier) && Qualifier::parse(qualifier).is_err())
        .then_some((function, qualifier))
}

/// Whether the model allows a qualifier; then that there is nothing of that name is all that is wrong with it.
fn is_well_formed(qualifier: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte);
    qualifier == PUBLISHED
        || (1..=QUALIFIER_CHARS_MAX).contains(&qualifier.len()) && qualifier.bytes().all(allowed)
}

fn no_such(host: &Host, function: &FunctionRef, qualifier: &str) -> WireError {
    let function = FunctionRef { qualifier: None, ..function.clone() };
    WireError::not_found(format!("Function not found: {}:{qualifier}", host.arn_of(&function)))
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
