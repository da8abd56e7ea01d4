//! The operations on reserved concurrency.

use serde::{Deserialize, Serialize};

use crate::ReserveError;
use crate::function::{FunctionRef, Qualifier, VersionNumber};

use super::api::Answer;
use super::call::Call;
use super::wire_error::WireError;

/// What PutFunctionConcurrency is given, and what it and its fellows answer.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Concurrency {
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_concurrent_executions: Option<u32>,
}

pub(super) async fn put(call: Call<'_>) -> Answer {
    let function = unqualified(&call)?;
    let input: Concurrency = call.input()?;
    let reserved = input.reserved_concurrent_executions.unwrap_or_default();
    let put = call.host().reserve_concurrency(&function, reserved).await;
    put.map_err(|error| told(&call, &function, error))?;
    call.answer(&input)
}

pub(super) async fn get(call: Call<'_>) -> Answer {
    call.answer(&of(&call, &unqualified(&call)?)?)
}

pub(super) async fn delete(call: Call<'_>) -> Answer {
    let function = unqualified(&call)?;
    let deleted = call.host().release_reserved_concurrency(&function).await;
    deleted.map_err(|error| told(&call, &function, error))?;
    call.done()
}

/// What is reserved for a function.
pub(super) fn of(call: &Call<'_>, function: &FunctionRef) -> Result<Concurrency, WireError> {
    let reserved_concurrent_executions = call.host().reserved_concurrency(function)?;
    Ok(Concurrency { reserved_concurrent_executions })
}

impl Concurrency {
    /// Whether anything is reserved.
    pub(super) fn is_reserved(self) -> bool {
        self.reserved_concurrent_executions.is_some()
    }
}

fn unqualified(call: &Call<'_>) -> Result<FunctionRef, WireError> {
    let function = call.function()?;
    match function.qualifier {
        None => Ok(function),
        Some(_) => Err(WireError::parameter(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
             Please specify either a function name or an unqualified function ARN.",
        )),
    }
}

/// Lambda looks for `$LATEST` when it changes what is reserved.
fn told(call: &Call<'_>, function: &FunctionRef, error: ReserveError) -> WireError {
    match error {
        ReserveError::NotFound(mut error) => {
            let qualifier = Some(Qualifier::Version(VersionNumber::Latest));
            error.arn = call.host().arn_of(&FunctionRef { qualifier, ..function.clone() });
            error.into()
        }
        error => error.into(),
    }
}
