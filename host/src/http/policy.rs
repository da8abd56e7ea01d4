//! The operations on resource policies: statement by statement, and as a whole.

use serde::{Deserialize, Serialize};

use crate::PolicyInfo;
use crate::function::{FunctionRef, Permission, ResourcePolicy};

use super::api::Answer;
use super::call::Call;
use super::wire_error::WireError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddPermissionInput {
    revision_id: Option<String>,
    #[serde(flatten)]
    permission: Permission,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AddPermissionResponse {
    statement: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemovePermissionInput {
    statement_id: String,
    revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutResourcePolicyInput {
    policy: String,
    revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteResourcePolicyInput {
    revision_id: Option<String>,
}

/// A policy as answers show it: its text, as a JSON string.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyResponse {
    policy: String,
    revision_id: String,
}

impl PolicyResponse {
    fn of(info: &PolicyInfo) -> Self {
        Self { policy: info.policy.to_json(), revision_id: info.revision_id.clone() }
    }
}

pub(super) async fn add_permission(call: Call<'_>) -> Answer {
    let function = call.function()?;
    let AddPermissionInput { revision_id, permission } = call.input()?;
    let statement = call.host().add_permission(&function, permission, revision_id.as_deref()).await?;
    call.answer(&AddPermissionResponse { statement: statement.to_json() })
}

pub(super) async fn remove_permission(call: Call<'_>) -> Answer {
    let function = call.function()?;
    if call.host().function(&FunctionRef { qualifier: None, ..function.clone() }).is_err() {
        return Err(WireError::no_policy_for(&call.host().arn_of(&function)));
    }
    let input: RemovePermissionInput = call.input()?;
    call.host().remove_permission(&function, &input.statement_id, input.revision_id.as_deref()).await?;
    call.done()
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    show(&call, &call.function()?)
}

pub(super) async fn get_resource(call: Call<'_>) -> Answer {
    show(&call, &call.resource("ResourceArn")?)
}

pub(super) async fn put_resource(call: Call<'_>) -> Answer {
    let function = call.resource("ResourceArn")?;
    let input: PutResourcePolicyInput = call.input()?;
    let policy = ResourcePolicy::parse(&input.policy)?;
    let info = call.host().put_policy(&function, policy, input.revision_id.as_deref()).await?;
    call.answer(&PolicyResponse::of(&info))
}

pub(super) async fn delete_resource(call: Call<'_>) -> Answer {
    let function = call.resource("ResourceArn")?;
    let input: DeleteResourcePolicyInput = call.input()?;
    call.host().delete_policy(&function, input.revision_id.as_deref()).await?;
    call.done()
}

fn show(call: &Call<'_>, function: &FunctionRef) -> Answer {
    match call.host().policy(function) {
        Ok(info) => call.answer(&PolicyResponse::of(&info)),
        // Lambda does not say what it is that is not there.
        Err(_) => Err(WireError::no_resource()),
    }
}
