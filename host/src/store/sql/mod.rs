//! What our SQLite files have in common, whatever they keep: how one is made, opened and copied, how its format is told, the
//! hashes of its rows, and the totals that stand for all of them.

mod backup;
#[cfg(test)]
pub(super) mod child;
pub(super) mod file;
pub(super) mod hash;
pub(super) mod problem;
pub(super) mod schema;
pub(super) mod totals;

pub(super) use backup::backup;
pub(super) use problem::Problem;

use schema::Migration;

/// One kind of file.
#[derive(Debug)]
pub(super) struct Format {
    /// Its name in its folder.
    pub(super) file_name: &'static str,
    /// What it is, in messages: `registry`.
    pub(super) noun: &'static str,
    /// How the names of such files begin that are not whole yet.
    pub(super) partial_prefix: &'static str,
    /// What SQLite keeps in the file's header to say whose it is.
    pub(super) application_id: i32,
    /// How many pages are checked for their structure when a file is opened; what lies in a larger one is only checked as it is
    /// read, because that check reads all of it.
    pub(super) pages_checked_max: u32,
    /// Each leads from one format to the next; a file's format is how many of them it has seen. They are never changed once
    /// they were in a release, only added to.
    pub(super) migrations: &'static [Migration],
}
