//! AddPermission and RemovePermission.

use super::error::SqsWireError;
use super::shapes::{AddPermission, RemovePermission};
use super::{Call, Done, given, is_operation, nothing};
use crate::function::AccountId;
use crate::sqs::Permission;
use crate::sqs::limits::LABEL_CHARS_MAX;

/// What stands for every operation.
const ANY: &str = "*";

pub(super) async fn add(call: &Call<'_>) -> Done {
    let request: AddPermission = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let label = label(request.label)?;
    let accounts = given(request.account_ids.filter(|ids| !ids.is_empty()), "AWSAccountIds")?;
    let accounts = accounts.iter().map(|id| {
        let reason = "Unable to verify.";
        AccountId::parse(id).map_err(|_| SqsWireError::value("PrincipalId", id, reason))
    });
    let accounts = accounts.collect::<Result<_, SqsWireError>>()?;
    let actions = given(request.actions.filter(|actions| !actions.is_empty()), "Actions")?;
    if let Some(unknown) = actions.iter().find(|action| *action != ANY && !is_operation(action)) {
        let reason = "Please refer to the appropriate WSDL for a list of valid actions.";
        return Err(SqsWireError::value("ActionName", &format!("SQS:{unknown}"), reason));
    }
    let permission = Permission { label: label.clone(), accounts, actions };
    let added = call.queues.add_permission(&queue, permission).await;
    added.map_err(|error| SqsWireError::permission(error, &label))?;
    nothing()
}

pub(super) async fn remove(call: &Call<'_>) -> Done {
    let request: RemovePermission = call.request()?;
    let queue = call.queue(request.queue_url.as_deref())?;
    let label = label(request.label)?;
    let removed = call.queues.remove_permission(&queue, label.clone()).await;
    removed.map_err(|error| SqsWireError::permission(error, &label))?;
    nothing()
}

fn label(label: Option<String>) -> Result<String, SqsWireError> {
    let label = given(label, "Label")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match (1..=LABEL_CHARS_MAX).contains(&label.len()) && label.bytes().all(allowed) {
        true => Ok(label),
        false => {
            let reason =
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
            Err(SqsWireError::value("Label", &label, reason))
        }
    }
}
