//! A server that speaks SQS and is not ours, for the tests that hold what goes to queues outside against it: moto, of PyPI.

use anyhow::Result;

use crate::absence::Absence;
use crate::environment::Environment;
use crate::repository::Repository;

/// In an environment of its own: what it needs may differ from what the clients need, and they are there without it.
const MOTO: Environment = Environment {
    name: "moto",
    requirements: "tests/requirements-moto.txt",
    module: "moto.server",
    what: "a second server that speaks SQS",
};

/// Fetches it, unless it is there. What comes back is why it cannot be had.
pub(crate) fn fetch(repository: &Repository) -> Result<Option<Absence>> {
    let place = MOTO.program(repository, "moto_server");
    if let Err(error) = MOTO.prepare(repository) {
        // The reason lies beside it, whether or not there is an environment.
        std::fs::create_dir_all(place.with_file_name(""))?;
        return Ok(Some(Absence::record(&place, &error)?));
    }
    Absence::forget(&place);
    Ok(None)
}
