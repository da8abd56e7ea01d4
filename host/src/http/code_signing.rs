//! How the code of functions must be signed: there is no such configuration, which clients ask for all the same.

use serde_json::json;

use super::api::Answer;
use super::call::Call;

pub(super) async fn get(call: Call<'_>) -> Answer {
    call.host().function(&call.whole_function()?)?;
    call.answer(&json!({}))
}
