//! A function made without the SDK, from the world's WIT alone. It stays a core module that carries the metadata of a
//! component (`build.rs` sees to that); the host makes the component.

#[expect(unsafe_code, reason = "the bindings are generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../sdk/wit", world: "function" });

    export!(Raw with_types_in self);

    /// The guest of which the world's exports are.
    pub(super) struct Raw;
}

use bindings::Raw;
use bindings::exports::samovar::function::{handler, lifecycle};
use bindings::samovar::function::types::{Context, FunctionError};

impl handler::Guest for Raw {
    /// Answers with the event itself, unless that is `null`.
    fn handle(event: Vec<u8>, context: Context) -> Result<Vec<u8>, FunctionError> {
        if event == b"null" {
            return Err(FunctionError {
                error_type: "NothingToEcho".to_owned(),
                error_message: format!("{} was called with null", context.invoked_function_arn),
                stack_trace: Vec::new(),
            });
        }
        Ok(event)
    }
}

impl lifecycle::Guest for Raw {
    fn init() -> Result<(), FunctionError> {
        Ok(())
    }
}
