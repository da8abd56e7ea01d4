//! What `main` may return.

use crate::{Error, FunctionError};
use std::any::{Any, type_name};
use std::fmt::Debug;

/// What `main` may return: nothing, or a result whose error can be shown.
pub trait MainResult {
    /// The error `main` ended with, as the host shall report it.
    fn into_result(self) -> Result<(), FunctionError>;
}

impl MainResult for () {
    fn into_result(self) -> Result<(), FunctionError> {
        Ok(())
    }
}

impl<T, E: Debug + 'static> MainResult for Result<T, E> {
    fn into_result(self) -> Result<(), FunctionError> {
        let Err(error) = self else { return Ok(()) };
        // A boxed error has a text for people; of another type only `Debug` is certain, as for any
        // Rust `main`.
        let message = match (&error as &dyn Any).downcast_ref::<Error>() {
            Some(boxed) => boxed.to_string(),
            None => format!("{error:?}"),
        };
        Err(FunctionError::new(type_name::<&E>(), message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boxed_error_is_told_in_its_own_words() {
        let error = Err::<(), Error>("no table".into()).into_result().expect_err("it failed");
        assert_eq!(error.error_message, "no table");
    }

    #[test]
    fn another_error_is_shown_as_rust_shows_it() {
        let error = Err::<(), _>(3).into_result().expect_err("it failed");
        assert_eq!((error.error_type.as_str(), error.error_message.as_str()), ("&i32", "3"));
    }
}
