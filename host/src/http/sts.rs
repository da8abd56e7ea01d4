//! GetCallerIdentity of STS: who a request's sender is, which here is always the same.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

/// The only operation there is.
pub(super) const OPERATION: &str = "GetCallerIdentity";
/// The namespace of STS's answers.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The id of the one user there is, of the form that IAM gives users.
const USER_ID: &str = "AIDASAMOVAR0000000000";

/// Answers a request whose body is a form.
pub(super) fn answer(account: &str, form: &[u8]) -> Response {
    let request_id = uuid::Uuid::new_v4();
    match action(form) {
        Some(OPERATION) => {
            let body = format!(
                "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::{account}:user/samovar</Arn><UserId>{USER_ID}</UserId>\
                 <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata>\
                 <RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n"
            );
            xml(StatusCode::OK, body)
        }
        _ => {
            let body = format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>InvalidAction</Code>\
                 <Message>Of STS only GetCallerIdentity is implemented</Message></Error>\
                 <RequestId>{request_id}</RequestId></ErrorResponse>\n"
            );
            xml(StatusCode::BAD_REQUEST, body)
        }
    }
}

/// The action that a form names; none of those that are known is written with escapes.
fn action(form: &[u8]) -> Option<&str> {
    let pairs = std::str::from_utf8(form).ok()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "Action").map(|(_, value)| value)
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, "text/xml")], body).into_response()
}

#[cfg(test)]
mod tests {
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
}
