//! The operations on aliases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::function::{AliasName, AliasRouting, VersionNumber, Weight};
use crate::{AliasError, AliasInfo, CreateAlias, UpdateAlias};

use super::api::Answer;
use super::call::Call;
use super::paging::{Paging, marker};
use super::request;
use super::wire_error::{Member, WireError};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAliasInput {
    name: String,
    function_version: String,
    description: Option<String>,
    routing_config: Option<RoutingConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasInput {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateAliasInput {
    name: String,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<RoutingConfig>,
    revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAliasesInput {
    function_version: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListAliasesResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    aliases: Vec<AliasConfiguration>,
}

/// The additional versions of an alias and their weights; of at most one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoutingConfig {
    additional_version_weights: Option<BTreeMap<String, f64>>,
}

/// An alias as answers show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AliasConfiguration {
    alias_arn: String,
    name: String,
    function_version: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_config: Option<RoutingConfig>,
    revision_id: String,
}

pub(super) async fn create(call: Call<'_>) -> Answer {
    let function = call.whole_function()?;
    let input: CreateAliasInput = call.input()?;
    let name = request::alias(&input.name)?;
    let version = version_number(&input.function_version)?;
    let routing = match input.routing_config.map(RoutingConfig::additional).transpose()?.flatten() {
        None => AliasRouting::to(version),
        Some((additional, weight)) => AliasRouting::weighted(version, additional, weight)?,
    };
    let description = input.description.unwrap_or_default();
    let create = CreateAlias { description, ..CreateAlias::new(function, name, routing) };
    let host = call.host().clone();
    let created = call.to_the_end(async move { host.create_alias(&create).await }).await??;
    call.answer(&AliasConfiguration::of(created))
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let input: AliasInput = call.input()?;
    let name = request::alias(&input.name)?;
    call.answer(&AliasConfiguration::of(call.host().alias_info(&call.whole_function()?, &name)?))
}

pub(super) async fn update(call: Call<'_>) -> Answer {
    let function = call.whole_function()?;
    let input: UpdateAliasInput = call.input()?;
    let update = UpdateAlias {
        version: input.function_version.as_deref().map(version_number).transpose()?,
        additional: input.routing_config.map(RoutingConfig::additional).transpose()?,
        description: input.description,
        revision_id: input.revision_id,
        ..UpdateAlias::new(function, request::alias(&input.name)?)
    };
    // Instances may have to come up first, for longer than the client waits: when it asks again, they are there or on their way.
    let host = call.host().clone();
    let updated = call.to_the_end(async move { host.update_alias(&update).await }).await?;
    let updated = updated.map_err(|error| match error {
        // UpdateAlias has words of its own for it.
        AliasError::AliasNotFound { arn } => WireError::not_found(format!("Alias not found: {arn}")),
        error => error.into(),
    });
    call.answer(&AliasConfiguration::of(updated?))
}

pub(super) async fn delete(call: Call<'_>) -> Answer {
    let input: AliasInput = call.input()?;
    let name = request::alias(&input.name)?;
    call.host().delete_alias(&call.whole_function()?, &name).await?;
    call.done()
}

pub(super) async fn list(call: Call<'_>) -> Answer {
    let input: ListAliasesInput = call.input()?;
    let version = input.function_version.as_deref().map(version_number).transpose()?;
    let from = input.paging.from(|text| AliasName::parse(text).ok())?;
    let function = call.whole_function()?;
    let page = call.host().list_aliases(&function, version, from.as_ref(), input.paging.limit())?;
    call.answer(&ListAliasesResponse {
        next_marker: page.next.map(|name| marker(name.as_str())),
        aliases: page.items.into_iter().map(AliasConfiguration::of).collect(),
    })
}

fn version_number(text: &str) -> Result<VersionNumber, WireError> {
    let pattern = r"Member must satisfy regular expression pattern: (\$LATEST|[0-9]+)";
    VersionNumber::parse(text).ok_or_else(|| WireError::constraint(Member("functionVersion"), text, pattern))
}

impl RoutingConfig {
    /// The additional version, if there is one.
    fn additional(self) -> Result<Option<(VersionNumber, Weight)>, WireError> {
        let mut weights = self.additional_version_weights.unwrap_or_default().into_iter();
        let Some((version, weight)) = weights.next() else { return Ok(None) };
        if weights.next().is_some() {
            return Err(WireError::parameter(
                "Number of items in AdditionalVersionWeights cannot be greater than 1",
            ));
        }
        Ok(Some((version_number(&version)?, Weight::new(weight)?)))
    }
}

/// The additional version of an alias and its weight, as answers show them.
pub(super) fn weights(routing: &AliasRouting) -> Option<BTreeMap<String, f64>> {
    routing.additional().map(|(version, weight)| BTreeMap::from([(version.to_string(), weight.get())]))
}

impl AliasConfiguration {
    pub(super) fn of(info: AliasInfo) -> Self {
        let routing = info.alias.routing;
        let config =
            |weights: BTreeMap<String, f64>| RoutingConfig { additional_version_weights: Some(weights) };
        Self {
            alias_arn: info.arn,
            name: info.alias.name.to_string(),
            function_version: routing.version().to_string(),
            description: info.alias.description,
            routing_config: weights(&routing).map(config),
            revision_id: info.alias.revision_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn additional(weights: serde_json::Value) -> Result<Option<(VersionNumber, Weight)>, WireError> {
        let config = serde_json::json!({ "AdditionalVersionWeights": weights });
        serde_json::from_value::<RoutingConfig>(config).expect("the shape").additional()
    }

    #[test]
    fn an_alias_has_at_most_one_additional_version() {
        let half = Weight::new(0.5).expect("a weight");
        assert_eq!(additional(serde_json::json!({})).expect("none"), None);
        let one = additional(serde_json::json!({ "2": 0.5 })).expect("one");
        assert_eq!(one, Some((VersionNumber::Published(2), half)));
        assert!(additional(serde_json::json!({ "2": 0.5, "3": 0.1 })).is_err());
        assert!(additional(serde_json::json!({ "2": 1.5 })).is_err());
        assert!(additional(serde_json::json!({ "live": 0.5 })).is_err());
    }
}
