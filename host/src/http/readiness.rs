//! `GET /readyz`: whether the host takes invocations, for whoever spreads them over several hosts.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::Unready;

pub(super) fn answer(ready: Result<(), Unready>) -> Response {
    match ready {
        Ok(()) => "ok".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason.to_string()).into_response(),
    }
}
