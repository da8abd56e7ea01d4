//! The two directions between bytes and the author's types.

use crate::FunctionError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A payload or an answer as it is, neither parsed nor copied.
///
/// ```
/// use samovar_sdk::{Error, LambdaEvent, RawPayload, service_fn, testing};
///
/// async fn echo(event: LambdaEvent<RawPayload>) -> Result<RawPayload, Error> {
///     Ok(event.payload)
/// }
///
/// let answer = testing::invoke_bytes(&mut service_fn(echo), b"any bytes", testing::context().build());
/// assert_eq!(answer.unwrap(), b"any bytes");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq, Hash)]
pub struct RawPayload(pub Vec<u8>);

impl From<Vec<u8>> for RawPayload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for RawPayload {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl AsRef<[u8]> for RawPayload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What a handler may take: everything that implements `Deserialize`, read from JSON, and
/// [`RawPayload`].
pub trait FromPayload: Sized {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// `Runtime.UnmarshalError` when the payload is not what this type needs.
    fn from_payload(payload: Vec<u8>) -> Result<Self, FunctionError>;
}

impl<T: DeserializeOwned> FromPayload for T {
    fn from_payload(payload: Vec<u8>) -> Result<Self, FunctionError> {
        serde_json::from_slice(&payload).map_err(|error| {
            FunctionError::new(
                FunctionError::UNMARSHAL,
                format!("the event does not fit the function: {error}"),
            )
        })
    }
}

impl FromPayload for RawPayload {
    fn from_payload(payload: Vec<u8>) -> Result<Self, FunctionError> {
        Ok(Self(payload))
    }
}

/// What a handler may answer: everything that implements `Serialize`, written as JSON, and
/// [`RawPayload`].
pub trait IntoPayload {
    /// Writes an answer.
    ///
    /// # Errors
    ///
    /// `Runtime.MarshalError` when the answer cannot be JSON, for example a map whose keys are not
    /// texts.
    fn into_payload(self) -> Result<Vec<u8>, FunctionError>;
}

impl<T: Serialize> IntoPayload for T {
    fn into_payload(self) -> Result<Vec<u8>, FunctionError> {
        serde_json::to_vec(&self).map_err(|error| {
            FunctionError::new(FunctionError::MARSHAL, format!("the answer cannot be JSON: {error}"))
        })
    }
}

impl IntoPayload for RawPayload {
    fn into_payload(self) -> Result<Vec<u8>, FunctionError> {
        Ok(self.0)
    }
}
