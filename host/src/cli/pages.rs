//! Lists of the API, page by page.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{Client, segment};

/// How many pages are asked for at most: with fifty items each, twice as many as a host is made for.
const PAGES_MAX: usize = 4_000;

/// All items of a list, as they were answered: those in `member` of every page at `path`.
pub(super) fn all(client: &Client, path: &str, member: &str) -> Result<Vec<Value>> {
    all_from(client, path, member, "Marker")
}

/// The same of a list whose pages begin where that key of the query says.
pub(super) fn all_from(client: &Client, path: &str, member: &str, key: &str) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut page_path = path.to_owned();
    for _ in 0..PAGES_MAX {
        let mut page: Map<String, Value> = client.read(&page_path)?;
        let Some(Value::Array(more)) = page.remove(member) else {
            bail!("the server's answer has no {member}, as Lambda's API would have");
        };
        items.extend(more);
        match page.remove("NextMarker") {
            Some(Value::String(marker)) if !marker.is_empty() => {
                let joint = if path.contains('?') { '&' } else { '?' };
                page_path = format!("{path}{joint}{key}={}", segment(&marker));
            }
            _ => return Ok(items),
        }
    }
    bail!("the list has more than {PAGES_MAX} pages")
}

/// The items as the commands look at them.
pub(super) fn read<'a, T: Deserialize<'a>>(items: &'a [Value]) -> Result<Vec<T>> {
    let read = items.iter().map(T::deserialize).collect::<Result<_, _>>();
    read.context("the server's answer is not what Lambda's API would answer")
}
