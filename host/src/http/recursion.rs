//! What is to happen when functions invoke each other in a circle.

use serde::Serialize;

use crate::function::RecursiveLoop;

use super::api::Answer;
use super::call::Call;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RecursionConfig {
    recursive_loop: RecursiveLoop,
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    call.host().function(&call.whole_function()?)?;
    call.answer(&RecursionConfig { recursive_loop: RecursiveLoop::default() })
}
