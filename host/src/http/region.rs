//! The region of a request: that of its signature's credential scope, as on AWS.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::function::Region;

use super::wire_error::WireError;

/// The region in `Credential=KEY/20261121/eu-west-1/lambda/aws4_request`, if the request is signed.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Region>, WireError> {
    let Some(authorization) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let Some((_, credential)) = authorization.split_once("Credential=") else { return Ok(None) };
    let scope = credential.split([',', ' ']).next().unwrap_or_default();
    // A key id may hold slashes; the four parts behind it may not.
    let region = scope.rsplit('/').nth(2).and_then(|region| Region::parse(region).ok());
    region.map(Some).ok_or_else(|| WireError::incomplete_signature(scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(authorization: &str) -> Result<Option<String>, WireError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().expect("a header"));
        of(&headers).map(|region| region.map(|region| region.to_string()))
    }

    #[test]
    fn a_signed_request_is_for_the_region_of_its_scope() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/lambda/aws4_request, SignedHeaders=host, \
                      Signature=00";
        assert_eq!(region(signed).ok().flatten().as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn a_request_without_a_signature_names_no_region() {
        assert!(matches!(of(&HeaderMap::new()), Ok(None)));
        assert!(matches!(region("Bearer token"), Ok(None)));
    }

    #[test]
    fn a_scope_without_a_region_is_refused() {
        assert!(region("AWS4-HMAC-SHA256 Credential=AKID, Signature=00").is_err());
        assert!(region("AWS4-HMAC-SHA256 Credential=AKID/20261121/EU WEST/lambda/aws4_request").is_err());
    }
}
