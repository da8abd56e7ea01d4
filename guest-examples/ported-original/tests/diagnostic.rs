//! The errors a caller may match on keep their types when a function is ported.

use std::io;

/// The error type that both crates give to the same error.
macro_rules! same_type {
    ($make:expr) => {{
        let ours = samovar_sdk::Diagnostic::from($make);
        let original = lambda_runtime::Diagnostic::from($make);
        assert_eq!(ours.error_type, original.error_type);
        assert_eq!(ours.error_message, original.error_message);
    }};
}

#[test]
fn errors_without_a_type_of_their_own_are_named_alike() {
    same_type!(lambda_runtime::Error::from("boxed"));
    same_type!(Box::<dyn std::error::Error>::from("boxed"));
    same_type!("a text".to_owned());
    same_type!("a static text");
    same_type!(io::Error::other("io"));
}
