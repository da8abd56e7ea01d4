//! The operations on the configurations of functions.

use serde::Deserialize;

use super::api::Answer;
use super::call::Call;
use super::function_answer::FunctionConfiguration;
use super::function_settings::Settings;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateFunctionConfigurationInput {
    revision_id: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let function = call.function()?;
    let version = call.host().function(&function)?;
    call.answer(&FunctionConfiguration::of(version, function.qualifier.as_ref()))
}

pub(super) async fn update(call: Call<'_>) -> Answer {
    let function = call.latest()?;
    let input: UpdateFunctionConfigurationInput = call.input()?;
    let change = input.settings.checked(call.api.any_runtime)?;
    let host = call.host().clone();
    let update = async move {
        let revision_id = input.revision_id.as_deref();
        host.update_function_configuration(&function, revision_id, |present| change.apply(present)).await
    };
    let updated = call.to_the_end(update).await??;
    call.answer(&FunctionConfiguration::of(updated, None))
}
