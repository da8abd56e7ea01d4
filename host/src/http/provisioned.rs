//! The operations on provisioned concurrency.

use serde::{Deserialize, Serialize};

use crate::{ProvisionedInfo, ProvisionedStatus};

use super::api::Answer;
use super::call::Call;
use super::paging::{Paging, marker};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    provisioned_concurrent_executions: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProvisionedConfig {
    requested_provisioned_concurrent_executions: u32,
    available_provisioned_concurrent_executions: u32,
    allocated_provisioned_concurrent_executions: u32,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    last_modified: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListItem {
    function_arn: String,
    #[serde(flatten)]
    config: ProvisionedConfig,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    provisioned_concurrency_configs: Vec<ListItem>,
}

pub(super) async fn put(call: Call<'_>) -> Answer {
    let input: PutInput = call.input()?;
    let instances = input.provisioned_concurrent_executions;
    let info = call.host().provision_concurrency(&call.function()?, instances).await?;
    call.answer(&ProvisionedConfig::begun(info))
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let info = call.host().provisioned_concurrency(&call.function()?)?;
    call.answer(&ProvisionedConfig::of(info))
}

pub(super) async fn delete(call: Call<'_>) -> Answer {
    call.host().unprovision_concurrency(&call.function()?).await?;
    call.done()
}

pub(super) async fn list(call: Call<'_>) -> Answer {
    let paging: Paging = call.input()?;
    let from: usize = paging.from(|text| text.parse().ok())?.unwrap_or(0);
    let all = call.host().list_provisioned_concurrency(&call.whole_function()?)?;
    let next = from.saturating_add(paging.limit());
    call.answer(&ListResponse {
        next_marker: (next < all.len()).then(|| marker(&next.to_string())),
        provisioned_concurrency_configs: all
            .into_iter()
            .skip(from)
            .take(paging.limit())
            .map(|info| ListItem { function_arn: info.arn.clone(), config: ProvisionedConfig::of(info) })
            .collect(),
    })
}

impl ProvisionedConfig {
    fn of(info: ProvisionedInfo) -> Self {
        let (status, status_reason) = match info.status {
            ProvisionedStatus::InProgress => ("IN_PROGRESS", None),
            ProvisionedStatus::Ready => ("READY", None),
            ProvisionedStatus::Failed { reason } => ("FAILED", Some(reason)),
        };
        Self {
            requested_provisioned_concurrent_executions: info.configuration.requested,
            available_provisioned_concurrent_executions: info.allocated,
            allocated_provisioned_concurrent_executions: info.allocated,
            status,
            status_reason,
            last_modified: info.configuration.last_modified,
        }
    }

    /// What was asked for just now, as Lambda shows it: as something that has only begun.
    fn begun(info: ProvisionedInfo) -> Self {
        Self { status: "IN_PROGRESS", status_reason: None, ..Self::of(info) }
    }
}
