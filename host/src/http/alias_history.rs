//! Where aliases have led, and leading them back: operations of Samovar's own, beside Lambda's.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;

use crate::Host;
use crate::function::{AliasMove, AliasName, AliasRouting, FunctionRef};

use super::aliases::{AliasConfiguration, weights};
use super::api::{Answer, json};
use super::credential;
use super::model::decoded;
use super::request;
use super::wire_error::WireError;

/// What a refused rollback is noted as; one that is done is such an update.
const ROLLBACK_ACTION: &str = "UpdateAlias";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct HistoryResponse {
    /// The newest first.
    moves: Vec<MoveResponse>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MoveResponse {
    time: String,
    principal: String,
    /// Absent where the move made the alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<RoutingResponse>,
    to: RoutingResponse,
}

/// Where an alias led, in the words of its configuration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoutingResponse {
    function_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_version_weights: Option<BTreeMap<String, f64>>,
}

pub(super) fn history(host: &Host, parts: &Parts, function: &str, alias: &str) -> Answer {
    let (function, alias) = named(host, parts, function, alias)?;
    let moves = host.alias_history(&function, &alias)?;
    json(StatusCode::OK, &HistoryResponse { moves: moves.into_iter().map(MoveResponse::of).collect() })
}

pub(super) async fn roll_back(host: &Host, parts: &Parts, function: &str, alias: &str) -> Answer {
    let named = named(host, parts, function, alias);
    let subject = named.as_ref().map(|(function, _)| host.arn_of(function)).unwrap_or_default();
    let rolled_back = match named {
        Ok((function, alias)) => host.roll_back_alias(&function, &alias).await.map_err(WireError::from),
        Err(error) => Err(error),
    };
    let refused = |error: &WireError| host.note_refusal(ROLLBACK_ACTION, &subject, error.name());
    json(StatusCode::OK, &AliasConfiguration::of(rolled_back.inspect_err(refused)?))
}

/// The function as a whole and the alias that a path names, in the request's region.
fn named(
    host: &Host,
    parts: &Parts,
    function: &str,
    alias: &str,
) -> Result<(FunctionRef, AliasName), WireError> {
    let region = credential::region(&parts.headers)?;
    let function = request::qualified(host, region, &decoded(function)?, None)?;
    Ok((FunctionRef { qualifier: None, ..function }, request::alias(&decoded(alias)?)?))
}

impl MoveResponse {
    fn of(moved: AliasMove) -> Self {
        Self {
            time: moved.time,
            principal: moved.principal,
            from: moved.from.as_ref().map(RoutingResponse::of),
            to: RoutingResponse::of(&moved.to),
        }
    }
}

impl RoutingResponse {
    fn of(routing: &AliasRouting) -> Self {
        Self { function_version: routing.version().to_string(), additional_version_weights: weights(routing) }
    }
}
