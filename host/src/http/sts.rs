//! GetCallerIdentity of STS: who a request's sender is, which here is always the same.

use axum::http::StatusCode;
use axum::response::Response;

use super::query;
use super::wire_error::WireError;

/// The only operation there is.
pub(super) const OPERATION: &str = "GetCallerIdentity";
/// The namespace of STS's answers.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The id of the one user there is, of the form that IAM gives users.
const USER_ID: &str = crate::sqs::SENDER_ID;

/// Answers a request whose body is a form.
pub(super) fn answer(account: &str, form: &[u8]) -> Response {
    match query::member(form, "Action") {
        Some(OPERATION) => {
            let request_id = uuid::Uuid::new_v4().to_string();
            let body = format!(
                "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::{account}:user/samovar</Arn><UserId>{USER_ID}</UserId>\
                 <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata>\
                 <RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n"
            );
            query::xml(StatusCode::OK, &request_id, body)
        }
        _ => {
            let message = "Of STS only GetCallerIdentity is implemented";
            query::error(NAMESPACE, StatusCode::BAD_REQUEST, "InvalidAction", message)
        }
    }
}

/// Answers a request that did not come as far as its action.
pub(super) fn error(error: &WireError) -> Response {
    let code = match error.name() {
        "TooManyRequestsException" => "Throttling",
        name => name.strip_suffix("Exception").unwrap_or(name),
    };
    query::error(NAMESPACE, error.status(), code, error.message())
}

#[cfg(test)]
mod tests {
    use super::super::api::REQUEST_ID;
    use super::*;

    #[test]
    fn one_action_is_known() {
        let status = |form: &str| answer("000000000000", form.as_bytes()).status();
        assert_eq!(status("Action=GetCallerIdentity&Version=2011-06-15"), StatusCode::OK);
        for other in ["Action=AssumeRole&Version=2011-06-15", "", "Action", "\u{0}"] {
            assert_eq!(status(other), StatusCode::BAD_REQUEST, "{other:?}");
        }
        assert_eq!(answer("000000000000", b"\xff=").status(), StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn the_body_has_the_request_id_of_the_header() {
        for form in ["Action=GetCallerIdentity", "Action=AssumeRole"] {
            let response = answer("000000000000", form.as_bytes());
            let id = response.headers()[REQUEST_ID].to_str().expect("ASCII").to_owned();
            let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.expect("a body");
            let body = String::from_utf8(body.into()).expect("text");
            assert!(body.contains(&format!("<RequestId>{id}</RequestId>")), "{body}");
        }
    }
}
