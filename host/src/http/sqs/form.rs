//! The protocol that SQS had before JSON, which is told apart to be refused by its name.

use axum::http::StatusCode;
use axum::response::Response;

use super::super::query;
use super::super::wire_error::WireError;
use super::error::SqsWireError;
use crate::function::AccountId;

/// The version that forms of SQS name, and those of no other service.
const VERSION: &str = "2012-11-05";
/// The namespace of answers.
const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// Whether that is the path of a queue's URL.
pub(in crate::http) fn is_queue_path(path: &str) -> bool {
    let mut segments = path.strip_prefix('/').unwrap_or_default().split('/');
    let (account, name, rest) = (segments.next(), segments.next(), segments.next());
    account.is_some_and(|account| AccountId::parse(account).is_ok()) && name.is_some() && rest.is_none()
}

/// Whether a form is one of SQS.
pub(in crate::http) fn is_form(form: &[u8]) -> bool {
    query::member(form, "Version") == Some(VERSION)
}

/// Says what is spoken here.
pub(in crate::http) fn refuse_form() -> Response {
    let message = "Samovar speaks the JSON protocol of SQS and not the Query protocol that this request is in. \
                   AWS's SDKs and its command line speak JSON since November 2023: use a newer one.";
    let code = "AWS.SimpleQueueService.UnsupportedOperation";
    query::error(NAMESPACE, StatusCode::BAD_REQUEST, code, message)
}

/// What a form gets that was not looked into.
pub(in crate::http) fn form_error(error: WireError) -> Response {
    let error = SqsWireError::from(error);
    query::error(NAMESPACE, error.status(), error.code(), error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_sqs_is_known_by_its_version_or_the_path_of_a_queue() {
        assert!(is_form(b"Action=ListQueues&Version=2012-11-05"));
        assert!(
            !is_form(b"Action=GetCallerIdentity&Version=2011-06-15") && !is_form(b"") && !is_form(b"\xff")
        );
        assert!(is_queue_path("/000000000000/orders"));
        for other in
            ["/", "", "/2015-03-31/functions", "/000000000000", "/000000000000/a/b", "000000000000/a"]
        {
            assert!(!is_queue_path(other), "{other}");
        }
    }
}
