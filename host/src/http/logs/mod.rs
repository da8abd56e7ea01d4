//! The operations of CloudWatch Logs by which clients read functions' logs: DescribeLogGroups, DescribeLogStreams,
//! GetLogEvents and FilterLogEvents.
//!
//! Protocol JSON 1.1: the operation stands in `X-Amz-Target`, everything else in the body.

mod answers;
mod error;
mod events;
mod groups;
mod requests;
mod streams;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Host;
use crate::function::Region;

pub(super) use self::error::LogsWireError;
pub use self::events::{LOG_NEXT_TOKEN_HEADER, LOG_REQUEST_ID_HEADER};

const CONTENT: &str = "application/x-amz-json-1.1";

/// What an operation answers.
type Done = Result<Response, LogsWireError>;

/// Where a request is made, and what it asks.
struct Call<'a> {
    host: &'a Host,
    /// The region of the signature, or the host's own.
    region: Region,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

/// Answers a request that names an operation.
pub(super) async fn answer(
    host: &Host,
    region: Option<Region>,
    operation: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let region = region.unwrap_or_else(|| host.region().clone());
    let call = Call { host, region, headers, body };
    let done = match operation {
        "DescribeLogGroups" => groups::describe(&call).await,
        "DescribeLogStreams" => streams::describe(&call).await,
        "GetLogEvents" => events::get(&call).await,
        "FilterLogEvents" => events::filter(&call).await,
        other => Err(LogsWireError::not_implemented(other)),
    };
    done.unwrap_or_else(LogsWireError::into_response)
}

impl Call<'_> {
    /// What the body asks.
    fn request<T: DeserializeOwned>(&self) -> Result<T, LogsWireError> {
        serde_json::from_slice(self.body).map_err(|error| LogsWireError::serialization(&error))
    }

    /// What the ARNs of this region's groups begin with.
    fn arn(&self, group: &str) -> String {
        format!("arn:aws:logs:{}:{}:log-group:{group}", self.region, self.host.account_id())
    }

    /// The name of the group that a request gives by its name or its ARN.
    fn group(&self, name: Option<String>, identifier: Option<String>) -> Result<String, LogsWireError> {
        let name = match (name, identifier) {
            (Some(name), None) => name,
            (None, Some(identifier)) if identifier.starts_with("arn:") => {
                let arn = identifier.strip_suffix(":*").unwrap_or(&identifier);
                let own = arn.strip_prefix(&self.arn(""));
                own.map(str::to_owned).ok_or_else(LogsWireError::no_group)?
            }
            (None, Some(identifier)) => identifier,
            (None, None) => {
                return Err(LogsWireError::parameter(
                    "Either logGroupName or logGroupIdentifier must be given",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(LogsWireError::parameter(
                    "logGroupName and logGroupIdentifier cannot both be given",
                ));
            }
        };
        requests::group_name("logGroupName", &name)?;
        Ok(name)
    }
}

fn json(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("the shapes of this API always have a JSON form");
    ([(CONTENT_TYPE, CONTENT)], body).into_response()
}
