//! Answers.

use super::transport::Body;
use super::{Error, find};
use serde::de::DeserializeOwned;

/// The beginning of an answer. Its body is read when it is asked for.
#[derive(Debug)]
pub struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) url: String,
    pub(super) body: Body,
    pub(super) body_bytes_left: usize,
    pub(super) body_bytes_max: usize,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is one of success: 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// All headers, in the order in which the host gives them.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The URL that answered: the last one, after redirects.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next part of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// When the connection fails, or the body has more bytes than it may.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(chunk) = self.body.chunk(&self.url).await? else { return Ok(None) };
        self.body_bytes_left = self
            .body_bytes_left
            .checked_sub(chunk.len())
            .ok_or_else(|| Error::TooLarge { url: self.url.clone(), bytes_max: self.body_bytes_max })?;
        Ok(Some(chunk))
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        self.collect().await
    }

    /// The whole body as text.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and when it is not UTF-8.
    pub async fn text(mut self) -> Result<String, Error> {
        let bytes = self.collect().await?;
        String::from_utf8(bytes).map_err(|_| Error::Text { url: self.url })
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and when it is not such JSON.
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let bytes = self.collect().await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Json { url: self.url, error })
    }

    async fn collect(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend(chunk);
        }
        Ok(bytes)
    }

    /// Where it redirects to.
    pub(super) fn redirect(&self) -> Option<&str> {
        self.header("location").filter(|_| matches!(self.status, 301 | 302 | 303 | 307 | 308))
    }
}
