//! How an error of the author's becomes the error a caller sees.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::any::type_name;

/// An error as the caller will see it. A handler's error type must convert into it.
///
/// For boxed errors, texts and `std::io::Error` the conversion is given, and the error type is the
/// name of the Rust type, as with `lambda_runtime`. An error a caller should tell from others
/// converts itself:
///
/// ```
/// use samovar_sdk::{Diagnostic, LambdaEvent, service_fn, testing};
/// use serde_json::{json, Value};
///
/// struct OrderNotFound(u64);
///
/// impl From<OrderNotFound> for Diagnostic {
///     fn from(error: OrderNotFound) -> Self {
///         Diagnostic {
///             error_type: "OrderNotFound".into(),
///             error_message: format!("there is no order {}", error.0),
///         }
///     }
/// }
///
/// async fn handler(event: LambdaEvent<u64>) -> Result<Value, OrderNotFound> {
///     Err(OrderNotFound(event.payload))
/// }
///
/// let error = testing::invoke(&mut service_fn(handler), json!(7)).unwrap_err();
/// assert_eq!(error.error_type, "OrderNotFound");
/// assert_eq!(error.error_message, "there is no order 7");
/// ```
#[derive(Debug, Eq, PartialEq, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The kind of error: what a caller would match on.
    pub error_type: String,
    /// What went wrong, for a person.
    pub error_message: String,
}

/// Gives the conversions that need no more than a type's name and its `Display`.
///
/// The name is that of a reference to the type, since this is what `lambda_runtime` reports, and
/// callers of a ported function may match on it.
macro_rules! named_after_the_type {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Diagnostic {
            fn from(error: $error) -> Self {
                Diagnostic {
                    error_type: type_name::<&$error>().into(),
                    error_message: error.to_string(),
                }
            }
        }
    )*};
}

named_after_the_type!(
    Error,
    Box<dyn std::error::Error>,
    std::convert::Infallible,
    String,
    &'static str,
    std::io::Error,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boxed_error_bears_the_type_name_that_lambda_runtime_reports() {
        let diagnostic = Diagnostic::from(Error::from("no such order"));
        assert_eq!(
            diagnostic.error_type,
            "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>"
        );
        assert_eq!(diagnostic.error_message, "no such order");
    }
}
