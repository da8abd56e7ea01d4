//! When the runtimes of functions are updated. They bring their own, so nobody here updates any.

use serde::Serialize;

use super::api::Answer;
use super::call::Call;
use super::function_answer::qualified_arn;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeManagementConfig {
    update_runtime_on: &'static str,
    function_arn: String,
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let function = call.function()?;
    let version = call.host().function(&function)?;
    let function_arn = qualified_arn(&version, function.qualifier.as_ref());
    call.answer(&RuntimeManagementConfig { update_runtime_on: "Auto", function_arn })
}
