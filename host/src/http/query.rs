//! The protocol of AWS's older services: requests are forms that name an action, answers are XML.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::api::REQUEST_ID;

/// A member of a form; none of those that are looked for is written with escapes.
pub(super) fn member<'a>(form: &'a [u8], name: &str) -> Option<&'a str> {
    let pairs = std::str::from_utf8(form).ok()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// An error of the service of that namespace.
pub(super) fn error(namespace: &str, status: StatusCode, code: &str, message: &str) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let fault = if status.is_server_error() { "Receiver" } else { "Sender" };
    let message = escaped(message);
    let body = format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{fault}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>\n"
    );
    xml(status, &request_id, body)
}

/// The body and the header have the same id, which is what clients are told to quote.
pub(super) fn xml(status: StatusCode, request_id: &str, body: String) -> Response {
    (status, [(CONTENT_TYPE, "text/xml"), (REQUEST_ID, request_id)], body).into_response()
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
