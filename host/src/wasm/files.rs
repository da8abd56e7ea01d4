//! Stub.
use bytes::Bytes;
/// Stub.
#[derive(Debug, Default)]
pub(crate) struct Assets;
/// Stub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("assets")]
pub struct AssetsError;
impl Assets {
    pub(crate) fn new(_: impl IntoIterator<Item = (String, Bytes)>) -> Result<Self, AssetsError> {
        Ok(Self)
    }
}
