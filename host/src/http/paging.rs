//! Lists page by page.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::Deserialize;

use super::wire_error::WireError;

/// The most items of a page, as on Lambda.
const ITEMS_MAX: usize = 50;

/// Which page of a list is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Paging {
    marker: Option<String>,
    max_items: Option<usize>,
}

impl Paging {
    pub(super) fn new(marker: Option<String>, max_items: Option<usize>) -> Self {
        Self { marker, max_items }
    }

    /// How many items the page may have.
    pub(super) fn limit(&self) -> usize {
        self.max_items.map_or(ITEMS_MAX, |items| items.min(ITEMS_MAX))
    }

    /// Where the page begins, which `parse` reads as what was [marked](marker); at the beginning, if nothing was.
    pub(super) fn from<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, WireError> {
        let Some(marker) = self.marker.as_deref().filter(|marker| !marker.is_empty()) else {
            return Ok(None);
        };
        let text = BASE64_URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let from = text.and_then(|text| parse(&text));
        from.map(Some).ok_or_else(|| WireError::parameter("The Marker is none that a list has given out."))
    }
}

/// The marker of the page that begins there. It is not for clients to read.
pub(super) fn marker(from: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(marker: Option<&str>, max_items: Option<usize>) -> Paging {
        Paging { marker: marker.map(str::to_owned), max_items }
    }

    #[test]
    fn a_page_begins_where_its_marker_says() {
        let parse = |text: &str| text.parse::<u32>().ok();
        assert_eq!(paging(Some(&marker("17")), None).from(parse).expect("a marker"), Some(17));
        assert_eq!(paging(None, None).from(parse).expect("none"), None);
        assert_eq!(paging(Some(""), None).from(parse).expect("none"), None);
        for bad in ["17", "%%", &marker("x")] {
            assert!(paging(Some(bad), None).from(parse).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_has_at_most_fifty_items() {
        assert_eq!(
            [None, Some(7), Some(50), Some(10_000)].map(|items| paging(None, items).limit()),
            [50, 7, 50, 50]
        );
    }
}
