//! What is to happen when functions invoke each other in a circle.

use serde::{Deserialize, Serialize};

use crate::function::RecursiveLoop;

use super::api::Answer;
use super::call::Call;

/// What PutFunctionRecursionConfig is given, and what both operations answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecursionConfig {
    recursive_loop: RecursiveLoop,
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    let recursive_loop = call.host().recursive_loop(&call.whole_function()?)?;
    call.answer(&RecursionConfig { recursive_loop })
}

pub(super) async fn put(call: Call<'_>) -> Answer {
    let input: RecursionConfig = call.input()?;
    call.host().set_recursive_loop(&call.whole_function()?, input.recursive_loop).await?;
    call.answer(&input)
}
