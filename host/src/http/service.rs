//! The services beside Lambda that answer on the same port: as much of CloudWatch Logs as reading functions' logs takes, SQS on
//! the queues that are built in, schedules of EventBridge Scheduler, and the one operation of STS that many tools ask first.

use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;

use super::api::{Answer, Api};
use super::bodies::{Limit, Unread};
use super::logs::LogsWireError;
use super::scheduler::SchedulerWireError;
use super::sqs::SqsWireError;
use super::wire_error::{Exception, WireError, shown};
use super::{credential, logs, scheduler, sqs, sts};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
/// What an operation of CloudWatch Logs is named with.
const LOGS_TARGET: &str = "Logs_20140328.";
/// What an operation of SQS is named with.
const SQS_TARGET: &str = "AmazonSQS.";
/// How large the body of such a request may be: CloudWatch's 1 MiB.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A service beside Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Service {
    /// CloudWatch Logs, which names the operation in a header.
    Logs { operation: String },
    /// SQS, which names it there too.
    Sqs { operation: String },
    /// SQS in the protocol it had before, a form.
    SqsForm,
    /// EventBridge Scheduler, whose operations are methods and paths.
    Scheduler,
    /// STS, which names it in the body, a form. Those of SQS that come to the same path are told from it there.
    Sts,
}

