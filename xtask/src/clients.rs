//! The AWS clients that the tests drive against a host.

use anyhow::Result;

use crate::environment::CLIENTS as PYTHON;
use crate::node::Packages;
use crate::repository::Repository;

/// The JavaScript SDK's client of Lambda.
pub(crate) const JAVASCRIPT: Packages = Packages {
    name: "aws-sdk-javascript",
    manifest: "tests/clients/javascript/package.json",
    lock: "tests/clients/javascript/package-lock.json",
    what: "the AWS SDK for JavaScript",
    node_major_min: 20,
};

/// Fetches all of them, unless they are there.
pub(crate) fn prepare(repository: &Repository) -> Result<()> {
    PYTHON.prepare(repository)?;
    JAVASCRIPT.prepare(repository)
}
