//! The services beside Lambda that answer on the same port: as much of CloudWatch Logs as reading functions' logs takes, and
//! the one operation of STS that many tools ask first.

use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};

use super::api::{Answer, Api};
use super::bodies::{Limit, Unread};
use super::wire_error::{Exception, shown};
use super::{credential, logs, sts};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
/// What an operation of CloudWatch Logs is named with.
const LOGS_TARGET: &str = "Logs_20140328.";
/// How large the body of such a request may be: CloudWatch's 1 MiB.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A service beside Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Service {
    /// CloudWatch Logs, which names the operation in a header.
    Logs { operation: String },
    /// STS, which names it in the body, a form.
    Sts,
}

impl Service {
    /// The service that a request is for, unless that is Lambda: these two have the path `/` alone.
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        if parts.uri.path() != "/" || parts.method != Method::POST {
            return None;
        }
        let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if let Some(operation) = header(TARGET).and_then(|target| target.strip_prefix(LOGS_TARGET)) {
            return Some(Self::Logs { operation: operation.to_owned() });
        }
        let is_form = header(CONTENT_TYPE)?.starts_with("application/x-www-form-urlencoded");
        is_form.then_some(Self::Sts)
    }

    pub(super) async fn answer(self, api: &Api, parts: &Parts, body: &mut Unread) -> Answer {
        let region = credential::region(&parts.headers)?;
        let operation = match &self {
            Self::Logs { operation } => shown(operation),
            Self::Sts => sts::OPERATION,
        };
        let exception = Exception::RequestEntityTooLarge;
        let body = api.bodies.read(body, Limit { bytes: BODY_BYTES_MAX, exception, operation }).await?;
        Ok(match self {
            Self::Logs { operation } => {
                logs::answer(&api.host, region, &operation, &parts.headers, &body.bytes).await
            }
            Self::Sts => sts::answer(api.host.account_id(), &body.bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &str, header: (&str, &str)) -> Option<Service> {
        let request = axum::http::Request::builder().method(method).uri(path).header(header.0, header.1);
        Service::of(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn services_are_told_apart_by_their_headers() {
        let target = ("x-amz-target", "Logs_20140328.GetLogEvents");
        assert_eq!(of("POST", "/", target), Some(Service::Logs { operation: "GetLogEvents".to_owned() }));
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(of("POST", "/", form), Some(Service::Sts));
        for (method, path, header) in [
            ("GET", "/", target),
            ("POST", "/2015-03-31/functions", target),
            ("POST", "/2015-03-31/functions", form),
            ("POST", "/", ("x-amz-target", "DynamoDB_20120810.ListTables")),
            ("POST", "/", ("content-type", "application/json")),
        ] {
            assert_eq!(of(method, path, header), None, "{method} {path} {header:?}");
        }
    }
}
