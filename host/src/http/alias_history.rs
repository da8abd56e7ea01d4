//! Where aliases have led, and leading them back: operations of Samovar's own, beside Lambda's.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::Host;
use crate::function::{AliasMove, AliasName, AliasRouting, FunctionRef, Qualifier};

use super::aliases::{AliasConfiguration, weights};
use super::api::{Answer, json, to_the_end};
use super::bodies::{Held, Limit};
use super::credential;
use super::model::{Query, decoded};
use super::request;
use super::wire_error::{Exception, WireError, shown};

/// What a refused rollback is noted as; one that is done is such an update.
const ROLLBACK_ACTION: &str = "UpdateAlias";

/// How large the body of a rollback may be.
pub(super) const BODY_LIMIT: Limit<'_> =
    Limit { bytes: 64 << 10, exception: Exception::RequestEntityTooLarge, operation: ROLLBACK_ACTION };

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RollbackInput {
    revision_id: Option<String>,
}

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

pub(super) async fn roll_back(
    host: &Host,
    parts: &Parts,
    function: &str,
    alias: &str,
    body: Result<Held, WireError>,
) -> Answer {
    let named = named(host, parts, function, alias);
    let subject = match &named {
        Ok((function, alias)) => arn_of(host, function, alias),
        Err(_) => format!("{}:{}", shown(&plain(function)), shown(&plain(alias))),
    };
    let rolled_back = async {
        let (function, alias) = named?;
        let revision_id = revision_id(parts, &body?.bytes)?;
        let host = host.clone();
        // As with UpdateAlias, instances may have to come up first.
        to_the_end(async move { host.roll_back_alias(&function, &alias, revision_id.as_deref()).await })
            .await?
            .map_err(WireError::from)
    };
    let refused = |error: &WireError| host.note_refusal(ROLLBACK_ACTION, &subject, error.name());
    json(StatusCode::OK, &AliasConfiguration::of(rolled_back.await.inspect_err(refused)?))
}

/// The revision that is to be rolled back, in the body or in the query; any, if there is none.
fn revision_id(parts: &Parts, body: &[u8]) -> Result<Option<String>, WireError> {
    let input: RollbackInput = match body {
        [] => RollbackInput::default(),
        body => serde_json::from_slice(body).map_err(|error| WireError::json(&error))?,
    };
    let query = Query::parse(parts.uri.query())?;
    Ok(input.revision_id.or_else(|| query.first("RevisionId").map(str::to_owned)))
}

fn arn_of(host: &Host, function: &FunctionRef, alias: &AliasName) -> String {
    let qualifier = Some(Qualifier::Alias(alias.clone()));
    host.arn_of(&FunctionRef { qualifier, ..function.clone() })
}

/// A segment of a path as it was meant, or as it is.
fn plain(segment: &str) -> Cow<'_, str> {
    decoded(segment).unwrap_or(Cow::Borrowed(segment))
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