impl Service {
    /// The service that a request is for, unless that is Lambda: they have the path `/` alone, but for SQS, some of whose
    /// clients send to the URLs of queues, and EventBridge Scheduler, which has paths of its own and is signed for.
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        let path = parts.uri.path();
        // Whom a request is signed for is looked at where that alone tells: of all requests most are for Lambda.
        let is_signed_for = || credential::service(&parts.headers) == Some(scheduler::SIGNING_NAME);
        if scheduler::is_path(path) || (scheduler::is_shared_path(path) && is_signed_for()) {
            return Some(Self::Scheduler);
        }
        if parts.method != Method::POST {
            return None;
        }
        let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if let Some(operation) = header(TARGET).and_then(|target| target.strip_prefix(SQS_TARGET))
            && (path == "/" || path.matches('/').count() == 2)
        {
            return Some(Self::Sqs { operation: operation.to_owned() });
        }
        let is_form =
            || header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if path != "/" {
            return (sqs::is_queue_path(path) && is_form()).then_some(Self::SqsForm);
        }
        if let Some(operation) = header(TARGET).and_then(|target| target.strip_prefix(LOGS_TARGET)) {
            return Some(Self::Logs { operation: operation.to_owned() });
        }
        is_form().then_some(Self::Sts)
    }

    pub(super) async fn answer(&self, api: &Api, parts: &Parts, body: &mut Unread) -> Answer {
        let region = credential::region(&parts.headers)?;
        let operation = match &self {
            Self::Logs { operation } | Self::Sqs { operation } => shown(operation),
            Self::SqsForm => "Query",
            Self::Scheduler => scheduler::OPERATION,
            Self::Sts => sts::OPERATION,
        };
        let bytes = match &self {
            Self::Sqs { operation } => sqs::body_bytes_max(operation),
            Self::Logs { .. } | Self::SqsForm | Self::Scheduler | Self::Sts => BODY_BYTES_MAX,
        };
        let exception = Exception::RequestEntityTooLarge;
        let body = api.bodies.read(body, Limit { bytes, exception, operation }).await?;
        Ok(match self {
            Self::Logs { operation } => {
                logs::answer(&api.host, region, operation, &parts.headers, &body.bytes).await
            }
            Self::Sqs { operation } => sqs::answer(api, region, operation, parts, &body.bytes).await,
            Self::SqsForm => sqs::refuse_form(),
            Self::Scheduler => scheduler::answer(&api.host, region, parts, &body.bytes).await,
            Self::Sts if sqs::is_form(&body.bytes) => sqs::refuse_form(),
            Self::Sts => sts::answer(api.host.account_id(), &body.bytes),
        })
    }

    /// What a request gets that did not come as far as an operation, in the form that this service's clients read.
    pub(super) fn refuse(&self, error: WireError) -> Response {
        let mut response = match self {
            Self::Logs { .. } => LogsWireError::from(error).into_response(),
            Self::Sqs { operation } => SqsWireError::refused(error, operation).into_response(),
            Self::SqsForm => sqs::form_error(error),
            Self::Scheduler => SchedulerWireError::from(error).into_response(),
            Self::Sts => sts::error(&error),
        };
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &str, header: (&str, &str)) -> Option<Service> {
        let request = axum::http::Request::builder().method(method).uri(path).header(header.0, header.1);
        Service::of(&request.body(()).expect("a request").into_parts().0)
    }

    async fn refused(service: Service, error: WireError) -> (Response, String) {
        let (parts, body) = service.refuse(error).into_parts();
        let body = axum::body::to_bytes(body, 1 << 16).await.expect("a body");
        (
            Response::from_parts(parts, axum::body::Body::empty()),
            String::from_utf8(body.into()).expect("text"),
        )
    }

    /// All of them came in Lambda's form, which the clients of the other services cannot read.
    #[tokio::test]
    async fn each_service_writes_refusals_in_its_own_form() {
        let logs = || Service::Logs { operation: "GetLogEvents".to_owned() };
        let exception = Exception::RequestEntityTooLarge;
        let too_large = Limit { bytes: 7, exception, operation: "GetLogEvents" };
        let (response, body) = refused(logs(), too_large.exceeded()).await;
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(response.status().as_u16(), 413);
        assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
        assert_eq!(body["__type"], "RequestEntityTooLargeException");
        assert!(body["message"].as_str().expect("text").contains("7 bytes"), "{body}");
        let (response, body) = refused(Service::Sts, WireError::incomplete_signature("<&>")).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (403, &"text/xml".parse().expect("a header"))
        );
        assert!(body.contains("<Type>Sender</Type><Code>IncompleteSignature</Code>"), "{body}");
        assert!(body.contains("not '&lt;&amp;&gt;'</Message>"), "{body}");
        let sqs = |operation: &str| Service::Sqs { operation: operation.to_owned() };
        for (operation, status, name) in [
            ("SendMessage", 400, "#InvalidParameterValueException"),
            ("SendMessageBatch", 400, "#BatchRequestTooLong"),
            ("CreateQueue", 413, "#RequestEntityTooLargeException"),
        ] {
            let (response, body) = refused(sqs(operation), too_large.exceeded()).await;
            assert_eq!(response.status().as_u16(), status, "{operation}");
            assert!(body.contains(name), "{operation}: {body}");
        }
        for (service, name) in [
            (logs(), "\"ThrottlingException\""),
            (sqs("SendMessage"), "\"com.amazonaws.sqs#RequestThrottled\""),
            (Service::Scheduler, "\"Message\""),
            (Service::Sts, "<Code>Throttling</Code>"),
        ] {
            let (response, body) = refused(service, WireError::no_room_for_body(7)).await;
            assert_eq!(
                (response.status().as_u16(), &response.headers()["retry-after"]),
                (429, &HeaderValue::from(1))
            );
            assert!(body.contains(name), "{body}");
        }
    }

    #[test]
    fn services_are_told_apart_by_their_headers() {
        let target = ("x-amz-target", "Logs_20140328.GetLogEvents");
        assert_eq!(of("POST", "/", target), Some(Service::Logs { operation: "GetLogEvents".to_owned() }));
        let sqs = ("x-amz-target", "AmazonSQS.SendMessage");
        for path in ["/", "/000000000000/orders"] {
            assert_eq!(
                of("POST", path, sqs),
                Some(Service::Sqs { operation: "SendMessage".to_owned() }),
                "{path}"
            );
        }
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(of("POST", "/", form), Some(Service::Sts));
        assert_eq!(of("POST", "/000000000000/orders", form), Some(Service::SqsForm));
        let signed = "AWS4-HMAC-SHA256 Credential=a/20261201/us-east-1/scheduler/aws4_request, Signature=0";
        for (method, path, header) in [
            ("GET", "/schedules", ("accept", "*/*")),
            ("POST", "/schedules/tea", form),
            ("DELETE", "/schedule-groups/default", ("accept", "*/*")),
            ("GET", "/tags/arn", ("authorization", signed)),
        ] {
            assert_eq!(of(method, path, header), Some(Service::Scheduler), "{method} {path}");
        }
        for (method, path, header) in [
            ("GET", "/", target),
            ("POST", "/2015-03-31/functions", target),
            ("POST", "/2015-03-31/functions", form),
            ("POST", "/2015-03-31/functions/f/invocations", sqs),
            ("GET", "/", sqs),
            ("POST", "/", ("x-amz-target", "DynamoDB_20120810.ListTables")),
            ("POST", "/", ("content-type", "application/json")),
        ] {
            assert_eq!(of(method, path, header), None, "{method} {path} {header:?}");
        }
    }
}
