//! The credential scope of a request's signature: who signed it, and for which region. Signatures are not checked.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::function::Region;

use super::wire_error::WireError;

/// The region in `Credential=KEY/20261121/eu-west-1/lambda/aws4_request`, if the request is signed.
pub(super) fn region(headers: &HeaderMap) -> Result<Option<Region>, WireError> {
    let Some(scope) = scope(headers) else { return Ok(None) };
    // A key id may hold slashes; the four parts behind it may not.
    let region = scope.rsplit('/').nth(2).and_then(|region| Region::parse(region).ok());
    region.map(Some).ok_or_else(|| WireError::incomplete_signature(scope))
}

/// The service in the same place.
pub(super) fn service(headers: &HeaderMap) -> Option<&str> {
    scope(headers)?.rsplit('/').nth(1)
}

/// The key id in the same place.
pub(super) fn access_key_id(headers: &HeaderMap) -> Option<&str> {
    scope(headers)?.rsplitn(5, '/').nth(4).filter(|id| !id.is_empty())
}

fn scope(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split([',', ' ']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().expect("a header"))])
    }

    fn region_of(authorization: &str) -> Result<Option<String>, WireError> {
        region(&headers(authorization)).map(|region| region.map(|region| region.to_string()))
    }

    #[test]
    fn a_signed_request_is_for_the_region_of_its_scope() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/lambda/aws4_request, SignedHeaders=host, \
                      Signature=00";
        assert_eq!(region_of(signed).ok().flatten().as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn a_signed_request_is_for_the_service_of_its_scope() {
        let signed =
            headers("AWS4-HMAC-SHA256 Credential=a/b/20261121/eu-west-1/scheduler/aws4_request, Signature=0");
        assert_eq!(service(&signed), Some("scheduler"));
        assert_eq!(service(&HeaderMap::new()), None);
        assert_eq!(service(&headers("AWS4-HMAC-SHA256 Credential=AKID")), None);
    }

    #[test]
    fn a_request_without_a_signature_names_no_region() {
        assert!(matches!(region(&HeaderMap::new()), Ok(None)));
        assert!(matches!(region_of("Bearer token"), Ok(None)));
    }

    #[test]
    fn a_scope_without_a_region_is_refused() {
        assert!(region_of("AWS4-HMAC-SHA256 Credential=AKID, Signature=00").is_err());
        assert!(region_of("AWS4-HMAC-SHA256 Credential=AKID/20261121/EU WEST/lambda/aws4_request").is_err());
    }

    #[test]
    fn a_key_id_may_hold_slashes() {
        let scope = "20261121/eu-west-1/lambda/aws4_request";
        let id = |id: &str| {
            let headers = headers(&format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, Signature=00"));
            access_key_id(&headers).map(str::to_owned)
        };
        assert_eq!(id("AKID").as_deref(), Some("AKID"));
        assert_eq!(id("team/AKID").as_deref(), Some("team/AKID"));
        assert_eq!(id(""), None);
        assert_eq!(access_key_id(&headers("AWS4-HMAC-SHA256 Credential=AKID")), None);
    }
}
