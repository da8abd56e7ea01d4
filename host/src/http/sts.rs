//! GetCallerIdentity of STS: who a request's sender is, which here is always the same.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::api::REQUEST_ID;
use super::wire_error::WireError;

/// The only operation there is.
pub(super) const OPERATION: &str = "GetCallerIdentity";
/// The namespace of STS's answers.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The id of the one user there is, of the form that IAM gives users.
pub(super) const USER_ID: &str = "AIDASAMOVAR0000000000";

/// Answers a request whose body is a form.
pub(super) fn answer(account: &str, form: &[u8]) -> Response {
    match action(form) {
        Some(OPERATION) => {
            let request_id = uuid::Uuid::new_v4().to_string();
            let body = format!(
                "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::{account}:user/samovar</Arn><UserId>{USER_ID}</UserId>\
                 <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata>\
                 <RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n"
            );
            xml(StatusCode::OK, &request_id, body)
        }
        _ => {
            let message = "Of STS only GetCallerIdentity is implemented";
            error_response(StatusCode::BAD_REQUEST, "InvalidAction", message)
        }
    }
}

/// Answers a request that did not come as far as its action.
pub(super) fn error(error: &WireError) -> Response {
    let code = match error.name() {
        "TooManyRequestsException" => "Throttling",
        name => name.strip_suffix("Exception").unwrap_or(name),
    };
    error_response(error.status(), code, error.message())
}

fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let fault = if status.is_server_error() { "Receiver" } else { "Sender" };
    let message = escaped(message);
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>\n"
    );
    xml(status, &request_id, body)
}

/// A text as it stands in XML; control characters have no place there.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The action that a form names; none of those that are known is written with escapes.
fn action(form: &[u8]) -> Option<&str> {
    let pairs = std::str::from_utf8(form).ok()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "Action").map(|(_, value)| value)
}

/// The body and the header have the same id, which is what clients are told to quote.
fn xml(status: StatusCode, request_id: &str, body: String) -> Response {
    (status, [(CONTENT_TYPE, "text/xml"), (REQUEST_ID, request_id)], body).into_response()
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
