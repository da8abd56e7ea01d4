//! Who asks: what is known of the client of a request.

use std::net::SocketAddr;

use axum::http::HeaderMap;

use super::credential;

/// Who asks without a signature.
const ANONYMOUS: &str = "anonymous";
/// How much of an access key id is kept.
const PRINCIPAL_CHARS_MAX: usize = 128;

/// The client of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The access key id of its signature, which nobody has verified; `anonymous` without one.
    pub(super) principal: String,
    /// Its address; empty where an embedder's server does not tell.
    pub(super) source_address: String,
    /// The id of its request, which the answer bears.
    pub(super) request_id: String,
}

impl Caller {
    /// The client that sent a request with these headers from that address.
    pub(super) fn of(headers: &HeaderMap, address: Option<SocketAddr>) -> Self {
        let principal = credential::access_key_id(headers).unwrap_or(ANONYMOUS);
        Self {
            principal: principal.chars().take(PRINCIPAL_CHARS_MAX).collect(),
            source_address: address.map(|address| address.ip().to_string()).unwrap_or_default(),
            request_id: uuid::Uuid::new_v4().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn a_caller_is_its_access_key_its_address_and_its_request() {
        let mut headers = HeaderMap::new();
        let address = "192.0.2.7:5000".parse().ok();
        let unsigned = Caller::of(&headers, None);
        assert_eq!((unsigned.principal.as_str(), unsigned.source_address.as_str()), ("anonymous", ""));
        let credential =
            "AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/lambda/aws4_request, Signature=00";
        headers.insert(AUTHORIZATION, credential.parse().expect("a header"));
        let signed = Caller::of(&headers, address);
        assert_eq!((signed.principal.as_str(), signed.source_address.as_str()), ("AKID", "192.0.2.7"));
        assert_ne!(signed.request_id, unsigned.request_id);
    }
}
