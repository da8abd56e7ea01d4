//! Lists the groups that have lines.

use super::catalog::Catalog;
use super::streams::{LOG_LIST_MAX, LogList};
use crate::function::Region;

/// Which groups are to be listed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListLogGroups {
    /// The region; the host's own, if none is given.
    pub region: Option<Region>,
    /// Only groups whose names begin so.
    pub prefix: String,
    /// Only groups whose names contain this.
    pub part: String,
    /// How many at most: not more than [`LOG_LIST_MAX`], whatever is given.
    pub limit: usize,
    /// The last group of the list that this one goes on from.
    pub after: Option<String>,
}

/// A log group that has lines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogGroupInfo {
    /// Its name, such as `/aws/lambda/hello`.
    pub name: String,
    /// When the oldest file of it that is kept was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// The bytes that its files have.
    pub stored_bytes: u64,
}

impl Default for ListLogGroups {
    fn default() -> Self {
        Self { region: None, prefix: String::new(), part: String::new(), limit: LOG_LIST_MAX, after: None }
    }
}

/// The groups of a region, by name.
pub(super) fn list(catalog: &Catalog, region: &str, request: &ListLogGroups) -> LogList<LogGroupInfo> {
    let groups = catalog
        .groups(region, request.after.as_deref())
        .filter(|(name, _)| name.starts_with(&request.prefix) && name.contains(&request.part))
        .map(|(name, group)| LogGroupInfo {
            name: name.to_owned(),
            created_ms: group.created_ms,
            stored_bytes: group.bytes,
        });
    LogList::first_of(groups, request.limit)
}
