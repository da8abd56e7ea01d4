//! Lists of the API, page by page.

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{Client, segment};

/// How many pages are asked for at most: with fifty items each, more than there are of anything.
const PAGES_MAX: usize = 100_000;

/// The pages of a list, asked for one after the other: of each the items, as they were answered.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    client: &'a Client,
    path: &'a str,
    member: &'a str,
    key: &'a str,
    /// The path of the next page; none behind the last.
    next: Option<String>,
    asked: usize,
}

impl<'a> Pages<'a> {
    /// The list at `path`, whose items are in `member` of every page, and whose pages begin where `key` of the query says.
    pub(super) fn new(client: &'a Client, path: &'a str, member: &'a str, key: &'a str) -> Self {
        Self { client, path, member, key, next: Some(path.to_owned()), asked: 0 }
    }

    /// Whether another page follows. It may be empty.
    pub(super) fn goes_on(&self) -> bool {
        self.next.is_some()
    }

    fn page(&mut self, page_path: &str) -> Result<Vec<Value>> {
        ensure!(self.asked < PAGES_MAX, "the list has more than {PAGES_MAX} pages");
        self.asked += 1;
        let mut page: Map<String, Value> = self.client.read(page_path)?;
        let Some(Value::Array(items)) = page.remove(self.member) else {
            bail!("the server's answer has no {}, as Lambda's API would have", self.member);
        };
        if let Some(Value::String(marker)) = page.remove("NextMarker")
            && !marker.is_empty()
        {
            let joint = if self.path.contains('?') { '&' } else { '?' };
            self.next = Some(format!("{}{joint}{}={}", self.path, self.key, segment(&marker)));
        }
        Ok(items)
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<Value>>;

    fn next(&mut self) -> Option<Self::Item> {
        let page_path = self.next.take()?;
        Some(self.page(&page_path))
    }
}

/// All items of a list of Lambda's: those in `member` of every page at `path`.
pub(super) fn all(client: &Client, path: &str, member: &str) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    for page in Pages::new(client, path, member, "Marker") {
        items.extend(page?);
    }
    Ok(items)
}

/// The items as the commands look at them.
pub(super) fn read<'a, T: Deserialize<'a>>(items: &'a [Value]) -> Result<Vec<T>> {
    let read = items.iter().map(T::deserialize).collect::<Result<_, _>>();
    read.context("the server's answer is not what Lambda's API would answer")
}
