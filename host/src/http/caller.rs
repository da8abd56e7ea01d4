//! Who asks: what is known of the client of a request.

use std::net::SocketAddr;

use axum::http::HeaderMap;

use super::credential;
use crate::Caller;

/// Who asks without a signature.
const ANONYMOUS: &str = "anonymous";

/// The client that sent a request with these headers: the access key id of its signature, which nobody has verified, its
/// address, which an embedder's own server may not tell, and a new id for its request, which the answer bears.
pub(super) fn caller(headers: &HeaderMap, address: Option<SocketAddr>) -> Caller {
    Caller {
        principal: credential::access_key_id(headers).unwrap_or(ANONYMOUS).to_owned(),
        source_address: address.map(|address| address.ip().to_string()).unwrap_or_default(),
        request_id: uuid::Uuid::new_v4().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn a_caller_is_its_access_key_its_address_and_its_request() {
        let mut headers = HeaderMap::new();
        let unsigned = caller(&headers, None);
        assert_eq!((unsigned.principal.as_str(), unsigned.source_address.as_str()), ("anonymous", ""));
        let credential =
            "AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/lambda/aws4_request, Signature=00";
        headers.insert(AUTHORIZATION, credential.parse().expect("a header"));
        let signed = caller(&headers, "192.0.2.7:5000".parse().ok());
        assert_eq!((signed.principal.as_str(), signed.source_address.as_str()), ("AKID", "192.0.2.7"));
        assert_ne!(signed.request_id, unsigned.request_id);
    }
}
